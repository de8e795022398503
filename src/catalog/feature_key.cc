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
                            std::string_view content, std::string_view view_family) {
  Sha256 hash;
  const auto add = [&](std::string_view field) {
    hash.Update(std::to_string(field.size()));
    hash.Update(":");
    hash.Update(field);
  };
  for (const std::string_view field :
       {kVersion, content_digest, backbone, weights_hash, ToText(padding), content}) {
    add(field);
  }
  // Exact views were the only ones once; their files keep their names.
  if (!view_family.empty()) add(view_family);
  return hash.FinishHex();
}

}  // namespace vizsla
