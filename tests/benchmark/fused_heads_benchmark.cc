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

#include "src/comm/communicator.h"
#include "src/nn/model.h"
#include "src/train/streams.h"
#include "src/train/training_step.h"
#include "tests/benchmark/photos_without_pixels.h"
#include "worker/runtime.h"

namespace vizsla {
namespace {

constexpr int kClasses = 120;
constexpr int kPhotos = 2048;

TrainingPlan PlanOf(bool dense) {
  TrainingPlan plan;  // on a frozen MobileNetV2's 1280 features
  if (dense) plan.dense = {128, 128};
  plan.dropout_hidden = 0.5;
  plan.dropout = 0.5;
  return plan;
}

// A trial without its validation and reports.
class Trial {
 public:
  Trial(bool dense, bool fuse_head, int64_t number, const torch::Tensor& rows)
      : plan_(PlanOf(dense)),
        rows_(rows),
        model_(*BuildModel(plan_, Padding::kSymmetric, kClasses, StreamKey(1))),
        transport_(MakeLocalCommunicator()),
        group_(*transport_),
        cached_(*CachedInput::For(plan_)),
        streams_(1, number) {
    model_->train();
    data_.train = &labels_;
    data_.class_count = kClasses;
    step_.emplace(plan_, data_, *model_, group_, torch::kCPU,
                  TrainingStepOptions{.memory = {}, .reducer = {}, .fuse_head = fuse_head});
  }

  void Step() {
    const int64_t epoch = step_number_ / (kPhotos / plan_.batch_size);
    const int64_t step = step_number_ % (kPhotos / plan_.batch_size);
    if (step == 0) batches_.emplace(plan_, streams_, static_cast<int>(epoch) + 1, labels_);
    const StepRows rows = batches_->RowsOf(step, 0, 1);
    torch::Tensor input = torch::empty({plan_.batch_size, rows_.size(1)});
    for (size_t i = 0; i < rows.views.size(); ++i) {
      std::memcpy(input.data_ptr<float>() + static_cast<int64_t>(i) * rows_.size(1),
                  rows_.data_ptr<float>() + rows.views[i].photo * rows_.size(1),
                  static_cast<size_t>(rows_.size(1)) * sizeof(float));
    }
    if (!step_->Run(rows, input, &cached_, streams_.Dropout(step_number_), 1, tally_).ok()) {
      std::abort();
    }
    ++step_number_;
  }

 private:
  const TrainingPlan plan_;
  const torch::Tensor rows_;
  const PhotosWithoutPixels labels_{kPhotos, kClasses};
  TrainingData data_;
  std::shared_ptr<Model> model_;
  std::unique_ptr<Communicator> transport_;
  VotingGroup group_;
  CachedInput cached_;
  TrialStreams streams_;
  std::optional<TrainingStep> step_;
  std::optional<EpochBatches> batches_;
  int64_t step_number_ = 0;
  Tally tally_;
};

torch::Tensor Features() { return torch::rand({kPhotos, 1280}); }

// dense, threads
void OneByOne(benchmark::State& state) {
  at::globalContext().setFlushDenormal(true);  // of this thread, as the trainer does
  const int threads = static_cast<int>(state.range(1));
  at::set_num_threads(threads);
  SetBlasThreads(threads);
  Trial trial(state.range(0) != 0, /*fuse_head=*/false, 1, Features());
  for (int i = 0; i < 20; ++i) trial.Step();
  for (auto _ : state) trial.Step();
  state.SetItemsProcessed(state.iterations());
}

// dense, trials at once. An iteration is a step of each.
void AtOnce(benchmark::State& state) {
  SetBlasThreads(1);
  const torch::Tensor features = Features();
  std::vector<std::unique_ptr<Trial>> trials;
  for (int64_t i = 0; i < state.range(1); ++i) {
    trials.push_back(
        std::make_unique<Trial>(state.range(0) != 0, /*fuse_head=*/true, i + 1, features));
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
