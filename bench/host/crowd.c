/*
 * A crowd for the scan of a host: PROCESSES that sleep with a few files open, each in a session of its own
 * but for a tree of TREE under one holder, and SOCKETS loopback sockets, most of them of one server outside
 * the tree. Prints the holder's number when all are there; everything ends with standard input.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void check(int ok, const char *what) {
  if (ok) return;
  perror(what);
  _exit(1);
}

static pid_t child(void) {
  pid_t pid = fork();
  check(pid >= 0, "fork");
  if (pid == 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
  return pid;
}

static void files(int count) {
  for (int i = 0; i < count; i++) check(open("/dev/null", O_RDONLY) >= 0, "open");
}

static struct sockaddr_in place(int index) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(0)};
  /* Several addresses, since one has only so many ports to connect from. */
  at.sin_addr.s_addr = htonl(0x7f000001 + index);
  return at;
}

static void connections(int count, int index) {
  struct sockaddr_in at = place(index);
  socklen_t length = sizeof at;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  check(bind(listener, (struct sockaddr *)&at, length) == 0, "bind");
  check(listen(listener, 1024) == 0, "listen");
  getsockname(listener, (struct sockaddr *)&at, &length);
  for (int i = 0; i < count; i++) {
    int one = socket(AF_INET, SOCK_STREAM, 0);
    check(connect(one, (struct sockaddr *)&at, length) == 0, "connect");
    check(accept(listener, NULL, NULL) >= 0, "accept");
  }
}

int main(int argc, char **argv) {
  check(argc == 5, "usage: crowd PROCESSES SOCKETS TREE TREE_SOCKETS");
  int processes = atoi(argv[1]), sockets = atoi(argv[2]);
  int tree = atoi(argv[3]), treeSockets = atoi(argv[4]);
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  int ready[2];
  check(pipe(ready) == 0, "pipe");
  for (int i = 0; i < processes - tree - 2; i++)
    if (child() == 0) {
      setsid();
      files(10);
      pause();
      _exit(0);
    }
  if (child() == 0) {
    setsid();
    connections((sockets - treeSockets) / 4, 1);
    connections((sockets - treeSockets) / 4, 2);
    check(write(ready[1], "x", 1) == 1, "write");
    pause();
    _exit(0);
  }
  pid_t holder = child();
  if (holder == 0) {
    setsid();
    files(10);
    connections(treeSockets / 2, 3);
    for (int i = 0; i < tree - 1; i++)
      if (child() == 0) {
        /* A worker opens its own, and keeps nothing of its parent's. */
        for (int fd = 3; fd < 4096; fd++) close(fd);
        files(30);
        pause();
        _exit(0);
      }
    check(write(ready[1], "x", 1) == 1, "write");
    pause();
    _exit(0);
  }
  char done[2];
  for (int got = 0; got < 2;) got += (int)read(ready[0], done, 2);
  printf("%d\n", (int)holder);
  fflush(stdout);
  while (read(0, done, 1) > 0) {
  }
  return 0;
}
