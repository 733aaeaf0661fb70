/*
 * A plain main for a fuzz driver: runs each file given, and each file in each folder given, through it. Without
 * arguments the program fuzz_NAME takes tests/fuzz/corpus/NAME and, where it is there, tests/bogons/NAME below $srcdir:
 * so `make check` runs every corpus, with any compiler.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_BYTES_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input lies in memory of its own and exact size, so that a sanitizer sees the first byte read beyond. */
static unsigned run_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size ? size : 1);
    if (file == NULL || data == NULL || fread(data, 1, size, file) != size) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    fclose(file);
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 1;
}

/* Returns how many files were run. */
static unsigned run(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    if (!S_ISDIR(status.st_mode))
        return run_file(path, (size_t)status.st_size);
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    unsigned ran = 0;
    for (int i = 0; i < count; i++) {
        char inside[PATH_BYTES_MAX];
        snprintf(inside, sizeof inside, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            ran += run(inside);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return ran;
}

static unsigned run_own(const char *program)
{
    const char *srcdir = getenv("srcdir"), *slash = strrchr(program, '/');
    const char *name = slash ? slash + 1 : program;
    char path[PATH_BYTES_MAX];
    struct stat status;
    if (strncmp(name, "fuzz_", strlen("fuzz_")) == 0)
        name += strlen("fuzz_");
    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".", name);
    unsigned ran = run(path);
    snprintf(path, sizeof path, "%s/tests/bogons/%s", srcdir ? srcdir : ".", name);
    return stat(path, &status) == 0 ? ran + run(path) : ran;
}

int main(int count, char **arguments)
{
    unsigned ran = 0;
    for (int i = 1; i < count; i++)
        ran += run(arguments[i]);
    if (count == 1)
        ran = run_own(arguments[0]);
    printf("%u inputs ran\n", ran);
    return ran > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
