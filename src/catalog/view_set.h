// The numbered list of views in which training sees each photo, where the list has an end: then
// what a frozen backbone makes of the views can be computed once (cached_rows.h). Pure.
//
// Exact: a policy that does nothing or only flips has one view a photo, or two. Training on the
// list is training under the policy.
//
// Drawn: of any other policy the views have no end, and `views: K` puts the first K of an endless
// list of draws in their place. What that approximates: the loss that training under the policy
// minimizes is, of each photo, the expectation over its random views; in its place comes the mean
// over K fixed ones. For weights that do not know the draws that mean is right on average, with a
// variance that falls as 1 / K. But the weights are fitted to these very draws: the loss that they
// reach on them is too low on average, and lower the smaller K is (sample average approximation:
// Kleywegt, Shapiro, Homem-de-Mello, SIAM Journal on Optimization 12, 2002). So the fewer the
// views, the sooner a head over-fits; with K = 1 each photo is distorted once and for all, and
// augments nothing. All trials share the draws and what is accidental in them, so that they stay
// comparable with each other. A trial of no more than K epochs sees no view twice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "src/catalog/augmentation.h"

namespace vizsla {

// Value type.
class ViewSet {
 public:
  static constexpr int kMostExact = 2;
  static constexpr int kMostDrawn = 64;

  // What training under the policy chooses from. `drawn`, 0 to kMostDrawn, is the user's K; it
  // means nothing to a policy whose views are exact. Nullopt: no K was given to a policy that needs
  // one, each epoch draws anew.
  static std::optional<ViewSet> Of(const AugmentationPolicy& policy, int drawn);
  // What validation sees: the photo, and its mirror image if `flips`.
  static ViewSet OfValidation(bool flips);

  const AugmentationPolicy& policy() const { return policy_; }
  bool is_exact() const { return is_exact_; }
  // Views of each photo, at least 1. Their numbers begin at 0.
  int count() const { return count_; }

  // Sets of one family begin alike: the same numbers are the same views, however many each has. The
  // exact sets are one family, named ""; drawn ones are of the family of their policy. Changes with
  // the way in which views are drawn.
  std::string Family() const;
  // Of the largest set of the family.
  int FamilyCount() const { return is_exact_ ? kMostExact : kMostDrawn; }

  // The view of that number, below FamilyCount(). Exact: 0 is the photo, 1 its mirror image. Drawn:
  // a function of the policy, the number and the photo (BatchSource::photo_identity), whoever asks:
  // trials and studies see the same.
  View At(uint64_t photo_identity, int number) const;

 private:
  ViewSet(const AugmentationPolicy& policy, bool is_exact, int count)
      : policy_(policy), is_exact_(is_exact), count_(count) {}

  AugmentationPolicy policy_;
  bool is_exact_;
  int count_;
};

}  // namespace vizsla
