// `vizsla note`: other words for a study's or a trial's notes, another name for a trial.
#pragma once

#include <optional>
#include <string>

#include "src/base/status.h"
#include "src/cli/connection.h"

namespace vizsla {

struct NoteCommand {
  std::string study;                  // empty: the newest
  std::optional<std::string> trial;   // its number, or "best"; nullopt: the study itself
  std::optional<std::string> name;    // of the trial
  std::optional<std::string> notes;   // in place of what stands there
  std::optional<std::string> append;  // behind it
  bool json = false;
};
// With nothing to change it shows what stands there.
absl::Status RunNote(const ConnectionOptions& connection, const NoteCommand& command);

}  // namespace vizsla
