// A study: an immutable specification, pinned data and weights, and a life cycle.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/clock.h"
#include "src/study/early_stopping.h"
#include "src/study/ids.h"
#include "src/study/objective.h"
#include "src/study/repeats.h"
#include "src/study/search_space.h"
#include "src/study/stage.h"
#include "src/study/stop_rules.h"
#include "src/study/trial.h"

namespace vizsla {

// Fractions as in docs: test is taken of all photos, validation of the rest.
struct SplitSpec {
  double test = 0.10;
  double validation = 0.08;
  uint64_t seed = 42;
  std::string group_column;  // of labels.csv; photos of one group stay on one side; empty: none
  bool operator==(const SplitSpec&) const = default;
};

// The user's word on what the weights expect, for files whose metadata does not say. Empty: the
// file must say.
struct WeightsSpec {
  std::string padding;        // "tf_same" or "symmetric"
  std::string preprocessing;  // a name of catalog/preprocessing.h
  bool operator==(const WeightsSpec&) const = default;
};

struct StudySpec {
  std::string name;
  std::string notes;
  uint64_t seed = 42;
  SplitSpec split;
  WeightsSpec weights;
  Objective objective;
  Budget budget;
  EarlyStopping early_stopping;
  SamplerSpec sampler;
  PrunerSpec pruner;
  int repeats = 1;  // runs of each configuration; budgets count configurations
  FinalRuns final_runs;
  int max_crashes = 3;  // after so many crashed attempts a trial is FAILED
  // Between `last` checkpoints of a trial; 0: one after every epoch.
  std::chrono::seconds checkpoint_interval{60};
  SearchSpace space;
  std::vector<EnqueuedTrial> enqueue;
  std::vector<Stage> stages;  // `then:`; stages[0] is stage 2
  StopRules stop;
  // Names of earlier studies whose trials the first stage's sampler knows from the start. Which
  // trials those are is decided once, when the study is made.
  std::vector<std::string> learn_from;
  bool operator==(const StudySpec&) const = default;
};

// One stage, whether it is the first (the study's own fields) or a later one. Points into the
// specification.
struct StageView {
  const Budget& budget;
  const SamplerSpec& sampler;
  const PrunerSpec& pruner;
  const SearchSpace& space;
  const std::vector<EnqueuedTrial>& enqueue;
};
int StageCount(const StudySpec& spec);
// 1 <= stage <= StageCount.
StageView StageOf(const StudySpec& spec, int stage);
// "stage 2 (fine-tune)".
std::string DescribeStage(const StudySpec& spec, int stage);

// The parameter that limits one trial's epochs; the catalog describes it like the others.
inline constexpr char kEpochsParameter[] = "epochs";

// How many epochs the trial runs unless it is stopped: the budget of its stage, or its own
// parameter `epochs` when that is less.
int PlannedEpochs(const StudySpec& spec, const Trial& trial);
int PlannedEpochs(const Budget& budget, const Configuration& configuration);

// InvalidArgument for a name that could not stand in a file name or a YAML file's `name:`.
absl::Status CheckStudyName(std::string_view name);

nlohmann::json ToJson(const StudySpec& spec);
// An absent field has its default, so that a database outlives the release that adds the field: a
// new field's default must be what was done before. An unknown field is refused: an older program
// must not misread a newer study.
absl::StatusOr<StudySpec> StudySpecFromJson(const nlohmann::json& json);
std::string ToJsonText(const StudySpec& spec);  // canonical, compact
absl::StatusOr<StudySpec> StudySpecFromJsonText(std::string_view text);

// SHA-256 of the canonical JSON without name, final runs and stopping rules, and without the notes
// and budgets of study and stages: what makes it the same study.
std::string ImmutableHash(const StudySpec& spec);

// A readable difference of the immutable parts, one line a field ("parameters.dropout: 0.2 ->
// 0.5"); empty when they are equal.
std::string DiffImmutable(const StudySpec& stored, const StudySpec& given);

// Persisted: never renumber.
enum class StudyState : int {
  kActive = 0,
  kStopped = 1,   // by the user; resumable
  kFinished = 2,  // its trials have ended, or it was ended (end_reason): some may still be QUEUED
  // 3 was deleted, when deleting did not remove the rows.
};
std::string_view ToText(StudyState state);

// What the study is pinned to. Hashes are SHA-256 in hexadecimal.
struct PinnedInputs {
  std::string dataset_fingerprint;
  std::string split_hash;    // artifact: the split as JSON
  std::string weights_hash;  // artifact: the weights file as given; empty when none is needed
  bool operator==(const PinnedInputs&) const = default;
};

struct Study {
  StudyId id;
  StudySpec spec;     // as submitted last
  std::string notes;  // spec.notes, or what they were edited to since
  PinnedInputs inputs;
  StudyState state = StudyState::kActive;
  Timestamp created_at{};
  std::optional<Timestamp> finished_at;
  Milliseconds active_time{0};  // while at least one of its trials ran
  // Why it FINISHED before its trials were used up: "target 0.9 reached by trial 17 (0.912)"; empty
  // while it has not, and when all have ended.
  std::string end_reason;
  // What its sampler has learnt from earlier studies, for people; empty: nothing.
  std::string learned;
};

}  // namespace vizsla
