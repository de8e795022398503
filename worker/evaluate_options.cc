#include "worker/evaluate_options.h"

#include <map>

#include "src/cli/credentials_option.h"
#include "worker/command_line.h"

namespace vizsla {
namespace {

constexpr char kFooter[] = R"(
Examples:
  vizsla evaluate best/ --data DATA --split validation      # reproduces the search's score
  vizsla evaluate best/ --data DATA --split test --json     # recorded in the study, and shown there
  vizsla predict best/ --data DATA --submission out.csv     # the unlabelled photos in DATA/test)";

void AddCommon(CLI::App& command, EvaluateOptions& options) {
  command.add_option("model", options.folder, "Folder that `vizsla pull` wrote")->required();
  command.add_option("--data", options.data, "Folder or zip with the photos")->required();
  command.add_option("--threads", options.threads, "Threads (default: all cores)")
      ->check(CLI::PositiveNumber);
  command.add_option("--device", options.device, "auto, cpu or cuda")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, DeviceChoice>{{"auto", DeviceChoice::kAuto},
                                              {"cpu", DeviceChoice::kCpu},
                                              {"cuda", DeviceChoice::kCuda}}))
      ->default_str("auto");
  command.add_option("--log-level", options.log_level, "trace, debug, info, warning, error, off")
      ->capture_default_str();
  command.add_option("--log-format", options.log_format, "text, or json: one object a line")
      ->capture_default_str()
      ->check(CLI::IsMember({"text", "json"}));
  command.add_option("--db", options.connection.database,
                     "The study's database (default: where the model was pulled from)");
  command.add_option("--coordinator", options.connection.coordinator, "HOST:PORT instead of --db");
  AddCredentialsOption(command, options.connection.client.credentials);
  command.add_option("--artifacts", options.connection.artifacts,
                     "Folder of the database's checkpoints");
}

}  // namespace

absl::StatusOr<EvaluateCommand> ParseEvaluateOptions(int argc, const char* const* argv) {
  EvaluateCommand command;
  EvaluateOptions& options = command.options;
  CLI::App app("Runs a pulled model on photos.", "vizsla-evaluate");
  app.footer(kFooter);
  app.require_subcommand(1);
  CLI::App* evaluate = app.add_subcommand(
      "evaluate", "Loss, accuracy and per-class scores on one side of the study's split");
  AddCommon(*evaluate, options);
  evaluate->add_option("--split", options.split, "train, validation or test")
      ->required()
      ->check(CLI::IsMember({"train", "validation", "test"}));
  evaluate->add_option(
      "--predictions", options.predictions,
      "Also write what it says of each photo to this JSON file, with thumbnails of "
      "those it gets most wrong (docs/predictions.schema.json)");
  evaluate->add_flag("--json", options.json, "As docs/evaluate.schema.json");
  CLI::App* predict =
      app.add_subcommand("predict", "Class probabilities of the unlabelled photos, as a CSV file");
  AddCommon(*predict, options);
  predict->add_option("--submission", options.submission, "The CSV file to write")->required();
  predict->add_flag("--json", options.json, "Say what was written as JSON");
  VIZSLA_RETURN_IF_ERROR(ParseCommandLine(app, argc, argv, &command.print));
  options.predict = predict->parsed();
  return command;
}

}  // namespace vizsla
