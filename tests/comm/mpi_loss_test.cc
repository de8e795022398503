// A rank that is lost in mid-collective ends its job within the deadline.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>

#include "src/base/str_cat.h"

namespace vizsla {
namespace {

struct Ending {
  int exit_code = 0;
  double seconds = 0;
};

Ending RunJob(const char* how, int deadline_ms) {
  // `timeout` makes the test fail, rather than hang, when the promise is broken.
  const std::string command =
      StrCat("OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 timeout 60 mpirun ",
             "--oversubscribe -np 2 ", VIZSLA_LOSS_PROGRAM, " ", how, " ", deadline_ms);
  const auto start = std::chrono::steady_clock::now();
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1,
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
}

void ExpectAKilledRankEndsTheJob(const char* scenario) {
  const Ending ending = RunJob(scenario, 20000);
  EXPECT_NE(ending.exit_code, 0);
  EXPECT_NE(ending.exit_code, 124) << "the job had to be ended by timeout(1)";
  EXPECT_LT(ending.seconds, 20);
}

void ExpectAHangingRankEndsTheJobAtTheDeadline(const char* scenario) {
  const Ending ending = RunJob(scenario, 1500);
  EXPECT_EQ(ending.exit_code, 75);
  EXPECT_GT(ending.seconds, 1.4);
  EXPECT_LT(ending.seconds, 15);
}

TEST(MpiLoss, KilledRankEndsTheJob) { ExpectAKilledRankEndsTheJob("kill"); }

TEST(MpiLoss, HangingRankEndsTheJobAtTheDeadline) {
  ExpectAHangingRankEndsTheJobAtTheDeadline("hang");
}

TEST(MpiLoss, ARankKilledInAStartedSumEndsTheJob) { ExpectAKilledRankEndsTheJob("kill-started"); }

TEST(MpiLoss, ARankThatHangsInAStartedSumEndsTheJobAtTheDeadline) {
  ExpectAHangingRankEndsTheJobAtTheDeadline("hang-started");
}

}  // namespace
}  // namespace vizsla
