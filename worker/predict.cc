#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "src/base/file.h"
#include "src/cli/terminal.h"
#include "src/report/leaderboard.h"
#include "src/report/pulled_model.h"
#include "src/report/text.h"
#include "worker/evaluate.h"
#include "worker/model_runner.h"
#include "worker/submission_csv.h"

namespace vizsla {
namespace {

void ReportTroubles(const PhotoPredictions& predictions, int64_t uniform_rows) {
  if (uniform_rows == 0) return;
  Message(StrCat(Count(uniform_rows, "row"),
                 " got the same probability for each class: no photo, or one that cannot be read"));
  constexpr size_t kShown = 5;
  for (size_t i = 0; i < std::min(kShown, predictions.broken.size()); ++i) {
    Message(StrCat("  ", SafeText(predictions.broken[i].place), ": ",
                   SafeText(predictions.broken[i].reason)));
  }
}

}  // namespace

absl::Status RunPredict(const EvaluateOptions& options, const std::string& device, int threads) {
  VIZSLA_ASSIGN_OR_RETURN(const PulledModel model, LoadPulledModel(options.folder));
  CsvInputs inputs;
  inputs.classes = model.config.classes;
  if (inputs.classes.empty()) {
    return absl::InvalidArgumentError(
        StrCat(options.folder, ": its config.json does not name the classes; pull it again"));
  }
  ProgressLine reading("reading the photos");
  IndexOptions index_options;
  index_options.progress = [&](size_t done, size_t total) { reading.Show(done, total); };
  VIZSLA_ASSIGN_OR_RETURN(const DatasetIndex index, IndexDataset(options.data, index_options));
  if (index.unlabelled.empty()) {
    return absl::InvalidArgumentError(
        StrCat(options.data, " has no unlabelled photos: predict reads Kaggle's test/ folder"));
  }
  inputs.column_order = index.submission_columns;
  inputs.id_order = index.submission_ids;
  inputs.id_column = index.submission_id_column;
  // Before minutes of work: do the columns fit?
  VIZSLA_RETURN_IF_ERROR(MakeSubmission(inputs).status());

  const std::vector<uint32_t> positions = ListedPhotos(index.unlabelled, inputs.id_order);
  if (positions.empty()) {
    return absl::InvalidArgumentError(
        StrCat(options.data, ": sample_submission.csv names none of the ",
               Count(static_cast<int64_t>(index.unlabelled.size()), "photo"), " of test/"));
  }
  VIZSLA_ASSIGN_OR_RETURN(const std::unique_ptr<PhotoReader> reader, OpenPhotos(options.data));
  ProgressLine line("predicting");
  RunOptions run{.device = device, .threads = threads, .progress = [&](size_t done, size_t total) {
                   line.Show(done, total);
                 }};
  const size_t classes = inputs.classes.size();
  VIZSLA_ASSIGN_OR_RETURN(const PhotoPredictions predictions,
                          RunModel(model, index, *reader, positions, /*unlabelled=*/true,
                                   static_cast<int>(classes), run));
  for (size_t i = 0; i < predictions.positions.size(); ++i) {
    const float* row = predictions.probabilities.data() + i * classes;
    inputs.probabilities[index.unlabelled[predictions.positions[i]].id].assign(row, row + classes);
  }
  for (const uint32_t position : positions) {
    const std::string& id = index.unlabelled[position].id;
    if (!inputs.probabilities.contains(id)) inputs.without_prediction.push_back(id);
  }
  VIZSLA_ASSIGN_OR_RETURN(const SubmissionCsv csv, MakeSubmission(inputs));
  VIZSLA_RETURN_IF_ERROR(WriteFileAtomically(options.submission, csv.text));
  if (const size_t left_out = index.unlabelled.size() - positions.size(); left_out > 0) {
    Message(StrCat(Count(static_cast<int64_t>(left_out), "photo"),
                   " of test/ left out: sample_submission.csv has no such id"));
  }
  ReportTroubles(predictions, csv.uniform_rows);
  if (options.json) {
    Print(ToPrettyText(nlohmann::ordered_json{{"submission", options.submission},
                                              {"rows", csv.rows},
                                              {"uniform_rows", csv.uniform_rows},
                                              {"study", model.manifest.study},
                                              {"trial", model.manifest.trial}}));
  } else {
    Print(StrCat(SafeText(options.submission), ": ", Count(csv.rows, "row"), ", ", classes,
                 " classes, by trial ", model.manifest.trial, " of ",
                 SafeText(model.manifest.study), "\n"));
  }
  return FlushStdout();
}

}  // namespace vizsla
