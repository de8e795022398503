// mpirun -np 2 mpi_loss_program kill|hang|kill-started|hang-started DEADLINE_MS: the last rank dies
// by SIGKILL, or hangs, while the others are inside a collective; when it was started, after the
// last rank has itself sent a part of it. The job must end by itself, with an exit code other than
// 0.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "src/comm/mpi_communicator.h"

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  if (argc != 3) return 2;
  const std::string how = argv[1];
  auto world = vizsla::MpiWorld::Init(&argc, &argv);
  if (!world.ok()) return 1;
  auto group =
      (*world)->World({.collective_deadline = std::chrono::milliseconds(std::atoi(argv[2]))});
  std::vector<float> values(1 << 20, 1.0f);
  const auto sum = [&](bool last_words) {
    if (!how.ends_with("-started"))
      return last_words || group->AllReduceSum(std::span<float>(values)).ok();
    if (!group->StartAllReduceSum(std::span<float>(values)).ok()) return false;
    return last_words || group->FinishSums().ok();
  };
  for (int step = 0;; ++step) {
    if (step == 3 && group->rank() == group->size() - 1) {
      std::this_thread::sleep_for(100ms);  // the others are in the all-reduce by now
      sum(true);
      if (how.starts_with("kill")) ::raise(SIGKILL);
      std::this_thread::sleep_for(10min);
    }
    if (!sum(false)) return 3;
    if (step > 3) return 0;
  }
}
