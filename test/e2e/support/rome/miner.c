/*
 * Plays a miner for tests: talks Stratum's opening words to a pool and then reports once a second.
 * It computes nothing, and knows no other address than the one it is given: stratum+tcp://HOST:PORT
 * after -o. Ends when the connection does, or when its parent asks it to.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int connectTo(const char *url) {
  char host[64];
  int port = 0;
  if (sscanf(url, "stratum+tcp://%63[^:]:%d", host, &port) != 2) return -1;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (inet_pton(AF_INET, host, &to.sin_addr) != 1) return -1;
  int line = socket(AF_INET, SOCK_STREAM, 0);
  if (line < 0 || connect(line, (struct sockaddr *)&to, sizeof to) != 0) return -1;
  return line;
}

static int say(int line, const char *text) {
  return send(line, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

int main(int count, char **words) {
  const char *url = "";
  for (int i = 1; i + 1 < count; i++)
    if (strcmp(words[i], "-o") == 0) url = words[i + 1];
  int line = connectTo(url);
  if (line < 0) {
    perror("no pool");
    return 1;
  }
  if (!say(line, "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n")) return 1;
  if (!say(line, "{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"x\",\"x\"]}\n")) return 1;
  char answer[512];
  for (int id = 3;; id++) {
    char share[128];
    if (recv(line, answer, sizeof answer, MSG_DONTWAIT) == 0) return 0;
    snprintf(share, sizeof share, "{\"id\":%d,\"method\":\"mining.submit\",\"params\":[]}\n", id);
    if (!say(line, share)) return 0;
    sleep(1);
  }
}
