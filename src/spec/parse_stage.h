// What a study and each of its stages have in common in YAML, and the stages of `then:`. Internal
// to src/spec.
#pragma once

#include <vector>

#include "src/spec/parse_enqueue.h"
#include "src/spec/parse_parameters.h"
#include "src/spec/yaml_reader.h"
#include "src/study/study.h"

namespace vizsla::spec {

// What is not said stays as in `budget`.
absl::StatusOr<Budget> ReadBudget(const Reader& reader, const Field& field, Budget budget);

// Of the study or one of its stages, whose mapping is `root`.
// Reads `sampler:` and `pruner:` where they are given; the pruner fits the budget's epochs, and
// both the objectives.
absl::Status ReadPolicies(const Reader& reader, const Mapping& root, const Objective& objective,
                          const Budget& budget, SamplerSpec& sampler, PrunerSpec& pruner);
// A grid is finite, and everything else has a number of trials.
absl::Status CheckSampler(const Reader& reader, const Mapping& root, const ParsedSpace& parsed,
                          const SamplerSpec& sampler, const Budget& budget);

absl::Status CheckEnqueueFits(const Reader& reader, const Field& enqueue, size_t entries,
                              const Budget& budget);

// Combinations of the first stage's values that the catalog refuses though each value is allowed.
absl::Status CheckCombinations(const Reader& reader, const ParsedSpace& parsed,
                               const StudySpec& study);

// A stage, or the study's own part, and where it stands.
struct ParsedStage {
  Field whole;
  ParsedSpace parameters;
  std::vector<EnqueuedPlaces> enqueue;
};

// Reads an entry of `then:` and adds it to the study, which has the stages before it.
absl::StatusOr<ParsedStage> ReadStage(const Reader& reader, const Field& field, StudySpec& study);

// What the catalog refuses whatever a trial starts from (FindImpossible), with its place. `stages`
// begins with the study's own part.
absl::Status CheckStages(const Reader& reader, const std::vector<ParsedStage>& stages,
                         const StudySpec& study);

}  // namespace vizsla::spec
