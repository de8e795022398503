// What is recorded on a GPU against the same work piece by piece: the same numbers, bit for bit.
#include <c10/cuda/CUDACachingAllocator.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "src/comm/communicator.h"
#include "src/nn/autocast.h"
#include "src/nn/device_graph.h"
#include "src/nn/device_mask.h"
#include "src/nn/device_stream.h"
#include "src/train/device_rows.h"
#include "src/train/training_step.h"
#include "tests/gpu/testing.h"
#include "tests/train/fixtures.h"

namespace vizsla {
namespace {

using torch::Tensor;

TEST(DeviceMaskTest, IsTheHostsBitForBit) {
  const DeviceStream stream(kGpu);
  for (const auto& [rows, row_size] : std::vector<std::pair<int64_t, int64_t>>{
           {1, 1}, {5, 1}, {3, 7}, {4, 8}, {33, 129}, {2, 1280}, {128, 4096}}) {
    for (const double rate : {0.2, 0.5, 0.9}) {
      SCOPED_TRACE(StrCat(rows, " x ", row_size, " at ", rate));
      const StreamKey key = StreamKey(7).With("dropout").With(static_cast<uint64_t>(rows));
      const int64_t first_row = (int64_t{1} << 32) - 2;  // both words of a row's number
      Tensor host = torch::empty({rows, row_size});
      DrawDropoutMask(key, first_row, row_size, rate,
                      {host.data_ptr<float>(), static_cast<size_t>(host.numel())});
      const Tensor by_value = torch::empty({rows, row_size}, kGpu);
      DrawDropoutMaskOnDevice({}, key.value(), first_row, row_size, rate, by_value);
      EXPECT_TRUE(torch::equal(by_value.cpu(), host));
      const Tensor keys = torch::tensor({int64_t{-1}, static_cast<int64_t>(key.value())}).to(kGpu);
      const Tensor by_address = torch::empty({rows, row_size}, kGpu);
      DrawDropoutMaskOnDevice(keys.select(0, 1), 0, first_row, row_size, rate, by_address);
      EXPECT_TRUE(torch::equal(by_address.cpu(), host));
    }
  }
}

TEST(DeviceGraphTest, DoesTheWorkAgain) {
  const DeviceStream stream(kGpu);
  const Tensor x = torch::arange(6, torch::dtype(torch::kFloat32).device(kGpu));
  Tensor sum = torch::zeros({}, kGpu), result;
  const auto work = [&] {
    result = x * 2;
    sum.add_(result.sum());
  };
  work();
  const auto graph = DeviceGraph::Record(kGpu, work);
  ASSERT_NE(graph, nullptr);
  EXPECT_EQ(sum.item<float>(), 30) << "to record is not to do";
  graph->Replay();
  x.add_(1);
  graph->Replay();
  EXPECT_EQ(sum.item<float>(), 30 + 30 + 42);
  EXPECT_EQ(result[0].item<float>(), 2);
}

// Nothing has happened, and both the stream and LibTorch's memory are as usable as before.
TEST(DeviceGraphTest, WhatCannotBeRecordedIsToldAndUndone) {
  const Tensor y = torch::ones({4}, kGpu);
  torch::cuda::synchronize();
  EXPECT_EQ(DeviceGraph::Record(kGpu, [&] { y.add_(1); }), nullptr) << "without a stream";
  const DeviceStream stream(kGpu);
  const Tensor x = torch::ones({4}, kGpu);
  for (const std::function<void()>& work : std::vector<std::function<void()>>{
           [&] { x.add_(x.sum().item<float>()); },             // waits for the GPU
           [&] { x.add_(ToDevice(torch::ones({4}), kGpu)); },  // reads what may have changed
           [&] { torch::empty({int64_t{1} << 50}, kGpu); },    // does not fit
           [&] { throw std::runtime_error("stopped halfway"); }}) {
    EXPECT_EQ(DeviceGraph::Record(kGpu, work), nullptr);
    EXPECT_FALSE(DeviceGraph::IsRecording());
    EXPECT_EQ(x.sum().item<float>(), 4);
    const Tensor z = torch::empty_like(x);
    const auto graph = DeviceGraph::Record(kGpu, [&] { z.copy_(x * 3); });
    ASSERT_NE(graph, nullptr);
    graph->Replay();
    EXPECT_EQ(z.sum().item<float>(), 12);
  }
}

constexpr int64_t kLarge = int64_t{1} << 28;  // floats: a GiB
constexpr uint64_t kSmall = uint64_t{64} << 20;

// Bytes that nobody holds once LibTorch has given back what it keeps.
uint64_t FreeBytes() {
  torch::cuda::synchronize();
  GiveBackDeviceMemory(kGpu);
  return FreeDeviceBytes(kGpu);
}

TEST(DeviceGraphTest, ItsMemoryGoesWithIt) {
  const DeviceStream stream(kGpu);
  Tensor sum = torch::zeros({}, kGpu);
  const auto work = [&] { sum.add_(torch::ones({kLarge}, kGpu).sum()); };
  DeviceGraph::WatchMemory(kGpu);
  work();
  const uint64_t before = FreeBytes();
  {
    const auto graph = DeviceGraph::Record(kGpu, work);
    ASSERT_NE(graph, nullptr);
    graph->Replay();
    EXPECT_LT(FreeBytes(), before - kLarge * sizeof(float) + kSmall) << "it keeps what it needs";
    graph->Replay();
    EXPECT_EQ(sum.item<float>(), 3.0f * kLarge);
  }
  EXPECT_GE(FreeBytes() + kSmall, before);
}

TEST(DeviceGraphTest, AFailedOneLeavesNoMemoryBehindAndOthersAsTheyAre) {
  const DeviceStream stream(kGpu);
  const Tensor a = torch::randn({128, 128}, kGpu);
  Tensor product;
  const auto multiply = [&] { product = a.matmul(a).matmul(a); };
  multiply();
  const Tensor expected = product.clone();
  const auto good = DeviceGraph::Record(kGpu, multiply);
  ASSERT_NE(good, nullptr);
  const uint64_t before = FreeBytes();
  int entered = 0;
  const auto failing = [&] {
    ++entered;
    const Tensor taken = torch::ones({kLarge}, kGpu), more = a.matmul(a);
    throw std::runtime_error("stopped halfway");
  };
  const auto too_large = [&] {
    ++entered;
    torch::empty({kLarge * 1024}, kGpu);
  };
  DeviceGraph::WatchMemory(kGpu);
  EXPECT_EQ(DeviceGraph::Record(kGpu, failing), nullptr);
  EXPECT_EQ(DeviceGraph::Record(kGpu, too_large), nullptr);
  EXPECT_EQ(entered, 2);
  EXPECT_GE(FreeBytes() + kSmall, before);
  std::vector<Tensor> neighbours;  // where the failed ones were
  for (int i = 0; i < 64; ++i) neighbours.push_back(torch::full({1 << 18}, 7.0f, kGpu));
  product.zero_();
  good->Replay();
  EXPECT_TRUE(torch::equal(product, expected));
  for (const Tensor& neighbour : neighbours) EXPECT_TRUE(neighbour.eq(7).all().item<bool>());
}

TEST(DeviceGraphTest, WhatMayNotBeRecordedIsNot) {
  const DeviceStream stream(kGpu);
  const Tensor x = torch::zeros({4}, kGpu);
  DeviceGraph::Allow(false);
  EXPECT_EQ(DeviceGraph::Record(kGpu, [&] { x.add_(1); }), nullptr);
  DeviceGraph::Allow(true);
  EXPECT_NE(DeviceGraph::Record(kGpu, [&] { x.add_(1); }), nullptr);
}

TEST(DeviceGraphTest, ThreadsRecordAndReplayBesideEachOther) {
  const auto record_and_replay = [](int thread) {
    const DeviceStream stream(kGpu);
    const Tensor a = torch::full({256, 256}, static_cast<float>(thread), kGpu);
    for (int round = 0; round < 20; ++round) {
      Tensor product;
      const auto work = [&] { product = a.matmul(a); };
      work();
      const auto graph = DeviceGraph::Record(kGpu, work);
      ASSERT_NE(graph, nullptr);
      product.zero_();
      graph->Replay();
      ASSERT_TRUE(product.eq(256.0f * static_cast<float>(thread * thread)).all().item<bool>());
    }
  };
  std::atomic<bool> done = false;
  std::thread giver([&] {
    while (!done) {
      GiveBackDeviceMemory(kGpu);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  {
    std::vector<std::jthread> threads;
    for (int thread = 1; thread <= 3; ++thread) {
      threads.emplace_back([&record_and_replay, thread] {
        try {
          record_and_replay(thread);
        } catch (const std::exception& error) {
          ADD_FAILURE() << error.what();
        }
      });
    }
  }
  done = true;
  giver.join();
}

TEST(ReplayedFunctionTest, IsTheFunction) {
  const DeviceStream stream(kGpu);
  const torch::NoGradGuard no_gradients;
  int calls = 0;
  ReplayedFunction function([&](const Tensor& x) {
    ++calls;
    return x * x + 1;
  });
  for (int call = 0; call < 5; ++call) {
    for (const int64_t rows : {8, 8, 8, 3, 8, 8}) {
      const Tensor x = torch::randn({rows, 2}, kGpu);
      EXPECT_TRUE(torch::equal(function(x), x * x + 1));
    }
  }
  EXPECT_EQ(calls, 4) << "of each size once to do it, once to record it";
}

TEST(DeviceStreamTest, NoTwoAtOnceAreTheSame) {
  void* first = nullptr;
  {
    const DeviceStream stream(kGpu);
    first = CurrentStream(kGpu);
    EXPECT_NE(first, nullptr);
    std::thread([&] {
      const DeviceStream other(kGpu);
      EXPECT_NE(CurrentStream(kGpu), first);
    }).join();
  }
  EXPECT_EQ(CurrentStream(kGpu), nullptr);
  const DeviceStream next(kGpu);
  EXPECT_EQ(CurrentStream(kGpu), first) << "whose memory LibTorch has kept";
}

TEST(DeviceRowsTest, AreTheCaches) {
  const auto folder = TemporaryDirectory::Create();
  FeatureLayout layout{.name = "rows", .photo_count = 150, .view_count = 2, .row_floats = 10};
  auto opened = SharedFeatureCache(folder->path(), layout);
  ASSERT_TRUE(opened.ok()) << opened.status();
  const std::shared_ptr<FeatureCache> cache = *opened;
  for (auto fill = FeatureCache::Fill::kFilled; fill == FeatureCache::Fill::kFilled;) {
    fill = *cache->FillOne(2, [](std::span<const FeatureRow> rows, float* values) {
      for (const FeatureRow& row : rows) {
        for (int i = 0; i < 10; ++i) {
          *values++ = static_cast<float>(row.photo * 100 + row.view * 50 + i);
        }
      }
      return absl::OkStatus();
    });
  }
  const RowRangeOfCache range{.first_float = 4, .float_count = 5, .view_count = 2};
  EXPECT_EQ(SharedDeviceRows(cache, range, torch::kCPU), nullptr);
  const auto rows = SharedDeviceRows(cache, range, kGpu);
  ASSERT_NE(rows, nullptr);
  EXPECT_EQ(SharedDeviceRows(cache, range, kGpu), rows) << "copied twice";
  std::vector<PhotoView> views(3);
  views[0].photo = 149;
  views[1].photo = 0;
  views[2].photo = 77;
  views[2].view_number = 1;
  const Tensor gathered = rows->Gather(views).cpu();
  ASSERT_EQ(gathered.sizes(), torch::IntArrayRef({3, 5}));
  EXPECT_EQ(gathered[0][0].item<float>(), 14904);
  EXPECT_EQ(gathered[1][4].item<float>(), 8);
  EXPECT_EQ(gathered[2][0].item<float>(), 7754);
}

// ---- Steps

constexpr int kClasses = 5;

struct Case {
  std::string name;
  TrainingPlan plan;
};

std::vector<Case> Cases() {
  std::vector<Case> cases;
  const auto add = [&](const std::string& name, const std::function<void(TrainingPlan&)>& change) {
    TrainingPlan plan = SmallPlan();
    plan.batch_size = 12;
    plan.image_size = 64;
    plan.dropout = 0.4;
    change(plan);
    cases.push_back({name, plan});
  };
  add("Head", [](auto& p) {
    p.dense = {24, 16};
    p.dropout_hidden = 0.5;
    p.l2 = 1e-3;
    p.class_weights = ClassWeights::kBalanced;
  });
  add("HeadBfloat16", [](auto& p) { p.precision = Precision::kBfloat16; });
  for (const char* network : {"mobilenet_v2", "resnet50", "efficientnet_v2_s"}) {
    for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
      add(StrCat(network, ToText(precision)), [&](auto& p) {
        p.network = network;
        p.unfreeze = "all";
        p.label_smoothing = 0.1;
        p.precision = precision;
      });
    }
  }
  add("Scratch", [](auto& p) { p = ScratchPlan("scratch_v1", 64, {16}); });
  return cases;
}

class RecordedStepTest : public ::testing::TestWithParam<Case> {};

// The weights after some steps of full and of smaller batches, and what was counted.
struct Trained {
  NamedTensors state;
  Tally tally;
  int64_t recorded_steps = 0;
};

Trained Train(const TrainingPlan& plan, bool record) {
  const DeviceStream stream(kGpu);
  const auto model = *BuildModel(plan, Padding::kSymmetric, kClasses, StreamKey(4));
  model->to(kGpu);
  model->FrozenStateChanged();
  model->train();
  SyntheticSource source(60, kClasses, plan.image_size, 1);
  TrainingData data;
  data.train = &source;
  data.class_count = kClasses;
  const auto transport = MakeLocalCommunicator();
  VotingGroup group(*transport);
  TrainingStep step(plan, data, *model, group, kGpu,
                    {.memory = {}, .reducer = {}, .fuse_head = true, .record = record});
  const auto cached = CachedInput::For(plan);
  Trained result;
  torch::manual_seed(1);
  uint32_t next = 0;
  for (const int64_t count : {12, 12, 5, 12, 5, 12, 5, 1, 12, 3, 12}) {
    StepRows rows;
    rows.global_count = count;
    rows.mine = {0, count};
    rows.views.resize(static_cast<size_t>(count));
    for (PhotoView& view : rows.views) view.photo = next++ % 60;
    const bool is_head = cached && plan.unfreeze == "none";
    const Tensor input =
        is_head ? torch::rand({count, static_cast<int64_t>(cached->float_count())}).to(kGpu)
                : torch::rand({count, 3, plan.image_size, plan.image_size}).to(kGpu);
    const absl::Status status = step.Run(rows, input, is_head ? &*cached : nullptr,
                                         StreamKey(9).With(next), 1.0 / (1 + next), result.tally);
    EXPECT_TRUE(status.ok()) << status;
  }
  step.CollectInto(result.tally);
  result.recorded_steps = step.recorded_steps();
  for (const auto& [name, tensor] : model->TrainedState()) {
    result.state.emplace_back(name, tensor.detach().cpu());
  }
  return result;
}

TEST_P(RecordedStepTest, IsTheStepBitForBit) {
  const Tf32Scope exact(false);
  at::globalContext().setDeterministicCuDNN(true);
  const Trained plain = Train(GetParam().plan, false), recorded = Train(GetParam().plan, true);
  EXPECT_EQ(plain.recorded_steps, 0);
  EXPECT_EQ(recorded.recorded_steps, 5 + 2) << "all but each first one, those of 1 and 3 rows";
  EXPECT_EQ(recorded.tally.loss, plain.tally.loss);
  EXPECT_EQ(recorded.tally.correct, plain.tally.correct);
  EXPECT_EQ(recorded.tally.rows, plain.tally.rows);
  ASSERT_EQ(recorded.state.size(), plain.state.size());
  for (size_t i = 0; i < plain.state.size(); ++i) {
    EXPECT_TRUE(torch::equal(recorded.state[i].second, plain.state[i].second))
        << plain.state[i].first;
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, RecordedStepTest, ::testing::ValuesIn(Cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace vizsla
