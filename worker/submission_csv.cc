#include "worker/submission_csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "src/dataset/text.h"

namespace vizsla {
namespace {

std::string Field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

// For each column, the position of its class.
absl::StatusOr<std::vector<size_t>> ColumnPositions(const CsvInputs& inputs) {
  std::vector<size_t> positions;
  std::set<std::string> seen;
  for (const std::string& column : inputs.column_order) {
    const auto found = std::find(inputs.classes.begin(), inputs.classes.end(), column);
    if (found == inputs.classes.end()) {
      return absl::InvalidArgumentError(StrCat("sample_submission.csv has a column '", column,
                                               "', which is no class of the model"));
    }
    if (!seen.insert(column).second) {
      return absl::InvalidArgumentError(
          StrCat("sample_submission.csv has the column '", column, "' twice"));
    }
    positions.push_back(static_cast<size_t>(found - inputs.classes.begin()));
  }
  if (positions.empty()) {
    for (size_t i = 0; i < inputs.classes.size(); ++i) positions.push_back(i);
  }
  for (size_t i = 0; i < inputs.classes.size(); ++i) {
    if (std::find(positions.begin(), positions.end(), i) == positions.end()) {
      return absl::InvalidArgumentError(
          StrCat("sample_submission.csv has no column for the class '", inputs.classes[i],
                 "' of the model"));
    }
  }
  return positions;
}

// The photos' ids that the sample's mean: without an ending. They point into `sample_ids`.
std::set<std::string_view> PhotoIds(const std::vector<std::string>& sample_ids) {
  std::set<std::string_view> ids;
  for (const std::string& id : sample_ids) ids.insert(WithoutPhotoEnding(id));
  return ids;
}

std::vector<std::string> RowOrder(const CsvInputs& inputs) {
  std::vector<std::string> order;
  std::set<std::string_view> spelled;
  for (const std::string& id : inputs.id_order) {
    if (spelled.insert(id).second) order.push_back(id);
  }
  const std::set<std::string_view> listed = PhotoIds(inputs.id_order);
  std::set<std::string> rest(inputs.without_prediction.begin(), inputs.without_prediction.end());
  for (const auto& [id, unused] : inputs.probabilities) rest.insert(id);
  for (const std::string& id : rest) {
    if (!listed.contains(id)) order.push_back(id);
  }
  return order;
}

}  // namespace

std::vector<uint32_t> ListedPhotos(const std::vector<Photo>& unlabelled,
                                   const std::vector<std::string>& id_order) {
  const std::set<std::string_view> listed = PhotoIds(id_order);
  std::vector<uint32_t> positions;
  for (uint32_t i = 0; i < unlabelled.size(); ++i) {
    if (listed.empty() || listed.contains(unlabelled[i].id)) positions.push_back(i);
  }
  return positions;
}

absl::StatusOr<SubmissionCsv> MakeSubmission(const CsvInputs& inputs) {
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<size_t> columns, ColumnPositions(inputs));
  const std::vector<float> uniform(inputs.classes.size(),
                                   1.0F / static_cast<float>(inputs.classes.size()));
  SubmissionCsv csv;
  csv.text = Field(inputs.id_column);
  for (const size_t column : columns) csv.text += "," + Field(inputs.classes[column]);
  csv.text += "\n";
  for (const std::string& id : RowOrder(inputs)) {
    auto found = inputs.probabilities.find(id);
    if (found == inputs.probabilities.end()) {
      found = inputs.probabilities.find(std::string(WithoutPhotoEnding(id)));
    }
    const std::vector<float>& row = found != inputs.probabilities.end() ? found->second : uniform;
    csv.text += Field(id);
    // Nine digits read back as the same float.
    for (const size_t column : columns) {
      csv.text += fmt::format(",{:.9g}", static_cast<double>(row[column]));
    }
    csv.text += "\n";
    ++csv.rows;
    if (found == inputs.probabilities.end()) ++csv.uniform_rows;
  }
  return csv;
}

}  // namespace vizsla
