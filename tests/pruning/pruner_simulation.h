// A scheduler in small: a study on a simulated cluster with a clock of its own, driven by a pruner
// as src/pruning/pruner.h says. Epochs take different times; workers may crash, before a pause is
// saved too, and come back with an older checkpoint or none; trials may fail or diverge. Everything
// follows from the seed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "src/base/random.h"
#include "src/pruning/pruner.h"

namespace vizsla {

struct SimulationOptions {
  PrunerSpec pruner;
  PrunerContext context;
  int workers = 1;
  int64_t trials = 1;
  uint64_t seed = 1;
  double crash_probability = 0;    // of each epoch
  double failure_probability = 0;  // of each epoch: for good
  double rerun_noise = 0;          // how much the values of a second or later attempt may differ
  // After every event a pruner is made from the rows and reports in random order, some of them
  // twice, and must answer as the live one.
  bool check_replay = false;
  // Of the trial with this number at this epoch.
  std::function<double(int64_t, int)> curve;
  std::function<int(int64_t)> planned_epochs;  // unset: context.max_epochs
};

class PrunerSimulation {
 public:
  struct Report {
    AttemptNumber attempt;
    double value = 0;
  };
  using Reports = std::map<int64_t, std::map<int, Report>>;
  struct Promotion {
    int64_t trial = 0;
    int rung = 0;          // from which
    bool resumed = false;  // it had been paused
  };

  explicit PrunerSimulation(SimulationOptions options);

  // Until nothing is left to do; what is paused then is pruned.
  void Run();

  const std::map<int64_t, PrunerTrial>& rows() const { return rows_; }
  const Reports& reports() const { return reports_; }
  const std::vector<Promotion>& promotions() const { return promotions_; }
  int64_t epochs_trained() const { return epochs_trained_; }
  double duration() const { return now_; }
  double idle_time() const { return idle_time_; }
  // The COMPLETED trial with the best last value; 0: none.
  int64_t Winner() const;

  // Called before a promotion is stored.
  std::function<void(const PrunerSimulation&, const Promotion&)> on_promotion;

 private:
  struct Worker {
    int64_t trial = 0;  // 0: idle
    int epoch = 0;      // that its weights have
    bool pausing = false;
    double until = 0;
  };

  void Promote(int64_t trial, bool resumed);
  void Store(const PrunerTrial& row);
  // Gives every idle worker work as far as there is some.
  void Assign();
  std::optional<int64_t> NextTrial();
  void Step(Worker& worker);
  void FinishEpoch(Worker& worker);
  void End(Worker& worker, TrialState state);
  void PruneLosers();
  void CheckReplay();
  double EpochTime(int64_t trial);
  double ValueAt(int64_t trial, int epoch);

  const SimulationOptions options_;
  std::unique_ptr<Pruner> pruner_;
  RandomStream random_;
  std::vector<Worker> workers_;
  std::map<int64_t, PrunerTrial> rows_;
  std::map<int64_t, int> checkpoints_;  // epochs
  std::map<int64_t, int> attempts_;
  Reports reports_;
  std::vector<Promotion> promotions_;
  bool all_created_ = false;
  int64_t epochs_trained_ = 0;
  double now_ = 0;
  double idle_time_ = 0;
};

}  // namespace vizsla
