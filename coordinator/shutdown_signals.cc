#include "coordinator/shutdown_signals.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

namespace vizsla {
namespace {

sigset_t Signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

}  // namespace

ShutdownSignals::ShutdownSignals() {
  const sigset_t set = Signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);  // whoever reads our log may go
}

std::optional<int> ShutdownSignals::Wait(std::chrono::milliseconds timeout) {
  const sigset_t set = Signals();
  const timespec time{static_cast<time_t>(timeout.count() / 1000),
                      static_cast<long>(timeout.count() % 1000 * 1'000'000)};
  const int got = sigtimedwait(&set, nullptr, &time);
  if (got < 0) return std::nullopt;
  return got;
}

}  // namespace vizsla
