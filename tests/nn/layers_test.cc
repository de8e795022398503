// Dropout, batch norm (alone and over a trial group), the head, random numbers in bulk, tensors and
// views.
#include <cmath>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "src/nn/head.h"
#include "src/nn/random_fill.h"
#include "tests/nn/testing.h"

namespace vizsla {
namespace {

TEST(RandomFillTest, WordsAreThoseOfTheStream) {
  const StreamKey key = StreamKey(4).With("x");
  RandomStream stream(key);
  std::vector<uint32_t> words(4 * 53);
  PhiloxWords(key, 0, 0, 53, words.data());
  for (size_t i = 0; i < words.size(); ++i) ASSERT_EQ(words[i], stream.NextU32()) << i;
  std::vector<uint32_t> later(4 * 3);
  PhiloxWords(key, 0, 50, 3, later.data());
  EXPECT_EQ(later, std::vector<uint32_t>(words.begin() + 200, words.end()));
  uint32_t other[4];
  PhiloxWords(key, (uint64_t{7} << 32) + 9, 5, 1, other);
  const auto expected = Philox4x32(
      {5, 0, 9, 7}, {static_cast<uint32_t>(key.value()), static_cast<uint32_t>(key.value() >> 32)});
  EXPECT_EQ(std::vector<uint32_t>(other, other + 4),
            std::vector<uint32_t>(expected.begin(), expected.end()));
}

// Which bits decide on an element is part of a trial's reproducibility.
TEST(DropoutTest, ElementsTakeSixteenBitsEachInOrder) {
  const StreamKey key(3);
  constexpr double kRate = 0.3;
  for (const int64_t row_size : {1, 7, 8, 1001}) {
    std::vector<float> mask(static_cast<size_t>(2 * row_size));
    DrawDropoutMask(key, 5, row_size, kRate, mask);
    std::vector<uint32_t> words(1024);
    for (int64_t row = 0; row < 2; ++row) {
      PhiloxWords(key, static_cast<uint64_t>(5 + row), 0, words.size() / 4, words.data());
      for (int64_t i = 0; i < row_size; ++i) {
        const uint32_t bits = (words[static_cast<size_t>(i / 2)] >> (16 * (i % 2))) & 0xFFFF;
        const bool dropped = bits < std::lround(kRate * 65536);
        ASSERT_EQ(mask[static_cast<size_t>(row * row_size + i)],
                  dropped ? 0.0f : static_cast<float>(1 / (1 - kRate)))
            << "row " << row << ", element " << i << " of " << row_size;
      }
    }
  }
}

TEST(DropoutTest, RanksPartitionTheGlobalMask) {
  const StreamKey key(11);
  for (const int64_t row_size : {1, 7, 8, 128, 1001}) {
    constexpr int64_t kRows = 10;
    std::vector<float> whole(kRows * row_size);
    DrawDropoutMask(key, 0, row_size, 0.25, whole);
    for (const int64_t split : {0, 3, 9}) {  // also a rank without rows
      std::vector<float> first(split * row_size), second((kRows - split) * row_size);
      DrawDropoutMask(key, 0, row_size, 0.25, first);
      DrawDropoutMask(key, split, row_size, 0.25, second);
      first.insert(first.end(), second.begin(), second.end());
      EXPECT_EQ(first, whole);
    }
  }
}

TEST(DropoutTest, RateAndScale) {
  std::vector<float> mask(200000);
  DrawDropoutMask(StreamKey(1), 0, 1000, 0.2, mask);
  int dropped = 0;
  for (float value : mask) {
    if (value == 0) {
      ++dropped;
    } else {
      ASSERT_FLOAT_EQ(value, 1.25f);
    }
  }
  EXPECT_NEAR(dropped / 200000.0, 0.2, 0.005);  // 5 deviations
  std::vector<float> other(200000);
  DrawDropoutMask(StreamKey(2), 0, 1000, 0.2, other);
  EXPECT_NE(mask, other);
}

TEST(DropoutTest, LayersStepsAndModes) {
  Dropout a(0.5, "a"), b(0.5, "b"), image(0.5, "image");
  const torch::Tensor ones = torch::ones({4, 64});
  a->SetStep({StreamKey(1), 0});
  b->SetStep({StreamKey(1), 0});
  const torch::Tensor first = a(ones);
  EXPECT_EQ(MaxDifference(first, a(ones)), 0);
  EXPECT_GT(MaxDifference(first, b(ones)), 0);
  a->SetStep({StreamKey(2), 0});
  EXPECT_GT(MaxDifference(first, a(ones)), 0);
  a->eval();
  EXPECT_EQ(MaxDifference(a(ones), ones), 0);
  // Images: rows of two ranks are the rows of one.
  const torch::Tensor images = torch::ones({4, 3, 5, 6});
  image->SetStep({StreamKey(1), 0});
  const torch::Tensor whole = image(images);
  image->SetStep({StreamKey(1), 1});
  EXPECT_EQ(MaxDifference(image(images.slice(0, 1)), whole.slice(0, 1)), 0);
}

// Stochastic depth: a row is dropped as a whole, for maps and for vectors.
TEST(DropoutTest, RowsAreDroppedWhole) {
  constexpr int64_t kRows = 20000;
  for (const bool maps : {true, false}) {
    Dropout paths(0.2, "path", DropoutUnit::kRow);
    paths->SetStep({StreamKey(6), 0});
    const torch::Tensor x =
        torch::ones(maps ? std::vector<int64_t>{kRows, 3, 2, 2} : std::vector<int64_t>{kRows, 5});
    const torch::Tensor y = paths(x);
    const torch::Tensor rows = y.reshape({kRows, -1});
    const torch::Tensor first = rows.slice(1, 0, 1);
    EXPECT_EQ(MaxDifference(rows, first.expand_as(rows)), 0);
    const double dropped = (first == 0).sum().item<double>();
    EXPECT_EQ((first == 1.25).sum().item<double>(), kRows - dropped);
    EXPECT_NEAR(dropped / kRows, 0.2, 0.015);  // 5 deviations
    // Rows of the global batch, whoever computes them.
    paths->SetStep({StreamKey(6), 7000});
    EXPECT_EQ(MaxDifference(paths(x.slice(0, 7000)), y.slice(0, 7000)), 0);
    Dropout others(0.2, "other path", DropoutUnit::kRow);
    others->SetStep({StreamKey(6), 0});
    EXPECT_GT(MaxDifference(others(x), y), 0);
    paths->eval();
    EXPECT_EQ(MaxDifference(paths(x), x), 0);
  }
}

torch::Tensor Clone(const torch::Tensor& x) { return x.detach().clone().requires_grad_(true); }

// Two-rank sums for threads: a rendezvous per call.
class TwoRanks {
 public:
  SumReduction Rank(int rank) {
    return [this, rank](std::span<double> values) {
      std::unique_lock lock(mutex_);
      const uint64_t round = round_;
      contributions_[rank].assign(values.begin(), values.end());
      if (++arrived_ == 2) {
        sum_ = contributions_[0];
        for (size_t i = 0; i < sum_.size(); ++i) sum_[i] += contributions_[1].at(i);
        arrived_ = 0;
        ++round_;
        changed_.notify_all();
      } else {
        changed_.wait(lock, [&] { return round_ != round; });
      }
      std::copy(sum_.begin(), sum_.end(), values.begin());
      return absl::OkStatus();
    };
  }
  uint64_t rounds() const { return round_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<double> contributions_[2], sum_;
  int arrived_ = 0;
  uint64_t round_ = 0;
};

struct BatchNormCase {
  std::vector<int64_t> sizes;
  int64_t rows_of_first_rank;
};

class BatchNormTest : public ::testing::TestWithParam<BatchNormCase> {
 protected:
  static BatchNorm Make(int64_t channels) {
    BatchNorm norm(channels, kKerasBatchNorm);
    const torch::NoGradGuard no_gradients;
    norm->weight.copy_(RandomTensor({channels}, 21) + 1);
    norm->bias.copy_(RandomTensor({channels}, 22));
    norm->running_mean.copy_(RandomTensor({channels}, 23));
    norm->running_var.copy_(RandomTensor({channels}, 24).abs() + 0.5);
    return norm;
  }
  // A mean well away from zero, so that cancellation would show.
  static torch::Tensor Input(const std::vector<int64_t>& sizes) {
    return RandomTensor(sizes, 25) * 2 + 30;
  }
};

TEST_P(BatchNormTest, EqualsTorchOnOneRank) {
  const auto& [sizes, ignored] = GetParam();
  const int64_t channels = sizes[1];
  const torch::Tensor gradient = RandomTensor(sizes, 26);
  for (const bool reduced : {false, true}) {
    SCOPED_TRACE(reduced);
    BatchNorm ours = Make(channels);
    if (reduced) ours->SetReduction([](std::span<double>) { return absl::OkStatus(); });
    BatchNorm reference = Make(channels);
    const torch::Tensor x = Clone(Input(sizes)), y = Clone(Input(sizes));
    const torch::Tensor out = ours(x);
    const torch::Tensor expected =
        torch::batch_norm(y, reference->weight, reference->bias, reference->running_mean,
                          reference->running_var, /*training=*/true, 0.01, 1e-3, false);
    out.backward(gradient);
    expected.backward(gradient);
    EXPECT_LT(MaxDifference(out, expected), 5e-5);
    EXPECT_LT(MaxDifference(x.grad(), y.grad()), 5e-5);
    EXPECT_LT(MaxDifference(ours->weight.grad(), reference->weight.grad()), 5e-4);
    EXPECT_LT(MaxDifference(ours->bias.grad(), reference->bias.grad()), 5e-5);
    EXPECT_LT(MaxDifference(ours->running_mean, reference->running_mean), 1e-5);
    EXPECT_LT(MaxDifference(ours->running_var, reference->running_var), 1e-5);
    EXPECT_EQ(ours->num_batches_tracked.item<int64_t>(), 1);

    ours->eval();
    EXPECT_LT(
        MaxDifference(ours(x), torch::batch_norm(y, reference->weight, reference->bias,
                                                 reference->running_mean, reference->running_var,
                                                 false, 0.01, 1e-3, false)),
        1e-4);
    EXPECT_EQ(ours->num_batches_tracked.item<int64_t>(), 1);
  }
}

TEST_P(BatchNormTest, TwoRanksEqualOne) {
  const auto& [sizes, rows] = GetParam();
  const int64_t channels = sizes[1];
  const torch::Tensor input = Input(sizes), gradient = RandomTensor(sizes, 26);
  BatchNorm one = Make(channels);
  const torch::Tensor x = Clone(input);
  const torch::Tensor expected = one(x);
  expected.backward(gradient);

  TwoRanks group;
  BatchNorm norms[2] = {Make(channels), Make(channels)};
  torch::Tensor inputs[2] = {Clone(input.slice(0, 0, rows)), Clone(input.slice(0, rows))};
  const torch::Tensor gradients[2] = {gradient.slice(0, 0, rows), gradient.slice(0, rows)};
  torch::Tensor outputs[2];
  std::vector<std::thread> threads;
  for (int rank = 0; rank < 2; ++rank) {
    norms[rank]->SetReduction(group.Rank(rank));
    threads.emplace_back([&, rank] {
      outputs[rank] = norms[rank](inputs[rank]);
      outputs[rank].backward(gradients[rank]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(group.rounds(), 2u);  // one forward, one backward
  EXPECT_LT(MaxDifference(torch::cat({outputs[0], outputs[1]}), expected), 5e-5);
  EXPECT_LT(MaxDifference(torch::cat({inputs[0].grad(), inputs[1].grad()}), x.grad()), 5e-5);
  EXPECT_LT(MaxDifference(norms[0]->weight.grad() + norms[1]->weight.grad(), one->weight.grad()),
            5e-4);
  EXPECT_LT(MaxDifference(norms[0]->bias.grad() + norms[1]->bias.grad(), one->bias.grad()), 5e-5);
  for (BatchNorm& norm : norms) {
    EXPECT_LT(MaxDifference(norm->running_mean, one->running_mean), 1e-5);
    EXPECT_LT(MaxDifference(norm->running_var, one->running_var), 1e-5);
  }
  EXPECT_EQ(MaxDifference(norms[0]->running_var, norms[1]->running_var), 0);  // the same bits
}

INSTANTIATE_TEST_SUITE_P(Shapes, BatchNormTest,
                         ::testing::Values(BatchNormCase{{32, 24}, 16}, BatchNormCase{{7, 24}, 5},
                                           BatchNormCase{{7, 5}, 7}, BatchNormCase{{2, 3}, 1},
                                           BatchNormCase{{5, 6, 4, 3}, 2},
                                           BatchNormCase{{5, 6, 4, 3}, 0}));

TEST_P(BatchNormTest, KeepsItsStatisticsWhenItDoesNotLearnThem) {
  const auto& [sizes, ignored] = GetParam();
  BatchNorm ours = Make(sizes[1]);
  ours->SetLearnsStatistics(false);
  ours->SetReduction([](std::span<double>) { return absl::InternalError("not to be called"); });
  BatchNorm reference = Make(sizes[1]);
  const torch::Tensor x = Input(sizes);
  const torch::Tensor gradient = RandomTensor(sizes, 26);
  const torch::Tensor expected =
      torch::batch_norm(x, reference->weight, reference->bias, reference->running_mean,
                        reference->running_var, /*training=*/false, 0.01, 1e-3, false);
  ours->train();
  const torch::Tensor out = ours(x);
  EXPECT_LT(MaxDifference(out, expected), 1e-4);
  out.backward(gradient);
  expected.backward(gradient);
  EXPECT_LT(MaxDifference(ours->weight.grad(), reference->weight.grad()), 5e-4);
  EXPECT_LT(MaxDifference(ours->bias.grad(), reference->bias.grad()), 5e-5);
  EXPECT_EQ(MaxDifference(ours->running_mean, reference->running_mean), 0);
  EXPECT_EQ(MaxDifference(ours->running_var, reference->running_var), 0);
  EXPECT_EQ(ours->num_batches_tracked.item<int64_t>(), 0);
}

TEST(BatchNormEdgesTest, OneValuePerChannel) {
  BatchNorm norm(3, kKerasBatchNorm);
  const torch::Tensor y = norm(torch::tensor({{1.0f, 2.0f, 3.0f}}));
  EXPECT_EQ(y.abs().max().item<double>(), 0);  // the bias
  EXPECT_NEAR(norm->running_mean[2].item<double>(), 0.03, 1e-6);
  EXPECT_NEAR(norm->running_var[2].item<double>(), 0.99, 1e-6);
}

TEST(BatchNormEdgesTest, FailedReductionCarriesItsStatus) {
  BatchNorm norm(3, kKerasBatchNorm);
  norm->SetReduction([](std::span<double>) { return absl::UnavailableError("rank 1 is gone"); });
  try {
    norm(torch::ones({4, 3}));
    FAIL() << "no error";
  } catch (const ReductionError& error) {
    EXPECT_EQ(error.status(), absl::UnavailableError("rank 1 is gone"));
  }
  // In the backward pass too, through autograd's engine.
  int calls = 0;
  norm->SetReduction([&](std::span<double>) {
    return ++calls == 2 ? absl::UnavailableError("rank 1 is gone") : absl::OkStatus();
  });
  const torch::Tensor y = norm(torch::ones({4, 3}));
  EXPECT_THROW(y.sum().backward(), ReductionError);
}

HeadOptions TwoLayers() {
  return {.features = 6,
          .dense = {5, 4},
          .dropout_hidden = 0.3,
          .batch_norm = true,
          .dropout = 0.4,
          .classes = 3};
}

std::vector<std::string> NormsOf(const HeadOptions& options) {
  const Head head(options);
  std::vector<std::string> norms;
  for (const auto& item : head.named_parameters()) {
    if (item.key().find("norm") == 0 && item.key().ends_with(".weight")) {
      norms.push_back(StrCat(item.key(), " ", item.value().numel()));
    }
  }
  return norms;
}

TEST(HeadTest, NormsHaveTheirPlacesAndNames) {
  using Names = std::vector<std::string>;
  HeadOptions options = TwoLayers();
  EXPECT_EQ(NormsOf(options), Names{"norm.weight 4"});
  options.norm_place = NormPlace::kEvery;
  EXPECT_EQ(NormsOf(options), (Names{"norm1.weight 5", "norm2.weight 4"}));
  options.norm_place = NormPlace::kInput;
  EXPECT_EQ(NormsOf(options), Names{"norm.weight 6"});
  options.batch_norm = false;
  EXPECT_EQ(NormsOf(options), Names{});
  options = TwoLayers();
  options.dense = {};
  EXPECT_EQ(NormsOf(options), Names{"norm.weight 6"});
}

// Dense, ReLU, norm, dropout: written out with LibTorch's functions, in inference mode with running
// statistics that tell the places apart, and in training over two ranks.
TEST(HeadTest, ComputesWhatItsPlacesSay) {
  const torch::Tensor x = RandomTensor({8, 6}, 1);
  for (const NormPlace place : {NormPlace::kLast, NormPlace::kEvery, NormPlace::kInput}) {
    SCOPED_TRACE(std::string(ToText(place)));
    HeadOptions options = TwoLayers();
    options.norm_place = place;
    Head head(options);
    head.Initialize(StreamKey(3));
    head.eval();
    std::map<std::string, torch::Tensor> state;
    {
      const torch::NoGradGuard no_gradients;
      uint64_t seed = 40;
      for (auto& list : {head.named_parameters(), head.named_buffers()}) {
        for (const auto& item : list) {
          torch::Tensor tensor = item.value();
          if (item.key().find("running_mean") != std::string::npos) {
            tensor.copy_(RandomTensor(tensor.sizes().vec(), ++seed));
          }
          if (item.key().find("running_var") != std::string::npos) tensor.fill_(0.3);
          state[item.key()] = tensor;
        }
      }
    }
    const auto norm = [&](const std::string& name, const torch::Tensor& input) {
      if (!state.contains(name + ".weight")) return input;
      return torch::batch_norm(input, state.at(name + ".weight"), state.at(name + ".bias"),
                               state.at(name + ".running_mean"), state.at(name + ".running_var"),
                               false, 0.01, 1e-3, false);
    };
    const auto dense = [&](const std::string& name, const torch::Tensor& input) {
      return torch::linear(input, state.at(name + ".weight"), state.at(name + ".bias"));
    };
    torch::Tensor expected = place == NormPlace::kInput ? norm("norm", x) : x;
    expected = norm("norm1", torch::relu(dense("dense1", expected)));
    expected = norm("norm2", torch::relu(dense("dense2", expected)));
    if (place == NormPlace::kLast) expected = norm("norm", expected);
    EXPECT_LT(MaxDifference(head.forward(x), dense("output", expected)), 1e-5);
  }
}

TEST(HeadTest, EveryNormIsReducedOverTheGroup) {
  for (const NormPlace place : {NormPlace::kLast, NormPlace::kEvery, NormPlace::kInput}) {
    HeadOptions options = TwoLayers();
    options.norm_place = place;
    Head head(options);
    head.Initialize(StreamKey(3));
    int reductions = 0;
    head.SetReduction([&](std::span<double>) { return ++reductions, absl::OkStatus(); });
    head.SetStep({StreamKey(1), 0});
    head.forward(RandomTensor({8, 6}, 1));
    EXPECT_EQ(reductions, place == NormPlace::kEvery ? 2 : 1);
  }
}

TEST(HeadTest, PenaltyIsThatOfKeras) {
  Head head(TwoLayers());
  head.Initialize(StreamKey(3));
  const auto parameters = head.named_parameters();
  const torch::NoGradGuard no_gradients;
  double absolute = 0, squares = 0, of_biases = 0;
  for (const char* layer : {"dense1", "dense2"}) {
    torch::Tensor bias = parameters[std::string(layer) + ".bias"];
    bias.copy_(RandomTensor(bias.sizes().vec(), 7));
    const torch::Tensor kernel = parameters[std::string(layer) + ".weight"];
    const torch::Tensor flat = kernel.contiguous().flatten();
    for (int64_t i = 0; i < flat.numel(); ++i) {
      const double w = flat[i].item<double>();
      absolute += std::abs(w);
      squares += w * w;
    }
    for (int64_t i = 0; i < bias.numel(); ++i) of_biases += std::pow(bias[i].item<double>(), 2);
  }
  EXPECT_GT(of_biases, 0);
  EXPECT_NEAR(head.Penalty(0.1, 0, 0).item<double>(), 0.1 * absolute, 1e-5);
  EXPECT_NEAR(head.Penalty(0, 0.2, 0).item<double>(), 0.2 * squares, 1e-5);
  EXPECT_NEAR(head.Penalty(0, 0, 0.3).item<double>(), 0.3 * of_biases, 1e-5);
  EXPECT_NEAR(head.Penalty(0.1, 0.2, 0.3).item<double>(),
              0.1 * absolute + 0.2 * squares + 0.3 * of_biases, 1e-5);
  EXPECT_EQ(head.Penalty(0, 0, 0).item<double>(), 0);
}

TEST(HeadTest, PenaltyHasKerasGradients) {
  Head head(TwoLayers());
  head.Initialize(StreamKey(3));
  head.Penalty(0.1, 0.2, 0.3).backward();
  const auto parameters = head.named_parameters();
  const torch::Tensor kernel = parameters["dense1.weight"];
  EXPECT_LT(MaxDifference(kernel.grad(), 0.1 * kernel.sign() + 0.4 * kernel), 1e-6);
  EXPECT_LT(MaxDifference(parameters["dense2.bias"].grad(), 0.6 * parameters["dense2.bias"]), 1e-6);
  EXPECT_FALSE(parameters["output.weight"].grad().defined()) << "the output layer has no penalty";
}

// A network in training, whole batch against two ranks of uneven rows: logits, gradients,
// statistics.
TEST(GroupTest, TwoRanksTrainAsOne) {
  TrainingPlan plan = TransferPlan(32);
  plan.unfreeze = "block_15_expand";
  const torch::Tensor images = RandomTensor({6, 3, 32, 32}, 5);
  const torch::Tensor labels = torch::tensor({0, 1, 2, 3, 4, 0});
  const auto step = [&](Model& model, int64_t first, int64_t rows) {
    model.train();
    model.BeginStep(StreamKey(8), first);
    const torch::Tensor logits = model.forward(images.slice(0, first, first + rows));
    // Each rank's share of the global batch's mean loss.
    const torch::Tensor loss =
        torch::nn::functional::cross_entropy(
            logits, labels.slice(0, first, first + rows),
            torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kSum)) /
        6;
    loss.backward();
    return logits.detach();
  };
  const auto one = Build(plan);
  const torch::Tensor expected = step(*one, 0, 6);
  TwoRanks group;
  const std::shared_ptr<Model> models[2] = {Build(plan), Build(plan)};
  torch::Tensor logits[2];
  std::vector<std::thread> threads;
  for (int rank = 0; rank < 2; ++rank) {
    models[rank]->SetBatchNormReduction(group.Rank(rank));
    threads.emplace_back(
        [&, rank] { logits[rank] = step(*models[rank], rank ? 4 : 0, rank ? 2 : 4); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LT(MaxDifference(torch::cat({logits[0], logits[1]}), expected), 1e-3);
  const auto parameters = one->TrainableParameters();
  for (size_t i = 0; i < parameters.size(); ++i) {
    const torch::Tensor sum = models[0]->TrainableParameters()[i].second.grad() +
                              models[1]->TrainableParameters()[i].second.grad();
    const torch::Tensor& whole = parameters[i].second.grad();
    EXPECT_LT(MaxDifference(sum, whole), 1e-4 + 5e-3 * whole.abs().max().item<double>())
        << parameters[i].first;
  }
  const auto state = one->TrainedState();
  for (size_t i = 0; i < state.size(); ++i) {
    EXPECT_LT(MaxDifference(models[0]->TrainedState()[i].second, state[i].second), 1e-4)
        << state[i].first;
  }
}

TEST(TensorsTest, ViewsAndBack) {
  const torch::Tensor image =
      RandomTensor({2, 3, 4, 5}, 1).contiguous(torch::MemoryFormat::ChannelsLast);
  const NamedTensors tensors{{"channels_last", image},
                             {"plain", RandomTensor({3}, 2)},
                             {"half", RandomTensor({3}, 3).to(torch::kFloat16)},
                             {"brain", RandomTensor({3}, 3).to(torch::kBFloat16)},
                             {"count", torch::full({}, 7, torch::kInt64)},
                             {"truth", torch::tensor({true, false})},
                             {"empty", torch::zeros({0, 4})}};
  const TensorViews views = ToViews(tensors);
  EXPECT_EQ(views.views.at("plain").bytes.data(),
            static_cast<const std::byte*>(tensors[1].second.data_ptr()));  // no copy
  for (const auto& [name, tensor] : tensors) {
    const torch::Tensor back = ToTensor(views.views.at(name));
    EXPECT_EQ(back.scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(torch::equal(back, tensor)) << name;
  }
  // Bytes at an odd address are copied.
  std::vector<std::byte> bytes(9);
  const float value = 2.5f;
  const size_t offset = reinterpret_cast<uintptr_t>(bytes.data()) % 2 == 0 ? 1 : 0;
  std::memcpy(bytes.data() + offset, &value, 4);
  EXPECT_EQ(ToTensor({TensorType::kF32, {1}, std::span(bytes).subspan(offset, 4)}).item<float>(),
            2.5f);
}

}  // namespace
}  // namespace vizsla
