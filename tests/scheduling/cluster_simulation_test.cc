// Thousands of small schedules, each with another mixture of sampler, pruner and stages, and a few
// with a thousand workers. VIZSLA_SIMULATION_SEEDS=N plays N seeds of each mixture.
#include <gmock/gmock.h>

#include <cstdlib>
#include <optional>

#include "src/base/file.h"
#include "src/base/log.h"
#include "tests/scheduling/big_schedule.h"

namespace vizsla {
namespace {

constexpr int kSeeds = 250;
constexpr int kEpochs = 9;

struct Mixture {
  const char* name;
  StudySpec spec;
  std::optional<StudySpec> raised;
};

AshaOptions Asha(AshaOptions::Variant variant) {
  AshaOptions options;
  options.variant = variant;
  options.eta = 3;
  return options;
}

// Four trials of the best two, of which one is enqueued.
Stage SecondStage(const PrunerSpec& pruner) {
  Stage stage;
  stage.top = 2;
  stage.budget = {4, kEpochs, {}};
  stage.pruner = pruner;
  stage.space.parameters = {{"dropout", FloatDomain{0, 1, false, {}}, {}}};
  stage.enqueue = {{"", "", {{"dropout", 0.5}}, {InitFrom::Kind::kBest, "", 0}}};
  return stage;
}

std::vector<Mixture> Mixtures() {
  std::vector<Mixture> mixtures;
  const auto add = [&](const char* name, const SamplerSpec& sampler, const PrunerSpec& pruner) {
    StudySpec spec = SmallSpec("dogs", 9, kEpochs);
    spec.sampler = sampler;
    spec.pruner = pruner;
    mixtures.push_back({name, spec, std::nullopt});
    return &mixtures.back().spec;
  };
  TpeOptions tpe;
  tpe.startup_trials = 3;
  MedianOptions median;
  median.startup_trials = 2;
  add("random", RandomOptions(), NoPruning());
  add("tpe, asha promoting", tpe, Asha(AshaOptions::Variant::kPromote));
  add("sobol, asha stopping", SobolOptions(), Asha(AshaOptions::Variant::kStop));
  add("cma-es, hyperband", CmaEsOptions(), HyperbandOptions());
  add("halton, halving", HaltonOptions(), SuccessiveHalvingOptions());
  add("tpe, median", tpe, median);
  StudySpec* staged = add("stages, asha and median", tpe, Asha(AshaOptions::Variant::kPromote));
  staged->enqueue.push_back({"first", "", {{"learning_rate", 0.01}}, {}});
  staged->enqueue.push_back(
      {"", "", {{"learning_rate", 0.02}}, {InitFrom::Kind::kTrial, "first", 0}});
  staged->stages = {SecondStage(median)};
  StudySpec* grid = add("grid, stages, asha", GridOptions(), NoPruning());
  grid->space = GridSpec("dogs", 4, kEpochs).space;
  grid->budget.trials = 4;
  grid->stages = {SecondStage(Asha(AshaOptions::Variant::kPromote)), SecondStage(NoPruning())};
  TpeOptions bohb = tpe;
  bohb.random_fraction = 1.0 / 3;
  add("bohb", bohb, HyperbandOptions());
  PopulationOptions population;
  population.interval = 2;
  population.quantile = 0.34;
  population.perturb = {"learning_rate"};
  add("population", RandomOptions(), population)->budget.trials = 5;
  StudySpec* fronts = add("two objectives, nsga-ii", Nsga2Options{.population = 4}, NoPruning());
  fronts->objective.further = {{"parameters", Direction::kMinimize}};
  StudySpec* repeated = add("repeats and final runs, tpe, median", tpe, median);
  repeated->budget.trials = 5;
  repeated->repeats = 2;
  repeated->final_runs = {2, 2};
  StudySpec* finals = add("final runs, asha", tpe, Asha(AshaOptions::Variant::kPromote));
  finals->final_runs = {2, 2};
  StudySpec* ruled = add("stopping rules, tpe, asha", tpe, Asha(AshaOptions::Variant::kPromote));
  ruled->stop.target = 0.9;
  ruled->stop.epochs = 30;
  ruled->stop.no_improvement_trials = 3;
  mixtures.back().raised = *ruled;
  mixtures.back().raised->stop = {};
  mixtures.back().raised->stop.epochs = 60;
  mixtures.back().raised->stop.no_improvement_trials = 6;
  StudySpec* unimproved = add("stages that end without improvement", tpe, NoPruning());
  unimproved->stop.no_improvement_trials = 2;
  unimproved->stages = {SecondStage(median)};
  mixtures.back().raised = *unimproved;
  mixtures.back().raised->budget.trials = 12;
  StudySpec* groups = add("stages, repeats, waiting for the best", tpe, NoPruning());
  groups->budget.trials = 4;
  groups->repeats = 2;
  groups->enqueue = {{"tuned", "", {{"learning_rate", 0.02}}, {InitFrom::Kind::kBest, "", 0}},
                     {"first", "", {{"learning_rate", 0.01}}, {}}};
  groups->stages = {SecondStage(median)};
  groups->stages[0].budget.trials = 3;
  StudySpec* evolved = add("stages, the second a population", tpe, NoPruning());
  evolved->budget.trials = 4;
  evolved->stages = {SecondStage(population)};
  evolved->stages[0].budget.trials = 5;
  StudySpec* cheap = add("stages, two objectives", Nsga2Options{.population = 4}, NoPruning());
  cheap->budget.trials = 5;
  cheap->objective.further = {{"parameters", Direction::kMinimize}};
  cheap->stages = {SecondStage(NoPruning())};
  cheap->stages[0].sampler = Nsga2Options{.population = 4};
  return mixtures;
}

int Seeds() {
  const char* seeds = std::getenv("VIZSLA_SIMULATION_SEEDS");
  return seeds != nullptr ? std::atoi(seeds) : kSeeds;
}

// With memory as its disk.
ReplayResult Play(const Schedule& schedule) {
  MemoryTrialStore store;
  bool full = false;
  store.SetCommitHook(
      [&] { return full ? absl::ResourceExhaustedError("the disk is full") : absl::OkStatus(); });
  return ClusterSimulation(schedule, {store, [&](bool now) { full = now; }}).Run();
}

TEST(ClusterSimulationTest, ThousandsOfSchedulesKeepEveryPromise) {
  spdlog::set_level(spdlog::level::off);
  ReplayCounts seen;
  for (const Mixture& mixture : Mixtures()) {
    for (int seed = 1; seed <= Seeds(); ++seed) {
      SCOPED_TRACE(StrCat(mixture.name, ", seed ", seed));
      const ReplayResult result = Play({static_cast<uint64_t>(seed), mixture.spec, mixture.raised});
      ASSERT_FALSE(HasFailure()) << mixture.name << ", seed " << seed;
      seen.promotions += result.counts.promotions;
      seen.prunings += result.counts.prunings;
      seen.sources += result.counts.sources;
      seen.repeats += result.counts.repeats;
      seen.replacements += result.counts.replacements;
      seen.rules += result.counts.rules;
    }
  }
  // The chaos leaves enough alive to say something about each kind of decision.
  EXPECT_GT(seen.promotions, Seeds());
  EXPECT_GT(seen.prunings, Seeds());
  EXPECT_GT(seen.sources, Seeds());
  EXPECT_GT(seen.repeats, Seeds());
  EXPECT_GT(seen.replacements, Seeds());
  EXPECT_GT(seen.rules, Seeds());
}

TEST(ClusterSimulationTest, AThousandWorkers) {
  spdlog::set_level(spdlog::level::off);
  const ReplayResult result = Play(BigSchedule(1, 400));
  EXPECT_EQ(result.counts.suggestions, 400);
  EXPECT_GT(result.counts.promotions, 50);
}

}  // namespace
}  // namespace vizsla
