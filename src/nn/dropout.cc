#include "src/nn/dropout.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "src/base/check.h"
#include "src/nn/device_mask.h"
#include "src/nn/random_fill.h"

namespace vizsla {

void DrawDropoutMask(StreamKey key, int64_t first_row, int64_t row_size, double rate,
                     std::span<float> mask) {
  if (mask.empty()) return;
  VIZSLA_CHECK(row_size > 0 && mask.size() % row_size == 0);
  const DropoutRule rule(rate);
  constexpr size_t kPerBlock = 8;  // 16 bits for each element
  const size_t blocks = (static_cast<size_t>(row_size) + kPerBlock - 1) / kPerBlock;
  constexpr size_t kChunk = 64;
  const int64_t rows = static_cast<int64_t>(mask.size()) / row_size;
  const auto draw_row = [&](int64_t row) {
    uint32_t words[4 * kChunk];
    float* out = mask.data() + row * row_size;
    for (size_t block = 0; block < blocks; block += kChunk) {
      const size_t count = std::min(kChunk, blocks - block);
      PhiloxWords(key, static_cast<uint64_t>(first_row + row), static_cast<uint32_t>(block), count,
                  words);
      const size_t first = block * kPerBlock;
      const size_t elements = std::min(count * kPerBlock, static_cast<size_t>(row_size) - first);
      KeepHalves(words, elements / 2, rule.threshold, rule.kept, out + first);
      if (elements % 2 == 1) {
        std::array<float, 2> last{};
        KeepHalves(words + elements / 2, 1, rule.threshold, rule.kept, last.data());
        out[first + elements - 1] = last[0];
      }
    }
  };
  // Each row has its own numbers: the mask does not depend on the threads.
  constexpr int64_t kPerThread = 1 << 14;
  at::parallel_for(0, rows, std::max<int64_t>(1, kPerThread / row_size),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t row = begin; row < end; ++row) draw_row(row);
                   });
}

DropoutImpl::DropoutImpl(double rate, std::string layer, DropoutUnit unit)
    : rate_(rate), layer_(std::move(layer)), unit_(unit) {}

void DropoutImpl::DrawMask(const DropoutStep& step, int64_t row_size, std::span<float> mask) const {
  DrawDropoutMask(MaskKey(step.key), step.first_row, row_size, rate_, mask);
}

torch::Tensor DropoutImpl::MaskOf(const std::vector<int64_t>& sizes,
                                  const torch::Device& device) const {
  VIZSLA_CHECK(step_.has_value());
  torch::Tensor mask = torch::empty(sizes, torch::dtype(torch::kFloat32).device(device));
  const int64_t row_size = mask.numel() / sizes.front();
  if (device.is_cuda()) {
    DrawDropoutMaskOnDevice(key_on_device_, MaskKey(step_->key).value(), step_->first_row, row_size,
                            rate_, mask);
  } else {
    DrawMask(*step_, row_size, {mask.data_ptr<float>(), static_cast<size_t>(mask.numel())});
  }
  return mask;
}

torch::Tensor DropoutImpl::forward(const torch::Tensor& x) {
  if (!is_training() || rate_ == 0 || x.size(0) == 0) return x;
  std::vector<int64_t> sizes = x.sizes().vec();
  const bool image = sizes.size() == 4;
  if (image) sizes = {x.size(0), x.size(2), x.size(3), x.size(1)};
  if (unit_ == DropoutUnit::kRow) std::fill(sizes.begin() + 1, sizes.end(), 1);
  torch::Tensor mask = MaskOf(sizes, x.device());
  if (image) mask = mask.permute({0, 3, 1, 2});  // channels-last, as the activations are
  // The factor in float32, as torch.nn.functional.dropout has it, also for a lower type.
  return (x * mask).to(x.scalar_type());
}

}  // namespace vizsla
