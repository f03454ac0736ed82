
/*
 * Runs a fuzz target over the files and folders named, once each, for a
 * compiler without libFuzzer.  Every prefix of a small input is one too.
 */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>


#define PREFIXES  2048


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int  inputs;


static void
run_input(const char *data, size_t size)
{
    void  *copy;

    /* a block of its own exact size, so that a read past it is seen */

    copy = malloc(size ? size : 1);
    if (copy == NULL) {
        exit(2);
    }

    memcpy(copy, data, size);
    (void) LLVMFuzzerTestOneInput(copy, size);
    free(copy);

    inputs++;
}


static void
run_file(const char *path, off_t len)
{
    FILE    *f;
    char    *data;
    size_t   size, i;

    f = fopen(path, "rb");
    data = malloc((size_t) len + 1);

    if (f == NULL || data == NULL) {
        perror(path);
        exit(2);
    }

    size = fread(data, 1, (size_t) len, f);
    fclose(f);

    for (i = 0; i < size && i < PREFIXES; i++) {
        run_input(data, i);
    }

    run_input(data, size);
    free(data);
}


static void
run_path(const char *path)
{
    DIR            *dir;
    char            name[4096];
    struct stat     st;
    struct dirent  *entry;

    if (stat(path, &st) != 0) {
        perror(path);
        exit(2);
    }

    if (!S_ISDIR(st.st_mode)) {
        run_file(path, st.st_size);
        return;
    }

    dir = opendir(path);
    if (dir == NULL) {
        perror(path);
        exit(2);
    }

    while ((entry = readdir(dir)) != NULL) {

        if (entry->d_name[0] == '.') {
            continue;
        }

        if (snprintf(name, sizeof(name), "%s/%s", path, entry->d_name)
            < (int) sizeof(name))
        {
            run_path(name);
        }
    }

    closedir(dir);
}


int
main(int argc, char **argv)
{
    int  i;

    for (i = 1; i < argc; i++) {
        run_path(argv[i]);
    }

    printf("%d inputs\n", inputs);

    return inputs ? 0 : 1;
}
