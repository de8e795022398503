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
#include "src/study/search_space.h"

namespace vizsla {

// What the user wants spent. May be raised when the same study is submitted again; everything else
// is part of the immutable hash.
struct Budget {
  int64_t trials = 0;  // at least 1; 0 with the grid sampler means the whole grid
  int epochs = 30;     // per trial
  std::optional<std::chrono::seconds> wall_time;  // of the study, counted while trials run
  bool operator==(const Budget&) const = default;
};

// Fractions as in docs: test is taken of all photos, validation of the rest.
struct SplitSpec {
  double test = 0.10;
  double validation = 0.08;
  uint64_t seed = 42;
  std::string group_column;  // of labels.csv; photos of one group stay on one side; empty: none
  bool operator==(const SplitSpec&) const = default;
};

enum class SamplerKind : int { kRandom = 0, kGrid = 1 };  // persisted
std::string_view ToText(SamplerKind kind);

// The user's word on what the weights expect, for files whose metadata does not say. Empty: the
// file must say.
struct WeightsSpec {
  std::string padding;        // "tf_same" or "symmetric"
  std::string preprocessing;  // a name of catalog/preprocessing.h
  bool operator==(const WeightsSpec&) const = default;
};

struct EnqueuedTrial {
  std::string name;
  std::string notes;
  Configuration configuration;
  bool operator==(const EnqueuedTrial&) const = default;
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
  SamplerKind sampler = SamplerKind::kRandom;
  int max_crashes = 3;  // after so many crashed attempts a trial is FAILED
  // Between `last` checkpoints of a trial; 0: one after every epoch.
  std::chrono::seconds checkpoint_interval{60};
  SearchSpace space;
  std::vector<EnqueuedTrial> enqueue;
  bool operator==(const StudySpec&) const = default;
};

// InvalidArgument for a name that could not stand in a file name or a YAML file's `name:`.
absl::Status CheckStudyName(std::string_view name);

nlohmann::json ToJson(const StudySpec& spec);
// An absent field has its default, so that a database outlives the release that adds the field: a
// new field's default must be what was done before. An unknown field is refused: an older program
// must not misread a newer study.
absl::StatusOr<StudySpec> StudySpecFromJson(const nlohmann::json& json);
std::string ToJsonText(const StudySpec& spec);  // canonical, compact
absl::StatusOr<StudySpec> StudySpecFromJsonText(std::string_view text);

// SHA-256 of the canonical JSON without name, notes and budget: what makes it the same study.
std::string ImmutableHash(const StudySpec& spec);

// A readable difference of the immutable parts, one line a field ("parameters.dropout: 0.2 ->
// 0.5"); empty when they are equal.
std::string DiffImmutable(const StudySpec& stored, const StudySpec& given);

// Persisted: never renumber.
enum class StudyState : int {
  kActive = 0,
  kStopped = 1,   // by the user; resumable
  kFinished = 2,  // its trials have ended, or its time is over: then some may still be QUEUED
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
  StudySpec spec;
  PinnedInputs inputs;
  StudyState state = StudyState::kActive;
  Timestamp created_at{};
  std::optional<Timestamp> finished_at;
  Milliseconds active_time{0};  // while at least one of its trials ran
};

}  // namespace vizsla
