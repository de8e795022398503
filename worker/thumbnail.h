// A photo small enough to lie inside a page.
#pragma once

#include <string>

#include "src/base/status.h"
#include "src/dataset/index.h"

namespace vizsla {

// The photo upright as JPEG, its longer side at most 200 pixels (never enlarged). Errors of the
// reader and of DecodePhoto.
absl::StatusOr<std::string> MakeThumbnail(const PhotoReader& reader, const Photo& photo);

}  // namespace vizsla
