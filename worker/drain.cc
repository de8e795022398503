#include "worker/drain.h"

#include <csignal>
#include <initializer_list>

namespace vizsla {
namespace {

volatile std::sig_atomic_t drain_requested = 0;

void OnSignal(int) { drain_requested = 1; }

}  // namespace

void InstallDrainHandlers() {
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) ::sigaction(signal, &action, nullptr);
}

bool DrainRequested() { return drain_requested != 0; }
void RequestDrain() { drain_requested = 1; }

}  // namespace vizsla
