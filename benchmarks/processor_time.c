/* Preloaded, it gives a program that asks for monotonic time the processor time it has used. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    clockid_t asked = clock == CLOCK_MONOTONIC ? CLOCK_PROCESS_CPUTIME_ID : clock;
    return syscall(SYS_clock_gettime, asked, time);
}
