// A study's YAML file becomes a StudySpec. docs/search-spaces.md describes the format;
// docs/search-space.schema.json is the same for editors. Pure but for ParseStudyFile's reading.
#pragma once

#include <string>
#include <string_view>

#include "src/base/status.h"
#include "src/study/study.h"

namespace vizsla {

// InvalidArgument "FILE:LINE:COLUMN: field: reason" (both counted from 1) for whatever is wrong:
// YAML syntax, unknown or duplicate keys, wrong types, empty ranges, impossible conditions, values
// that the catalog refuses, combinations of values that no network can take. What it returns is
// valid as a whole: parameters are ordered parents first, enqueued configurations are complete
// (fixed parameters filled in), defaults are set.
absl::StatusOr<StudySpec> ParseStudy(std::string_view yaml, std::string_view file_name);

// Blocks while it reads. NotFound and the like name the path.
absl::StatusOr<StudySpec> ParseStudyFile(const std::string& path);

}  // namespace vizsla
