#include "src/catalog/needed_weights.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "src/catalog/parameter_values.h"
#include "src/catalog/training_plan.h"
#include "src/study/init_from.h"
#include "src/study/planned_trials.h"
#include "src/study/take_over.h"

namespace vizsla {
namespace {

// The part of the space that decides about network and initial_weights: these and all that their
// conditions lead back to.
SearchSpace DecidingPart(const SearchSpace& space) {
  std::vector<std::string> wanted = {"network", "initial_weights"};
  SearchSpace part;
  for (auto it = space.parameters.rbegin(); it != space.parameters.rend(); ++it) {
    if (std::find(wanted.begin(), wanted.end(), it->name) == wanted.end()) continue;
    for (const Condition& condition : it->conditions) wanted.push_back(condition.parent);
    part.parameters.insert(part.parameters.begin(), *it);
  }
  return part;
}

// What decides it in the trials of the stages so far: a later stage may choose anew.
class Starts {
 public:
  explicit Starts(const StudySpec& spec) : spec_(spec) {}

  const std::set<Configuration>& Collect() {
    AddFirstStage();
    for (int stage = 1; stage <= StageCount(spec_); ++stage) AddWithSources(stage);
    return starts_;
  }

 private:
  void Add(const Configuration& configuration) {
    Configuration start;
    for (const char* name : {"network", "initial_weights"}) {
      const auto value = configuration.find(name);
      if (value != configuration.end()) start.insert(*value);
    }
    starts_.insert(std::move(start));
  }

  void AddDrawn(const SearchSpace& space, int stage, const Configuration& source) {
    for (std::optional<Configuration> drawn = FirstConfiguration(space); drawn;
         drawn = NextConfiguration(space, *drawn)) {
      Add(Vary(spec_, stage, source, *drawn));
    }
  }

  void AddFirstStage() {
    for (size_t i = 0; i < spec_.enqueue.size(); ++i) {
      if (IsComplete(spec_, {1, i})) Add(spec_.enqueue[i].configuration);
    }
    if (SamplerMayDraw(StageOf(spec_, 1))) AddDrawn(DecidingPart(spec_.space), 1, {});
  }

  void AddWithSources(int stage) {
    const StageView view = StageOf(spec_, stage);
    for (const Configuration& source : std::set<Configuration>(starts_)) {
      if (stage > 1 && SamplerMayDraw(view)) {
        AddDrawn(SpaceOn(DecidingPart(view.space), source), stage, source);
      }
      for (size_t i = 0; i < view.enqueue.size(); ++i) {
        if (!IsComplete(spec_, {stage, i})) {
          Add(TakeOver(spec_, stage, source, view.enqueue[i].configuration));
        }
      }
    }
  }

  const StudySpec& spec_;
  std::set<Configuration> starts_;
};

}  // namespace

std::set<std::string> PretrainedNetworks(const StudySpec& spec) {
  std::set<std::string> networks;
  Starts starts(spec);
  for (const Configuration& start : starts.Collect()) {
    const ParameterValues values(start);
    const std::string network = values.Word("network");
    if (!IsScratchNetwork(network) && values.Word("initial_weights") == "pretrained") {
      networks.insert(network);
    }
  }
  return networks;
}

bool NeedsWeights(const StudySpec& spec) { return !PretrainedNetworks(spec).empty(); }

}  // namespace vizsla
