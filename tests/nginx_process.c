/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tests/nginx_process.h"

#include "tests/credential_folder.h"
#include "tests/local_port.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NGINX_PROGRAM "nginx"
#define STARTS_MAX 5
#define TRIES_MAX 1000 /* a hang guard: one each 10 ms */
#define TRY_MS 10
#define PATH_SIZE 128

/* One process, which this one can end; nothing outside the folder. */
static const char head[] = "daemon off;\n"
                           "master_process off;\n"
                           "pid nginx.pid;\n"
                           "events { worker_connections 256; }\n"
                           "http {\n"
                           "access_log access.log;\n"
                           "client_body_temp_path body;\n"
                           "proxy_temp_path proxy;\n"
                           "fastcgi_temp_path fastcgi;\n"
                           "uwsgi_temp_path uwsgi;\n"
                           "scgi_temp_path scgi;\n"
                           "server {\n"
                           "root www;\n";

static void path_in(const nginx_process *nginx, const char *name, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/%s", nginx->folder, name);
}

static void folder_make(nginx_process *nginx)
{
    char path[PATH_SIZE];
    strcpy(nginx->folder, "/tmp/talc-nginx-XXXXXX");
    assert_non_null(mkdtemp(nginx->folder));
    path_in(nginx, "www", path);
    assert_int_equal(mkdir(path, 0700), 0);
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *where)
{
    (void)facts;
    (void)kind;
    (void)where;
    return remove(path);
}

static void configure(const nginx_process *nginx, const nginx_setup *setup)
{
    char path[PATH_SIZE];
    path_in(nginx, "nginx.conf", path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%slisten 127.0.0.1:%u;\n", head, nginx->port);
    if (setup->certificate != NULL) {
        char *certificate = realpath(credential_path(setup->certificate), NULL);
        char *key = realpath(credential_path(setup->key), NULL);
        assert_non_null(certificate);
        assert_non_null(key);
        fprintf(file, "listen 127.0.0.1:%u ssl;\nssl_certificate %s;\nssl_certificate_key %s;\n",
                nginx->tls_port, certificate, key);
        free(certificate);
        free(key);
    }
    if (setup->upstream_port != 0) {
        fprintf(file, "location / { proxy_pass http://127.0.0.1:%u; }\n", setup->upstream_port);
    }
    fprintf(file, "%s\n}\n}\n", setup->directives != NULL ? setup->directives : "");
    assert_int_equal(fclose(file), 0);
}

/* In the child: never returns. 127 says that there is no such program. */
static void run(const nginx_process *nginx, pid_t parent)
{
    char prefix[PATH_SIZE];
    char words[PATH_SIZE];
    path_in(nginx, "", prefix);
    path_in(nginx, "words", words);
    int nowhere = open("/dev/null", O_RDWR);
    int heard = open(words, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || nowhere < 0 || heard < 0) {
        _exit(126);
    }
    dup2(nowhere, STDIN_FILENO);
    dup2(nowhere, STDOUT_FILENO);
    dup2(heard, STDERR_FILENO);
    /* Debian has it in a folder that is not in everybody's path. */
    execlp(NGINX_PROGRAM, NGINX_PROGRAM, "-p", prefix, "-c", "nginx.conf", "-e", "error.log",
           (char *)NULL);
    execl("/usr/sbin/" NGINX_PROGRAM, NGINX_PROGRAM, "-p", prefix, "-c", "nginx.conf", "-e",
          "error.log", (char *)NULL);
    _exit(errno == ENOENT ? 127 : 126);
}

/* 1 when it takes connections, 0 if it ended meanwhile. */
static int comes_up(nginx_process *nginx)
{
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        int ending = 0;
        if (waitpid(nginx->process, &ending, WNOHANG) == nginx->process) {
            nginx->process = 0;
            if (WIFEXITED(ending) && WEXITSTATUS(ending) == 127) {
                fail_msg("%s is not installed: Debian has it in nginx-light", NGINX_PROGRAM);
            }
            return 0;
        }
        if (local_port_takes_connections(nginx->port)) {
            return 1;
        }
        (void)poll(NULL, 0, TRY_MS);
    }
    nginx_process_stop(nginx);
    fail_msg("%s started but takes no connections", NGINX_PROGRAM);
    return 0;
}

static void fail_in_its_words(nginx_process *nginx)
{
    char path[PATH_SIZE];
    char words[1024];
    path_in(nginx, "words", path);
    FILE *file = fopen(path, "r");
    size_t size = file == NULL ? 0 : fread(words, 1, sizeof words - 1, file);
    words[size] = '\0';
    if (file != NULL) {
        fclose(file);
    }
    nginx_process_stop(nginx);
    fail_msg("%s ends at once: %s", NGINX_PROGRAM, words);
}

void nginx_process_start(nginx_process *nginx, const nginx_setup *setup)
{
    pid_t parent = getpid();
    folder_make(nginx);
    for (int starts = 0; starts < STARTS_MAX; starts++) {
        nginx->port = local_port_free(SOCK_STREAM);
        nginx->tls_port = local_port_free(SOCK_STREAM);
        configure(nginx, setup);
        nginx->process = fork();
        assert_true(nginx->process >= 0);
        if (nginx->process == 0) {
            run(nginx, parent);
        }
        if (comes_up(nginx)) {
            return;
        }
    }
    fail_in_its_words(nginx);
}

void nginx_process_stop(nginx_process *nginx)
{
    if (nginx->process > 0) {
        kill(nginx->process, SIGKILL);
        (void)waitpid(nginx->process, NULL, 0);
    }
    nginx->process = 0;
    if (nginx->folder[0] != '\0') {
        (void)nftw(nginx->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    }
    nginx->folder[0] = '\0';
}
