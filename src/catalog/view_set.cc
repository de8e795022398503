#include "src/catalog/view_set.h"

#include "src/base/check.h"
#include "src/base/exact_number.h"
#include "src/base/random.h"
#include "src/base/str_cat.h"

namespace vizsla {
namespace {

// Changes when DrawView or the stream does, so that features of other views are not read as these.
constexpr std::string_view kDrawnVersion = "drawn views 1";

}  // namespace

std::optional<ViewSet> ViewSet::Of(const AugmentationPolicy& policy, int drawn) {
  VIZSLA_CHECK(0 <= drawn && drawn <= kMostDrawn);
  if (const int exact = CountExactViews(policy); exact > 0) return ViewSet(policy, true, exact);
  if (drawn == 0) return std::nullopt;
  return ViewSet(policy, false, drawn);
}

ViewSet ViewSet::OfValidation(bool flips) { return *Of({.horizontal_flip = flips}, 0); }

std::string ViewSet::Family() const {
  if (is_exact_) return "";
  // Every member by name: a new one does not compile until it is in the name.
  const auto& [rotation, width_shift, height_shift, zoom, flip, shear, crop_scale, brightness,
               contrast, erasing] = policy_;
  std::string family(kDrawnVersion);
  for (const double value : {rotation, width_shift, height_shift, zoom, flip ? 1.0 : 0.0, shear,
                             crop_scale, brightness, contrast, erasing}) {
    absl::StrAppend(&family, " ", ExactNumber(value));
  }
  return family;
}

View ViewSet::At(uint64_t photo_identity, int number) const {
  VIZSLA_CHECK(0 <= number && number < FamilyCount());
  if (is_exact_) return {.flip = number == 1};
  RandomStream stream(StreamKey(photo_identity).With("view").With(static_cast<uint64_t>(number)));
  return DrawView(policy_, stream);
}

}  // namespace vizsla
