// The byte budget's options, the same for vizsla-coordinator and for a worker that brings one
// along.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "src/base/quantity.h"

namespace vizsla {

// `budget`: afterwards what ParseBytes reads; empty: no limit.
inline void AddArtifactBudgetOptions(CLI::App& app, std::string& budget, int& keep_best) {
  app.add_option("--artifact-budget", budget,
                 "How much checkpoints, weights and splits may take on disk, for instance 50GiB: "
                 "checkpoints of ended trials go, the worst first [no limit]")
      ->check(CLI::Validator(
          [](std::string& text) {
            return ParseBytes(text)
                       ? std::string()
                       : "'" + text + "' is no size; write for instance 50GiB or 500MB";
          },
          "SIZE"));
  app.add_option("--keep-best", keep_best,
                 "How many of each study's best checkpoints the budget never takes")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000));
}

}  // namespace vizsla
