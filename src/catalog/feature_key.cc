#include "src/catalog/feature_key.h"

#include "src/base/sha256.h"

namespace vizsla {
namespace {

// Changes when the cache's meaning changes (another layout, another rounding), so that old files
// are not read as new ones.
constexpr std::string_view kVersion = "vizsla features 1";

}  // namespace

std::string FeatureCacheKey(std::string_view content_digest, std::string_view backbone,
                            std::string_view weights_hash, Padding padding,
                            std::string_view content) {
  Sha256 hash;
  for (const std::string_view field :
       {kVersion, content_digest, backbone, weights_hash, ToText(padding), content}) {
    hash.Update(std::to_string(field.size()));
    hash.Update(":");
    hash.Update(field);
  }
  return hash.FinishHex();
}

}  // namespace vizsla
