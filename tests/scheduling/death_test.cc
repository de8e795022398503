// The coordinator is killed at every step of a recorded run, before the call, within it and before
// its answer: trials, scores and every decision are those of the undisturbed run. One run for each
// kind of state that a restart has to rebuild.
#include <gmock/gmock.h>

#include "src/base/log.h"
#include "tests/scheduling/recorded_run.h"

namespace vizsla {
namespace {

struct Case {
  const char* name;
  StudySpec spec;
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

std::vector<Case> Cases() {
  constexpr int kEpochs = 9;
  std::vector<Case> cases;
  const auto add = [&](const char* name, const SamplerSpec& sampler, const PrunerSpec& pruner) {
    cases.push_back({name, SmallSpec("dogs", 9, kEpochs)});
    cases.back().spec.sampler = sampler;
    cases.back().spec.pruner = pruner;
    return &cases.back().spec;
  };
  TpeOptions tpe;
  tpe.startup_trials = 3;
  AshaOptions promote;
  promote.eta = 3;
  AshaOptions stop = promote;
  stop.variant = AshaOptions::Variant::kStop;
  PopulationOptions population;
  population.interval = 2;
  population.quantile = 0.34;
  population.perturb = {"learning_rate"};
  MedianOptions median;
  median.startup_trials = 2;
  TpeOptions bohb = tpe;
  bohb.random_fraction = 1.0 / 3;

  add("tpe", tpe, NoPruning())->budget.epochs = 3;
  add("asha", RandomOptions(), promote);
  add("asha_stopping", SobolOptions(), stop);
  add("hyperband", CmaEsOptions(), HyperbandOptions());
  add("bohb", bohb, HyperbandOptions());
  add("population", RandomOptions(), population)->budget.trials = 5;
  StudySpec* repeats = add("repeats_and_final_runs", tpe, median);
  repeats->budget.trials = 4;
  repeats->repeats = 2;
  repeats->final_runs = {2, 2};
  StudySpec* fronts = add("nsga2", Nsga2Options{.population = 4}, NoPruning());
  fronts->budget.epochs = 3;
  fronts->objective.further = {{"parameters", Direction::kMinimize}};
  StudySpec* rules = add("stopping_rules", tpe, promote);
  rules->stop.no_improvement_trials = 4;
  rules->stop.epochs = 40;
  StudySpec* stages = add("stages", tpe, promote);
  Stage second;
  second.top = 2;
  second.budget = {4, kEpochs, {}};
  second.pruner = median;
  second.space.parameters = {{"dropout", FloatDomain{0, 1, false, {}}, {}}};
  second.enqueue = {{"", "", {{"dropout", 0.5}}, {InitFrom::Kind::kBest, "", 0}}};
  stages->stages = {second};
  StudySpec* groups = add("stages_and_repeats", RandomOptions(), NoPruning());
  groups->budget = {3, 2, {}};
  groups->repeats = 2;
  second.budget = {3, 2, {}};
  second.sampler = tpe;
  second.pruner = NoPruning();
  second.enqueue.clear();
  groups->stages = {second};
  StudySpec* front = add("stages_and_two_objectives", RandomOptions(), NoPruning());
  front->budget = {4, 2, {}};
  front->objective.further = {{"parameters", Direction::kMinimize}};
  second.budget.trials = 4;
  second.sampler = RandomOptions();
  front->stages = {second, second};
  front->stages[1].space.parameters = {{"units", IntDomain{1, 9, false, 1}, {}}};
  return cases;
}

class DeathTest : public ::testing::TestWithParam<Case> {
 protected:
  DeathTest() { spdlog::set_level(spdlog::level::off); }

  // A report that is made again is decided again, so that its log may be longer.
  static std::string Outcome(int at, Death death) {
    RecordedRun run(GetParam().spec);
    run.Play(at, death);
    return death == Death::kAfter ? run.Outcome() : run.Outcome() + run.Decisions();
  }
  static std::string Undisturbed(Death death) { return Outcome(-1, death); }
};

TEST_P(DeathTest, AtAnyStepTheOutcomeIsThatOfTheUndisturbedRun) {
  RecordedRun undisturbed(GetParam().spec);
  const int steps = undisturbed.Play(-1, Death::kBefore);
  EXPECT_THAT(undisturbed.Outcome(), ::testing::HasSubstr("study finished"));
  EXPECT_GT(steps, 20);
  ExpectReplays(undisturbed.store(), "dogs");
  for (const Death death : {Death::kBefore, Death::kWithin, Death::kAfter}) {
    const std::string outcome = Undisturbed(death);
    for (int at = 0; at < steps; ++at) {
      ASSERT_EQ(Outcome(at, death), outcome)
          << "killed at step " << at << ", kind " << static_cast<int>(death);
    }
  }
}

TEST_P(DeathTest, AtEveryStepTheOutcomeIsThatOfTheUndisturbedRun) {
  for (const Death death : {Death::kBefore, Death::kWithin, Death::kAfter}) {
    EXPECT_EQ(Outcome(-2, death), Undisturbed(death)) << "kind " << static_cast<int>(death);
  }
}

INSTANTIATE_TEST_SUITE_P(All, DeathTest, ::testing::ValuesIn(Cases()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace vizsla
