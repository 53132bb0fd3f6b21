/* A clock that is set back: every question for the time of day is answered with CLOCK_OFFSET seconds added, from the
   second after CLOCK_AFTER questions on. Loaded before the C library (LD_PRELOAD). */

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
