// The `enqueue:` part of a study's YAML, or of one of its stages. Internal to src/spec.
#pragma once

#include <vector>

#include "src/spec/yaml_reader.h"
#include "src/study/study.h"

namespace vizsla::spec {

// Where the parts of one entry stand.
struct EnqueuedPlaces {
  Field entry;
  Field init_from;   // the entry when there is none
  Field parameters;  // likewise
  Mapping values;    // of the parameters
};

struct ParsedEnqueue {
  std::vector<EnqueuedTrial> trials;
  std::vector<EnqueuedPlaces> places;
};

// What the file says, each value allowed by the catalog; nothing is completed. `by_default`: what
// init_from is when an entry does not say it.
absl::StatusOr<ParsedEnqueue> ParseEnqueue(const Reader& reader, const Field& enqueue,
                                           InitFrom::Kind by_default);

// Completes the configurations of the first stage: with the space's fixed parameters, or with what
// their source has, and checks them against the catalog. study.enqueue must follow no circle.
absl::Status CompleteEnqueue(const Reader& reader, const std::vector<EnqueuedPlaces>& places,
                             StudySpec& study);

}  // namespace vizsla::spec
