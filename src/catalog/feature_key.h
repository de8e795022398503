// The name of a file of cached features: what a frozen backbone's output depends on. Pure.
#pragma once

#include <string>
#include <string_view>

#include "src/catalog/training_plan.h"

namespace vizsla {

// SHA-256 in hexadecimal. `content_digest` is BatchSource's: photos in order, decoding, resizing
// and preprocessing. `weights_hash` is of the weights file. `content` names what is kept of a
// photo: CachedRows::content. `view_family` says what its views are: ViewSet::Family. Each field is
// framed by its length, so that no two sets of fields share a key.
std::string FeatureCacheKey(std::string_view content_digest, std::string_view backbone,
                            std::string_view weights_hash, Padding padding,
                            std::string_view content, std::string_view view_family);

}  // namespace vizsla
