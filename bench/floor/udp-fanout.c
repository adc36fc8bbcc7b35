/*
 * What fanning RTP out over UDP costs at the least: reads RTP with RFC 4571 lengths from standard input, strips header
 * extensions, and sends each packet to as many ports as the argument says, all on the loopback and all its own. No
 * encryption, no feedback. Prints a line when it is ready; ends with its input.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_VIEWERS = 256, INPUT = 1 << 20 };

static struct sockaddr_in viewers[MAX_VIEWERS];

int main(int argc, char **argv) {
  static uint8_t input[INPUT];
  size_t have = 0;
  int count = argc > 1 ? atoi(argv[1]) : 1, out = socket(AF_INET, SOCK_DGRAM, 0);
  if (count < 1 || count > MAX_VIEWERS) return 64;
  for (int i = 0; i < count; i++) {
    /* Nobody reads them: what does not fit is dropped by the kernel, at no cost to the sender. */
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    socklen_t size = sizeof viewers[i];
    viewers[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(fd, (struct sockaddr *)&viewers[i], size)) return 1;
    getsockname(fd, (struct sockaddr *)&viewers[i], &size);
  }
  puts("ready");
  fflush(stdout);
  for (;;) {
    ssize_t got = read(0, input + have, sizeof input - have);
    if (got <= 0) return 0;
    have += (size_t)got;
    size_t at = 0;
    while (have - at >= 2) {
      size_t length = (size_t)input[at] << 8 | input[at + 1];
      if (have - at < 2 + length) break;
      uint8_t *packet = input + at + 2;
      size_t payload = 12;
      if (packet[0] & 0x10) payload += 4 + 4 * ((size_t)packet[14] << 8 | packet[15]);
      /* The header moves up to the payload. */
      uint8_t *start = packet + payload - 12;
      memmove(start, packet, 12);
      start[0] &= 0xef;
      for (int i = 0; i < count; i++)
        sendto(out, start, 12 + length - payload, 0, (struct sockaddr *)&viewers[i], sizeof viewers[i]);
      at += 2 + length;
    }
    have -= at;
    memmove(input, input + at, have);
  }
}
