#include "src/scheduling/logged_trial.h"

#include <algorithm>
#include <cmath>

namespace vizsla {
namespace {

// Persisted: which fields there are. In this order, the newest last.
enum Field : int64_t {
  kState = 1 << 0,
  kAttempt = 1 << 1,
  kEpoch = 1 << 2,
  kRung = 1 << 3,
  kScore = 1 << 4,
  kBestEpoch = 1 << 5,
  kBestCheckpoint = 1 << 6,
  kConfiguration = 1 << 7,
  kWarmStart = 1 << 8,
  kStage = 1 << 9,
  kName = 1 << 10,
  kRepeatOf = 1 << 11,
  kFinalRun = 1 << 12,
  kLineage = 1 << 13,
  kFurtherValues = 1 << 14,
  kLastCheckpoint = 1 << 15,
  kFinishedAt = 1 << 16,
  kAllFields = (1 << 17) - 1,
};

std::string Short(const std::string& hash) { return hash.substr(0, kLoggedHash); }

bool Same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }
bool Same(const std::optional<double>& a, const std::optional<double>& b) {
  return a.has_value() == b.has_value() && (!a || Same(*a, *b));
}
bool Same(const std::vector<double>& a, const std::vector<double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](double x, double y) { return Same(x, y); });
}

LastCheckpoint LastOf(const Trial& trial) {
  if (trial.last_checkpoint.empty()) return {};
  return {Short(trial.last_checkpoint), trial.last_checkpoint_epoch};
}

void Put(ByteWriter& out, const WarmStart& start) {
  out.Int(static_cast<int64_t>(start.kind));
  out.Int(start.trial);
  out.Text(start.checkpoint);
}

WarmStart GetWarmStart(ByteReader& in) {
  WarmStart start;
  start.kind = in.Word(WarmStart::Kind::kBestConfiguration);
  start.trial = in.Int();
  start.checkpoint = in.Text();
  return start;
}

void Put(ByteWriter& out, const Lineage& lineage) {
  out.Int(lineage.parent);
  out.Int(lineage.parent_epoch);
  out.Int(lineage.member);
  out.Text(lineage.checkpoint);
}

Lineage GetLineage(ByteReader& in) {
  Lineage lineage;
  lineage.parent = in.Int();
  lineage.parent_epoch = static_cast<int>(in.Int());
  lineage.member = in.Int();
  lineage.checkpoint = in.Text();
  return lineage;
}

int64_t FieldsOf(const LoggedTrial& changes) {
  int64_t fields = 0;
  if (changes.state) fields |= kState;
  if (changes.attempt) fields |= kAttempt;
  if (changes.epoch) fields |= kEpoch;
  if (changes.rung) fields |= kRung;
  if (changes.score) fields |= kScore;
  if (changes.best_epoch) fields |= kBestEpoch;
  if (changes.best_checkpoint) fields |= kBestCheckpoint;
  if (changes.configuration_json) fields |= kConfiguration;
  if (changes.warm_start) fields |= kWarmStart;
  if (changes.stage) fields |= kStage;
  if (changes.name) fields |= kName;
  if (changes.repeat_of) fields |= kRepeatOf;
  if (changes.final_run) fields |= kFinalRun;
  if (changes.lineage) fields |= kLineage;
  if (changes.further_values) fields |= kFurtherValues;
  if (changes.last_checkpoint) fields |= kLastCheckpoint;
  if (changes.finished_at) fields |= kFinishedAt;
  return fields;
}

}  // namespace

LoggedParts LoggedPartsOf(const StudySpec& spec) {
  LoggedParts parts;
  const auto add = [&](const std::string& metric) {
    const auto found = std::find(parts.metrics.begin(), parts.metrics.end(), metric);
    if (found == parts.metrics.end()) parts.metrics.push_back(metric);
  };
  add(spec.objective.metric);
  add(spec.objective.select_by);
  for (const FurtherObjective& further : spec.objective.further) add(further.metric);
  for (int stage = 1; stage <= StageCount(spec); ++stage) {
    parts.last_checkpoints =
        parts.last_checkpoints || KindOf(StageOf(spec, stage).pruner) == PrunerKind::kPopulation;
  }
  return parts;
}

std::optional<LoggedTrial> Difference(const Trial& before, const Trial& after,
                                      const LoggedParts& parts) {
  LoggedTrial changes;
  const auto note = [](const auto& old_value, const auto& value, auto& field) {
    if (old_value != value) field = value;
  };
  note(before.state, after.state, changes.state);
  note(before.attempt.value(), after.attempt.value(), changes.attempt);
  note(before.epoch, after.epoch, changes.epoch);
  note(before.rung, after.rung, changes.rung);
  if (!Same(before.score, after.score)) changes.score = after.score;
  note(before.best_epoch, after.best_epoch, changes.best_epoch);
  if (before.best_checkpoint != after.best_checkpoint) {
    changes.best_checkpoint = Short(after.best_checkpoint);
  }
  if (before.configuration != after.configuration) {
    changes.configuration_json = ToJsonText(after.configuration);
  }
  if (before.warm_start != after.warm_start) {
    changes.warm_start = after.warm_start;
    changes.warm_start->checkpoint = Short(after.warm_start.checkpoint);
  }
  note(before.stage, after.stage, changes.stage);
  note(before.name, after.name, changes.name);
  note(before.repeat_of, after.repeat_of, changes.repeat_of);
  note(before.final_run, after.final_run, changes.final_run);
  if (before.lineage != after.lineage) {
    changes.lineage = after.lineage;
    changes.lineage->checkpoint = Short(after.lineage.checkpoint);
  }
  if (!Same(before.further_values, after.further_values)) {
    changes.further_values = after.further_values;
  }
  if (parts.last_checkpoints) note(LastOf(before), LastOf(after), changes.last_checkpoint);
  note(before.finished_at, after.finished_at, changes.finished_at);
  if (FieldsOf(changes) == 0) return std::nullopt;
  return changes;
}

absl::Status Apply(const LoggedTrial& changes, Trial& trial) {
  const auto take = [](const auto& field, auto& value) {
    if (field) value = *field;
  };
  take(changes.state, trial.state);
  if (changes.attempt) trial.attempt = AttemptNumber(*changes.attempt);
  take(changes.epoch, trial.epoch);
  take(changes.rung, trial.rung);
  take(changes.score, trial.score);
  take(changes.best_epoch, trial.best_epoch);
  take(changes.best_checkpoint, trial.best_checkpoint);
  if (changes.configuration_json) {
    VIZSLA_ASSIGN_OR_RETURN(trial.configuration,
                            ConfigurationFromJsonText(*changes.configuration_json));
  }
  take(changes.warm_start, trial.warm_start);
  take(changes.stage, trial.stage);
  take(changes.name, trial.name);
  take(changes.repeat_of, trial.repeat_of);
  take(changes.final_run, trial.final_run);
  take(changes.lineage, trial.lineage);
  take(changes.further_values, trial.further_values);
  if (changes.last_checkpoint) {
    trial.last_checkpoint = changes.last_checkpoint->hash;
    trial.last_checkpoint_epoch = changes.last_checkpoint->epoch;
  }
  take(changes.finished_at, trial.finished_at);
  return absl::OkStatus();
}

void Put(ByteWriter& out, const std::optional<double>& value) {
  out.Int(value ? 1 : 0);
  if (value) out.Double(*value);
}

std::optional<double> GetOptionalDouble(ByteReader& in) {
  if (in.Int() == 0) return std::nullopt;
  return in.Double();
}

void Put(ByteWriter& out, const LoggedTrial& changes) {
  out.Int(FieldsOf(changes));
  if (changes.state) out.Int(static_cast<int64_t>(*changes.state));
  if (changes.attempt) out.Int(*changes.attempt);
  if (changes.epoch) out.Int(*changes.epoch);
  if (changes.rung) out.Int(*changes.rung);
  if (changes.score) Put(out, *changes.score);
  if (changes.best_epoch) out.Int(*changes.best_epoch);
  if (changes.best_checkpoint) out.Text(*changes.best_checkpoint);
  if (changes.configuration_json) out.Text(*changes.configuration_json);
  if (changes.warm_start) Put(out, *changes.warm_start);
  if (changes.stage) out.Int(*changes.stage);
  if (changes.name) out.Text(*changes.name);
  if (changes.repeat_of) out.Int(*changes.repeat_of);
  if (changes.final_run) out.Int(*changes.final_run ? 1 : 0);
  if (changes.lineage) Put(out, *changes.lineage);
  if (changes.further_values) {
    out.Int(std::ssize(*changes.further_values));
    for (const double value : *changes.further_values) out.Double(value);
  }
  if (changes.last_checkpoint) {
    out.Text(changes.last_checkpoint->hash);
    out.Int(changes.last_checkpoint->epoch);
  }
  if (changes.finished_at) {
    out.Int(*changes.finished_at ? 1 : 0);
    if (*changes.finished_at) out.Int(ToUnixMillis(**changes.finished_at));
  }
}

std::optional<LoggedTrial> GetLoggedTrial(ByteReader& in) {
  LoggedTrial changes;
  const int64_t fields = in.Int();
  if ((fields & ~kAllFields) != 0) return std::nullopt;
  if (fields & kState) changes.state = in.Word(TrialState::kCancelled);
  if (fields & kAttempt) changes.attempt = in.Int();
  if (fields & kEpoch) changes.epoch = static_cast<int>(in.Int());
  if (fields & kRung) changes.rung = static_cast<int>(in.Int());
  if (fields & kScore) changes.score = GetOptionalDouble(in);
  if (fields & kBestEpoch) changes.best_epoch = static_cast<int>(in.Int());
  if (fields & kBestCheckpoint) changes.best_checkpoint = in.Text();
  if (fields & kConfiguration) changes.configuration_json = in.Text();
  if (fields & kWarmStart) changes.warm_start = GetWarmStart(in);
  if (fields & kStage) changes.stage = static_cast<int>(in.Int());
  if (fields & kName) changes.name = in.Text();
  if (fields & kRepeatOf) changes.repeat_of = in.Int();
  if (fields & kFinalRun) changes.final_run = in.Int() != 0;
  if (fields & kLineage) changes.lineage = GetLineage(in);
  if (fields & kFurtherValues) {
    changes.further_values.emplace();
    for (int64_t left = in.Count(); left > 0; --left) {
      changes.further_values->push_back(in.Double());
    }
  }
  if (fields & kLastCheckpoint) {
    LastCheckpoint last;
    last.hash = in.Text();
    last.epoch = static_cast<int>(in.Int());
    changes.last_checkpoint = last;
  }
  if (fields & kFinishedAt) {
    changes.finished_at.emplace();
    if (in.Int() != 0) changes.finished_at = FromUnixMillis(in.Int());
  }
  return changes;
}

}  // namespace vizsla
