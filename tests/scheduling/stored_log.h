// A study's log out of a store, and its replay.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "src/scheduling/replay.h"
#include "src/scheduling/trial_store.h"

namespace vizsla {

inline std::vector<DecisionRow> StoredLog(TrialStore& store, const std::string& study) {
  std::vector<DecisionRow> rows;
  const absl::Status status = store.Read([&](TrialReader& reader) -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(const Study found, reader.FindStudy(study));
    VIZSLA_ASSIGN_OR_RETURN(rows, reader.ListDecisions(found.id, 0, 1 << 30));
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  return rows;
}

inline ReplayResult Replayed(const std::vector<DecisionRow>& rows) {
  DecisionReplay replay;
  for (const DecisionRow& row : rows) {
    const absl::Status status = replay.Add(row);
    EXPECT_TRUE(status.ok()) << status;
  }
  return replay.result();
}

// Every decision of the study is derived again as it was; says the first that is not.
inline ReplayResult ExpectReplays(TrialStore& store, const std::string& study) {
  ReplayResult result = Replayed(StoredLog(store, study));
  EXPECT_EQ(result.difference_count, 0);
  if (!result.differences.empty()) {
    const ReplayDifference& first = result.differences.front();
    ADD_FAILURE() << "row " << first.sequence << ": " << first.decision
                  << "\n  logged: " << first.logged << "\n  derived: " << first.derived
                  << "\n  from: " << first.inputs;
  }
  return result;
}

}  // namespace vizsla
