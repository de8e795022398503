#include "worker/evaluate.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "src/base/file.h"
#include "src/cli/connection.h"
#include "src/cli/terminal.h"
#include "src/dataset/split.h"
#include "src/report/classification_report.h"
#include "src/report/leaderboard.h"
#include "src/report/predictions.h"
#include "src/report/pulled_model.h"
#include "worker/model_runner.h"
#include "worker/thumbnail.h"

namespace vizsla {
namespace {

constexpr char kTest[] = "test";
constexpr char kCannotRecord[] = "the use of the test split cannot be recorded, so it is refused";

std::string UserName() {
  const passwd* entry = ::getpwuid(::getuid());
  return entry != nullptr ? entry->pw_name : StrCat("uid ", ::getuid());
}

// Notes the use of the test split in the study the model came from.
class TestUse {
 public:
  TestUse(const EvaluateOptions& options, const PulledModel& model)
      : options_(options), model_(model) {}

  // Whether it will be possible; before minutes of work are spent. When the database is served in
  // process it is closed again, so that its lock is free meanwhile.
  absl::Status Check() {
    VIZSLA_ASSIGN_OR_RETURN(connection_, Open());
    VIZSLA_RETURN_IF_ERROR(StudyName().status());
    if (!connection_->live()) connection_.reset();
    return absl::OkStatus();
  }

  // How often the study's test split was read, this time included. What can fail stands before the
  // recording: once it is made, the figures are paid for.
  absl::StatusOr<int64_t> Record(const Metrics& metrics) {
    if (connection_ == nullptr) {
      VIZSLA_ASSIGN_OR_RETURN(connection_, Open());
    }
    VIZSLA_ASSIGN_OR_RETURN(const std::string study, StudyName());
    v1::ListEvaluationsRequest list;
    list.set_study(study);
    VIZSLA_ASSIGN_OR_RETURN(const v1::ListEvaluationsResponse earlier,
                            connection_->client().ListEvaluations(list));
    int64_t uses = 1;
    for (const v1::Evaluation& each : earlier.evaluations()) uses += each.split() == kTest;
    v1::RecordEvaluationRequest request;
    request.set_study(study);
    v1::Evaluation& evaluation = *request.mutable_evaluation();
    evaluation.set_trial_number(model_.manifest.trial);
    evaluation.set_split(kTest);
    evaluation.set_model_hash(model_.model_hash);
    evaluation.set_user(UserName());
    for (const auto& [name, value] : metrics) (*evaluation.mutable_metrics())[name] = value;
    VIZSLA_RETURN_IF_ERROR(connection_->client().RecordEvaluation(request).status());
    return uses;
  }

 private:
  absl::StatusOr<std::unique_ptr<Connection>> Open() {
    const StudyOrigin origin = {model_.manifest.coordinator_id, model_.manifest.database,
                                model_.manifest.coordinator};
    absl::StatusOr<std::unique_ptr<Connection>> connection =
        OpenOrigin(options_.connection, origin, Access::kWrite);
    if (!connection.ok()) {
      return Annotate(connection.status(), kCannotRecord);
    }
    return connection;
  }

  // What the study is called now; another one may have its old name.
  absl::StatusOr<std::string> StudyName() {
    VIZSLA_ASSIGN_OR_RETURN(const v1::ListStudiesResponse studies,
                            connection_->client().ListStudies({}));
    for (const v1::Study& study : studies.studies()) {
      if (study.id() == model_.manifest.study_id) return study.name();
    }
    return absl::NotFoundError(StrCat(kCannotRecord, ": study '", model_.manifest.study,
                                      "' of this model was deleted from its database"));
  }

  const EvaluateOptions& options_;
  const PulledModel& model_;
  std::unique_ptr<Connection> connection_;
};

const std::vector<std::string>& SideOf(const Split& split, const std::string& name) {
  if (name == "train") return split.train;
  return name == kTest ? split.test : split.validation;
}

absl::StatusOr<DatasetIndex> Index(const std::string& data) {
  ProgressLine line("reading the photos");
  IndexOptions options;
  options.progress = [&](size_t done, size_t total) { line.Show(done, total); };
  return IndexDataset(data, options);
}

// Whether a file of this name can be made; nothing remains of the attempt.
absl::Status CheckWritable(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return absl::InvalidArgumentError(StrCat("--predictions names a file; ", path, " is a folder"));
  }
  return Annotate(AtomicFileWriter::Create(path).status(), "--predictions");
}

// The photos with what was said of each, for a program to read.
absl::Status WritePredictions(const std::string& path, const EvaluationView& view,
                              const DatasetIndex& index, const PhotoReader& reader,
                              const PhotoPredictions& results, const std::vector<int>& labels) {
  std::vector<std::string> ids;
  for (const uint32_t position : results.positions) ids.push_back(index.photos[position].id);
  Predictions predictions = {
      view, PredictionsOf(results.probabilities, labels, ids, index.classes.size())};
  for (const size_t place : MostWrong(predictions.photos, kShownMistakes)) {
    const Photo& photo = index.photos[results.positions[place]];
    VIZSLA_ASSIGN_OR_RETURN(predictions.photos[place].thumbnail, MakeThumbnail(reader, photo));
  }
  return WriteFileAtomically(path, ToJsonText(predictions));
}

}  // namespace

absl::Status RunEvaluate(const EvaluateOptions& options, const std::string& device, int threads) {
  VIZSLA_ASSIGN_OR_RETURN(const PulledModel model, LoadPulledModel(options.folder));
  VIZSLA_ASSIGN_OR_RETURN(const DatasetIndex index, Index(options.data));
  if (index.fingerprint != model.manifest.dataset_fingerprint) {
    return absl::FailedPreconditionError(
        StrCat(options.data, " is not the data that study '", model.manifest.study,
               "' was made with: its fingerprint is ", index.fingerprint.substr(0, 12),
               "..., the study's is ", model.manifest.dataset_fingerprint.substr(0, 12), "..."));
  }
  VIZSLA_ASSIGN_OR_RETURN(const Split split, SplitFromJsonText(model.split_json));
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<uint32_t> positions,
                          Positions(index, SideOf(split, options.split)));
  const bool is_test = options.split == kTest;
  TestUse use(options, model);
  if (!options.predictions.empty()) VIZSLA_RETURN_IF_ERROR(CheckWritable(options.predictions));
  if (is_test) VIZSLA_RETURN_IF_ERROR(use.Check());

  VIZSLA_ASSIGN_OR_RETURN(const std::unique_ptr<PhotoReader> reader, OpenPhotos(options.data));
  ProgressLine line(StrCat("evaluating on ", options.split));
  RunOptions run{.device = device, .threads = threads, .progress = [&](size_t done, size_t total) {
                   line.Show(done, total);
                 }};
  VIZSLA_ASSIGN_OR_RETURN(const PhotoPredictions predictions,
                          RunModel(model, index, *reader, positions, /*unlabelled=*/false,
                                   static_cast<int>(index.classes.size()), run));
  std::vector<int> labels;
  for (const uint32_t position : predictions.positions) {
    labels.push_back(index.photos[position].label);
  }
  EvaluationView view;
  VIZSLA_ASSIGN_OR_RETURN(
      view.report, MakeClassificationReport(predictions.probabilities, labels, index.classes));
  if (is_test) {
    VIZSLA_ASSIGN_OR_RETURN(view.test_uses,
                            use.Record({{"loss", view.report.loss},
                                        {"accuracy", view.report.accuracy},
                                        {"top5_accuracy", view.report.top5_accuracy}}));
  }
  view.study = model.manifest.study;
  view.trial = model.manifest.trial;
  view.epoch = model.manifest.epoch;
  view.split = options.split;
  view.model_hash = model.model_hash;
  view.unreadable_photos = static_cast<int64_t>(predictions.broken.size());
  view.search_score = model.manifest.score;
  view.objective = model.manifest.objective;
  // Before the file: should it not be writable after all, the figures are not lost with it.
  Print(options.json ? ToPrettyText(EvaluationToJson(view))
                     : RenderEvaluation(view, StdoutOptions()));
  absl::Status status = FlushStdout();
  if (!options.predictions.empty()) {
    status.Update(WritePredictions(options.predictions, view, index, *reader, predictions, labels));
  }
  return status;
}

}  // namespace vizsla
