// Training steps a second of heads on cached features on a GPU, summed over the trials that train
// at once: piece by piece, recorded, and N recorded trials beside each other, each on a thread and
// a stream of its own. One JSON object a line; docs/results.md.
//
//   device_heads_benchmark [--device cuda:0] [--seconds 0.5]
#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "src/nn/device_stream.h"
#include "tests/benchmark/head_trial.h"

namespace vizsla {
namespace {

constexpr int kPhotos = 4096;
constexpr int kWarmUpSteps = 10;

struct Row {
  bool dense = false;
  int batch = 32;
  int trials = 1;
  bool record = true;
};

// The steps of all trials from the moment when all have warmed up.
double StepsPerSecond(const torch::Device& device, const Row& row, double seconds,
                      int64_t& recorded) {
  const torch::Tensor rows = torch::rand({kPhotos, 1280}).to(device);
  torch::cuda::synchronize(device.index());
  TrainingPlan plan;
  if (row.dense) plan.dense = {128, 128};
  plan.dropout_hidden = 0.5;
  plan.dropout = 0.5;
  plan.batch_size = row.batch;
  std::atomic<int> warm = 0;
  std::atomic<bool> start = false, stop = false;
  std::atomic<int64_t> steps = 0, recorded_steps = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < row.trials; ++i) {
    threads.emplace_back([&, i] {
      at::set_num_threads(1);
      DeviceStream stream(device);
      HeadTrial trial(plan, i + 1, rows,
                      {.memory = {}, .reducer = {}, .fuse_head = true, .record = row.record});
      for (int step = 0; step < kWarmUpSteps; ++step) trial.Step();
      stream.Wait();
      ++warm;
      while (!start) std::this_thread::yield();
      int64_t own = 0;
      for (; !stop; ++own) trial.Step();
      stream.Wait();
      steps += own;
      recorded_steps += trial.recorded_steps();
    });
  }
  while (warm < row.trials) std::this_thread::yield();
  const auto begin = std::chrono::steady_clock::now();
  start = true;
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stop = true;
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
  recorded = recorded_steps;
  return static_cast<double>(steps) / passed.count();
}

int Main(const std::string& device_name, double seconds) {
  if (!torch::cuda::is_available()) {
    std::fprintf(stderr, "skipped: LibTorch sees no GPU\n");
    return 77;
  }
  const torch::Device device(device_name);
  for (const bool dense : {false, true}) {
    for (const int batch : {32, 256}) {
      double one_by_one = 0;
      for (const Row& row :
           {Row{dense, batch, 1, false}, Row{dense, batch, 1, true}, Row{dense, batch, 4, true},
            Row{dense, batch, 8, true}, Row{dense, batch, 16, true}, Row{dense, batch, 8, false}}) {
        int64_t recorded = 0;
        const double rate = StepsPerSecond(device, row, seconds, recorded);
        if (one_by_one == 0) one_by_one = rate;
        std::printf("%s\n", nlohmann::json({{"dense", dense ? "128,128" : "none"},
                                            {"batch", batch},
                                            {"trials", row.trials},
                                            {"recorded", recorded > 0},
                                            {"steps_per_s", rate},
                                            {"times_one_by_one", rate / one_by_one}})
                                .dump()
                                .c_str());
        std::fflush(stdout);
      }
    }
  }
  return 0;
}

}  // namespace
}  // namespace vizsla

int main(int argc, char** argv) {
  std::string device = "cuda:0";
  double seconds = 0.5;
  CLI::App app("Steps a second of heads at once on a GPU; one JSON object a line.");
  app.add_option("--device", device, "cuda:N");
  app.add_option("--seconds", seconds, "of measuring a row")->check(CLI::Range(0.01, 3600.0));
  CLI11_PARSE(app, argc, argv);
  return vizsla::Main(device, seconds);
}
