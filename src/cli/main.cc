// vizsla: the user's command. Options are parsed here, once; src/cli/commands.h does the work.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "src/base/log.h"
#include "src/cli/commands.h"
#include "src/cli/credentials_option.h"
#include "src/cli/doctor/doctor_command.h"
#include "src/cli/helper_program.h"
#include "src/cli/note_command.h"
#include "src/cli/terminal.h"

namespace vizsla {
namespace {

constexpr char kOverview[] =
    "Examples:\n"
    "  vizsla submit space.yaml --data photos/ --weights w.safetensors --dry-run\n"
    "  vizsla leaderboard --watch\n"
    "  vizsla trial best\n"
    "  vizsla report -o report/ --data photos/\n"
    "  vizsla pull -o best/\n"
    "  vizsla evaluate best/ --data photos/ --split test\n"
    "\n"
    "A study is named, or it is the newest one. With a coordinator running, commands in the folder "
    "of "
    "its\n"
    "database find it; without one they read the database themselves.\n"
    "Exit codes: 0 done, 1 failed, 2 wrong usage. Results go to standard output, messages to "
    "standard "
    "error.";

using Action = std::function<absl::Status()>;

// Owns what the options are parsed into; each subcommand's callback picks the action.
struct CommandLine {
  ConnectionOptions connection;
  LeaderboardCommand leaderboard;
  StudiesCommand studies;
  TrialCommand trial;
  StudyCommand study;
  NoteCommand note;
  SubmitCommand submit;
  PullCommand pull;
  ReportCommand report;
  DoctorCommand doctor;
  std::string log_format = "text";
  Action action;
};

CLI::App* AddCommand(CLI::App& app, const std::string& name, const std::string& what,
                     const std::string& examples) {
  CLI::App* command = app.add_subcommand(name, what);
  command->footer("Examples:\n" + examples +
                  "\n\nAlso --db, --coordinator and --artifacts: see vizsla --help.");
  command->fallthrough();
  return command;
}

void AddJson(CLI::App* command, bool& json, const std::string& schema) {
  command->add_flag("--json", json, "Print JSON (docs/" + schema + ".schema.json)");
}

// For CLI11: an empty string accepts.
std::string CheckTrial(const std::string& text) {
  return std::string(ParseTrialNumber(text).status().message());
}

void AddLeaderboard(CLI::App& app, CommandLine& line) {
  CLI::App* command = AddCommand(app, "leaderboard", "Shows the trials of a study, the best first",
                                 "  vizsla leaderboard\n"
                                 "  vizsla leaderboard dogs --watch --top 10\n"
                                 "  vizsla leaderboard dogs --json | jq '.[0].params'\n"
                                 "  vizsla leaderboard dogs --csv > board.csv");
  command->add_option("STUDY", line.leaderboard.study, "The study; the newest when left out");
  auto* watch =
      command->add_flag("--watch", line.leaderboard.watch,
                        "Redraw on each change until the study ends; on a pipe, print each "
                        "change (with --json, one board a line)");
  command->add_option("--top", line.leaderboard.top, "Only the first K trials")
      ->type_name("K")
      ->check(CLI::Range(1, 1'000'000));
  AddJson(command, line.leaderboard.json, "leaderboard");
  auto* csv = command->add_flag("--csv", line.leaderboard.csv, "Print comma-separated values");
  csv->excludes("--json")->excludes(watch);
  command->callback([&line] {
    line.action = [&line] { return RunLeaderboard(line.connection, line.leaderboard); };
  });
}

void AddReading(CLI::App& app, CommandLine& line) {
  CLI::App* studies = AddCommand(app, "studies", "Lists the studies of the database",
                                 "  vizsla studies\n"
                                 "  vizsla studies --db runs/dogs.db --json");
  AddJson(studies, line.studies.json, "studies");
  studies->callback(
      [&line] { line.action = [&line] { return RunStudies(line.connection, line.studies); }; });

  CLI::App* trial = AddCommand(app, "trial", "Shows every epoch of a trial",
                               "  vizsla trial 7\n"
                               "  vizsla trial 7 --curves\n"
                               "  vizsla trial best --study dogs --json");
  CLI::App* logs = AddCommand(app, "logs", "Shows what the workers of a trial logged",
                              "  vizsla logs 7\n"
                              "  vizsla logs best --study dogs");
  for (CLI::App* command : {trial, logs}) {
    command->add_option("TRIAL", line.trial.trial, "Its number, or best")
        ->required()
        ->check(CheckTrial);
    command->add_option("--study", line.trial.study, "The study; the newest when left out")
        ->type_name("STUDY");
  }
  auto* curves = trial->add_flag("--curves", line.trial.curves,
                                 "Draw loss and accuracy over the epochs instead of the tables");
  AddJson(trial, line.trial.json, "trial");
  curves->excludes("--json");
  AddJson(logs, line.trial.json, "logs");
  trial->callback(
      [&line] { line.action = [&line] { return RunTrial(line.connection, line.trial); }; });
  logs->callback(
      [&line] { line.action = [&line] { return RunLogs(line.connection, line.trial); }; });
}

void AddStudyCommand(CLI::App& app, CommandLine& line, const std::string& name,
                     const std::string& what, const std::string& examples,
                     absl::Status (*run)(const ConnectionOptions&, const StudyCommand&)) {
  CLI::App* command = AddCommand(app, name, what, examples);
  command->add_option("STUDY", line.study.study, "The study")->required();
  if (name == "rename") {
    command->add_option("NEW_NAME", line.study.new_name, "Its new name")->required();
  }
  if (name == "delete") {
    command->add_flag("--yes,-y", line.study.yes, "Do not ask");
    command->add_flag("--force", line.study.force, "Also while trials run");
    AddJson(command, line.study.json, "delete");
  } else {
    AddJson(command, line.study.json, "study");
  }
  command->callback(
      [&line, run] { line.action = [&line, run] { return run(line.connection, line.study); }; });
}

void AddNote(CLI::App& app, CommandLine& line) {
  CLI::App* command = AddCommand(
      app, "note", "Edits the notes of a study, or the name and notes of a trial, or shows them",
      "  vizsla note dogs\n"
      "  vizsla note dogs --notes 'Heads on a frozen MobileNetV2.'\n"
      "  vizsla note dogs --trial best --name winner --append 'Over-fits after epoch 12.'");
  NoteCommand& note = line.note;
  command->add_option("STUDY", note.study, "The study; the newest when left out");
  auto* trial = command
                    ->add_option_function<std::string>(
                        "--trial", [&note](const std::string& text) { note.trial = text; },
                        "A trial of it: its number, or best")
                    ->type_name("N")
                    ->check(CheckTrial);
  command
      ->add_option_function<std::string>(
          "--name", [&note](const std::string& text) { note.name = text; },
          "The trial's new name; '' for none")
      ->type_name("NAME")
      ->needs(trial);
  auto* notes = command
                    ->add_option_function<std::string>(
                        "--notes", [&note](const std::string& text) { note.notes = text; },
                        "In place of the notes; '' for none")
                    ->type_name("TEXT");
  command
      ->add_option_function<std::string>(
          "--append", [&note](const std::string& text) { note.append = text; },
          "Another line behind the notes")
      ->type_name("TEXT")
      ->excludes(notes);
  AddJson(command, note.json, "note");
  command->callback(
      [&line] { line.action = [&line] { return RunNote(line.connection, line.note); }; });
}

void AddSubmit(CLI::App& app, CommandLine& line) {
  CLI::App* command =
      AddCommand(app, "submit", "Creates a study, or goes on with it, from a search space",
                 "  vizsla submit search_spaces/dogs_transfer.yaml --dry-run\n"
                 "  vizsla submit space.yaml --data photos.zip --weights w.safetensors\n"
                 "  vizsla submit space.yaml --data photos/ --coordinator 127.0.0.1:4711");
  SubmitCommand& submit = line.submit;
  command->add_option("SPACE", submit.space, "The search space, YAML")->required();
  auto* data =
      command->add_option("--data", submit.data, "Folder or zip of photos")->type_name("DATA");
  command
      ->add_option("--weights", submit.weights,
                   "Pretrained weights, .safetensors or .pth; needed by transfer learning")
      ->type_name("FILE");
  command->add_flag("--dry-run", submit.dry_run,
                    "Only say what the search would do: trials, bytes, what is shared, rough time");
  AddJson(command, submit.json, "submit");
  command->callback([&line, data] {
    if (!line.submit.dry_run && data->count() == 0) {
      throw CLI::RequiredError("--data (it may be left out only with --dry-run)");
    }
    line.action = [&line] { return RunSubmit(line.connection, line.submit); };
  });
}

void AddPull(CLI::App& app, CommandLine& line) {
  CLI::App* command =
      AddCommand(app, "pull", "Downloads the best trial's network with all that belongs to it",
                 "  vizsla pull -o best/\n"
                 "  vizsla pull dogs --trial 7 -o trial7/");
  command->add_option("STUDY", line.pull.study, "The study; the newest when left out");
  command->add_option("--trial", line.pull.trial, "Its number; the best when left out")
      ->type_name("N")
      ->check(CheckTrial);
  command->add_option("-o,--output", line.pull.output, "The folder to make")
      ->type_name("FOLDER")
      ->required();
  command->add_flag("--force", line.pull.force, "Replace an earlier pull");
  AddJson(command, line.pull.json, "pull");
  command->callback(
      [&line] { line.action = [&line] { return RunPull(line.connection, line.pull); }; });
}

void AddReport(CLI::App& app, CommandLine& line) {
  CLI::App* command = AddCommand(app, "report", "Writes a study as one HTML page with its pictures",
                                 "  vizsla report -o report/\n"
                                 "  vizsla report dogs -o report/ --data photos.zip");
  command->add_option("STUDY", line.report.study, "The study; the newest when left out");
  command
      ->add_option("-o,--output", line.report.output,
                   "The folder to write; an earlier report in it is replaced")
      ->type_name("FOLDER")
      ->required();
  command
      ->add_option("--data", line.report.data,
                   "Folder or zip of the study's photos: adds the best trial's confusion matrix, "
                   "figures per class and worst mistakes on the validation split")
      ->type_name("DATA");
  AddJson(command, line.report.json, "report");
  command->callback(
      [&line] { line.action = [&line] { return RunReport(line.connection, line.report); }; });
}

void AddDoctor(CLI::App& app, CommandLine& line) {
  CLI::App* command =
      AddCommand(app, "doctor", "Checks this machine and says what to mend; exit code 1: problems",
                 "  vizsla doctor\n"
                 "  vizsla doctor --db runs/dogs.db --data photos/\n"
                 "  vizsla doctor --coordinator 127.0.0.1:4711 --json");
  command->add_option("--data", line.doctor.data, "Folder or zip of photos to look at")
      ->type_name("DATA");
  AddJson(command, line.doctor.json, "doctor");
  command->callback(
      [&line] { line.action = [&line] { return RunDoctor(line.connection, line.doctor); }; });
}

// Only for the overview and for --help: a call of these never reaches CLI11.
void AddHelpers(CLI::App& app) {
  app.add_subcommand("evaluate", "Evaluates a pulled network on a split; test uses are recorded");
  app.add_subcommand("predict", "Writes a pulled network's probabilities as Kaggle's submission");
  app.add_subcommand("dataset", "Inspects photos, or synthesizes some");
}

void Build(CLI::App& app, CommandLine& line) {
  app.name("vizsla");
  app.footer(kOverview);
  app.set_version_flag("--version", std::string("vizsla ") + VIZSLA_VERSION);
  app.require_subcommand(1);
  app.add_option("--db", line.connection.database,
                 "The database file [$VIZSLA_DB, or vizsla.db in the current folder]")
      ->type_name("FILE");
  app.add_option("--coordinator", line.connection.coordinator,
                 "Talk to the coordinator at HOST:PORT instead")
      ->type_name("ADDR");
  AddCredentialsOption(app, line.connection.client.credentials);
  app.add_option("--artifacts", line.connection.artifacts,
                 "Folder of the checkpoints, when no coordinator runs [the database's name, "
                 ".artifacts]")
      ->type_name("FOLDER");
  app.add_option("--log-format", line.log_format, "Messages as text, or json: one object a line")
      ->capture_default_str()
      ->check(CLI::IsMember({"text", "json"}));
  AddSubmit(app, line);
  AddLeaderboard(app, line);
  AddReading(app, line);
  AddPull(app, line);
  AddReport(app, line);
  AddNote(app, line);
  AddDoctor(app, line);
  AddHelpers(app);
  AddStudyCommand(app, line, "stop", "Stops a study; running trials are given back",
                  "  vizsla stop dogs", RunStop);
  AddStudyCommand(app, line, "resume", "Goes on with a stopped study", "  vizsla resume dogs",
                  RunResume);
  AddStudyCommand(app, line, "rename", "Gives a study another name",
                  "  vizsla rename dogs dogs-160px", RunRename);
  AddStudyCommand(app, line, "delete", "Deletes a study with its trials and checkpoints",
                  "  vizsla delete dogs\n"
                  "  vizsla delete dogs --yes --force",
                  RunDelete);
}

int Main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (const auto call = FindHelperCall(arguments)) {
    Message(std::string(ExecHelper(*call).message()));
    return kExitFailed;
  }
  CLI::App app{"Finds the best image classifier for your photos."};
  CommandLine line;
  Build(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error, std::cout, std::cerr) == 0 ? kExitOk : kExitUsage;
  }
  if (!InitLogging("vizsla", "warning", line.log_format).ok()) return kExitFailed;
  MessagesToLog(line.log_format == "json");
  const absl::Status status = line.action();
  if (const absl::Status flushed = FlushStdout(); status.ok() && !flushed.ok()) {
    Message(std::string(flushed.message()));
    return kExitFailed;
  }
  if (status.ok()) return kExitOk;
  if (line.log_format == "json") {
    log::error("{}", std::string(status.message()));
  } else {
    Message(std::string(status.message()));
  }
  return kExitFailed;
}

}  // namespace
}  // namespace vizsla

int main(int argc, char** argv) { return vizsla::Main(argc, argv); }
