/* An application for the inner engine: does what servers do with their default capabilities.
 * "all" does each thing once; "once" just ends well; "wait" sleeps; "count" prints 0, 1, 2, ... ten
 * a second, and holds what a checkpoint must bring along: a watch on a volume's files, another
 * user's System V memory, a socket. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

static int fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    return 1;
}

static int all(void)
{
    struct stat st;
    if (stat("/owned", &st) != 0 || st.st_uid != 1000) return fail("owner lost");
    if (stat("/setuid", &st) != 0 || !(st.st_mode & S_ISUID)) return fail("set-user-id lost");
    if (open("/owned", O_RDWR) < 0) return fail("open another user's file");
    if (mknod("/node", S_IFCHR | 0600, makedev(1, 3)) != 0) return fail("mknod");
    if (chown("/node", 1000, 1000) != 0) return fail("chown");
    struct sockaddr_in low = {.sin_family = AF_INET, .sin_port = htons(80)};
    int tcp = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(tcp, (struct sockaddr *)&low, sizeof low) != 0) return fail("bind port 80");
    if (socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) < 0) return fail("raw socket");
    if (chroot("/") != 0) return fail("chroot");
    if (setgid(1000) != 0 || setuid(1000) != 0) return fail("drop to user 1000");
    return 0;
}

static int count(void)
{
    int watch = inotify_init();
    if (watch < 0 || inotify_add_watch(watch, "/data", IN_CREATE) < 0) return fail("inotify");
    if (seteuid(1000) != 0) return fail("change user");
    int segment = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    if (seteuid(0) != 0) return fail("change back to root");
    if (segment < 0) return fail("System V memory");
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(8080)};
    int tcp = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(tcp, (struct sockaddr *)&any, sizeof any) != 0 || listen(tcp, 8) != 0)
        return fail("listen");
    for (unsigned long n = 0;; n++) {
        printf("%lu\n", n);
        fflush(stdout);
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "all") == 0) return all();
    if (strcmp(what, "once") == 0) return 0;
    if (strcmp(what, "wait") == 0) return pause();
    return count();
}
