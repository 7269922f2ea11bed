/* A library to preload (LD_PRELOAD): at the Nth of the system calls that change files, or open them, it kills the process
 * or has the call fail. What the calls are is told by the environment:
 *
 *   FAULT_AT      number of the call, from 1; 0, the default, only counts
 *   FAULT_ERRNO   error to fail with; 0, the default, kills the process
 *   FAULT_ALWAYS  if set, all later calls fail as well: a disk that stays full
 *   FAULT_CALLS   which calls count, such as "create,rename"; if not set, all that change files
 *   FAULT_PATH    if set, only calls whose path holds this text count
 *   FAULT_LOG     file that gets a line of each call that counts
 *
 * Only calls through the C library are seen, which Rust's standard library makes. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_int count;
static int at, error, always;
static const char *calls, *path_part, *log_path;

__attribute__((constructor)) static void read_environment(void)
{
    const char *text;
    at = (text = getenv("FAULT_AT")) ? atoi(text) : 0;
    error = (text = getenv("FAULT_ERRNO")) ? atoi(text) : 0;
    always = getenv("FAULT_ALWAYS") != NULL;
    calls = getenv("FAULT_CALLS");
    path_part = getenv("FAULT_PATH");
    log_path = getenv("FAULT_LOG");
}

static void write_log(int number, const char *call, const char *path)
{
    char line[1200];
    int length = snprintf(line, sizeof line, "%d %s %s\n", number, call, path);
    int file = syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    syscall(SYS_write, file, line, length);
    syscall(SYS_close, file);
}

/* Whether this call is to fail. */
static int fails(const char *call, const char *path)
{
    int number;
    if (calls ? !strstr(calls, call) : !strcmp(call, "open"))
        return 0;
    if (path_part && !strstr(path, path_part))
        return 0;
    number = ++count;
    if (log_path)
        write_log(number, call, path);
    if (at == 0 || number < at || (number > at && !always))
        return 0;
    if (error == 0) {
        kill(getpid(), SIGKILL);
        pause();
    }
    errno = error;
    return 1;
}

/* The path of an open file; none for what is no regular file or folder. */
static const char *path_of(int file)
{
    static _Thread_local char path[1024];
    char link[40];
    struct stat status;
    ssize_t length;
    if (fstat(file, &status) != 0 || !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)))
        return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return NULL;
    path[length] = 0;
    return path;
}

#define REAL(type, name, ...)                                                                                         \
    static type (*real)(__VA_ARGS__);                                                                                 \
    if (!real)                                                                                                        \
        *(void **)&real = dlsym(RTLD_NEXT, #name)

#define BY_PATH(name, arguments, pass, path)                                                                          \
    int name arguments                                                                                                \
    {                                                                                                                 \
        static int (*real) arguments;                                                                                 \
        if (!real)                                                                                                    \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                                                \
        return fails(#name, path) ? -1 : real pass;                                                                   \
    }

#define BY_FILE(type, name, arguments, pass)                                                                          \
    type name arguments                                                                                               \
    {                                                                                                                 \
        static type (*real) arguments;                                                                                \
        const char *path = path_of(file);                                                                             \
        if (!real)                                                                                                    \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                                                \
        return path && fails(#name, path) ? -1 : real pass;                                                           \
    }

BY_PATH(rename, (const char *from, const char *to), (from, to), to)
BY_PATH(mkdir, (const char *path, mode_t mode), (path, mode), path)
BY_PATH(symlink, (const char *to, const char *path), (to, path), path)
BY_PATH(linkat, (int a, const char *from, int b, const char *path, int flags), (a, from, b, path, flags), path)
BY_PATH(unlink, (const char *path), (path), path)
BY_PATH(rmdir, (const char *path), (path), path)
BY_PATH(unlinkat, (int folder, const char *path, int flags), (folder, path, flags), path)
BY_FILE(int, fsync, (int file), (file))
BY_FILE(int, fdatasync, (int file), (file))
BY_FILE(int, ftruncate64, (int file, off64_t length), (file, length))
BY_FILE(ssize_t, write, (int file, const void *bytes, size_t length), (file, bytes, length))
BY_FILE(ssize_t, pwrite64, (int file, const void *bytes, size_t length, off64_t place), (file, bytes, length, place))

int open64(const char *path, int flags, ...)
{
    REAL(int, open64, const char *, int, ...);
    va_list rest;
    mode_t mode;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
    return fails(flags & O_CREAT ? "create" : "open", path) ? -1 : real(path, flags, mode);
}
