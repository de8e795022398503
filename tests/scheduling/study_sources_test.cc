// What is kept of who may start from whom against walks over all trials.
#include "src/scheduling/study_sources.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "src/base/random.h"
#include "tests/scheduling/reference_sources.h"

namespace vizsla {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = WarmStart::Kind;

constexpr int kSteps = 400;

Study ThreeStages() {
  Study study;
  study.spec.stages.resize(2);
  return study;
}

Trial Ended(int64_t number, int stage, double score, int64_t source) {
  Trial trial;
  trial.number = number;
  trial.stage = stage;
  trial.state = TrialState::kCompleted;
  trial.score = score;
  trial.best_checkpoint = "hash";
  trial.warm_start.trial = source;
  return trial;
}

TEST(StudySourcesTest, TheOneWithTheFewestTrialsIsNext) {
  StudySources sources{Objective()};
  sources.Put(Ended(1, 1, 0.5, 0));
  sources.Put(Ended(2, 1, 0.9, 0));
  sources.Put(Ended(3, 1, 0.7, 0));
  EXPECT_THAT(sources.TakeTurns(2, 2), ElementsAre(2, 3));
  sources.Put(Ended(4, 2, 0.99, 2));
  EXPECT_THAT(sources.TakeTurns(2, 2), ElementsAre(3, 2))
      << "and a trial of the stage itself is no source";
  EXPECT_THAT(sources.TakeTurns(3, 2), ElementsAre(4, 2));
  sources.Put(Ended(5, 2, 0.1, 3));
  EXPECT_THAT(sources.TakeTurns(2, 2), ElementsAre(2, 3));
  Trial second = Ended(2, 1, 0.9, 0);
  second.state = TrialState::kFailed;
  sources.Put(second);
  EXPECT_THAT(sources.TakeTurns(2, 2), ElementsAre(1, 3)) << "a failed trial cannot win";
  Trial first = Ended(1, 1, 0.5, 0);
  first.best_checkpoint.clear();
  sources.Put(first);
  EXPECT_THAT(sources.TakeTurns(2, 2), ElementsAre(3));
  EXPECT_THAT(sources.Best(1, 2), IsEmpty()) << "nothing is before the first stage";
}

// Trials that come and change as no study lets them: whatever there is, both say the same.
class Changes {
 public:
  Changes(uint64_t seed, Study study)
      : study_(std::move(study)), random_(StreamKey(seed).With("changes")) {}

  const std::vector<Trial>& trials() const { return trials_; }
  const Study& study() const { return study_; }

  const Trial& Next() {
    if (trials_.empty() || Below(3) == 0) return Insert();
    Trial& trial = trials_[Below(trials_.size())];
    switch (Below(5)) {
      case 0:
        trial.state = static_cast<TrialState>(Below(9));
        break;
      case 1:
        trial.state = TrialState::kCompleted;
        trial.best_checkpoint = "hash";
        trial.score = Value();
        break;
      case 2:
        trial.score = Below(5) == 0 ? std::nullopt : std::optional<double>(Value());
        break;
      case 3:
        trial.best_checkpoint = Below(2) == 0 ? "hash" : "";
        break;
      default:
        trial.warm_start.checkpoint = "hash";  // decided
        if (trial.warm_start.trial == 0) trial.warm_start.trial = AnyNumber();
    }
    for (double& value : trial.further_values) value = Value();
    return trial;
  }

 private:
  size_t Below(size_t bound) { return static_cast<size_t>(random_.UniformInt(bound)); }
  int64_t AnyNumber() { return 1 + static_cast<int64_t>(Below(trials_.size() + 2)); }
  // Ties happen, and numbers that are none.
  double Value() {
    if (Below(20) == 0) return std::numeric_limits<double>::quiet_NaN();
    if (Below(40) == 0) return std::numeric_limits<double>::infinity();
    return static_cast<double>(Below(12)) / 8;
  }

  const Trial& Insert() {
    Trial trial;
    trial.number = static_cast<int64_t>(trials_.size()) + 1;
    trial.stage = 1 + static_cast<int>(Below(3));
    const size_t further = study_.spec.objective.further.size();
    const bool repeats = further == 0 && !trials_.empty() && Below(3) == 0;
    if (repeats) {
      const Trial& other = trials_[Below(trials_.size())];
      trial.repeat_of = GroupNumber(other);
      trial.stage = other.stage;
      trial.final_run = Below(3) == 0;
    }
    trial.warm_start.kind = static_cast<Kind>(Below(4));
    if (trial.warm_start.kind == Kind::kTrial) trial.warm_start.trial = AnyNumber();
    trial.further_values.assign(further, 0.0);
    for (double& value : trial.further_values) value = Value();
    trials_.push_back(std::move(trial));
    return trials_.back();
  }

  Study study_;
  RandomStream random_;
  std::vector<Trial> trials_;
};

// What of all this has happened: a run that meets no case says nothing.
struct Seen {
  int sources = 0;
  int decisions = 0;
  int undecided = 0;
  int turns = 0;  // that differ from the order of the best
};

void Compare(const StudySources& sources, const Changes& changes, Seen& seen) {
  const std::vector<Trial>& trials = changes.trials();
  const Study& study = changes.study();
  for (int stage = 2; stage <= 4; ++stage) {
    for (const size_t top : {size_t{1}, size_t{3}, trials.size() + 1}) {
      const std::vector<int64_t> best = ReferenceBest(study, stage, top, trials);
      const std::vector<int64_t> turns = ReferenceTurns(study, stage, top, trials);
      ASSERT_EQ(sources.Best(stage, top), best) << "stage " << stage << ", top " << top;
      ASSERT_EQ(sources.TakeTurns(stage, top), turns) << "stage " << stage << ", top " << top;
      ASSERT_EQ(sources.AnyFor(stage), !best.empty());
      if (best.size() > 1) ++seen.sources;
      if (best != turns) ++seen.turns;
    }
  }
  const bool waiting = std::any_of(trials.begin(), trials.end(), IsWaiting);
  ASSERT_EQ(sources.AnyWaiting(), waiting);
  for (const bool sampled_out : {false, true}) {
    const bool decides = !DecideWaiting(study, trials, sampled_out, Timestamp{}).empty();
    ASSERT_EQ(sources.AnyToDecide(sampled_out), decides) << "sampled out: " << sampled_out;
    if (decides) ++seen.decisions;
    if (waiting && !decides) ++seen.undecided;
  }
  ASSERT_EQ(sources.FirstReady(), ReferenceFirstReady(trials));
}

void Play(const Study& study, uint64_t seed, Seen& seen) {
  SCOPED_TRACE(StrCat("seed ", seed));
  Changes changes(seed, study);
  StudySources sources(study.spec.objective);
  for (int step = 0; step < kSteps && !::testing::Test::HasFatalFailure(); ++step) {
    SCOPED_TRACE(StrCat("step ", step));
    sources.Put(changes.Next());
    // Walks over many trials are dear.
    if (step < 80 || step % 10 == 0) Compare(sources, changes, seen);
    if (step % 100 != 99) continue;
    StudySources anew(study.spec.objective);  // after a restart: the newest rows, in any order
    for (auto trial = changes.trials().rbegin(); trial != changes.trials().rend(); ++trial) {
      anew.Put(*trial);
    }
    Compare(anew, changes, seen);
  }
}

void ExpectAllSeen(const Seen& seen) {
  EXPECT_GT(seen.sources, 50);
  EXPECT_GT(seen.turns, 50);
  EXPECT_GT(seen.decisions, 50);
  EXPECT_GT(seen.undecided, 20);
}

TEST(StudySourcesTest, SaysWhatWalksOverAllTrialsSay) {
  Seen seen;
  for (uint64_t seed = 1; seed <= 6; ++seed) Play(ThreeStages(), seed, seen);
  ExpectAllSeen(seen);
}

TEST(StudySourcesTest, SoItDoesWhereTheLowestIsBest) {
  Study study = ThreeStages();
  study.spec.objective.direction = Direction::kMinimize;
  Seen seen;
  for (uint64_t seed = 1; seed <= 4; ++seed) Play(study, seed, seen);
  ExpectAllSeen(seen);
}

TEST(StudySourcesTest, SoItDoesWithSeveralObjectives) {
  Study study = ThreeStages();
  study.spec.objective.further = {{"parameters", Direction::kMinimize},
                                  {"val_loss", Direction::kMinimize}};
  Seen seen;
  for (uint64_t seed = 1; seed <= 6; ++seed) Play(study, seed, seen);
  ExpectAllSeen(seen);
}

}  // namespace
}  // namespace vizsla
