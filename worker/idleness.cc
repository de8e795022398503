#include "worker/idleness.h"

#include <algorithm>

#include "src/base/log.h"

namespace vizsla {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestPause{2000};
constexpr milliseconds kShortestPause{100};

}  // namespace

Idleness::Next Idleness::Decide(const Acquired& answer) {
  if (answer.nothing_left && !wait_) {
    log::info("leaving: {}", answer.explanation);
    return Next::kLeave;
  }
  if (answer.explanation != told_) {
    told_ = answer.explanation;
    if (!told_.empty()) log::info("waiting: {}", told_);
  }
  return answer.nothing_left ? Next::kRegisterAndAsk : Next::kAskAgain;
}

milliseconds Idleness::Pause(const Acquired& answer) {
  return std::clamp(answer.retry_after, kShortestPause, kLongestPause);
}

}  // namespace vizsla
