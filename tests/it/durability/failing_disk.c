/* A disk that fails: loaded before the C library by the tests, it refuses what is done to the files of one folder while a
 * file says so. The folder is named by FAILING_FOLDER; the file by FAILING_WHEN, and its first letter says how:
 *   w  writes fail with EIO
 *   f  flushes fail with EIO
 *   l  writes are lost unnoticed, and flushes fail with EIO, as when a drive's cache is gone
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* The letter, or 0 if this descriptor works. */
static char fault(int descriptor)
{
    const char *when = getenv("FAILING_WHEN"), *folder = getenv("FAILING_FOLDER");
    char link[64], path[4096], letter = 0;
    ssize_t len;
    int file, before = errno;

    if (!when || !folder)
        return 0;
    file = open(when, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        errno = before;
        return 0;
    }
    if (read(file, &letter, 1) != 1)
        letter = 0;
    close(file);
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    len = readlink(link, path, sizeof path);
    errno = before;
    return len > 0 && (size_t)len >= strlen(folder) && !strncmp(path, folder, strlen(folder)) ? letter : 0;
}

static int refused(void)
{
    errno = EIO;
    return -1;
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t len, off64_t offset)
{
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    char letter = fault(descriptor);

    if (letter == 'w')
        return refused();
    if (letter == 'l')
        return (ssize_t)len;
    if (!real)
        real = dlsym(RTLD_NEXT, "pwrite64");
    return real(descriptor, bytes, len, offset);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t len, off_t offset)
{
    return pwrite64(descriptor, bytes, len, offset);
}

ssize_t write(int descriptor, const void *bytes, size_t len)
{
    static ssize_t (*real)(int, const void *, size_t);
    char letter = fault(descriptor);

    if (letter == 'w')
        return refused();
    if (letter == 'l')
        return (ssize_t)len;
    if (!real)
        real = dlsym(RTLD_NEXT, "write");
    return real(descriptor, bytes, len);
}

static int flush(int descriptor, const char *name)
{
    int (*real)(int);
    char letter = fault(descriptor);

    if (letter == 'f' || letter == 'l')
        return refused();
    real = dlsym(RTLD_NEXT, name);
    return real(descriptor);
}

int fdatasync(int descriptor)
{
    return flush(descriptor, "fdatasync");
}

int fsync(int descriptor)
{
    return flush(descriptor, "fsync");
}
