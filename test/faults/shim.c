/*
 * Faults of a machine for one process, in front of the C library (LD_PRELOAD): the n-th thing that is written to a file below
 * a folder fails, as the kernel would make it fail, and the clock goes wrong. What happened is in a page of memory that is
 * shared through a file, so that a test can see that its fault fired, and can set the clock while the process lives.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct shared {
  uint64_t writes;      /* tried so far */
  uint64_t fired;       /* of which so many were made to fail */
  uint64_t fired_at;    /* of the first: nanoseconds of the monotonic clock */
  int64_t offset_nanos; /* how far the wall clock is off */
};

static struct shared here;
static struct shared *page = &here;
static const char *folder;
static uint64_t first = UINT64_MAX, last = UINT64_MAX;
static int code = ENOSPC;
static int is_cut;

static int (*real_clock_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void) {
  real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
  const char *file = getenv("FAULT_PAGE");
  if (file != NULL) {
    int fd = open(file, O_RDWR);
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof here, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED) page = at;
    if (fd >= 0) close(fd);
  }
  folder = getenv("FAULT_FOLDER");
  const char *text = getenv("FAULT_FIRST");
  if (text != NULL) first = strtoull(text, NULL, 10);
  text = getenv("FAULT_LAST");
  if (text != NULL) last = strtoull(text, NULL, 10);
  text = getenv("FAULT_CODE");
  if (text != NULL) code = strcmp(text, "EIO") == 0 ? EIO : strcmp(text, "EROFS") == 0 ? EROFS : ENOSPC;
  is_cut = getenv("FAULT_CUT") != NULL;
}

static int is_below(const char *path) { return folder != NULL && strncmp(path, folder, strlen(folder)) == 0; }

/* Counts one; whether it is to fail. */
static int fails(void) {
  uint64_t n = __atomic_add_fetch(&page->writes, 1, __ATOMIC_SEQ_CST);
  if (n < first || n > last) return 0;
  if (__atomic_add_fetch(&page->fired, 1, __ATOMIC_SEQ_CST) == 1) {
    struct timespec now;
    real_clock_gettime(CLOCK_MONOTONIC, &now);
    page->fired_at = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
  }
  errno = code;
  return 1;
}

static int fails_at(int fd) {
  char link[64], path[4096];
  if (folder == NULL) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return is_below(path) && fails();
}

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (real == NULL) real = dlsym(RTLD_NEXT, name)

/* A write that is cut has written half of it before it fails, as one at the end of a disk. */
static ssize_t half(int fd, const void *from, size_t size, off_t at, ssize_t (*pwrite_)(int, const void *, size_t, off_t)) {
  int saved = errno;
  if (is_cut && size > 1) {
    ssize_t done = pwrite_(fd, from, size / 2, at);
    if (done > 0 && __atomic_load_n(&page->fired, __ATOMIC_SEQ_CST) == 1) return done;
  }
  errno = saved;
  return -1;
}

ssize_t write(int fd, const void *from, size_t size) {
  REAL(ssize_t, "write", int, const void *, size_t);
  return fails_at(fd) ? -1 : real(fd, from, size);
}
ssize_t pwrite(int fd, const void *from, size_t size, off_t at) {
  REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
  return fails_at(fd) ? half(fd, from, size, at, real) : real(fd, from, size, at);
}
ssize_t pwrite64(int fd, const void *from, size_t size, off64_t at) {
  REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
  return fails_at(fd) ? half(fd, from, size, at, (ssize_t(*)(int, const void *, size_t, off_t))real) : real(fd, from, size, at);
}
ssize_t writev(int fd, const struct iovec *from, int count) {
  REAL(ssize_t, "writev", int, const struct iovec *, int);
  return fails_at(fd) ? -1 : real(fd, from, count);
}
int fsync(int fd) {
  REAL(int, "fsync", int);
  return fails_at(fd) ? -1 : real(fd);
}
int fdatasync(int fd) {
  REAL(int, "fdatasync", int);
  return fails_at(fd) ? -1 : real(fd);
}
int ftruncate(int fd, off_t size) {
  REAL(int, "ftruncate", int, off_t);
  return fails_at(fd) ? -1 : real(fd, size);
}
int ftruncate64(int fd, off64_t size) {
  REAL(int, "ftruncate64", int, off64_t);
  return fails_at(fd) ? -1 : real(fd, size);
}
int posix_fallocate(int fd, off_t at, off_t size) {
  REAL(int, "posix_fallocate", int, off_t, off_t);
  return fails_at(fd) ? code : real(fd, at, size);
}
int posix_fallocate64(int fd, off64_t at, off64_t size) {
  REAL(int, "posix_fallocate64", int, off64_t, off64_t);
  return fails_at(fd) ? code : real(fd, at, size);
}
int mkdir(const char *path, mode_t mode) {
  REAL(int, "mkdir", const char *, mode_t);
  return is_below(path) && fails() ? -1 : real(path, mode);
}

/* Of the wall clock only; what waits is measured by the monotonic one. */
int clock_gettime(clockid_t clock, struct timespec *now) {
  if (real_clock_gettime == NULL) real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
  int answer = real_clock_gettime(clock, now);
  if (answer != 0 || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return answer;
  int64_t nanos = (int64_t)now->tv_sec * 1000000000 + now->tv_nsec + page->offset_nanos;
  now->tv_sec = nanos / 1000000000;
  now->tv_nsec = nanos % 1000000000;
  return 0;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec exact;
  (void)zone;
  int answer = clock_gettime(CLOCK_REALTIME, &exact);
  now->tv_sec = exact.tv_sec;
  now->tv_usec = exact.tv_nsec / 1000;
  return answer;
}
time_t time(time_t *to) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (to != NULL) *to = now.tv_sec;
  return now.tv_sec;
}
