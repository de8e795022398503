#include "tests/benchmark/load_study.h"

#include <nlohmann/json.hpp>

#include "src/base/sha256.h"

namespace vizsla {

void LoadStudy::AddOptions(CLI::App& app) {
  app.add_option("--study", name, "Created, or gone on with")->capture_default_str();
  app.add_option("--epochs", epochs, "Reports of a trial")->capture_default_str();
  app.add_option("--parameters", parameters, "Of the search space")->capture_default_str();
  app.add_option("--sampler", sampler)->capture_default_str();
  app.add_option("--pruner", pruner)->capture_default_str();
  app.add_option("--trials", trials, "Budget of the study [without end]");
}

absl::StatusOr<StudySpec> LoadStudy::Spec() const {
  StudySpec spec;
  spec.name = name;
  spec.budget.trials = trials > 0 ? trials : int64_t{1} << 40;
  spec.budget.epochs = epochs;
  spec.early_stopping.patience = 0;
  for (int i = 0; i < parameters; ++i) {
    spec.space.parameters.push_back(
        {StrCat("parameter_", i), FloatDomain{1e-4, 1e-1, true, {}}, {}});
  }
  nlohmann::json json = nlohmann::json::parse(ToJsonText(spec));
  json["sampler"] = nlohmann::json::object({{"kind", sampler}});
  json["pruner"] = nlohmann::json::object({{"kind", pruner}});
  return StudySpecFromJson(json);
}

std::string LoadDataset() { return Sha256Hex("photos"); }

Metrics LoadMetrics(int64_t trial_number, int epoch) {
  const double quality =
      static_cast<double>((static_cast<uint64_t>(trial_number) * 2654435761u) % 1000) / 1000.0;
  const double accuracy = (0.2 + 0.7 * quality) * (1.0 - 1.0 / (1.0 + epoch));
  return {{"train_accuracy", accuracy + 0.05},
          {"train_loss", 2 - 2 * accuracy},
          {"val_accuracy", accuracy},
          {"val_loss", 2.1 - 2 * accuracy}};
}

}  // namespace vizsla
