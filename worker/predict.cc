#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "src/base/file.h"
#include "src/cli/terminal.h"
#include "src/dataset/container.h"
#include "src/dataset/csv.h"
#include "src/report/leaderboard.h"
#include "src/report/pulled_model.h"
#include "src/report/text.h"
#include "worker/evaluate.h"
#include "worker/model_runner.h"
#include "worker/submission_csv.h"

namespace vizsla {
namespace {

constexpr char kSampleName[] = "sample_submission.csv";

// The ids of sample_submission.csv in order, and what their column is called; nothing when there is
// no such file.
absl::Status ReadSample(const std::string& data, CsvInputs* inputs) {
  VIZSLA_ASSIGN_OR_RETURN(const std::unique_ptr<Container> container, OpenContainer(data));
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<ContainerEntry> entries, container->List());
  const auto sample = std::find_if(entries.begin(), entries.end(), [](const auto& entry) {
    return entry.path.substr(entry.path.rfind('/') + 1) == kSampleName;
  });
  if (sample == entries.end()) return absl::OkStatus();
  VIZSLA_ASSIGN_OR_RETURN(const std::string text, container->Read(sample->path));
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<CsvRow> rows, ParseCsv(text, sample->path));
  if (rows.empty() || rows.front().fields.empty()) return absl::OkStatus();
  inputs->id_column = rows.front().fields.front();
  for (size_t i = 1; i < rows.size(); ++i) inputs->id_order.push_back(rows[i].fields.front());
  return absl::OkStatus();
}

void ReportTroubles(const DatasetIndex& index, const PhotoPredictions& predictions,
                    int64_t uniform_rows) {
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
  VIZSLA_RETURN_IF_ERROR(ReadSample(options.data, &inputs));
  // Before minutes of work: do the columns fit?
  VIZSLA_RETURN_IF_ERROR(MakeSubmission(inputs).status());

  std::vector<uint32_t> positions;
  for (uint32_t i = 0; i < index.unlabelled.size(); ++i) positions.push_back(i);
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
  for (const Photo& photo : index.unlabelled) {
    if (!inputs.probabilities.contains(photo.id)) inputs.without_prediction.push_back(photo.id);
  }
  VIZSLA_ASSIGN_OR_RETURN(const SubmissionCsv csv, MakeSubmission(inputs));
  VIZSLA_RETURN_IF_ERROR(WriteFileAtomically(options.submission, csv.text));
  ReportTroubles(index, predictions, csv.uniform_rows);
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
