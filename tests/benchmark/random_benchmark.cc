// The random streams: what order, augmentation and sampling cost.
#include <benchmark/benchmark.h>

#include "src/base/random.h"

namespace vizsla {
namespace {

void BM_Uniform(benchmark::State& state) {
  RandomStream stream(StreamKey(1).With("benchmark"));
  for (auto _ : state) benchmark::DoNotOptimize(stream.Uniform());
}
BENCHMARK(BM_Uniform);

void BM_Shuffle(benchmark::State& state) {
  std::vector<uint32_t> order(static_cast<size_t>(state.range(0)));
  uint64_t epoch = 0;
  for (auto _ : state) {
    RandomStream stream(StreamKey(1).With("order").With(epoch++));
    stream.Shuffle(order);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Shuffle)->Arg(8463);

}  // namespace
}  // namespace vizsla

BENCHMARK_MAIN();
