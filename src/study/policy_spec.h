// Samplers and pruners by the user's words: names, JSON, and what is wrong with their options.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/status.h"
#include "src/study/json_fields.h"
#include "src/study/pruner_options.h"
#include "src/study/sampler_options.h"

namespace vizsla {

// "random", "tpe", ...
std::string_view ToText(SamplerKind kind);
// "none", "asha", ...
std::string_view ToText(PrunerKind kind);

// The name with the options that are not the default ones: "tpe (startup_trials 20)".
std::string Describe(const SamplerSpec& spec);
std::string Describe(const PrunerSpec& spec);

// All kinds in their order, each with its default options.
const std::vector<SamplerSpec>& AllSamplers();
const std::vector<PrunerSpec>& AllPruners();

// The name alone when all options are the default ones; otherwise an object of `kind` and them.
nlohmann::json ToJson(const SamplerSpec& spec);
nlohmann::json ToJson(const PrunerSpec& spec);
// Errors are noted in `fields`.
SamplerSpec SamplerFromJson(JsonFields& fields, const std::string& key);
PrunerSpec PrunerFromJson(JsonFields& fields, const std::string& key);

// Options that do not go together, or not with so many epochs a trial. InvalidArgument
// "OPTION: reason".
absl::Status CheckOptions(const SamplerSpec& spec);
absl::Status CheckOptions(const PrunerSpec& spec, int max_epochs);

}  // namespace vizsla
