#include <algorithm>
#include <cmath>
#include <thread>
#include <utility>

#include "src/base/str_cat.h"
#include "src/cli/commands.h"
#include "src/cli/terminal.h"
#include "src/cli/wire_views.h"
#include "src/report/text.h"
#include "src/spec/parse_study.h"
#include "src/submission/dry_run.h"
#include "src/submission/submit.h"

namespace vizsla {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kShownProblems = 10;

absl::StatusOr<PreparedStudy> Prepare(const StudySpec& spec, const SubmitCommand& command) {
  ProgressLine progress("reading photos");
  return PrepareStudy({spec, command.data, command.weights},
                      [&](size_t done, size_t total) { progress.Show(done, total); });
}

// Nothing is silently skipped: the first problems one by one, the rest as a count.
void ShowProblems(const std::vector<Problem>& problems) {
  for (size_t i = 0; i < std::min(problems.size(), kShownProblems); ++i) {
    Message(SafeText(StrCat(problems[i].place, ": ", problems[i].reason)));
  }
  if (problems.size() > kShownProblems) {
    Message(StrCat("... and ", Count(problems.size() - kShownProblems, "more problem"),
                   "; `vizsla dataset inspect` lists all"));
  }
}

Json ProblemsToJson(const std::vector<Problem>& problems) {
  Json json = Json::array();
  for (const Problem& problem : problems) {
    json.push_back({{"place", problem.place}, {"reason", problem.reason}});
  }
  return json;
}

Json EstimateToJson(const DryRunEstimate& estimate) {
  Json decoded = Json::object();
  for (const auto& [size, bytes] : estimate.decoded_cache_bytes) {
    decoded[StrCat(size)] = bytes;
  }
  return {{"feature_sets", estimate.feature_sets},
          {"feature_cache_bytes", estimate.feature_cache_bytes},
          {"decoded_cache_bytes", std::move(decoded)},
          {"checkpoint_bytes", estimate.checkpoint_bytes},
          {"decode_seconds", estimate.decode_time.count()},
          {"feature_seconds", estimate.feature_time.count()},
          {"training_seconds", estimate.training_time.count()}};
}

// What a dry run assumes when no photos are named: enough for "minutes or days".
constexpr int64_t kAssumedPhotos = 1000;
constexpr int kAssumedClasses = 10;

// Split as MakeSplit does it, give or take a photo: validation is a part of what test leaves.
DryRunPhotos AssumedPhotos(const SplitSpec& split) {
  const int64_t test = std::llround(kAssumedPhotos * split.test);
  const int64_t validation =
      std::llround(static_cast<double>(kAssumedPhotos - test) * split.validation);
  return {kAssumedPhotos - test - validation, validation, kAssumedClasses};
}

// What is known of the photos and the weights before anything is spent.
struct KnownInputs {
  DryRunPhotos photos;
  WeightsTraits traits;
  std::vector<Problem> problems;
};

// Everything that a submission would check, as far as data and weights were named.
absl::StatusOr<KnownInputs> CheckInputs(const StudySpec& spec, const SubmitCommand& command) {
  KnownInputs known;
  if (command.data.empty()) {
    known.photos = AssumedPhotos(spec.split);
    return known;
  }
  if (NeedsWeights(spec) && command.weights.empty()) {
    VIZSLA_ASSIGN_OR_RETURN(
        DatasetIndex index,
        IndexDataset(command.data, {.group_column = spec.split.group_column, .progress = {}}));
    known.problems = index.problems;
    VIZSLA_ASSIGN_OR_RETURN(const Split split, MakeSplit(index, spec.split, &known.problems));
    known.problems.push_back(
        {command.space, "its networks start from pretrained weights; submit needs --weights"});
    known.photos = {static_cast<int64_t>(split.train.size()),
                    static_cast<int64_t>(split.validation.size()),
                    static_cast<int>(index.classes.size())};
    return known;
  }
  VIZSLA_ASSIGN_OR_RETURN(PreparedStudy prepared, Prepare(spec, command));
  known.photos = {static_cast<int64_t>(prepared.split.train.size()),
                  static_cast<int64_t>(prepared.split.validation.size()),
                  static_cast<int>(prepared.index.classes.size())};
  known.traits = std::move(prepared.traits);
  known.problems = std::move(prepared.problems);
  return known;
}

absl::Status DryRun(const StudySpec& spec, const SubmitCommand& command) {
  VIZSLA_ASSIGN_OR_RETURN(const KnownInputs known, CheckInputs(spec, command));
  DryRunRates rates;
  rates.cores = std::max(1U, std::thread::hardware_concurrency());
  VIZSLA_ASSIGN_OR_RETURN(const DryRunEstimate estimate,
                          EstimateStudy(spec, known.photos, known.traits, rates));
  const bool assumed = command.data.empty();
  if (command.json) {
    Json json;
    json["study"] = spec.name;
    json["dry_run"] = true;
    json["trials"] = estimate.trials;
    json["enqueued"] = estimate.enqueued;
    json["looked_at"] = estimate.looked_at;
    json["impossible"] = estimate.impossible;
    json["sharing_trials"] = estimate.sharing_trials;
    json["cores"] = rates.cores;
    json["photos"] = {{"train", known.photos.train},
                      {"validation", known.photos.validation},
                      {"classes", known.photos.classes},
                      {"assumed", assumed}};
    json["estimate"] = EstimateToJson(estimate);
    json["problems"] = ProblemsToJson(known.problems);
    Print(ToPrettyText(json));
    return absl::OkStatus();
  }
  ShowProblems(known.problems);
  Print(StrCat("study           ", SafeText(spec.name), " (nothing was submitted)\n"));
  if (assumed) {
    Print(StrCat("assumed         ", kAssumedPhotos, " photos of ", kAssumedClasses,
                 " classes; name yours with --data\n"));
  }
  Print(Describe(estimate, known.photos, rates));
  return absl::OkStatus();
}

// How to start workers for the study: a command to paste.
std::string WorkerCommand(Connection& connection, const SubmitCommand& command) {
  const std::string weights = command.weights.empty() ? "" : StrCat(" --weights ", command.weights);
  if (connection.live()) {
    return StrCat("mpirun -np 2 vizsla-worker --coordinator ", connection.client().address(),
                  " --data ", command.data, weights);
  }
  return StrCat("mpirun -np 2 vizsla-worker --search ", command.space, " --data ", command.data,
                weights);
}

}  // namespace

absl::Status RunSubmit(const ConnectionOptions& options, const SubmitCommand& command) {
  VIZSLA_ASSIGN_OR_RETURN(const StudySpec spec, ParseStudyFile(command.space));
  if (command.dry_run) return DryRun(spec, command);
  VIZSLA_ASSIGN_OR_RETURN(const PreparedStudy prepared, Prepare(spec, command));
  VIZSLA_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection,
                          Connection::Open(options, Access::kCreate));
  VIZSLA_ASSIGN_OR_RETURN(const SubmittedStudy submitted,
                          SubmitStudy(connection->client(), prepared, command.weights));
  VIZSLA_ASSIGN_OR_RETURN(const StudyView view, ToView(submitted.study));
  if (command.json) {
    Json json = StudyToJson(view);
    json["dry_run"] = false;
    json["created"] = submitted.created;
    json["problems"] = ProblemsToJson(prepared.problems);
    Print(ToPrettyText(json));
    return absl::OkStatus();
  }
  ShowProblems(prepared.problems);
  const std::string planned =
      view.planned_trials.has_value() ? Count(*view.planned_trials, "trial") : "trials";
  if (submitted.created) {
    int epochs = 0;
    for (int stage = 1; stage <= StageCount(spec); ++stage) {
      epochs = std::max(epochs, StageOf(spec, stage).budget.epochs);
    }
    Print(StrCat("created ", SafeText(spec.name), ": ", planned, " of up to ",
                 Count(epochs, "epoch"),
                 spec.stages.empty() ? "" : StrCat(", in ", StageCount(spec), " stages"), "\n"));
  } else {
    Print(StrCat(SafeText(spec.name), " is there already: ", std::string(ToText(view.study.state)),
                 ", ", planned, "\n"));
  }
  if (!view.study.end_reason.empty()) Print(SafeText(view.study.end_reason) + "\n");
  if (!view.study.learned.empty()) Print(SafeText(view.study.learned) + "\n");
  if (view.study.state != StudyState::kFinished) {
    Print(StrCat("start workers:  ", WorkerCommand(*connection, command), "\n"));
  }
  return absl::OkStatus();
}

}  // namespace vizsla
