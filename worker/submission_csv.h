// Kaggle's submission: id and one probability a class. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "src/base/status.h"
#include "src/dataset/index.h"

namespace vizsla {

struct CsvInputs {
  std::string id_column = "id";
  std::vector<std::string> classes;       // in the order of the probabilities
  std::vector<std::string> column_order;  // sample_submission.csv's; empty: as `classes`
  // sample_submission.csv's, which may end in .jpg where the photos' ids do not; empty: sorted.
  std::vector<std::string> id_order;
  // By id; classes.size() probabilities each.
  std::map<std::string, std::vector<float>> probabilities;
  std::vector<std::string> without_prediction;  // photos that could not be read
};

struct SubmissionCsv {
  std::string text;
  int64_t rows = 0;
  int64_t uniform_rows = 0;  // the same probability for each class
};

// Positions of the photos that the sample lists; of all when `id_order` is empty. Kaggle refuses
// rows that the sample does not have, so the others need no prediction.
std::vector<uint32_t> ListedPhotos(const std::vector<Photo>& unlabelled,
                                   const std::vector<std::string>& id_order);

// Every id of id_order as it is spelled there, then the rest sorted. An id without probabilities
// gets 1/classes in each column. InvalidArgument when the columns are not the model's classes:
// names the first that differs.
absl::StatusOr<SubmissionCsv> MakeSubmission(const CsvInputs& inputs);

}  // namespace vizsla
