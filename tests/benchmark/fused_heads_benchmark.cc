// Trials' training steps a second of heads on cached features: one trial after the other by
// autograd on all threads, as a worker trains without --trials-at-once, against N at once, each on
// a thread of its own, as it trains with it. Gathering of rows, update and tally are part of a
// step. Set the number of cores by taskset or a cpuset; OPENBLAS_CORETYPE for all rows alike.
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>
#include <torch/torch.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "tests/benchmark/head_trial.h"
#include "worker/runtime.h"

namespace vizsla {
namespace {

constexpr int kPhotos = 2048;

TrainingPlan PlanOf(bool dense) {
  TrainingPlan plan;  // on a frozen MobileNetV2's 1280 features
  if (dense) plan.dense = {128, 128};
  plan.dropout_hidden = 0.5;
  plan.dropout = 0.5;
  return plan;
}

TrainingStepOptions Options(bool fuse_head) {
  return {.memory = {}, .reducer = {}, .fuse_head = fuse_head};
}

torch::Tensor Features() { return torch::rand({kPhotos, 1280}); }

// dense, threads
void OneByOne(benchmark::State& state) {
  at::globalContext().setFlushDenormal(true);  // of this thread, as the trainer does
  const int threads = static_cast<int>(state.range(1));
  at::set_num_threads(threads);
  SetBlasThreads(threads);
  HeadTrial trial(PlanOf(state.range(0) != 0), 1, Features(), Options(/*fuse_head=*/false));
  for (int i = 0; i < 20; ++i) trial.Step();
  for (auto _ : state) trial.Step();
  state.SetItemsProcessed(state.iterations());
}

// dense, trials at once. An iteration is a step of each.
void AtOnce(benchmark::State& state) {
  SetBlasThreads(1);
  const torch::Tensor features = Features();
  std::vector<std::unique_ptr<HeadTrial>> trials;
  for (int64_t i = 0; i < state.range(1); ++i) {
    trials.push_back(std::make_unique<HeadTrial>(PlanOf(state.range(0) != 0), i + 1, features,
                                                 Options(/*fuse_head=*/true)));
  }
  // Of a length that hides the start of the threads.
  constexpr int kSteps = 500;
  const auto run = [&](int steps) {
    std::vector<std::thread> threads;
    for (const auto& trial : trials) {
      threads.emplace_back([&trial, steps] {
        at::globalContext().setFlushDenormal(true);
        at::set_num_threads(1);
        for (int i = 0; i < steps; ++i) trial->Step();
      });
    }
    for (std::thread& thread : threads) thread.join();
  };
  run(20);
  for (auto _ : state) run(kSteps);
  state.SetItemsProcessed(state.iterations() * kSteps * state.range(1));
}

BENCHMARK(OneByOne)
    ->ArgNames({"dense", "threads"})
    ->ArgsProduct({{0, 1}, {1, 2}})
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(AtOnce)
    ->ArgNames({"dense", "trials"})
    ->ArgsProduct({{0, 1}, {1, 2, 4, 8, 16}})
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace vizsla

BENCHMARK_MAIN();
