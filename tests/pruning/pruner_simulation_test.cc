// Pruners in a simulated study: the same after a restart at any step, sound whatever fails, and
// worth their while.
#include "tests/pruning/pruner_simulation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "src/pruning/bracket_schedule.h"
#include "src/pruning/rung_ladder.h"
#include "tests/pruning/recorded_curves.h"

namespace vizsla {
namespace {

RandomStream StreamOf(uint64_t seed, int64_t trial, std::string_view what) {
  return RandomStream(StreamKey(seed).With(what).With(static_cast<uint64_t>(trial)));
}

// Losses that fall exponentially towards a floor of the trial's own, at a speed of its own, with
// noise. Curves cross, but mostly early: what halving relies on.
double Loss(uint64_t seed, int64_t trial, int epoch) {
  RandomStream shape = StreamOf(seed, trial, "shape");
  const double floor = shape.Uniform(0.1, 1);
  const double height = shape.Uniform(0.5, 0.7);
  const double rate = shape.Uniform(0.2, 0.3);
  RandomStream noise(StreamKey(seed)
                         .With("noise")
                         .With(static_cast<uint64_t>(trial))
                         .With(static_cast<uint64_t>(epoch)));
  return floor + height * std::exp(-rate * epoch) + 0.001 * noise.Normal();
}

// The same with ties and holes.
double RoughLoss(uint64_t seed, int64_t trial, int epoch) {
  RandomStream hole(StreamKey(seed)
                        .With("hole")
                        .With(static_cast<uint64_t>(trial))
                        .With(static_cast<uint64_t>(epoch)));
  if (hole.Bernoulli(0.01)) return std::numeric_limits<double>::quiet_NaN();
  return std::round(10 * Loss(seed, trial, epoch)) / 10;
}

const PrunerSpec kSpecs[] = {MedianOptions{.startup_trials = 3},
                             PercentileOptions{.percentile = 60, .startup_trials = 2},
                             ThresholdOptions{.upper = 1.4},
                             PatienceOptions{.patience = 2},
                             SuccessiveHalvingOptions{.trials = 10},
                             HyperbandOptions{.eta = 3},
                             AshaOptions{.eta = 3},
                             AshaOptions{AshaOptions::Variant::kStop, 1, 2}};

SimulationOptions RoughStudy(const PrunerSpec& pruner, int workers, uint64_t seed) {
  SimulationOptions options;
  options.pruner = pruner;
  options.context = {Direction::kMinimize, 12, 4};
  options.workers = workers;
  options.trials = 33;
  options.seed = seed;
  options.crash_probability = 0.1;
  options.failure_probability = 0.01;
  options.rerun_noise = 0.3;
  options.curve = [seed](int64_t trial, int epoch) { return RoughLoss(seed, trial, epoch); };
  options.planned_epochs = [seed](int64_t trial) {
    RandomStream planned = StreamOf(seed, trial, "planned");
    return planned.Bernoulli(0.8) ? 12 : 1 + static_cast<int>(planned.UniformInt(11));
  };
  return options;
}

// Every trial ends, and none is promoted twice from a rung.
void ExpectSound(const PrunerSimulation& study, int64_t trials) {
  EXPECT_EQ(static_cast<int64_t>(study.rows().size()), trials);
  for (const auto& [number, row] : study.rows()) {
    EXPECT_TRUE(IsFinished(row.state)) << "trial " << number << " is " << ToText(row.state);
  }
  std::set<std::pair<int64_t, int>> promoted;
  for (const auto& promotion : study.promotions()) {
    EXPECT_TRUE(promoted.emplace(promotion.trial, promotion.rung).second)
        << "trial " << promotion.trial << ", rung " << promotion.rung;
  }
}

// In any order and with repetitions, after every step, through crashes.
TEST(PrunerSimulation, ARebuiltPrunerAnswersAsTheLiveOne) {
  for (const PrunerSpec& spec : kSpecs) {
    for (const int workers : {1, 4, 16}) {
      for (uint64_t seed = 1; seed <= 3; ++seed) {
        SCOPED_TRACE(testing::Message()
                     << "kind " << spec.index() << ", " << workers << " workers, seed " << seed);
        SimulationOptions options = RoughStudy(spec, workers, seed);
        options.check_replay = true;
        PrunerSimulation study(options);
        study.Run();
        ExpectSound(study, options.trials);
        if (testing::Test::HasFailure()) return;
      }
    }
  }
}

// Of a rung, from the rows alone: its members' values (NaN: the worst), by trial.
std::map<int64_t, double> MembersOf(const PrunerSimulation& study, int rung, int rung_epoch) {
  std::map<int64_t, double> members;
  for (const auto& [number, row] : study.rows()) {
    const bool there = row.rung > rung || (row.rung == rung && row.epoch >= rung_epoch);
    const bool ended = row.rung == rung && IsFinished(row.state);
    if (!there && !ended) continue;
    const bool valued = there || row.state == TrialState::kCompleted;
    const double value = valued
                             ? study.reports().at(number).at(there ? rung_epoch : row.epoch).value
                             : std::numeric_limits<double>::quiet_NaN();
    members[number] = value;
  }
  return members;
}

int64_t RankOf(const std::map<int64_t, double>& members, int64_t trial) {
  const double own = members.at(trial);
  return std::count_if(members.begin(), members.end(), [&](const auto& member) {
    if (IsBetter(Direction::kMinimize, member.second, own)) return true;
    return !IsBetter(Direction::kMinimize, own, member.second) && member.first < trial;
  });
}

TEST(AshaSimulation, PromotesOnlyTheTopOfARungAndAllOfIt) {
  for (const int workers : {1, 4, 16}) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      SCOPED_TRACE(testing::Message() << workers << " workers, seed " << seed);
      const std::vector<int> rungs = RungEpochs(1, 3, 12);
      const SimulationOptions options = RoughStudy(AshaOptions{.eta = 3}, workers, seed);
      PrunerSimulation study(options);
      int64_t last_acts = 0;
      study.on_promotion = [&](const PrunerSimulation& now,
                               const PrunerSimulation::Promotion& promotion) {
        const auto members =
            MembersOf(now, promotion.rung, rungs[static_cast<size_t>(promotion.rung)]);
        EXPECT_TRUE(std::isfinite(members.at(promotion.trial)));
        const auto places = static_cast<int64_t>(members.size()) / 3;
        if (RankOf(members, promotion.trial) < places) return;
        ++last_acts;
        for (const auto& [number, row] : now.rows()) {
          EXPECT_TRUE(IsFinished(row.state) || row.state == TrialState::kPaused);
          EXPECT_NE(row.state, TrialState::kCompleted);
        }
      };
      study.Run();
      ExpectSound(study, options.trials);
      EXPECT_LE(last_acts, static_cast<int64_t>(rungs.size()));
      for (int rung = 0; rung < static_cast<int>(rungs.size()); ++rung) {
        const auto members = MembersOf(study, rung, rungs[static_cast<size_t>(rung)]);
        const auto places = static_cast<int64_t>(members.size()) / 3;
        for (const auto& [trial, value] : members) {
          const PrunerTrial& row = study.rows().at(trial);
          if (row.state != TrialState::kPruned || row.rung > rung) continue;
          EXPECT_GE(RankOf(members, trial), places) << "trial " << trial << " could have gone on";
        }
      }
    }
  }
}

// Promotions by bracket and rung.
std::map<std::pair<int64_t, int>, int64_t> CountPromotions(const PrunerSimulation& study,
                                                           const BracketSchedule& schedule) {
  std::map<std::pair<int64_t, int>, int64_t> counts;
  for (const auto& promotion : study.promotions()) {
    ++counts[{schedule.Find(promotion.trial).index, promotion.rung}];
  }
  return counts;
}

TEST(HyperbandSimulation, KeepsAsManyAsThePaperInEachRung) {
  for (const int workers : {1, 4, 16}) {
    SimulationOptions options;
    options.pruner = HyperbandOptions{.eta = 3};
    options.context = {Direction::kMinimize, 81, 1};
    options.workers = workers;
    options.trials = 143;
    options.curve = [](int64_t trial, int epoch) { return Loss(7, trial, epoch); };
    PrunerSimulation study(options);
    study.Run();
    ExpectSound(study, options.trials);
    const BracketSchedule schedule(HyperbandCycle({1, 3}, 81), 1);
    using Counts = std::map<std::pair<int64_t, int>, int64_t>;
    EXPECT_EQ(CountPromotions(study, schedule), (Counts{{{0, 0}, 27},
                                                        {{0, 1}, 9},
                                                        {{0, 2}, 3},
                                                        {{0, 3}, 1},
                                                        {{1, 0}, 11},
                                                        {{1, 1}, 3},
                                                        {{1, 2}, 1},
                                                        {{2, 0}, 5},
                                                        {{2, 1}, 1},
                                                        {{3, 0}, 2}}));
  }
}

TEST(HyperbandSimulation, NeverPromotesMoreWhateverFails) {
  for (const int workers : {1, 4, 16}) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      SCOPED_TRACE(testing::Message() << workers << " workers, seed " << seed);
      const SimulationOptions options = RoughStudy(HyperbandOptions{.eta = 3}, workers, seed);
      PrunerSimulation study(options);
      study.Run();
      ExpectSound(study, options.trials);
      const BracketSchedule schedule(HyperbandCycle({1, 3}, 12), options.context.first_trial);
      for (const auto& [place, promoted] : CountPromotions(study, schedule)) {
        const auto& [index, rung] = place;
        int64_t members = 0;
        for (const auto& [number, row] : study.rows()) {
          members += schedule.Find(number).index == index && row.rung >= rung;
        }
        EXPECT_LE(promoted, std::max<int64_t>(1, members / 3));
      }
    }
  }
}

SimulationOptions LargeStudy(const PrunerSpec& pruner, int workers, uint64_t seed) {
  SimulationOptions options;
  options.pruner = pruner;
  options.context = {Direction::kMinimize, 64, 1};
  options.workers = workers;
  options.trials = 256;
  options.seed = seed;
  options.curve = [seed](int64_t trial, int epoch) { return Loss(seed, trial, epoch); };
  return options;
}

TEST(AshaSimulation, FindsTheBestOfFullTrainingInAFifthOfTheEpochs) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    PrunerSimulation full(LargeStudy(NoPruning{}, 4, seed));
    full.Run();
    ASSERT_EQ(full.epochs_trained(), 256 * 64);
    for (const int workers : {1, 4, 16}) {
      PrunerSimulation asha(LargeStudy(AshaOptions{.min_epochs = 2}, workers, seed));
      asha.Run();
      ExpectSound(asha, 256);
      EXPECT_EQ(asha.Winner(), full.Winner()) << workers << " workers, seed " << seed;
      EXPECT_LE(asha.epochs_trained(), full.epochs_trained() / 5);
      EXPECT_TRUE(std::ranges::any_of(asha.promotions(), [](auto& p) { return p.resumed; }));
    }
  }
}

PrunerSimulation RunRecorded(const std::string& name, const PrunerSpec& pruner, int workers) {
  const Curves& curves = Recorded().curves.at(name);
  SimulationOptions options;
  options.pruner = pruner;
  options.context = {name == "scores" ? Direction::kMaximize : Direction::kMinimize,
                     static_cast<int>(curves[0].size()), 1};
  options.workers = workers;
  options.trials = static_cast<int64_t>(curves.size());
  options.curve = [&](int64_t trial, int epoch) {
    return curves[static_cast<size_t>(trial) - 1][static_cast<size_t>(epoch) - 1];
  };
  PrunerSimulation study(options);
  study.Run();
  return study;
}

TEST(AshaSimulation, OnRecordedCurvesFindsTheBestInAFifthOfTheEpochs) {
  const int64_t best = RunRecorded("scores", NoPruning{}, 1).Winner();
  for (const int workers : {1, 4, 16}) {
    const PrunerSimulation asha = RunRecorded("scores", AshaOptions{.eta = 3}, workers);
    EXPECT_EQ(asha.Winner(), best);
    EXPECT_LE(asha.epochs_trained(), 40 * 20 / 5);
    EXPECT_TRUE(std::ranges::any_of(asha.promotions(), [](auto& p) { return p.resumed; }));
  }
}

// Optuna's "ASHA" on these curves, with the same options, prunes the best trial for good, having
// met it early; promotion comes back to it.
TEST(AshaSimulation, PromotionSavesTheBestThatOptunaPrunes) {
  const int64_t best = RunRecorded("losses", NoPruning{}, 1).Winner();
  const auto stopped = std::ranges::find(
      Recorded().cases, "case asha_stop minimize losses min_epochs=2 eta=2", &RecordedCase::text);
  ASSERT_NE(stopped, Recorded().cases.end());
  EXPECT_GT(stopped->pruned_at[static_cast<size_t>(best) - 1], 0);
  for (const int workers : {1, 4, 16}) {
    const PrunerSimulation asha =
        RunRecorded("losses", AshaOptions{.min_epochs = 2, .eta = 2}, workers);
    EXPECT_EQ(asha.Winner(), best);
    EXPECT_TRUE(std::ranges::any_of(asha.promotions(),
                                    [&](const auto& p) { return p.trial == best && p.resumed; }));
  }
}

}  // namespace
}  // namespace vizsla
