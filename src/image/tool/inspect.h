// `vizsla-dataset inspect`: what is in a data set, and what is wrong with it.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "src/base/status.h"
#include "src/dataset/index.h"
#include "src/dataset/split.h"
#include "src/image/tool/pictures.h"

namespace vizsla {

struct Spread {
  uint64_t min = 0;
  uint64_t median = 0;
  uint64_t max = 0;
};

// One side of a split.
struct SideSize {
  size_t photos = 0;
  size_t fewest = 0;  // of one class; 0 when a class is missing
  size_t most = 0;
};

struct Inspection {
  DatasetIndex index;
  NamedCounts class_counts;     // most photos first, then by name
  Spread width, height, bytes;  // of all photos that can be decoded, upright
  std::vector<Problem> broken;  // photos that cannot be decoded whole, labelled and unlabelled
  std::vector<std::pair<std::string, std::string>> duplicates;  // path, and the path it repeats
  SplitSpec split;                                              // as asked for
  SideSize train, validation, test;
  std::string split_error;  // why there is no such split, or empty
  std::vector<Problem> split_problems;
  std::vector<SheetPhoto> sheet;  // random photos with their labels
};

struct InspectOptions {
  std::string data;
  int threads = 1;
  SplitSpec split;  // its sizes are told
  size_t sheet_photos = 12;
  uint64_t seed = 42;                             // of the contact sheet
  std::function<void(size_t, size_t)> on_index;   // (done, total) photos; may be empty
  std::function<void(size_t, size_t)> on_decode;  // called one at a time
};

// The photo upright. Errors of the reader and of DecodePhoto; ResourceExhausted when memory ran
// out. Does not throw, for it runs on threads whose exceptions end the process.
absl::StatusOr<cv::Mat> LoadPhoto(const PhotoReader& reader, const Photo& photo);

// Reads and decodes every photo. Errors as IndexDataset says; a split that cannot be made is told
// in the result.
absl::StatusOr<Inspection> Inspect(const InspectOptions& options);

// For programs: docs/datasets.md says what is in it. `files` are the pictures written.
nlohmann::json ToJson(const Inspection& inspection, const std::vector<std::string>& files);

// For people.
std::string ToText(const Inspection& inspection, int width, bool colour);

}  // namespace vizsla
