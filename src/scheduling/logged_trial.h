// What the log of decisions keeps of a trial's row: the fields on which decisions depend, each only
// when it changes. Internal to the decision log.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/scheduling/byte_codec.h"
#include "src/study/study.h"
#include "src/study/trial.h"

namespace vizsla {

// Checkpoints are known in the log by the beginning of their hash.
inline constexpr size_t kLoggedHash = 12;

// What of its reports and trials a study's decisions depend on. Never changes.
struct LoggedParts {
  std::vector<std::string> metrics;  // each once
  bool last_checkpoints = false;     // a population goes on from them
};
LoggedParts LoggedPartsOf(const StudySpec& spec);

struct LastCheckpoint {
  std::string hash;  // empty: there is none
  int epoch = 0;
  bool operator==(const LastCheckpoint&) const = default;
};

// Only what is not nullopt has changed; of a new trial, against Trial().
struct LoggedTrial {
  std::optional<TrialState> state;
  std::optional<int64_t> attempt;
  std::optional<int> epoch;
  std::optional<int> rung;
  std::optional<std::optional<double>> score;
  std::optional<int> best_epoch;
  std::optional<std::string> best_checkpoint;
  std::optional<std::string> configuration_json;
  std::optional<WarmStart> warm_start;
  std::optional<int> stage;
  std::optional<std::string> name;
  std::optional<int64_t> repeat_of;
  std::optional<bool> final_run;
  std::optional<Lineage> lineage;
  std::optional<std::vector<double>> further_values;
  std::optional<LastCheckpoint> last_checkpoint;
  std::optional<std::optional<Timestamp>> finished_at;
};

// Hashes are cut short. Nullopt when nothing that decisions depend on has changed.
std::optional<LoggedTrial> Difference(const Trial& before, const Trial& after,
                                      const LoggedParts& parts);
// InvalidArgument: a configuration that cannot be read.
absl::Status Apply(const LoggedTrial& changes, Trial& trial);

void Put(ByteWriter& out, const LoggedTrial& changes);
// Nullopt: it has fields that this program does not know.
std::optional<LoggedTrial> GetLoggedTrial(ByteReader& in);

// Of the log's other parts, too.
void Put(ByteWriter& out, const std::optional<double>& value);
std::optional<double> GetOptionalDouble(ByteReader& in);

}  // namespace vizsla
