#include "src/train/streams.h"

#include <numeric>

namespace vizsla {

std::vector<uint32_t> TrialStreams::Order(int epoch, size_t photo_count) const {
  std::vector<uint32_t> order(photo_count);
  std::iota(order.begin(), order.end(), uint32_t{0});
  RandomStream stream(key_.With("order").With(static_cast<uint64_t>(epoch)));
  stream.Shuffle(order);
  return order;
}

View TrialStreams::Augmentation(const AugmentationPolicy& policy, int epoch, uint32_t photo) const {
  RandomStream stream(key_.With("augmentation").With(static_cast<uint64_t>(epoch)).With(photo));
  return DrawView(policy, stream);
}

int TrialStreams::ViewNumber(const ViewSet& views, int epoch, uint32_t photo) const {
  if (views.is_exact()) return Augmentation(views.policy(), epoch, photo).flip ? 1 : 0;
  const int round = (epoch - 1) / views.count();
  std::vector<int> order(static_cast<size_t>(views.count()));
  std::iota(order.begin(), order.end(), 0);
  RandomStream stream(key_.With("views").With(static_cast<uint64_t>(round)).With(photo));
  stream.Shuffle(order);
  return order[static_cast<size_t>((epoch - 1) % views.count())];
}

BatchMix TrialStreams::Mix(double mixup_alpha, double cutmix_alpha, int image_size, int epoch,
                           int64_t step) const {
  RandomStream stream(
      key_.With("mix").With(static_cast<uint64_t>(epoch)).With(static_cast<uint64_t>(step)));
  return DrawMix(mixup_alpha, cutmix_alpha, image_size, stream);
}

RowRange RowsOfRank(int64_t rows, int rank, int size) {
  return {rows * rank / size, rows * (rank + 1) / size};
}

}  // namespace vizsla
