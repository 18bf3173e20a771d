/* The port for a PC: the harness as a program that serves the protocol on a loopback TCP socket.
 *
 * Prints the port number that it got as the only line on stdout. Serves one client at a time; ends
 * when its stdin is closed, or after IDLE_LIMIT_MS without a client, so that it cannot be left
 * behind by whoever started it.
 */
#define _GNU_SOURCE 1

#include "tcml_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"
#include "harness.h"

#define IDLE_LIMIT_MS 60000
#define WRITE_LIMIT_MS 2000
#define STACK_BYTES (1024u * 1024u)
#define NANOSECONDS_PER_SECOND 1000000000u

const tcml_port_info tcml_port = {TCML_UNIT_NANOSECONDS, NANOSECONDS_PER_SECOND, 1u, 0u};

/* The harness runs on a stack of its own, so that it can be painted. */
static _Alignas(4096) uint8_t stack[STACK_BYTES];
static uint8_t signal_stack[65536];
static sigjmp_buf restart;
static tcml_reset_reason last_reset = TCML_RESET_POWER_ON;

static int listener = -1;
static int client = -1;
static uint8_t pending_in[4096];
static ssize_t pending_in_size;
static ssize_t pending_in_at;
static uint8_t pending_out[2048];
static size_t pending_out_size;

__attribute__((noreturn)) static void give_up(const char *what) {
  perror(what);
  exit(2);
}

static void drop_client(void) {
  (void)close(client);
  client = -1;
  pending_in_size = 0;
  pending_in_at = 0;
  pending_out_size = 0u;
}

/* Waits until `descriptor` can be read; ends the program when stdin is closed or time is up. */
static void wait_readable(int descriptor, int limit_ms) {
  struct pollfd waiting[2] = {{descriptor, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
  const int ready = poll(waiting, 2u, limit_ms);
  if (ready == 0) {
    exit(0);
  }
  if (ready > 0 && waiting[1].revents != 0) {
    char ignored[64];
    if (read(STDIN_FILENO, ignored, sizeof ignored) <= 0) {
      exit(0);
    }
  }
}

static void accept_client(void) {
  wait_readable(listener, IDLE_LIMIT_MS);
  client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (client >= 0) {
    const int on = 1;
    (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, (socklen_t)sizeof on);
  }
}

int tcml_port_read(void) {
  if (pending_in_at < pending_in_size) {
    return pending_in[pending_in_at++];
  }
  if (client < 0) {
    accept_client();
    return -1;
  }
  wait_readable(client, -1);
  pending_in_at = 0;
  pending_in_size = recv(client, pending_in, sizeof pending_in, MSG_DONTWAIT);
  if (pending_in_size == 0) {
    drop_client();
  }
  return pending_in_size > 0 ? pending_in[pending_in_at++] : -1;
}

static void flush(void) {
  size_t sent = 0u;
  while (client >= 0 && sent < pending_out_size) {
    const ssize_t now = send(client, &pending_out[sent], pending_out_size - sent, MSG_NOSIGNAL);
    if (now > 0) {
      sent += (size_t)now;
      continue;
    }
    struct pollfd writable = {client, POLLOUT, 0};
    if (poll(&writable, 1u, WRITE_LIMIT_MS) <= 0 || (writable.revents & (POLLERR | POLLHUP)) != 0) {
      drop_client();
    }
  }
  pending_out_size = 0u;
}

/* One packet per frame: a zero byte ends one. */
void tcml_port_write(const uint8_t *data, uint32_t size_bytes) {
  for (uint32_t i = 0u; i < size_bytes; ++i) {
    pending_out[pending_out_size++] = data[i];
    if (pending_out_size == sizeof pending_out || (data[i] == 0u && pending_out_size > 1u)) {
      flush();
    }
  }
}

uint64_t tcml_port_clock_start(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * NANOSECONDS_PER_SECOND + (uint64_t)now.tv_nsec;
}

uint64_t tcml_port_clock_stop(void) { return tcml_port_clock_start(); }

uint64_t tcml_port_clock_units(uint64_t start, uint64_t stop) { return stop - start; }

/* The C library keeps the thread's own data in the uppermost part. */
void tcml_port_stack(uintptr_t *low, uintptr_t *high) {
  *low = (uintptr_t)stack;
  *high = (uintptr_t)stack + STACK_BYTES;
}

uint32_t tcml_port_core_id(void) { return 0u; }

tcml_reset_reason tcml_port_reset_reason(void) { return last_reset; }

void tcml_port_reset(void) {
  last_reset = TCML_RESET_SOFTWARE;
  siglongjmp(restart, 1);
}

static void on_fault(int number) {
  tcml_fault_record record = {0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u};
  record.cause = (uint32_t)number;
  tcml_fault_report(&record);
  tcml_port_reset();
}

void tcml_port_init(void) {
  static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
  const stack_t alternate = {.ss_sp = signal_stack, .ss_size = sizeof signal_stack};
  struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_ONSTACK};
  (void)sigaltstack(&alternate, NULL);
  (void)sigemptyset(&action.sa_mask);
  for (size_t i = 0u; i < sizeof faults / sizeof faults[0]; ++i) {
    (void)sigaction(faults[i], &action, NULL);
  }
}

static void *serve(void *unused) {
  (void)unused;
  (void)sigsetjmp(restart, 1);
  tcml_harness_main();
}

static void listen_on_loopback(void) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t size = (socklen_t)sizeof address;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 ||
      listen(listener, 1) != 0 || getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
    give_up("cannot listen on 127.0.0.1");
  }
  (void)printf("%u\n", (unsigned)ntohs(address.sin_port));
  (void)fflush(stdout);
}

int main(void) {
  pthread_attr_t attributes;
  pthread_t thread;
  listen_on_loopback();
  if (pthread_attr_init(&attributes) != 0 ||
      pthread_attr_setstack(&attributes, stack, STACK_BYTES) != 0 ||
      pthread_create(&thread, &attributes, serve, NULL) != 0) {
    give_up("cannot start the harness's thread");
  }
  (void)pthread_join(thread, NULL);
  return 0;
}
