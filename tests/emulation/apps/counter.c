/* Counts in memory and says so: one thread counts, the first process prints. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static volatile long count;

static void *counter(void *unused) {
    (void)unused;
    for (;;) {
        count++;
        usleep(1000);
    }
}

int main(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, counter, NULL);
    for (;;) {
        printf("%ld\n", count);
        fflush(stdout);
        usleep(20000);
    }
}
