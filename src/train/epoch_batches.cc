#include "src/train/epoch_batches.h"

#include <algorithm>

namespace vizsla {

EpochBatches::EpochBatches(const TrainingPlan& plan, const TrialStreams& streams, int epoch,
                           const BatchSource& source)
    : plan_(plan),
      streams_(streams),
      epoch_(epoch),
      source_(source),
      views_(TrainViews(plan)),
      order_(streams.Order(epoch, source.photo_count())) {}

PhotoView EpochBatches::PhotoAt(int64_t place) const {
  const uint32_t photo = order_[static_cast<size_t>(place)];
  if (!views_) {
    return {.photo = photo, .view = streams_.Augmentation(plan_.augmentation, epoch_, photo)};
  }
  const int number = streams_.ViewNumber(*views_, epoch_, photo);
  return {.photo = photo,
          .view = views_->At(source_.photo_identity(photo), number),
          .view_number = number};
}

StepRows EpochBatches::RowsOf(int64_t step, int rank, int size) const {
  const int64_t first = step * plan_.batch_size;
  StepRows rows;
  rows.global_count = std::min<int64_t>(plan_.batch_size, photos() - first);
  rows.mine = RowsOfRank(rows.global_count, rank, size);
  const bool mixes = plan_.mixup > 0 || plan_.cutmix > 0;
  const BatchMix mix = streams_.Mix(plan_.mixup, plan_.cutmix, plan_.image_size, epoch_, step);
  for (int64_t i = rows.mine.begin; i < rows.mine.end; ++i) {
    PhotoView row = PhotoAt(first + i);
    if (mixes) {
      const auto partner = static_cast<int64_t>(
          MixPartner(static_cast<size_t>(i), static_cast<size_t>(rows.global_count)));
      const PhotoView other = PhotoAt(first + partner);
      row.mixed_in = MixedIn{.photo = other.photo, .view = other.view, .mix = mix};
    }
    rows.views.push_back(row);
  }
  return rows;
}

}  // namespace vizsla
