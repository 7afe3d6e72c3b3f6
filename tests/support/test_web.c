// What containers of tests run: one static binary that is a web server and a few commands, so that an image of
// it needs nothing else.
//
//   web serve PORT            GET /           -> $VERSION
//                             GET /slow/MS    -> $VERSION after that time
//                             GET /env/NAME, GET /file/PATH
//                             GET /die/CODE   -> ends the process
//                             GET /eat        -> takes memory without end
//                             GET /headers/N  -> a response header of that size
//                             GET /healthz    -> 503 while /tmp/unhealthy exists
//   web log STEP...: says:TEXT err:TEXT part:TEXT big:BYTES binary flood:LINES ticks when:FILE exit:CODE hold
//   web cat FILE | touch FILE | rm FILE | exists FILE | sleep SECONDS | exit CODE | eat | say TEXT... | limits
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_term(int signal) {
  (void)signal;
  _exit(0);
}

static int print_file(const char* path, char* out, size_t size) {
  FILE* file = fopen(path, "r");
  if (!file) return -1;
  const size_t got = fread(out, 1, size - 1, file);
  out[got] = 0;
  fclose(file);
  return 0;
}

static void eat(void) {
  while (1) {
    volatile char* block = malloc(1 << 20);  // else the compiler leaves it out
    for (size_t i = 0; block && i < 1 << 20; i += 4096) block[i] = 1;
  }
}

static void respond_with_header(int fd, size_t size) {
  char* out = malloc(size + 200);
  if (!out) return;
  const int start = sprintf(out, "HTTP/1.1 200 X\r\nContent-Length: 3\r\nX-Large: ");
  memset(out + start, 'x', size);
  strcpy(out + start + size, "\r\n\r\nok\n");
  const size_t all = strlen(out);
  for (size_t sent = 0; sent < all;) {
    const ssize_t n = write(fd, out + sent, all - sent);
    if (n <= 0) break;
    sent += (size_t)n;
  }
  free(out);
}

static void respond(int fd, int status, const char* body) {
  char out[9000];
  const int n = snprintf(out, sizeof out, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body), body);
  if (write(fd, out, (size_t)n) < 0) return;
}

static void answer(int fd, char* path) {
  const char* version = getenv("VERSION") ? getenv("VERSION") : "none";
  char body[8000];
  if (strncmp(path, "/slow/", 6) == 0) {
    usleep((useconds_t)atoi(path + 6) * 1000);
    respond(fd, 200, version);
  } else if (strncmp(path, "/env/", 5) == 0) {
    respond(fd, 200, getenv(path + 5) ? getenv(path + 5) : "");
  } else if (strncmp(path, "/file/", 6) == 0) {
    const int found = print_file(path + 5, body, sizeof body) == 0;
    respond(fd, found ? 200 : 404, found ? body : "");
  } else if (strncmp(path, "/die/", 5) == 0) {
    respond(fd, 200, "bye");
    fprintf(stderr, "told to die\n");
    _exit(atoi(path + 5));
  } else if (strcmp(path, "/eat") == 0) {
    eat();
  } else if (strncmp(path, "/headers/", 9) == 0) {
    respond_with_header(fd, (size_t)atol(path + 9));
  } else if (strcmp(path, "/healthz") == 0) {
    const int sick = access("/tmp/unhealthy", F_OK) == 0;
    respond(fd, sick ? 503 : 200, sick ? "sick" : "well");
  } else {
    respond(fd, 200, version);
  }
}

static void* serve_one(void* argument) {
  const int fd = (int)(long)argument;
  static const size_t kLargest = 256 << 10;  // of a request's headers
  char* in = malloc(kLargest);
  if (!in) return NULL;
  size_t have = 0;
  while (1) {
    char* end = NULL;
    in[have] = 0;
    while (!(end = strstr(in, "\r\n\r\n"))) {
      const ssize_t got = have < kLargest - 1 ? read(fd, in + have, kLargest - 1 - have) : -1;
      if (got <= 0) {
        close(fd);
        free(in);
        return NULL;
      }
      have += (size_t)got;
      in[have] = 0;
    }
    char method[16], path[1024];
    if (sscanf(in, "%15s %1023s", method, path) != 2) break;
    answer(fd, path);
    const size_t used = (size_t)(end + 4 - in);
    memmove(in, in + used, have - used);
    have -= used;
  }
  close(fd);
  free(in);
  return NULL;
}

static int serve(int port) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int yes = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  if (bind(listener, (struct sockaddr*)&address, sizeof address) != 0 || listen(listener, 128) != 0) {
    perror("listen");
    return 1;
  }
  printf("serving version %s\n", getenv("VERSION") ? getenv("VERSION") : "none");
  fflush(stdout);
  while (1) {
    const int fd = accept(listener, NULL, NULL);
    if (fd < 0) continue;
    pthread_t thread;
    pthread_create(&thread, NULL, serve_one, (void*)(long)fd);
    pthread_detach(thread);
  }
}

// What a workload writes, step by step. Lines of a flood and of ticks are numbered.
static int write_log(int count, char** steps) {
  for (int i = 0; i < count; ++i) {
    const char* step = steps[i];
    const char* colon = strchr(step, ':');
    const char* value = colon ? colon + 1 : "";
    if (strncmp(step, "says:", 5) == 0) {
      puts(value);
    } else if (strncmp(step, "err:", 4) == 0) {
      fprintf(stderr, "%s\n", value);
    } else if (strncmp(step, "part:", 5) == 0) {
      fputs(value, stdout);
    } else if (strncmp(step, "big:", 4) == 0) {
      for (long left = atol(value); left > 0; --left) putchar('a' + (int)(left % 26));
      putchar('\n');
    } else if (strcmp(step, "binary") == 0) {
      const char bytes[] = {0, 1, 0x1b, '[', '2', 'J', (char)0xff, (char)0xfe, '\r', '\n'};
      fwrite(bytes, 1, sizeof bytes, stdout);
    } else if (strncmp(step, "flood:", 6) == 0) {
      for (long line = 0; line < atol(value); ++line) printf("flood %ld of a workload that has much to say\n", line);
    } else if (strcmp(step, "ticks") == 0) {
      puts("begin");
      for (long line = 0;; ++line) {
        printf("tick %ld\n", line);
        fflush(stdout);
        usleep(50 * 1000);
      }
    } else if (strncmp(step, "when:", 5) == 0) {
      fflush(stdout);
      while (access(value, F_OK) != 0) usleep(20 * 1000);
    } else if (strncmp(step, "exit:", 5) == 0) {
      fflush(stdout);
      return atoi(value);
    } else if (strcmp(step, "hold") == 0) {
      fflush(stdout);
      while (1) pause();
    }
    fflush(stdout);
  }
  return 0;
}

int main(int argc, char** argv) {
  signal(SIGTERM, on_term);
  signal(SIGPIPE, SIG_IGN);
  const char* command = argc > 1 ? argv[1] : "serve";
  const char* argument = argc > 2 ? argv[2] : "8080";
  if (strcmp(command, "serve") == 0) {
    // As embedded databases do.
    const char* lock = getenv("LOCK");
    const int locked = lock ? open(lock, O_RDWR | O_CREAT, 0600) : -1;
    if (lock && (locked < 0 || flock(locked, LOCK_EX | LOCK_NB) != 0)) {
      perror("lock data folder");
      return 3;
    }
    const char* delay = getenv("START_DELAY_MS");
    if (delay) usleep((useconds_t)atoi(delay) * 1000);
    return serve(atoi(argument));
  }
  if (strcmp(command, "log") == 0) return write_log(argc - 2, argv + 2);
  if (strcmp(command, "cat") == 0) {
    char text[8192];
    if (print_file(argument, text, sizeof text) != 0) return 1;
    fputs(text, stdout);
    return 0;
  }
  if (strcmp(command, "touch") == 0) {
    FILE* file = fopen(argument, "w");
    if (!file) return 1;
    if (argc > 3) fputs(getenv(argv[3]) ? getenv(argv[3]) : "", file);
    fclose(file);
    return 0;
  }
  if (strcmp(command, "rm") == 0) return unlink(argument) != 0;
  if (strcmp(command, "exists") == 0) return access(argument, F_OK) != 0;
  if (strcmp(command, "sleep") == 0) {
    sleep((unsigned)atoi(argument));
    return 0;
  }
  if (strcmp(command, "eat") == 0) eat();
  if (strcmp(command, "say") == 0) {
    for (int i = 2; i < argc; ++i) puts(argv[i]);
    fprintf(stderr, "said\n");
    return 0;
  }
  if (strcmp(command, "limits") == 0) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    printf("%llu\n", (unsigned long long)files.rlim_max);
    return 0;
  }
  fprintf(stderr, "ending as told\n");
  return atoi(argument);
}
