// A quick way to write ToJsonText(Configuration) and to read it back: without a tree of JSON values
// between the text and the configuration. Pure. Internal to src/study.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "src/study/configuration.h"

namespace vizsla {

// The configuration of a JSON object without white space whose names ascend and whose texts have no
// escapes: equal to what ConfigurationFromJson makes of it. Nullopt for any other text, also for
// valid JSON in another form: that takes the long way, which knows what to say about it.
std::optional<Configuration> ReadCanonicalConfiguration(std::string_view text);

// DumpJson(ToJson(configuration)); nullopt when a name or text in it needs escapes, or a number is
// not finite.
std::optional<std::string> WriteCanonicalConfiguration(const Configuration& configuration);

}  // namespace vizsla
