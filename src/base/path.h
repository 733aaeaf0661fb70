/* Names of files. */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include <stddef.h>

/* Writes the folder that PATH lies in to the SIZE bytes at FOLDER, cut where it is longer: "." where PATH names none, "/" for the root's. */
void path_folder(const char *path, char *folder, size_t size);

#endif
