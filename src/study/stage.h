// The parts of a study that each of its stages has: a budget, a sampler, exact configurations to
// try first. A study's own fields are its first stage; `then:` adds more.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/study/configuration.h"
#include "src/study/json_fields.h"
#include "src/study/policy_spec.h"
#include "src/study/search_space.h"

namespace vizsla {

// What the user wants spent. May be raised when the same study is submitted again; everything else
// is part of the immutable hash.
struct Budget {
  // Configurations, whatever their repeats: at least 1; 0 with the grid sampler means the whole
  // grid.
  int64_t trials = 0;
  int epochs = 30;                                // per trial
  std::optional<std::chrono::seconds> wall_time;  // of the study, counted while trials run
  bool operator==(const Budget&) const = default;
};

// `init_from:` of an enqueued trial. The trial takes over the other one's configuration (its own
// parameters replace what they name) and the weights of its best checkpoint.
struct InitFrom {
  enum class Kind {
    kNone,   // in the first stage: nothing. Later: the best trial's configuration, no weights
    kBest,   // the best trial of the stages before; in the first stage, of all that do not wait so
    kTrial,  // the enqueued trial called `name`, or the trial with `number`
  };
  Kind kind = Kind::kNone;
  std::string name;    // empty: by its number
  int64_t number = 0;  // from 1, within the study
  bool operator==(const InitFrom&) const = default;
};
// As YAML says it: none, best, transfer, 3.
std::string ToText(const InitFrom& init_from);

// `configuration` is the whole one where that is known beforehand (IsComplete in init_from.h);
// otherwise it is what replaces the source's.
struct EnqueuedTrial {
  std::string name;
  std::string notes;
  Configuration configuration;
  InitFrom init_from = {};
  bool operator==(const EnqueuedTrial&) const = default;
};

// An entry of `then:`. It begins when every trial of the stages before has ended. Its trials vary
// the best configurations found until then.
struct Stage {
  std::string name;  // for people; may be empty
  std::string notes;
  bool init_weights = true;  // false (`init_from: none`): only the configuration is taken over
  int top = 1;               // the K best trials take turns as the source of sampled trials
  Budget budget;             // without wall time: that is the study's
  SamplerSpec sampler;
  PrunerSpec pruner;
  SearchSpace space;  // may be empty; conditions may name parameters of earlier stages
  std::vector<EnqueuedTrial> enqueue;
  bool operator==(const Stage&) const = default;
};

// "stage 2", "stage 2 (fine-tune)".
std::string DescribeStage(int number, const std::string& name);

// JSON of the parts; the functions that read note what is wrong in `outer`.
nlohmann::json ToJson(const Budget& budget);
Budget BudgetFromJson(JsonFields& outer, const nlohmann::json& value);
nlohmann::json ToJson(const EnqueuedTrial& trial);
std::vector<EnqueuedTrial> EnqueueFromJson(JsonFields& outer, const nlohmann::json& list);
nlohmann::json ToJson(const Stage& stage);
std::vector<Stage> StagesFromJson(JsonFields& outer, const nlohmann::json& list);

}  // namespace vizsla
