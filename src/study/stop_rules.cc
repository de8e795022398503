#include "src/study/stop_rules.h"

#include <nlohmann/json.hpp>

namespace vizsla {

nlohmann::json ToJson(const StopRules& rules) {
  nlohmann::json fields = nlohmann::json::object();
  if (rules.target) fields["target"] = *rules.target;
  if (rules.no_improvement_trials > 0) {
    fields["no_improvement_trials"] = rules.no_improvement_trials;
    if (rules.min_delta != 0) fields["min_delta"] = rules.min_delta;
  }
  if (rules.epochs > 0) fields["epochs"] = rules.epochs;
  return fields;
}

StopRules StopRulesFromJson(JsonFields& outer, const nlohmann::json& value) {
  constexpr int64_t kMost = int64_t{1} << 40;
  JsonFields fields(value, "stop");
  StopRules rules;
  if (fields.Has("target")) rules.target = fields.Double("target");
  if (fields.Has("no_improvement_trials")) {
    rules.no_improvement_trials = fields.Int("no_improvement_trials", 1, kMost);
  }
  if (fields.Has("min_delta")) {
    rules.min_delta = fields.Double("min_delta");
    if (!(rules.min_delta >= 0)) fields.Fail("min_delta", "must be at least 0");
  }
  if (fields.Has("epochs")) rules.epochs = fields.Int("epochs", 1, kMost);
  outer.Note(fields.Finish());
  return rules;
}

}  // namespace vizsla
