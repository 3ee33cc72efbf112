/* SPDX-License-Identifier: MIT */
/* The command `talc`: a table of subcommands. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tools/inspect.h"

typedef struct subcommand {
    const char *name;
    const char *about;
    int (*run)(int count, char **words); /* words[0] is the name; returns what to exit with */
} subcommand;

static const subcommand subcommands[] = {
    { "inspect", "tell what a journal, a proxy's log or a capture holds", inspect_command },
};

static void write_usage(FILE *out)
{
    fputs("usage: talc COMMAND [option]...\n\n", out);
    for (size_t i = 0; i < sizeof subcommands / sizeof subcommands[0]; i++) {
        fprintf(out, "  %-10s %s\n", subcommands[i].name, subcommands[i].about);
    }
    fputs("\n\"talc COMMAND --help\" says more; so do the manual pages talc-COMMAND(1).\n", out);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof subcommands / sizeof subcommands[0]; i++) {
        if (strcmp(argv[1], subcommands[i].name) == 0) {
            return subcommands[i].run(argc - 1, argv + 1);
        }
    }
    if (argc > 1 && argv[1][0] != '-') {
        fprintf(stderr, "talc: %s: no such command; try \"talc --help\"\n", argv[1]);
        return 2;
    }
    bool is_help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    write_usage(is_help ? stdout : stderr);
    return is_help ? 0 : 2;
}
