// Photos a second through a frozen MobileNetV2, as the feature cache is filled, and what this
// processor makes of a matrix product. Two JSON objects, a line each; features_peer.py prints the
// first of torchvision's network.
//
//   features_benchmark [--threads 2] [--image-size 160] [--batch 32] [--seconds 5] [--smoke]
#include <torch/torch.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "src/catalog/network_cost.h"
#include "src/nn/model.h"
#include "src/train/cached_input.h"
#include "src/train/foreign_errors.h"
#include "tests/benchmark/measure.h"
#include "worker/blas_kernels.h"
#include "worker/runtime.h"

namespace vizsla {
namespace {

struct Options {
  int threads = 2;
  int image_size = 160;
  int64_t batch = 32;
  MeasureOptions measure{.seconds = 5};
};

absl::Status Features(const Options& options) {
  TrainingPlan plan;
  plan.image_size = options.image_size;
  VIZSLA_ASSIGN_OR_RETURN(const auto model,
                          BuildModel(plan, Padding::kSymmetric, /*class_count=*/5, StreamKey(1)));
  model->FrozenStateChanged();
  const CachedInput input = *CachedInput::For(plan);
  torch::manual_seed(1);
  const torch::Tensor images =
      torch::rand({options.batch, 3, options.image_size, options.image_size});
  const double milliseconds =
      MedianMilliseconds(options.measure, [&] { input.Rows(*model, images); });
  const nlohmann::json line = {
      {"system", "vizsla"},
      {"images_per_s", static_cast<double>(options.batch) / milliseconds * 1e3},
      {"gflop_per_image", 2 * static_cast<double>(CostOf(plan, 5).multiply_adds) / 1e9}};
  std::printf("%s\n", line.dump().c_str());
  return absl::OkStatus();
}

void MatrixProduct(const Options& options) {
  const int64_t n = options.measure.smoke ? 64 : 2048;
  const torch::Tensor a = torch::randn({n, n}), b = torch::randn({n, n});
  torch::Tensor c = torch::empty({n, n});
  const double milliseconds = MedianMilliseconds(options.measure, [&] { torch::mm_out(c, a, b); });
  const double size = static_cast<double>(n);
  const nlohmann::json line = {{"system", "gemm"},
                               {"gflop_per_s", 2 * size * size * size / milliseconds / 1e6}};
  std::printf("%s\n", line.dump().c_str());
}

}  // namespace
}  // namespace vizsla

int main(int argc, char** argv) {
  vizsla::UseProcessorsBlasKernels(argv);
  vizsla::KeepFreedMemory();
  vizsla::Options options;
  CLI::App app("Times a frozen backbone; JSON objects, a line each.");
  app.add_option("--threads", options.threads)->check(CLI::Range(1, 1024));
  app.add_option("--image-size", options.image_size, "pixels")->check(CLI::Range(32, 1024));
  app.add_option("--batch", options.batch)->check(CLI::Range(1, 4096));
  app.add_option("--seconds", options.measure.seconds)->check(CLI::Range(0.01, 3600.0));
  app.add_flag("--smoke", options.measure.smoke, "once: only proves that it runs");
  CLI11_PARSE(app, argc, argv);
  vizsla::SetThreads(options.threads);
  const absl::Status status = vizsla::CatchAll([&]() -> absl::StatusOr<int> {
                                vizsla::MatrixProduct(options);
                                VIZSLA_RETURN_IF_ERROR(vizsla::Features(options));
                                return 0;
                              }).status();
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return 1;
}
