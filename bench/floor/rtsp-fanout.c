/*
 * What fanning RTP out over TCP costs at the least: reads RTP with RFC 4571 lengths from standard input, strips header
 * extensions, frames an access unit for channel 0 of RTSP, and writes it to every connection. It answers nothing and
 * accepts whoever connects. Prints its port; ends with its input.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_VIEWERS = 256, INPUT = 1 << 20, UNIT = 1 << 20 };

static struct viewer {
  int fd;
  uint8_t *rest;
  size_t length;
} viewers[MAX_VIEWERS];
static int count;

static void send_to(struct viewer *viewer, const uint8_t *bytes, size_t length) {
  if (viewer->length > 0) return; /* slow: this unit is dropped */
  ssize_t sent = send(viewer->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) sent = 0;
  if ((size_t)sent == length) return;
  viewer->length = length - (size_t)sent;
  viewer->rest = malloc(viewer->length);
  memcpy(viewer->rest, bytes + sent, viewer->length);
}

static void flush(struct viewer *viewer) {
  ssize_t sent = send(viewer->fd, viewer->rest, viewer->length, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent <= 0) return;
  viewer->length -= (size_t)sent;
  memmove(viewer->rest, viewer->rest + sent, viewer->length);
  if (viewer->length == 0) free(viewer->rest);
}

int main(void) {
  static uint8_t input[INPUT], unit[UNIT], discard[4096];
  size_t have = 0, filled = 0;
  int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 256)) return 1;
  getsockname(listener, (struct sockaddr *)&address, &size);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    static struct pollfd polls[MAX_VIEWERS + 2];
    polls[0] = (struct pollfd){.fd = 0, .events = POLLIN};
    polls[1] = (struct pollfd){.fd = listener, .events = POLLIN};
    for (int i = 0; i < count; i++)
      polls[i + 2] = (struct pollfd){.fd = viewers[i].fd, .events = POLLIN | (viewers[i].length > 0 ? POLLOUT : 0)};
    int polled = count;
    if (poll(polls, (nfds_t)polled + 2, -1) < 0) return 1;
    for (int i = 0; i < polled; i++) {
      if (polls[i + 2].revents & POLLIN) (void)!read(viewers[i].fd, discard, sizeof discard);
      if (polls[i + 2].revents & POLLOUT) flush(&viewers[i]);
    }
    if (polls[1].revents & POLLIN && count < MAX_VIEWERS) {
      int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      viewers[count++] = (struct viewer){.fd = fd};
    }
    if (!(polls[0].revents & (POLLIN | POLLHUP))) continue;
    ssize_t got = read(0, input + have, sizeof input - have);
    if (got <= 0) return 0;
    have += (size_t)got;
    size_t at = 0;
    while (have - at >= 2) {
      size_t length = (size_t)input[at] << 8 | input[at + 1];
      if (have - at < 2 + length) break;
      uint8_t *packet = input + at + 2, *out = unit + filled;
      size_t payload = 12;
      if (packet[0] & 0x10) payload += 4 + 4 * ((size_t)packet[14] << 8 | packet[15]);
      size_t rtp = 12 + length - payload;
      out[0] = '$';
      out[1] = 0;
      out[2] = (uint8_t)(rtp >> 8);
      out[3] = (uint8_t)rtp;
      memcpy(out + 4, packet, 12);
      out[4] &= 0xef;
      memcpy(out + 16, packet + payload, length - payload);
      filled += 4 + rtp;
      if (packet[1] & 0x80) {
        for (int i = 0; i < count; i++) send_to(&viewers[i], unit, filled);
        filled = 0;
      }
      at += 2 + length;
    }
    have -= at;
    memmove(input, input + at, have);
  }
}
