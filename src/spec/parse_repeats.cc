#include "src/spec/parse_repeats.h"

namespace vizsla::spec {

absl::Status ReadRepeats(const Reader& reader, const Mapping& root, StudySpec& study) {
  if (const Field* field = root.Find("repeats")) {
    VIZSLA_ASSIGN_OR_RETURN(const int64_t runs, reader.ReadInt(*field, 1, kMostRepeats));
    study.repeats = static_cast<int>(runs);
  }
  const Field* field = root.Find("final");
  if (field == nullptr) return absl::OkStatus();
  VIZSLA_ASSIGN_OR_RETURN(const Mapping mapping, reader.ReadMapping(*field, {"top", "repeats"}));
  const Field* top = mapping.Find("top");
  if (top == nullptr) {
    return reader.Error(*field, "top: missing: say how many of the best are trained again");
  }
  VIZSLA_ASSIGN_OR_RETURN(const int64_t configurations, reader.ReadInt(*top, 1, kMostFinalists));
  study.final_runs.top = static_cast<int>(configurations);
  if (const Field* repeats = mapping.Find("repeats")) {
    VIZSLA_ASSIGN_OR_RETURN(const int64_t runs, reader.ReadInt(*repeats, 1, kMostRepeats));
    study.final_runs.repeats = static_cast<int>(runs);
  }
  return absl::OkStatus();
}

absl::Status CheckRepeatedPruners(const Reader& reader, const Mapping& root,
                                  const StudySpec& study) {
  const Field* field = root.Find("repeats");
  if (field == nullptr || study.repeats <= 1) field = root.Find("final");
  if (field == nullptr) return absl::OkStatus();
  for (int stage = 1; stage <= StageCount(study); ++stage) {
    const absl::Status status = CheckGoesWithRepeats(study.objective, StageOf(study, stage).pruner,
                                                     study.repeats, study.final_runs);
    if (status.ok()) continue;
    return reader.Error(*field, StrCat(stage == 1 ? "" : StrCat(DescribeStage(study, stage), ": "),
                                       std::string(status.message())));
  }
  return absl::OkStatus();
}

}  // namespace vizsla::spec
