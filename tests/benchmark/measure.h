// How the training benchmarks time a step.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>

namespace vizsla {

struct MeasureOptions {
  double seconds = 0.8;  // of measuring, about
  bool smoke = false;    // once: only proves that it runs
};

// The median over five blocks of the mean time of a call, in milliseconds. `synchronize` waits for
// what a step has started (a GPU).
template <typename Step, typename Synchronize>
double MedianMilliseconds(const MeasureOptions& options, const Step& step,
                          const Synchronize& synchronize) {
  constexpr size_t kBlocks = 5;
  const auto time = [&](int count) {
    synchronize();
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < count; ++i) step();
    synchronize();
    const std::chrono::duration<double, std::milli> passed =
        std::chrono::steady_clock::now() - start;
    return passed.count() / count;
  };
  time(options.smoke ? 1 : 5);  // libraries load, convolutions are chosen, memory is taken
  const double guess = time(options.smoke ? 1 : 3);
  const int count = std::clamp(static_cast<int>(options.seconds * 1e3 / kBlocks / guess), 1, 500);
  std::array<double, kBlocks> blocks;
  for (double& block : blocks) block = time(count);
  std::nth_element(blocks.begin(), blocks.begin() + kBlocks / 2, blocks.end());
  return blocks[kBlocks / 2];
}

template <typename Step>
double MedianMilliseconds(const MeasureOptions& options, const Step& step) {
  return MedianMilliseconds(options, step, [] {});
}

}  // namespace vizsla
