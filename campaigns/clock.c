/* A clock that jumps while a program runs. A library for LD_PRELOAD: it replaces clock_gettime of the C library.

   The first CLOCK_AFTER questions for the time of day get the true answer. Every later one gets an answer that is off
   by CLOCK_OFFSET seconds, which may be negative. Other clocks stay true. */

#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t which, struct timespec *to) {
    static long asked;
    long result = syscall(SYS_clock_gettime, which, to);
    const char *offset = getenv("CLOCK_OFFSET"), *after = getenv("CLOCK_AFTER");
    if (!result && which == CLOCK_REALTIME && offset && asked++ >= (after ? atol(after) : 0))
        to->tv_sec += atol(offset);
    return (int)result;
}
