// Which files are labelled photos, by the two layouts that are known. Reads labels.csv and
// sample_submission.csv, but no photo.
#pragma once

#include <string>
#include <vector>

#include "src/dataset/container.h"
#include "src/dataset/index.h"

namespace vizsla {

struct CandidatePhoto {
  Photo photo;        // id, path, group, side and bytes are set
  std::string label;  // the class's name; empty for an unlabelled photo
  ContainerEntry entry;
};

struct Layout {
  DatasetLayout kind = DatasetLayout::kKaggle;
  std::vector<CandidatePhoto> labelled;    // sorted by id, ids unique
  std::vector<CandidatePhoto> unlabelled;  // sorted by id
  std::string submission_id_column = "id";
  std::vector<std::string> submission_columns;
  std::vector<std::string> submission_ids;
  std::vector<Problem> problems;
};

// Errors as IndexDataset says; `root` is for messages.
absl::StatusOr<Layout> RecognizeLayout(const Container& container, const std::string& root,
                                       const std::string& group_column);

}  // namespace vizsla
