// Milliseconds of a training step and images a second: full fine-tuning of MobileNetV2 and
// ResNet-50, a dense head on cached features, and the pass that fills their cache, on random data
// that is on the device already. One
// JSON object a line; train_step_peer.py prints the same rows of PyTorch's own loop, and
// train_step_ratios.py puts the two together.
//
//   train_step_benchmark [--device cuda:0] [--threads N] [--seconds 0.8] [--smoke]
//     [--network N] [--precision P] [--image-size S] [--batch B]
#include <torch/torch.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "src/comm/communicator.h"
#include "src/nn/autocast.h"
#include "src/nn/device_graph.h"
#include "src/nn/device_stream.h"
#include "src/nn/model.h"
#include "src/train/foreign_errors.h"
#include "src/train/training_step.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/photos_without_pixels.h"
#include "worker/blas_kernels.h"
#include "worker/runtime.h"

namespace vizsla {
namespace {

constexpr int kClasses = 5;

struct Options {
  std::string device = "cuda:0";
  int threads = 0;  // 0: LibTorch's default
  MeasureOptions measure;
  std::string network;  // empty: all
  std::string precision;
  int image_size = 0;  // 0: all, as the batch
  int batch = 0;
};

// A frozen MobileNetV2's pooled map.
constexpr char kFeatures[] = "mobilenet_v2_features";

struct Row {
  std::string network;  // or "head", or kFeatures
  int image_size = 0;
  int batch = 0;
  Precision precision = Precision::kFloat32;
};

TrainingPlan PlanOf(const Row& row) {
  TrainingPlan plan;
  plan.batch_size = row.batch;
  plan.precision = row.precision;
  if (row.network == "head") {
    plan.dense = {256};
    plan.dropout = 0.5;
    return plan;  // on a frozen MobileNetV2's features
  }
  // Torchvision's classifiers: MobileNetV2's has a dropout, ResNet-50's has none.
  plan.network = row.network;
  plan.image_size = row.image_size;
  plan.initial_weights = InitialWeights::kRandom;
  plan.unfreeze = "all";
  plan.batch_norm = false;
  plan.dropout = row.network == "mobilenet_v2" ? 0.2 : 0;
  return plan;
}

void Synchronize(const torch::Device& device) {
  if (device.is_cuda()) torch::cuda::synchronize(device.index());
}

absl::StatusOr<std::shared_ptr<Model>> ModelOn(const torch::Device& device,
                                               const TrainingPlan& plan) {
  VIZSLA_RETURN_IF_ERROR(CheckPrecision(plan.precision, device));
  VIZSLA_ASSIGN_OR_RETURN(auto model,
                          BuildModel(plan, Padding::kSymmetric, kClasses, StreamKey(1)));
  model->to(device);
  model->FrozenStateChanged();
  return model;
}

// Rows of a feature cache instead of a step: the frozen pass alone.
absl::StatusOr<double> FeaturesMilliseconds(const Options& options, const Row& row) {
  TrainingPlan plan;
  plan.image_size = row.image_size;
  plan.precision = row.precision;
  plan.initial_weights = InitialWeights::kRandom;
  const torch::Device device(options.device);
  const Tf32Scope tf32(plan.precision == Precision::kTf32);
  const DeviceStream stream(device);
  VIZSLA_ASSIGN_OR_RETURN(const auto model, ModelOn(device, plan));
  const auto cached = CachedInput::For(plan);
  ReplayedFunction pass([&](const torch::Tensor& images) {
    const Autocast autocast(plan.precision, device);
    return cached->Rows(*model, images);
  });
  const torch::NoGradGuard no_gradients;
  const torch::Tensor images = torch::randn({row.batch, 3, row.image_size, row.image_size}, device);
  return MedianMilliseconds(
      options.measure, [&] { pass(images); }, [&] { Synchronize(device); });
}

absl::StatusOr<double> StepMilliseconds(const Options& options, const Row& row) {
  if (row.network == kFeatures) return FeaturesMilliseconds(options, row);
  const TrainingPlan plan = PlanOf(row);
  const torch::Device device(options.device);
  const Tf32Scope tf32(plan.precision == Precision::kTf32);
  const DeviceStream stream(device);
  VIZSLA_ASSIGN_OR_RETURN(const auto model, ModelOn(device, plan));
  model->train();
  const PhotosWithoutPixels photos(static_cast<size_t>(row.batch), kClasses);
  TrainingData data;
  data.train = &photos;
  data.class_count = kClasses;
  const auto transport = MakeLocalCommunicator();
  VotingGroup group(*transport);
  TrainingStep training(plan, data, *model, group, device);
  const auto cached = CachedInput::For(plan);
  torch::manual_seed(1);
  const torch::Tensor input =
      cached ? torch::randn({row.batch, static_cast<int64_t>(cached->float_count())}, device)
             : torch::randn({row.batch, 3, row.image_size, row.image_size}, device)
                   .contiguous(torch::MemoryFormat::ChannelsLast);
  StepRows rows;
  rows.global_count = row.batch;
  rows.mine = {0, row.batch};
  rows.views.resize(static_cast<size_t>(row.batch));
  for (uint32_t i = 0; i < rows.views.size(); ++i) rows.views[i].photo = i;
  Tally tally;
  absl::Status status;
  uint64_t number = 0;
  const double milliseconds = MedianMilliseconds(
      options.measure,
      [&] {
        status.Update(training.Run(rows, input, cached ? &*cached : nullptr,
                                   StreamKey(2).With(number++), 1, tally));
      },
      [&] { Synchronize(device); });
  training.CollectInto(tally);
  VIZSLA_RETURN_IF_ERROR(status);
  return milliseconds;
}

std::vector<Row> Rows(const Options& options) {
  const std::vector<Precision> precisions = {Precision::kBfloat16, Precision::kTf32,
                                             Precision::kFloat32};
  std::vector<Row> rows;
  if (options.measure.smoke) {
    for (const char* network : {"head", kFeatures, "mobilenet_v2"}) {
      for (const Precision precision : precisions) rows.push_back({network, 64, 4, precision});
    }
    return rows;
  }
  // What matters most comes first: a run may be cut short.
  for (const Precision precision : precisions) {
    for (const int batch : {32, 256}) rows.push_back({"head", 160, batch, precision});
    rows.push_back({kFeatures, 160, 64, precision});
    for (const char* network : {"mobilenet_v2", "resnet50"}) {
      for (const int side : {160, 224}) {
        for (const int batch : {32, 64, 128, 256}) {
          // Float32 is slow, and of less interest.
          if (precision == Precision::kFloat32 && batch != 32 && batch != 128) continue;
          rows.push_back({network, side, batch, precision});
        }
      }
    }
  }
  return rows;
}

int Main(const Options& options) {
  if (options.device.starts_with("cuda") && !torch::cuda::is_available()) {
    std::fprintf(stderr, "skipped: LibTorch sees no GPU\n");
    return 77;
  }
  at::globalContext().setDeterministicCuDNN(true);  // as the trainer does
  int failures = 0;
  for (const Row& row : Rows(options)) {
    if (!options.network.empty() && options.network != row.network) continue;
    if (!options.precision.empty() && options.precision != ToText(row.precision)) continue;
    if (options.image_size != 0 && options.image_size != row.image_size) continue;
    if (options.batch != 0 && options.batch != row.batch) continue;
    const absl::StatusOr<double> milliseconds =
        CatchAll([&] { return StepMilliseconds(options, row); });
    nlohmann::json line = {{"system", "vizsla"},
                           {"network", row.network},
                           {"image_size", row.image_size},
                           {"batch", row.batch},
                           {"precision", ToText(row.precision)}};
    if (milliseconds.ok()) {
      line["step_ms"] = *milliseconds;
      line["images_per_s"] = row.batch / *milliseconds * 1e3;
    } else {
      line["error"] = std::string(milliseconds.status().message());
      ++failures;
    }
    std::printf("%s\n", line.dump().c_str());
    std::fflush(stdout);
  }
  return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace vizsla

int main(int argc, char** argv) {
  vizsla::UseProcessorsBlasKernels(argv);
  vizsla::KeepFreedMemory();
  vizsla::Options options;
  CLI::App app("Times training steps; one JSON object a line.");
  app.add_option("--device", options.device, "cpu or cuda:N");
  app.add_option("--threads", options.threads, "of the CPU; 0: LibTorch's default")
      ->check(CLI::Range(0, 1024));
  app.add_option("--seconds", options.measure.seconds, "of measuring a row")
      ->check(CLI::Range(0.01, 3600.0));
  app.add_option("--network", options.network,
                 "only its rows: head, mobilenet_v2_features, mobilenet_v2, resnet50");
  app.add_option("--precision", options.precision, "only its rows: bfloat16, tf32, float32");
  app.add_option("--image-size", options.image_size, "only its rows: 160, 224");
  app.add_option("--batch", options.batch, "only its rows: 32, 64, 128, 256");
  app.add_flag("--smoke", options.measure.smoke, "tiny sizes: only proves that it runs");
  CLI11_PARSE(app, argc, argv);
  if (options.threads > 0) vizsla::SetThreads(options.threads);
  return vizsla::Main(options);
}
