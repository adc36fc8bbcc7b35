/*
 * Viewers for benches: `tcp-sink PORT COUNT` makes connections, writes standard input to each of them, and reads for
 * ever, a few hundred times a second: viewers on a network do not wake up on the server's cores for each write. At each
 * SIGUSR1 it prints the bytes of the connection that got fewest and of the one that got most.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t asked;
static void ask(int signal) {
  (void)signal;
  asked = 1;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  static char request[65536], bytes[1 << 18];
  size_t length = 0;
  for (ssize_t got; (got = read(0, request + length, sizeof request - length)) > 0;) length += (size_t)got;
  int count = atoi(argv[2]), epoll = epoll_create1(0);
  uint64_t *received = calloc((size_t)count, sizeof *received);
  struct sigaction action = {.sa_handler = ask};
  sigaction(SIGUSR1, &action, NULL);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int *fds = calloc((size_t)count, sizeof *fds);
  for (int i = 0; i < count; i++) {
    fds[i] = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fds[i], (struct sockaddr *)&address, sizeof address)) return 1;
    if (length > 0 && write(fds[i], request, length) != (ssize_t)length) return 1;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event);
  }
  printf("connected\n");
  fflush(stdout);
  for (;;) {
    struct epoll_event events[64];
    int ready = epoll_wait(epoll, events, 64, -1);
    for (int i = 0; i < ready; i++) {
      ssize_t got = read(fds[events[i].data.u32], bytes, sizeof bytes);
      if (got <= 0) return 1;
      received[events[i].data.u32] += (uint64_t)got;
    }
    usleep(4000);
    if (!asked) continue;
    asked = 0;
    uint64_t least = UINT64_MAX, most = 0;
    for (int i = 0; i < count; i++) {
      if (received[i] < least) least = received[i];
      if (received[i] > most) most = received[i];
    }
    printf("%llu %llu\n", (unsigned long long)least, (unsigned long long)most);
    fflush(stdout);
  }
}
