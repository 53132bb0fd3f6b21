/* Runs a program and does something at its N-th operation on files below a folder.

   tracer LOG ROOT MODE N ERRNO -- PROGRAM ARGUMENTS...

   An operation is a system call that changes files: opening for writing, writing, forcing to disk,
   renaming, linking, removing, making folders, cutting, changing rights. It counts if its path, or its open file, lies
   below ROOT. Calls are seen by the kernel's own means (seccomp and ptrace), whichever library makes them.

   MODE  count  only writes them down
         kill   kills the program before operation N is done
         tear   lets a write do half of its bytes, and kills the program before its next operation
         once   operation N fails with ERRNO
         ever   operations from N on fail with ERRNO; removing, renaming and opening folders do not: a full disk
         half   a write does half of its bytes, as the system may at any time

   LOG gets a line an operation: its number, its name, its file, what was done. The exit code is the program's, 137 if
   it was killed. Linux on x86-64. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* What an operation's file is told by: the argument that holds a path or a descriptor. */
enum kind { OPENS, WRITES, FORCES, PATH0, PATH1, RENAMES0, RENAMES1, REMOVES0, REMOVES1, CUTS, COPIES };

static const struct { long number; const char *name; enum kind kind; } CALLS[] = {
    {SYS_open, "open", OPENS}, {SYS_openat, "open", OPENS}, {SYS_creat, "open", OPENS},
    {SYS_write, "write", WRITES}, {SYS_pwrite64, "write", WRITES}, {SYS_writev, "write", WRITES},
    {SYS_fsync, "fsync", FORCES}, {SYS_fdatasync, "fsync", FORCES},
    {SYS_ftruncate, "cut", CUTS}, {SYS_fallocate, "cut", CUTS}, {SYS_copy_file_range, "copy", COPIES},
    {SYS_rename, "rename", RENAMES0}, {SYS_renameat, "rename", RENAMES1}, {SYS_renameat2, "rename", RENAMES1},
    {SYS_link, "link", RENAMES0}, {SYS_linkat, "link", RENAMES1},
    {SYS_unlink, "remove", REMOVES0}, {SYS_unlinkat, "remove", REMOVES1}, {SYS_rmdir, "remove", REMOVES0},
    {SYS_mkdir, "mkdir", PATH0}, {SYS_mkdirat, "mkdir", PATH1},
    {SYS_chmod, "chmod", PATH0}, {SYS_fchmodat, "chmod", PATH1}, {SYS_fchmod, "chmod", CUTS},
};
#define COUNT (sizeof CALLS / sizeof *CALLS)

static void die(const char *what) { perror(what); exit(99); }

static void filter(void) {
    struct sock_filter code[2 * COUNT + 2];
    int n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < COUNT; i++) {
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CALLS[i].number, 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {n, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        die("filter");
}

static void text_at(pid_t pid, unsigned long long address, char *to, size_t size) {
    size_t done = 0;
    memset(to, 0, size);
    while (done + sizeof(long) < size) {
        errno = 0;
        long word = ptrace(PTRACE_PEEKDATA, pid, address + done, 0);
        if (errno) return;
        memcpy(to + done, &word, sizeof word);
        if (memchr(&word, 0, sizeof word)) return;
        done += sizeof word;
    }
}

static void link_of(pid_t pid, const char *what, char *to, size_t size) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, what);
    ssize_t n = readlink(path, to, size - 1);
    to[n < 0 ? 0 : n] = 0;
}

static void opened(pid_t pid, unsigned long long descriptor, char *to, size_t size) {
    char name[32];
    snprintf(name, sizeof name, "fd/%d", (int)descriptor);
    link_of(pid, name, to, size);
}

/* The path of an argument, from the folder it is relative to. */
static void path_of(pid_t pid, int folder, unsigned long long address, char *to, size_t size) {
    char own[PATH_MAX], base[PATH_MAX];
    text_at(pid, address, own, sizeof own);
    if (own[0] == '/') {
        snprintf(to, size, "%s", own);
        return;
    }
    if (folder == AT_FDCWD) link_of(pid, "cwd", base, sizeof base);
    else opened(pid, folder, base, sizeof base);
    snprintf(to, size, "%.2000s/%.2000s", base, own);
}

static void file_of(pid_t pid, enum kind kind, struct user_regs_struct *r, char *to, size_t size) {
    switch (kind) {
    case WRITES: case FORCES: case CUTS: opened(pid, r->rdi, to, size); break;
    /* the file that is written, not the one that is read */
    case COPIES: opened(pid, r->rdx, to, size); break;
    case OPENS:
        if (r->orig_rax == SYS_openat) path_of(pid, (int)r->rdi, r->rsi, to, size);
        else path_of(pid, AT_FDCWD, r->rdi, to, size);
        break;
    case PATH0: case REMOVES0: path_of(pid, AT_FDCWD, r->rdi, to, size); break;
    case PATH1: case REMOVES1: path_of(pid, (int)r->rdi, r->rsi, to, size); break;
    /* the new name is the one that counts */
    case RENAMES0: path_of(pid, AT_FDCWD, r->rsi, to, size); break;
    case RENAMES1: path_of(pid, (int)r->rdx, r->r10, to, size); break;
    }
}

static int writes(struct user_regs_struct *r) {
    unsigned long long flags = r->orig_rax == SYS_openat ? r->rdx : r->rsi;
    return r->orig_rax == SYS_creat || flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC);
}

int main(int argc, char **argv) {
    if (argc < 8 || strcmp(argv[6], "--")) {
        fprintf(stderr, "tracer LOG ROOT MODE N ERRNO -- PROGRAM ARGUMENTS...\n");
        return 99;
    }
    FILE *log = fopen(argv[1], "w");
    const char *root = argv[2], *mode = argv[3];
    long at = atol(argv[4]), seen = 0;
    int error = atoi(argv[5]), torn = 0;
    if (!log) die(argv[1]);
    pid_t child = fork();
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0)) die("traceme");
        raise(SIGSTOP);
        filter();
        execvp(argv[7], argv + 7);
        die(argv[7]);
    }
    int status, result = 99;
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) die("start");
    long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                   PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    if (ptrace(PTRACE_SETOPTIONS, child, 0, options)) die("options");
    ptrace(PTRACE_CONT, child, 0, 0);
    for (;;) {
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0) break;
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (pid == child) result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            continue;
        }
        int event = status >> 16, signal = WSTOPSIG(status);
        if (event == PTRACE_EVENT_SECCOMP) {
            struct user_regs_struct r;
            char file[2 * PATH_MAX] = "";
            if (ptrace(PTRACE_GETREGS, pid, 0, &r)) continue;
            size_t i = 0;
            while (i < COUNT && CALLS[i].number != (long)r.orig_rax) i++;
            if (i == COUNT) {
                fprintf(stderr, "tracer: system call %lld is not one of its filter\n", (long long)r.orig_rax);
                exit(99);
            }
            enum kind kind = CALLS[i].kind;
            int counts = kind != OPENS || writes(&r);
            if (counts) file_of(pid, kind, &r, file, sizeof file);
            size_t length = strlen(root);
            if (counts && !strncmp(file, root, length) && (file[length] == '/' || !file[length])) {
                seen++;
                int hit = seen == at, later = seen >= at;
                const char *done = "";
                int spared = kind == REMOVES0 || kind == REMOVES1 || kind == RENAMES0 || kind == RENAMES1;
                if (torn || (hit && !strcmp(mode, "kill"))) {
                    done = " killed";
                    kill(child, SIGKILL);
                } else if (hit && kind == WRITES && r.orig_rax != SYS_writev && r.rdx > 1 &&
                           (!strcmp(mode, "tear") || !strcmp(mode, "half"))) {
                    torn = !strcmp(mode, "tear");
                    r.rdx /= 2;
                    ptrace(PTRACE_SETREGS, pid, 0, &r);
                    done = " half";
                } else if ((hit && !strcmp(mode, "once")) || (later && !spared && !strcmp(mode, "ever"))) {
                    done = " failed";
                    r.orig_rax = -1;
                    r.rax = -error;
                    ptrace(PTRACE_SETREGS, pid, 0, &r);
                }
                char *own = file + length;
                fprintf(log, "%ld %s %s%s\n", seen, CALLS[i].name, *own == '/' ? own + 1 : ".", done);
                fflush(log);
            }
            ptrace(PTRACE_CONT, pid, 0, 0);
        } else {
            /* new threads begin with a stop of their own; traps are the tracer's */
            int passed = event || signal == SIGSTOP || signal == SIGTRAP ? 0 : signal;
            ptrace(PTRACE_CONT, pid, 0, passed);
        }
    }
    fclose(log);
    return result;
}
