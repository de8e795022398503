// Data-parallel training on the CPU, run by mpirun (data_parallel.py does it). Rank 0 prints one
// JSON object.
//
//   all-reduce: 25 MiB of floats through Communicator, and by MPI_Allreduce, in turns
//   step:       full fine-tuning of MobileNetV2, `--batch` rows a rank: with the sums overlapped,
//               with the sums after the pass, and each rank for itself; in turns
#include <mpi.h>
#include <torch/torch.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "src/comm/mpi_communicator.h"
#include "src/nn/model.h"
#include "src/train/training_step.h"
#include "tests/benchmark/photos_without_pixels.h"

namespace vizsla {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr int kClasses = 5;

struct Options {
  std::string what = "step";
  int rounds = 5;
  int image_size = 160;
  int batch = 32;  // of each rank
};

template <typename Body>
double Milliseconds(const Body& body) {
  const auto start = SteadyClock::now();
  body();
  return std::chrono::duration<double, std::milli>(SteadyClock::now() - start).count();
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

// A collective is over when it is over on all ranks.
absl::Status Slowest(Communicator& world, double& milliseconds) {
  std::vector<int64_t> nanoseconds = {static_cast<int64_t>(milliseconds * 1e6)};
  VIZSLA_RETURN_IF_ERROR(world.AllReduceMax(nanoseconds));
  milliseconds = static_cast<double>(nanoseconds[0]) / 1e6;
  return absl::OkStatus();
}

absl::StatusOr<nlohmann::json> MeasureAllReduce(const Options& options, Communicator& world) {
  std::vector<float> values((size_t{25} << 20) / sizeof(float), 0.0f);
  std::vector<double> ours, plain;
  constexpr int kWarmUp = 3;
  for (int round = 0; round < kWarmUp + 4 * options.rounds; ++round) {
    absl::Status status = world.Barrier();
    double own = Milliseconds([&] { status.Update(world.AllReduceSum(std::span<float>(values))); });
    status.Update(world.Barrier());
    int error = MPI_SUCCESS;
    double theirs = Milliseconds([&] {
      error = MPI_Allreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()), MPI_FLOAT,
                            MPI_SUM, MPI_COMM_WORLD);
    });
    VIZSLA_RETURN_IF_ERROR(status);
    if (error != MPI_SUCCESS) return absl::InternalError("MPI_Allreduce failed");
    VIZSLA_RETURN_IF_ERROR(Slowest(world, own));
    VIZSLA_RETURN_IF_ERROR(Slowest(world, theirs));
    if (round < kWarmUp) continue;
    ours.push_back(own);
    plain.push_back(theirs);
  }
  return nlohmann::json{{"vizsla_ms", Median(ours)}, {"mpi_allreduce_ms", Median(plain)}};
}

// One way of training, with a model of its own.
class Trained {
 public:
  static absl::StatusOr<std::unique_ptr<Trained>> Create(const Options& options,
                                                         Communicator& transport, bool overlap) {
    auto trained = std::make_unique<Trained>(options, transport);
    VIZSLA_ASSIGN_OR_RETURN(
        trained->model_, BuildModel(trained->plan_, Padding::kSymmetric, kClasses, StreamKey(1)));
    trained->model_->train();
    trained->training_ = std::make_unique<TrainingStep>(
        trained->plan_, trained->data_, *trained->model_, trained->group_, torch::kCPU,
        TrainingStepOptions{.memory = {}, .reducer = {.buckets = {}, .overlap = overlap}});
    return trained;
  }

  Trained(const Options& options, Communicator& transport)
      : photos_(static_cast<size_t>(options.batch), kClasses),
        transport_(transport),
        group_(transport) {
    plan_.network = "mobilenet_v2";
    plan_.image_size = options.image_size;
    plan_.initial_weights = InitialWeights::kRandom;
    plan_.unfreeze = "all";
    plan_.batch_norm = false;
    plan_.dropout = 0.2;
    // Of each rank's own rows: the comparison is with processes that know nothing of each other.
    plan_.sync_batch_norm = false;
    plan_.batch_size = options.batch * transport.size();
    data_.train = &photos_;
    data_.class_count = kClasses;
    torch::manual_seed(1 + transport.rank());
    input_ = torch::randn({options.batch, 3, options.image_size, options.image_size})
                 .contiguous(torch::MemoryFormat::ChannelsLast);
    rows_.global_count = plan_.batch_size;
    rows_.mine = {options.batch * transport.rank(), options.batch * (transport.rank() + 1)};
    rows_.views.resize(static_cast<size_t>(options.batch));
    for (uint32_t i = 0; i < rows_.views.size(); ++i) rows_.views[i].photo = i;
  }

  absl::Status Step() {
    Tally tally;
    return training_->Run(rows_, input_, nullptr, StreamKey(2).With(steps_++), 1, tally);
  }
  std::chrono::nanoseconds waited() const { return training_->reducer().waited(); }
  const Model& model() const { return *model_; }

 private:
  TrainingPlan plan_;
  PhotosWithoutPixels photos_;
  TrainingData data_;
  Communicator& transport_;
  VotingGroup group_;
  std::shared_ptr<Model> model_;
  std::unique_ptr<TrainingStep> training_;
  torch::Tensor input_;
  StepRows rows_;
  uint64_t steps_ = 0;
};

// The sums of a step with nothing that could hide them.
absl::Status SumsAlone(Communicator& world, std::vector<std::vector<float>>& buckets) {
  for (std::vector<float>& bucket : buckets) {
    VIZSLA_RETURN_IF_ERROR(world.StartAllReduceSum(std::span<float>(bucket)));
  }
  return world.FinishSums();
}

absl::StatusOr<nlohmann::json> MeasureStep(const Options& options, Communicator& world) {
  const auto local = MakeLocalCommunicator();
  VIZSLA_ASSIGN_OR_RETURN(const auto overlapped, Trained::Create(options, world, true));
  VIZSLA_ASSIGN_OR_RETURN(const auto after, Trained::Create(options, world, false));
  VIZSLA_ASSIGN_OR_RETURN(const auto alone, Trained::Create(options, *local, true));
  std::vector<size_t> bytes;
  for (const auto& [name, parameter] : overlapped->model().TrainableParameters()) {
    bytes.push_back(static_cast<size_t>(parameter.numel()) * sizeof(float));
  }
  size_t gradient_bytes = 0;
  std::vector<std::vector<float>> buckets;
  for (const std::vector<size_t>& bucket : PlanBuckets(bytes)) {
    size_t total = 0;
    for (const size_t i : bucket) total += bytes[i];
    gradient_bytes += total;
    buckets.emplace_back(total / sizeof(float));
  }

  const std::vector<std::pair<const char*, Trained*>> ways = {
      {"overlapped", overlapped.get()}, {"after", after.get()}, {"alone", alone.get()}};
  std::map<std::string, std::vector<double>> step_ms, waited_ms;
  std::vector<double> sums_ms;
  for (int round = 0; round < 1 + options.rounds; ++round) {
    for (const auto& [name, trained] : ways) {
      VIZSLA_RETURN_IF_ERROR(world.Barrier());
      const auto waited = trained->waited();
      absl::Status status;
      double milliseconds = Milliseconds([&] { status = trained->Step(); });
      VIZSLA_RETURN_IF_ERROR(status);
      VIZSLA_RETURN_IF_ERROR(Slowest(world, milliseconds));
      if (round == 0) continue;
      step_ms[name].push_back(milliseconds);
      waited_ms[name].push_back(
          std::chrono::duration<double, std::milli>(trained->waited() - waited).count());
    }
    VIZSLA_RETURN_IF_ERROR(world.Barrier());
    absl::Status status;
    const double milliseconds = Milliseconds([&] { status = SumsAlone(world, buckets); });
    VIZSLA_RETURN_IF_ERROR(status);
    if (round > 0) sums_ms.push_back(milliseconds);
  }
  return nlohmann::json{{"batch", options.batch},
                        {"image_size", options.image_size},
                        {"gradient_bytes", gradient_bytes},
                        {"buckets", buckets.size()},
                        {"step_ms", Median(step_ms["overlapped"])},
                        {"waited_ms", Median(waited_ms["overlapped"])},
                        {"step_without_overlap_ms", Median(step_ms["after"])},
                        {"waited_without_overlap_ms", Median(waited_ms["after"])},
                        {"independent_step_ms", Median(step_ms["alone"])},
                        {"sums_alone_ms", Median(sums_ms)}};
}

int Main(const Options& options, MpiWorld& mpi) {
  at::set_num_threads(1);
  const auto world = mpi.World({.collective_deadline = std::chrono::minutes(5)});
  absl::StatusOr<nlohmann::json> measured =
      options.what == "step" ? MeasureStep(options, *world) : MeasureAllReduce(options, *world);
  if (!measured.ok()) {
    std::fprintf(stderr, "%s\n", std::string(measured.status().message()).c_str());
    return 1;
  }
  (*measured)["what"] = options.what;
  (*measured)["ranks"] = mpi.size();
  if (mpi.rank() == 0) std::printf("%s\n", measured->dump().c_str());
  return 0;
}

}  // namespace
}  // namespace vizsla

int main(int argc, char** argv) {
  vizsla::Options options;
  auto mpi = vizsla::MpiWorld::Init(&argc, &argv);
  if (!mpi.ok()) {
    std::fprintf(stderr, "%s\n", std::string(mpi.status().message()).c_str());
    return 1;
  }
  CLI::App app("Times data-parallel training; rank 0 prints one JSON object.");
  app.add_option("--what", options.what)
      ->check(CLI::IsMember({"all-reduce", "step"}))
      ->capture_default_str();
  app.add_option("--rounds", options.rounds, "the median of so many is told")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--image-size", options.image_size)->capture_default_str();
  app.add_option("--batch", options.batch, "rows of each rank")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return vizsla::Main(options, **mpi);
}
