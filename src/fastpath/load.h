/* Puts the compiled program and its maps into the kernel. Private to the room. */
#ifndef FASTPATH_LOAD_H
#define FASTPATH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

enum fastpath_map { MAP_CONTROL, MAP_V4, MAP_V6, MAP_COUNT };

/* Descriptors, the caller's. */
struct fastpath_loaded {
    int maps[MAP_COUNT];
    int program, tell;
};

/* What the maps are called: in the program, and where they are pinned. */
extern const char *const fastpath_map_names[MAP_COUNT];

/*
 * Loads the program with maps for MOST connections a family. Where PINNED (one descriptor a map, borrowed; NULL: none are
 * there) are such maps, it uses them, and *INHERITED is true. Returns 0 or -errno; -ENOSYS in a build without the fast path.
 */
int fastpath_load(struct fastpath_loaded *loaded, uint32_t most, const int pinned[MAP_COUNT], bool *inherited);

#endif
