/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target over every file of the folders given as arguments, without libFuzzer: so the
 * seeds are ordinary tests under any compiler. A folder that cannot be read or holds no file is a
 * failure.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define PATH_SIZE 4096
#define INPUT_MAX_SIZE (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Hands over an allocation of exactly the file's size, so that sanitizers see a read past it. */
static int run_input(const uint8_t *bytes, size_t size)
{
    uint8_t *input = malloc(size > 0 ? size : 1);
    if (input == NULL) {
        return -1;
    }
    for (size_t i = 0; i < size; i++) {
        input[i] = bytes[i];
    }
    LLVMFuzzerTestOneInput(input, size);
    free(input);
    return 0;
}

static int run_file(const char *path)
{
    static uint8_t bytes[INPUT_MAX_SIZE];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    size_t size = fread(bytes, 1, sizeof bytes, file);
    int failed = ferror(file);
    fclose(file);
    return failed ? -1 : run_input(bytes, size);
}

/* Returns how many files were run, or -1. */
static int run_folder(const char *folder)
{
    DIR *entries = opendir(folder);
    if (entries == NULL) {
        perror(folder);
        return -1;
    }
    int count = 0;
    struct dirent *entry;
    while (count >= 0 && (entry = readdir(entries)) != NULL) {
        char path[PATH_SIZE];
        struct stat about;
        int length = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (length < 0 || (size_t)length >= sizeof path || stat(path, &about) != 0) {
            count = -1;
        } else if (S_ISREG(about.st_mode)) {
            count = run_file(path) == 0 ? count + 1 : -1;
        }
    }
    closedir(entries);
    return count;
}

int main(int argc, char **argv)
{
    int total = 0;
    for (int i = 1; i < argc; i++) {
        int count = run_folder(argv[i]);
        if (count <= 0) {
            fprintf(stderr, "%s: no input could be run\n", argv[i]);
            return EXIT_FAILURE;
        }
        total += count;
    }
    printf("%d inputs\n", total);
    return total > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
