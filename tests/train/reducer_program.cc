// Run by mpirun on 1, 2 and 3 ranks: the reducer against the gradient of the whole batch, which
// every rank also computes alone.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <stdexcept>
#include <thread>
#include <vector>

#include "src/comm/mpi_communicator.h"
#include "src/nn/batch_norm.h"
#include "src/train/foreign_errors.h"
#include "src/train/gradient_reducer.h"
#include "src/train/streams.h"
#include "tests/comm/forwarding_communicator.h"

namespace vizsla {
namespace {

Communicator* world = nullptr;

// Sizes that fit no bucket; one parameter is used twice, one never, one in odd rows only, one is
// frozen.
struct Network {
  explicit Network(bool normalizes = false) : normalizes(normalizes) {
    torch::manual_seed(1);
    const auto add = [&](const char* name, std::vector<int64_t> shape) {
      tensors[name] = (0.3 * torch::randn(shape)).requires_grad_(true);
    };
    add("first", {7, 13});
    add("shared", {13, 13});
    add("unused", {5, 3});
    add("odd", {13});
    add("scalar", {});
    add("large", {13, 431});
    add("last", {431, 3});
    tensors["frozen"] = torch::randn({13});
    norm = BatchNorm(13, kTorchvisionBatchNorm);
  }

  // Of `rows` of the batch, the sum of their losses.
  torch::Tensor Loss(int64_t begin, int64_t end, int step = 0) {
    torch::manual_seed(100 + step);
    const torch::Tensor batch = torch::randn({kRows, 7}).narrow(0, begin, end - begin);
    const torch::Tensor parity = torch::arange(kRows).remainder(2).narrow(0, begin, end - begin);
    torch::Tensor x = batch.matmul(tensors["first"]).add(tensors["frozen"]).tanh();
    x = x.matmul(tensors["shared"]).relu().matmul(tensors["shared"]);
    if (normalizes) x = norm->forward(x);
    if (parity.sum().item<int64_t>() > 0) x = x + parity.unsqueeze(1) * tensors["odd"];
    x = x.matmul(tensors["large"]).tanh().matmul(tensors["last"]) * tensors["scalar"];
    return x.square().sum();
  }

  NamedTensors Parameters() const {
    NamedTensors named;
    for (const char* name : {"first", "shared", "unused", "odd", "scalar", "large", "last"}) {
      named.emplace_back(name, tensors.at(name));
    }
    if (normalizes) {
      named.emplace_back("weight", norm->weight);
      named.emplace_back("bias", norm->bias);
    }
    return named;
  }

  static constexpr int64_t kRows = 7;
  const bool normalizes;
  std::map<std::string, torch::Tensor> tensors;
  BatchNorm norm{nullptr};
};

// With three ranks and a small batch the last one has no row.
RowRange RowsOf(const Communicator& group, int64_t rows = Network::kRows) {
  return {rows * group.rank() / group.size(), rows * (group.rank() + 1) / group.size()};
}

void ExpectSameGradients(const NamedTensors& actual, const NamedTensors& expected) {
  for (size_t i = 0; i < expected.size(); ++i) {
    const auto& [name, parameter] = expected[i];
    const torch::Tensor& got = actual[i].second.grad();
    if (!parameter.grad().defined()) {  // of no rank; zeros where ranks were summed
      EXPECT_TRUE(!got.defined() || got.abs().max().item<float>() == 0) << name;
      continue;
    }
    ASSERT_TRUE(got.defined()) << name;
    const double scale = parameter.grad().abs().max().item<double>();
    EXPECT_LE((got - parameter.grad()).abs().max().item<double>(), 2e-5 * (scale + 1e-3)) << name;
  }
}

void ExpectSameBitsOnAllRanks(const NamedTensors& parameters) {
  for (const auto& [name, parameter] : parameters) {
    const torch::Tensor mine = parameter.grad().contiguous();
    const auto bytes =
        std::as_bytes(std::span(mine.data_ptr<float>(), static_cast<size_t>(mine.numel())));
    std::vector<std::byte> all(bytes.size() * static_cast<size_t>(world->size()));
    ASSERT_TRUE(world->AllGather(bytes, all).ok());
    for (int r = 0; r < world->size(); ++r) {
      ASSERT_EQ(std::memcmp(all.data() + static_cast<size_t>(r) * bytes.size(), bytes.data(),
                            bytes.size()),
                0)
          << name;
    }
  }
}

// Calls the memory of the CPU a GPU's, as far as a transport can tell.
class PretendedGpus : public testing::ForwardingCommunicator {
 public:
  using ForwardingCommunicator::ForwardingCommunicator;
  absl::Status StartAllReduceSum(std::span<float>) override {
    return absl::UnimplementedError("gradients were copied to the host");
  }
  absl::Status StartAllReduceSum(std::span<Bfloat16>) override {
    return absl::UnimplementedError("gradients were copied to the host");
  }
  bool device_sums() const override { return size() > 1; }
  absl::Status StartDeviceSum(const DeviceValues& values) override {
    if (values.type == DeviceValues::Type::kBfloat16) {
      return inner().StartAllReduceSum(
          std::span(static_cast<Bfloat16*>(values.data), values.count));
    }
    return inner().StartAllReduceSum(std::span(static_cast<float*>(values.data), values.count));
  }
};

struct ReducerCase {
  BucketSizes buckets;
  bool on_gpus = false;
};

class ReducerTest : public ::testing::TestWithParam<ReducerCase> {
 protected:
  PretendedGpus gpus_{*world};
  Communicator& transport_ = GetParam().on_gpus ? static_cast<Communicator&>(gpus_) : *world;
};

TEST_P(ReducerTest, SumsAreTheGradientOfTheWholeBatch) {
  for (const bool overlap : {true, false}) {
    Network network, reference;
    VotingGroup group(transport_);
    const NamedTensors parameters = network.Parameters();
    GradientReducer reducer(parameters, group, {.buckets = GetParam().buckets, .overlap = overlap});
    for (int step = 0; step < 3; ++step) {
      // The last step has a row for the first rank alone.
      const int64_t batch = step == 2 ? 1 : Network::kRows;
      const RowRange rows = RowsOf(*world, batch);
      for (const auto& [name, parameter] : parameters) {
        torch::Tensor(parameter).mutable_grad() = torch::Tensor();
        torch::Tensor(reference.tensors[name]).mutable_grad() = torch::Tensor();
      }
      reducer.BeginBackward();
      network.Loss(rows.begin, rows.end, step).backward();
      ASSERT_TRUE(reducer.Finish().ok());
      reference.Loss(0, batch, step).backward();
      ExpectSameGradients(parameters, reference.Parameters());
      if (world->size() > 1) ExpectSameBitsOnAllRanks(parameters);
    }
  }
}

TEST_P(ReducerTest, BatchNormMayReduceInTheSamePass) {
  Network network(true), reference(true);
  VotingGroup group(transport_);
  network.norm->SetReduction([&](std::span<double> values) { return group.Sum(values); });
  const NamedTensors parameters = network.Parameters();
  GradientReducer reducer(parameters, group, {.buckets = GetParam().buckets});
  const RowRange rows = RowsOf(*world);
  reducer.BeginBackward();
  network.Loss(rows.begin, rows.end).backward();
  ASSERT_TRUE(reducer.Finish().ok());
  reference.Loss(0, Network::kRows).backward();
  ExpectSameGradients(parameters, reference.Parameters());
}

TEST_P(ReducerTest, AccumulatedGradientsAreSummedOnce) {
  Network network, reference;
  VotingGroup group(transport_);
  const NamedTensors parameters = network.Parameters();
  GradientReducer reducer(parameters, group, {.buckets = GetParam().buckets});
  const RowRange rows = RowsOf(*world);
  const int64_t middle = (rows.begin + rows.end) / 2;
  network.Loss(rows.begin, middle).backward();
  reducer.BeginBackward();
  network.Loss(middle, rows.end).backward();
  ASSERT_TRUE(reducer.Finish().ok());
  reference.Loss(0, Network::kRows).backward();
  ExpectSameGradients(parameters, reference.Parameters());
}

// What each rank has sent by then differs: nothing, something, everything.
TEST_P(ReducerTest, ARankThatThrowsInTheMiddleHoldsNobodyUp) {
  for (const bool normalizes : {false, true}) {
    for (const char* where : {"first", "shared", "large", "last"}) {
      Network network(normalizes);
      VotingGroup group(transport_);
      network.norm->SetReduction([&](std::span<double> values) { return group.Sum(values); });
      GradientReducer reducer(network.Parameters(), group, {.buckets = GetParam().buckets});
      const int failing = world->size() - 1;
      if (world->rank() == failing) {
        network.tensors[where].register_hook(
            [](torch::Tensor) -> torch::Tensor { throw std::runtime_error("thrown in backward"); });
      }
      const RowRange rows = RowsOf(*world);
      const absl::Status status = CatchAll([&]() -> absl::Status {
        reducer.BeginBackward();
        network.Loss(rows.begin, rows.end).backward();
        return reducer.Finish();
      });
      const absl::Status agreed = group.Agree(status);
      EXPECT_EQ(agreed.code(), absl::StatusCode::kInternal);
      EXPECT_EQ(agreed.message(), "thrown in backward") << where;
      EXPECT_TRUE(group.transport().ok());
    }
  }
  // The next trial finds the transport as it should be.
  Network network, reference;
  VotingGroup group(transport_);
  const NamedTensors parameters = network.Parameters();
  GradientReducer reducer(parameters, group, {.buckets = GetParam().buckets});
  const RowRange rows = RowsOf(*world);
  reducer.BeginBackward();
  network.Loss(rows.begin, rows.end).backward();
  ASSERT_TRUE(reducer.Finish().ok());
  reference.Loss(0, Network::kRows).backward();
  ExpectSameGradients(parameters, reference.Parameters());
}

// One that fails before its pass has begun, and so has sent nothing.
TEST_P(ReducerTest, ARankThatNeverBeginsHoldsNobodyUp) {
  Network network;
  VotingGroup group(transport_);
  GradientReducer reducer(network.Parameters(), group, {.buckets = GetParam().buckets});
  absl::Status status = absl::DataLossError("a broken photo");
  if (world->rank() > 0 || world->size() == 1) {
    const RowRange rows = RowsOf(*world);
    reducer.BeginBackward();
    network.Loss(rows.begin, rows.end).backward();
    if (world->size() > 1) status = reducer.Finish();
  }
  EXPECT_EQ(group.Agree(status), absl::DataLossError("a broken photo"));
  EXPECT_TRUE(world->Barrier().ok());
}

// What a transport of GPUs needs besides: a rank may wait for the sums that it has started before
// it comes to a vote (an allocator that gives memory back does), also for those of a rank that
// failed.
TEST_P(ReducerTest, ARankThatFailsSendsTheRest) {
  if (!GetParam().on_gpus || world->size() == 1) GTEST_SKIP() << "sums of the host wait for votes";
  for (const char* where : {"first", "last"}) {
    Network network;
    VotingGroup group(transport_);
    GradientReducer reducer(network.Parameters(), group, {.buckets = GetParam().buckets});
    ASSERT_TRUE(group.Agree(absl::OkStatus()).ok());
    const bool fails = world->rank() == 0;
    if (fails) {
      network.tensors[where].register_hook(
          [](torch::Tensor) -> torch::Tensor { throw std::runtime_error("thrown in backward"); });
    }
    const RowRange rows = RowsOf(*world);
    const absl::Status status = CatchAll([&]() -> absl::Status {
      reducer.BeginBackward();
      network.Loss(rows.begin, rows.end).backward();
      VIZSLA_RETURN_IF_ERROR(world->FinishSums());
      return reducer.Finish();
    });
    EXPECT_EQ(group.AgreeToRetry(status).message(), "thrown in backward");
    ASSERT_TRUE(group.may_retry());
    // The step is repeated, as if the first try had not been.
    group.Retry();
    reducer.Abandon();
    Network again, reference;
    GradientReducer second(again.Parameters(), group, {.buckets = GetParam().buckets});
    second.BeginBackward();
    again.Loss(rows.begin, rows.end).backward();
    ASSERT_TRUE(second.Finish().ok());
    reference.Loss(0, Network::kRows).backward();
    ExpectSameGradients(again.Parameters(), reference.Parameters());
  }
}

// The bits of PyTorch's own rounding: of each rank's gradient, and of their sum in rank order.
TEST_P(ReducerTest, Bfloat16IsRoundedBeforeAndAfter) {
  Network network, local;
  VotingGroup group(transport_);
  const NamedTensors parameters = network.Parameters();
  GradientReducer reducer(parameters, group,
                          {.buckets = GetParam().buckets, .type = GradientType::kBfloat16});
  const RowRange rows = RowsOf(*world);
  reducer.BeginBackward();
  network.Loss(rows.begin, rows.end).backward();
  ASSERT_TRUE(reducer.Finish().ok());
  local.Loss(rows.begin, rows.end).backward();
  int64_t rounded = 0;
  for (const auto& [name, parameter] : local.Parameters()) {
    torch::Tensor mine =
        parameter.grad().defined() ? parameter.grad() : torch::zeros_like(parameter);
    mine = mine.detach().contiguous();
    torch::Tensor all = torch::zeros({world->size(), mine.numel()});
    const auto bytes = [](const torch::Tensor& tensor) {
      return std::as_writable_bytes(
          std::span(tensor.data_ptr<float>(), static_cast<size_t>(tensor.numel())));
    };
    ASSERT_TRUE(world->AllGather(bytes(mine), bytes(all)).ok());
    torch::Tensor expected = all[0];
    if (world->size() > 1) {
      expected = all[0].to(torch::kBFloat16).to(torch::kFloat32);
      for (int r = 1; r < world->size(); ++r) {
        expected = expected + all[r].to(torch::kBFloat16).to(torch::kFloat32);
      }
      expected = expected.to(torch::kBFloat16).to(torch::kFloat32);
      rounded += (expected != all.sum(0)).sum().item<int64_t>();
    }
    const torch::Tensor& got = network.tensors[name].grad();
    if (world->size() == 1 && !got.defined()) continue;
    EXPECT_TRUE(torch::equal(got.reshape({-1}), expected.reshape({-1}))) << name;
  }
  if (world->size() > 1) {
    EXPECT_GT(rounded, 1000);
    ExpectSameBitsOnAllRanks(parameters);
  }
}

INSTANTIATE_TEST_SUITE_P(Buckets, ReducerTest,
                         ::testing::Values(ReducerCase{{}}, ReducerCase{{1, 1}},
                                           ReducerCase{{100, 1000}}, ReducerCase{{6000, 7777}},
                                           ReducerCase{{}, true}, ReducerCase{{1, 1}, true},
                                           ReducerCase{{6000, 7777}, true}),
                         [](const auto& info) {
                           return StrCat("of", info.param.buckets.bytes,
                                         info.param.on_gpus ? "OnGpus" : "");
                         });

// Counts what is under way when the pass ends.
class Watching : public testing::ForwardingCommunicator {
 public:
  using ForwardingCommunicator::ForwardingCommunicator;
  absl::Status StartAllReduceSum(std::span<float> values) override {
    sizes.push_back(values.size());
    return inner().StartAllReduceSum(values);
  }
  absl::Status StartAllReduceSum(std::span<Bfloat16> values) override {
    sizes.push_back(values.size());
    return inner().StartAllReduceSum(values);
  }
  std::vector<size_t> sizes;
};

TEST(Overlap, BucketsLeaveInOrderWhileThePassGoesOn) {
  Watching watching(*world);
  VotingGroup group(watching);
  Network network;
  NamedTensors parameters = network.Parameters();
  parameters.emplace(parameters.begin() + 2, "frozen", network.tensors["frozen"]);
  GradientReducer reducer(parameters, group, {.buckets = {1, 1}});
  reducer.BeginBackward();
  const RowRange rows = RowsOf(*world);
  network.Loss(rows.begin, rows.end).backward();
  const size_t before_finish = watching.sizes.size();
  ASSERT_TRUE(reducer.Finish().ok());
  if (world->size() == 1) {
    EXPECT_TRUE(watching.sizes.empty());
    return;
  }
  EXPECT_FALSE(network.tensors["frozen"].grad().defined());
  // Reverse order, without what is frozen; `unused` and what comes after it wait for the end, and
  // so may `odd`.
  EXPECT_EQ(watching.sizes,
            (std::vector<size_t>{431 * 3, 13 * 431, 1, 13, 5 * 3, 13 * 13, 7 * 13}));
  EXPECT_GE(before_finish, 3u);
  EXPECT_LE(before_finish, 4u);
}

TEST(Overlap, OtherPassesSendNothing) {
  Watching watching(*world);
  VotingGroup group(watching);
  Network network;
  {
    GradientReducer reducer(network.Parameters(), group, {.buckets = {1, 1}});
    network.Loss(0, 3).backward();
    EXPECT_TRUE(watching.sizes.empty());
  }
  network.Loss(0, 3).backward();  // the hooks are gone with the reducer
  EXPECT_TRUE(watching.sizes.empty());
}

}  // namespace
}  // namespace vizsla

int main(int argc, char** argv) {
  auto mpi = vizsla::MpiWorld::Init(&argc, &argv);
  if (!mpi.ok()) {
    std::fprintf(stderr, "%s\n", mpi.status().ToString().c_str());
    return 1;
  }
  ::testing::InitGoogleTest(&argc, argv);
  auto communicator = (*mpi)->World({.collective_deadline = std::chrono::seconds(60)});
  vizsla::world = communicator.get();
  return RUN_ALL_TESTS();
}
