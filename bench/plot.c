/* SPDX-License-Identifier: MIT */
#include "bench/plot.h"

#include <errno.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define PATH_SIZE 1024

extern char **environ;

static const compare_figure plotted[] = {
    FIRST_0,    FIRST_50,        FIRST_200,  LOSS_50_0,        LOSS_50_5,
    LOSS_50_15, HANDSHAKE_BYTES, OPEN_BYTES, FIRST_CLIENT_CPU, FIRST_SERVER_CPU,
};

/* Columns of the data: 1 is the label, the figures follow in the order above. */
static const char script[] =
    "set terminal svg size 1000,720 font 'sans-serif,13' background '#ffffff'\n"
    "set style data histograms\n"
    "set style fill solid 0.9 border -1\n"
    "set boxwidth 0.9\n"
    "set grid ytics lc rgb '#dddddd'\n"
    "set tics nomirror\n"
    "set xtics scale 0\n"
    "set key top left Left reverse samplen 1\n"
    "set yrange [0:*]\n"
    "set offsets 0, 0, graph 0.15, 0\n"
    "set linetype 1 lc rgb '#9ecae1'\n"
    "set linetype 2 lc rgb '#4292c6'\n"
    "set linetype 3 lc rgb '#08306b'\n"
    "set bmargin 3.5\n"
    "set multiplot layout 2,2\n"
    "set title 'First response in a fresh session, median (ms)'\n"
    "set style histogram clustered gap 1\n"
    "plot $figures using 2:xtic(1) title 'round trip 0 ms', '' using 3 title '50 ms', \\\n"
    "    '' using 4 title '200 ms'\n"
    "set title 'The same at 50 ms with loss, mean (ms)'\n"
    "plot $figures using 5:xtic(1) title 'no loss', '' using 6 title '5 %', '' using 7 title '15 "
    "%'\n"
    "set title 'UDP payload, both ways (bytes)'\n"
    "set style histogram rowstacked\n"
    "plot $figures using 8:xtic(1) title 'handshake', '' using 9 title 'request and response'\n"
    "set title 'CPU time of handshake and request (us)'\n"
    "set style histogram clustered gap 1\n"
    "plot $figures using 10:xtic(1) title 'client', '' using 11 title 'server'\n"
    "unset multiplot\n";

/* What was not measured is a bar without height: gnuplot wants something of each. */
static void write_data(const figure_columns figures, FILE *file)
{
    fprintf(file, "$figures << END\n");
    for (size_t mode = 0; mode < MODES; mode++) {
        fprintf(file, "\"%s\\n%s\"", mode_rows[mode].name, mode_rows[mode].credential);
        for (size_t i = 0; i < sizeof plotted / sizeof plotted[0]; i++) {
            double figure = figures[mode][plotted[i]];
            fprintf(file, " %g", isnan(figure) ? 0 : figure);
        }
        fputc('\n', file);
    }
    fprintf(file, "END\n");
}

static bool write_script(const figure_columns figures, const char *svg_path,
                         const char *script_path)
{
    FILE *file = fopen(script_path, "w");
    if (file == NULL) {
        return false;
    }
    const char *svg_name = strrchr(svg_path, '/');
    fprintf(file, "# Made by bench/compare.\n");
    write_data(figures, file);
    fprintf(file, "if (!exists('output')) output = '%s'\nset output output\n%s",
            svg_name != NULL ? svg_name + 1 : svg_path, script);
    bool is_whole = ferror(file) == 0;
    return fclose(file) == 0 && is_whole;
}

/* Returns what gnuplot exits with; -1 if there is no gnuplot. */
static int run_gnuplot(const char *svg_path, const char *script_path)
{
    char output[PATH_SIZE + 16];
    snprintf(output, sizeof output, "output='%s'", svg_path);
    char *arguments[] = { "gnuplot", "-e", output, (char *)script_path, NULL };
    pid_t child;
    int status = 0;
    if (posix_spawnp(&child, "gnuplot", NULL, NULL, arguments, environ) != 0) {
        return -1;
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void script_path_of(const char *svg_path, char script_path[PATH_SIZE])
{
    size_t size = strlen(svg_path);
    bool has_suffix = size > 4 && strcmp(svg_path + size - 4, ".svg") == 0;
    snprintf(script_path, PATH_SIZE, "%.*s.gp", (int)(has_suffix ? size - 4 : size), svg_path);
}

bool plot_draw(const figure_columns figures, const char *svg_path)
{
    char script_path[PATH_SIZE];
    if (strlen(svg_path) + 4 > PATH_SIZE || strchr(svg_path, '\'') != NULL) {
        fprintf(stderr, "compare: %s: a name too long, or with a quote in it\n", svg_path);
        return false;
    }
    script_path_of(svg_path, script_path);
    if (!write_script(figures, svg_path, script_path)) {
        fprintf(stderr, "compare: %s cannot be written\n", script_path);
        return false;
    }
    int result = run_gnuplot(svg_path, script_path);
    if (result < 0) {
        fprintf(stderr,
                "compare: gnuplot is not installed, so there is no %s; where it is, run: gnuplot "
                "%s\n",
                svg_path, script_path);
    } else if (result != 0) {
        fprintf(stderr, "compare: gnuplot failed on %s\n", script_path);
    }
    return result <= 0;
}
