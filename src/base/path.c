#include "base/path.h"

#include <string.h>

void path_folder(const char *path, char *folder, size_t size)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL || slash == path ? 1 : (size_t)(slash - path);
    if (length > size - 1)
        length = size - 1;
    memcpy(folder, slash == NULL ? "." : path, length);
    folder[length] = '\0';
}
