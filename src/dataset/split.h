// Which photos train, which validate, which test. Test is sealed: a search reads train and
// validation only.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "src/base/status.h"
#include "src/dataset/index.h"
#include "src/study/study.h"

namespace vizsla {

// Ids, each list sorted. Disjoint; together all labelled photos of the index. `classes` are the
// index's, so that a pulled model can name what it predicts without the data set.
struct Split {
  std::vector<std::string> classes;
  std::vector<std::string> train;
  std::vector<std::string> validation;
  std::vector<std::string> test;
  bool operator==(const Split&) const = default;
};

// Stratified by largest remainder (each class gives its share, ties are drawn), seeded; the totals
// are ceil(test * photos) and then ceil(validation * rest), exact without groups and as near as
// whole groups allow with them. Groups stay on one side, and so do files with the same bytes. The
// user's own train/val/test folders win; a side without a folder is drawn from train's. Every class
// keeps a photo in train. Named in `problems` (which may be null): a class that is missing on
// another side, files with the same bytes that the user's folders put on two sides.
// InvalidArgument: fractions outside (0,1), a group column that the index was not read with, or a
// side left empty.
absl::StatusOr<Split> MakeSplit(const DatasetIndex& index, const SplitSpec& spec,
                                std::vector<Problem>* problems);

// Stored as an artifact with the study.
std::string ToJsonText(const Split& split);
absl::StatusOr<Split> SplitFromJsonText(std::string_view text);

// Positions in index.photos of the ids of one side, in the side's order. NotFound names the first
// id that the index lacks.
absl::StatusOr<std::vector<uint32_t>> Positions(const DatasetIndex& index,
                                                const std::vector<std::string>& ids);

}  // namespace vizsla
