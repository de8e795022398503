// The study of the load programs: the same options give the same study, so that one program may go
// on where another one stopped.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "src/base/status.h"
#include "src/study/study.h"

namespace vizsla {

struct LoadStudy {
  std::string name = "load";
  int epochs = 5;      // reports of a trial
  int parameters = 5;  // of the search space
  std::string sampler = "random";
  std::string pruner = "none";
  int64_t trials = 0;  // 0: without end

  void AddOptions(CLI::App& app);
  absl::StatusOr<StudySpec> Spec() const;
};

// The fingerprint of the photos that it is pinned to, and the bytes of its only artifact, which
// serves as split and as checkpoint of every trial.
std::string LoadDataset();
inline constexpr char kLoadArtifact[] = "checkpoint";

// The learning curve of a trial: depends on it, so that samplers and pruners have something to
// tell apart.
Metrics LoadMetrics(int64_t trial_number, int epoch);

}  // namespace vizsla
