// The pure parts of the worker and the evaluator: command lines, places, what fits, submissions.
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include <map>
#include <memory>
#include <thread>

#include "src/comm/communicator.h"
#include "src/train/trial_bundle.h"
#include "worker/blas_kernels.h"
#include "worker/group_task.h"
#include "worker/idleness.h"
#include "worker/launch.h"
#include "worker/options.h"
#include "worker/rpc_hooks.h"
#include "worker/runtime.h"
#include "worker/start_search.h"
#include "worker/submission_csv.h"

namespace vizsla {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<WorkerCommand> Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "vizsla-worker");
  return ParseWorkerOptions(static_cast<int>(arguments.size()), arguments.data());
}

TEST(WorkerOptionsTest, Defaults) {
  const auto command = Parse({"--search", "s.yaml", "--data", "d"});
  ASSERT_TRUE(command.ok()) << command.status();
  const WorkerOptions& options = command->options;
  EXPECT_EQ(options.ranks_per_trial, 1);
  EXPECT_EQ(options.threads_per_rank, 0);
  EXPECT_TRUE(options.use_feature_cache);
  EXPECT_EQ(options.feature_cache_budget, uint64_t{50} << 30);
  EXPECT_EQ(options.feature_type, FeatureType::kFloat32);
  EXPECT_EQ(options.memory.micro_batch, 0);
  EXPECT_EQ(options.memory.on_out_of_memory, OnOutOfMemory::kHalve);
  EXPECT_EQ(options.transport, TransportChoice::kAuto);
  EXPECT_EQ(options.gradient_type, GradientType::kFloat32);
  EXPECT_FALSE(options.wait);
  EXPECT_EQ(options.device, DeviceChoice::kAuto);
  EXPECT_TRUE(options.record_gpu_work);
  EXPECT_THAT(options.cache_folder, HasSubstr("vizsla"));
  EXPECT_GT(options.collective_deadline, options.coordinator_patience);
}

TEST(WorkerOptionsTest, AllOfThem) {
  const auto command = Parse({"--coordinator",
                              "127.0.0.1:4711",
                              "--data",
                              "d",
                              "--weights",
                              "w",
                              "--study",
                              "s",
                              "--ranks-per-trial",
                              "2",
                              "--threads-per-rank",
                              "3",
                              "--cache-dir",
                              "/c",
                              "--no-feature-cache",
                              "--feature-cache-budget",
                              "1.5GiB",
                              "--feature-cache-type",
                              "float16",
                              "--micro-batch",
                              "8",
                              "--out-of-memory",
                              "infeasible",
                              "--transport",
                              "nccl",
                              "--gradient-type",
                              "bfloat16",
                              "--device",
                              "cuda",
                              "--no-gpu-recordings",
                              "--wait",
                              "--collective-deadline",
                              "90.5",
                              "--coordinator-patience",
                              "5",
                              "--log-level",
                              "debug"});
  ASSERT_TRUE(command.ok()) << command.status();
  const WorkerOptions& options = command->options;
  EXPECT_EQ(options.coordinator, "127.0.0.1:4711");
  EXPECT_EQ(options.study, "s");
  EXPECT_EQ(options.ranks_per_trial, 2);
  EXPECT_EQ(options.threads_per_rank, 3);
  EXPECT_EQ(options.cache_folder, "/c");
  EXPECT_FALSE(options.use_feature_cache);
  EXPECT_EQ(options.feature_cache_budget, uint64_t{3} << 29);
  EXPECT_EQ(options.feature_type, FeatureType::kFloat16);
  EXPECT_EQ(options.memory.micro_batch, 8);
  EXPECT_EQ(options.memory.on_out_of_memory, OnOutOfMemory::kInfeasible);
  EXPECT_EQ(options.transport, TransportChoice::kNccl);
  EXPECT_EQ(options.gradient_type, GradientType::kBfloat16);
  EXPECT_EQ(options.device, DeviceChoice::kCuda);
  EXPECT_FALSE(options.record_gpu_work);
  EXPECT_TRUE(options.wait);
  EXPECT_EQ(options.collective_deadline, std::chrono::milliseconds(90500));
  EXPECT_EQ(options.coordinator_patience, std::chrono::seconds(5));
}

TEST(WorkerOptionsTest, WhatIsRefused) {
  const auto refusal = [](std::vector<const char*> arguments) {
    const auto command = Parse(std::move(arguments));
    EXPECT_TRUE(absl::IsInvalidArgument(command.status()));
    return std::string(command.status().message());
  };
  EXPECT_EQ(refusal({"--serach", "s.yaml", "--data", "d"}),
            "unknown option '--serach'; did you mean '--search'?");
  EXPECT_THAT(refusal({"--xyzzyplugh", "--data", "d"}), HasSubstr("--help lists the options"));
  EXPECT_THAT(refusal({"--search", "s", "--data", "d", "stray"}), HasSubstr("'stray'"));
  EXPECT_THAT(refusal({"--data", "d"}), HasSubstr("--search"));
  EXPECT_THAT(refusal({"--search", "s"}), HasSubstr("--data is missing"));
  EXPECT_THAT(refusal({"--coordinator", "a:1", "--data", "d", "--db", "x"}),
              HasSubstr("excludes --coordinator"));
  EXPECT_THAT(refusal({"--search", "s", "--data", "d", "--study", "x"}),
              HasSubstr("--study excludes"));
  EXPECT_THAT(refusal({"--search", "s", "--data", "d", "--wait"}), HasSubstr("--wait needs"));
  EXPECT_THAT(refusal({"--coordinator", "a:1", "--data", "d", "--wait", "--exit-when-done"}),
              HasSubstr("--wait excludes"));
  EXPECT_EQ(refusal({"--search", "s", "--data", "d", "--feature-cache-budget", "many"}),
            "--feature-cache-budget many is no size: write 50GiB, 500MB, or a number of bytes");
  EXPECT_THAT(refusal({"--search", "s", "--data", "d", "--ranks-per-trial", "0"}),
              HasSubstr("at least 1"));
  EXPECT_THAT(refusal({"--search", "s", "--data", "d", "--threads-per-rank", "0"}),
              HasSubstr("--threads-per-rank"));
  EXPECT_THAT(refusal({"--search", "s", "--data", "d", "--device", "tpu"}), HasSubstr("--device"));
  EXPECT_THAT(refusal({"--search", "s", "--data", "d", "--collective-deadline", "-1"}),
              HasSubstr("--collective-deadline"));
  EXPECT_THAT(refusal({"--search", "s", "--data", "d", "--collective-deadline", "30"}),
              HasSubstr("longer than --coordinator-patience"));
}

TEST(WorkerOptionsTest, HelpAndVersionArePrintedNotRun) {
  EXPECT_THAT(Parse({"--help"})->print, HasSubstr("odls_base_sigkill_timeout"));
  EXPECT_THAT(Parse({"--version"})->print, HasSubstr("vizsla "));
}

TEST(LaunchTest, ReadsOpenMpisVariables) {
  const std::map<std::string, std::string> variables = {{"OMPI_COMM_WORLD_RANK", "3"},
                                                        {"OMPI_COMM_WORLD_SIZE", "8"},
                                                        {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"}};
  const LaunchPlace place = ReadLaunchPlace([&](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
  EXPECT_EQ(place.rank, 3);
  EXPECT_EQ(place.size, 8);
  EXPECT_EQ(place.local_size, 4);
  EXPECT_FALSE(place.bound_by_user);
  const LaunchPlace bound = ReadLaunchPlace([](const char* name) -> std::optional<std::string> {
    if (std::string_view(name) != "OMPI_MCA_hwloc_base_binding_policy") return std::nullopt;
    return "none";  // mpirun --bind-to none
  });
  EXPECT_TRUE(bound.bound_by_user);
  const LaunchPlace alone = ReadLaunchPlace([](const char*) { return std::nullopt; });
  EXPECT_EQ(alone.rank, 0);
  EXPECT_EQ(alone.size, 1);
  EXPECT_EQ(alone.local_size, 1);
}

TEST(LaunchTest, AJobOverHostsMustNameACoordinator) {
  EXPECT_TRUE(CheckOneHost(4, 4).ok());
  const absl::Status status = CheckOneHost(8, 4);
  EXPECT_THAT(std::string(status.message()), HasSubstr("spans hosts"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("--coordinator"));
}

TEST(RuntimeTest, ThreadsShareTheNode) {
  EXPECT_EQ(ThreadsPerRank(0, 16, 4), 4);
  EXPECT_EQ(ThreadsPerRank(0, 2, 4), 1);
  EXPECT_EQ(ThreadsPerRank(0, 2, 1), 2);
  EXPECT_EQ(ThreadsPerRank(7, 2, 2), 7);
  EXPECT_GE(UsableCores(), 1);
}

TEST(RuntimeTest, ARankOfManyThreadsTrainsManyHeads) {
  EXPECT_EQ(TrialsAtOnce(0, 1, 1), 1);
  EXPECT_EQ(TrialsAtOnce(0, 4, 1), 4);
  EXPECT_EQ(TrialsAtOnce(0, 64, 1), 8);
  EXPECT_EQ(TrialsAtOnce(0, 4, 2), 1);
  EXPECT_EQ(TrialsAtOnce(16, 2, 1), 16);
  EXPECT_EQ(TrialsAtOnce(1, 4, 1), 1);
}

TEST(RuntimeTest, RanksOfANodeShareItsGpus) {
  for (const DeviceChoice choice : {DeviceChoice::kAuto, DeviceChoice::kCuda}) {
    EXPECT_EQ(*ChooseDevice(choice, 0, 4), "cuda:0");
    EXPECT_EQ(*ChooseDevice(choice, 3, 4), "cuda:3");
    EXPECT_EQ(*ChooseDevice(choice, 5, 4), "cuda:1");
  }
  EXPECT_EQ(*ChooseDevice(DeviceChoice::kAuto, 5, 0), "cpu");
  EXPECT_EQ(*ChooseDevice(DeviceChoice::kCpu, 5, 4), "cpu");
  const absl::Status none = ChooseDevice(DeviceChoice::kCuda, 0, 0).status();
  EXPECT_TRUE(absl::IsUnavailable(none));
  EXPECT_THAT(std::string(none.message()), HasSubstr("--device cuda"));
}

TEST(RuntimeTest, BindingIsWidenedUnlessTheUserWantsIt) {
  const auto cores = [] {
    cpu_set_t set;
    EXPECT_EQ(::sched_getaffinity(0, sizeof set, &set), 0);
    return CPU_COUNT(&set);
  };
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(::sched_getcpu()), &one);
  const int usable = UsableCores();
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(UsableCores(), usable) << "counts what a binding hides";
  WidenAffinity(/*bound_by_user=*/true);
  EXPECT_EQ(cores(), 1);
  WidenAffinity(/*bound_by_user=*/false);
  EXPECT_EQ(cores(), usable);
}

TEST(RuntimeTest, HeadsBesideEachOtherLeaveTheProcessItsThreads) {
  SetThreads(2);
  std::thread([] {
    TrialBundle bundle(2);
    const TrialBundle::SetUpTurn turn(bundle);
  }).join();
  EXPECT_EQ(at::get_num_threads(), 2);
  SetThreads(1);
}

// What a training step frees and takes again is not mapped anew, which would be a fault a page.
TEST(RuntimeTest, FreedMemoryIsKept) {
  KeepFreedMemory();
  constexpr size_t kBytes = size_t{64} << 20;
  const auto faults_of_a_step = [&] {
    rusage before{}, after{};
    ::getrusage(RUSAGE_SELF, &before);
    {
      const std::unique_ptr<char[]> activations(new char[kBytes]);
      for (size_t i = 0; i < kBytes; i += 4096) {
        static_cast<volatile char*>(activations.get())[i] = 1;
      }
    }
    ::getrusage(RUSAGE_SELF, &after);
    return after.ru_minflt - before.ru_minflt;
  };
  faults_of_a_step();
  EXPECT_LT(faults_of_a_step(), 200) << "of 16384 pages";
}

TEST(IdlenessTest, LeavesWhenNothingIsLeftUnlessItWaits) {
  const Acquired busy{.retry_after = std::chrono::milliseconds(500), .explanation = "all run"};
  const Acquired nothing{.nothing_left = true, .explanation = "all ended"};
  EXPECT_EQ(Idleness(false).Decide(busy), Idleness::Next::kAskAgain);
  EXPECT_EQ(Idleness(false).Decide(nothing), Idleness::Next::kLeave);
  EXPECT_EQ(Idleness(true).Decide(busy), Idleness::Next::kAskAgain);
  EXPECT_EQ(Idleness(true).Decide(nothing), Idleness::Next::kRegisterAndAsk);
}

TEST(IdlenessTest, PausesAsTheCoordinatorWishesWithinBounds) {
  const auto pause = [](int milliseconds) {
    return Idleness::Pause({.retry_after = std::chrono::milliseconds(milliseconds)}).count();
  };
  EXPECT_EQ(pause(0), 100);
  EXPECT_EQ(pause(700), 700);
  EXPECT_EQ(pause(60'000), 2000);
}

TEST(BlasKernelsTest, AreThoseOfTheProcessorWhenOpenBlasDoesNotKnowIt) {
  const VectorUnits old, avx2{.avx2 = true}, avx512{.avx2 = true, .avx512 = true};
  EXPECT_EQ(BetterBlasKernels("Prescott", avx512), "SkylakeX");
  EXPECT_EQ(BetterBlasKernels("Prescott", avx2), "Haswell");
  EXPECT_EQ(BetterBlasKernels("Sandybridge", avx2), "Haswell");
  EXPECT_EQ(BetterBlasKernels("Prescott", old), std::nullopt);
  // Chosen with knowledge, or of another architecture.
  for (const char* chosen : {"Haswell", "Zen", "SkylakeX", "Cooperlake", "NEOVERSEN1", ""}) {
    EXPECT_EQ(BetterBlasKernels(chosen, avx512), std::nullopt) << chosen;
  }
}

v1::Study MakeStudy(const std::string& name, const std::string& fingerprint,
                    const std::string& weights) {
  v1::Study study;
  study.set_name(name);
  study.mutable_inputs()->set_dataset_fingerprint(fingerprint);
  study.mutable_inputs()->set_weights_hash(weights);
  return study;
}

TEST(StudiesFitTest, SaysWhatDoesNot) {
  const std::string ours(64, 'a'), theirs(64, 'b'), weights(64, 'c'), others(64, 'd');
  WorkerOptions options;
  options.data = "photos/";
  options.weights = "w.pth";
  v1::ListStudiesResponse studies;
  const auto check = [&](const std::string& weights_hash) {
    return CheckStudiesFit(studies, options, "127.0.0.1:1", ours, weights_hash);
  };
  EXPECT_THAT(std::string(check("").message()), HasSubstr("has no study"));
  *studies.add_studies() = MakeStudy("cats", theirs, "");
  EXPECT_THAT(std::string(check("").message()),
              HasSubstr("photos/ is not the data of any study at 127.0.0.1:1"));
  EXPECT_THAT(std::string(check("").message()), HasSubstr("'cats' is pinned to bbbbbbbbbbbb"));
  *studies.add_studies() = MakeStudy("dogs", ours, weights);
  EXPECT_TRUE(check("").ok());
  EXPECT_TRUE(check(weights).ok());
  EXPECT_THAT(std::string(check(others).message()),
              HasSubstr("w.pth are not the weights of any study"));
  options.study = "birds";
  EXPECT_THAT(std::string(check("").message()), HasSubstr("no study 'birds'"));
  options.study = "cats";
  EXPECT_FALSE(check("").ok());
}

TEST(DescribeMetricsTest, ObjectiveFirst) {
  EXPECT_EQ(DescribeMetrics({{"train_loss", 1.5}, {"val_accuracy", 0.25}}, "val_accuracy"),
            "val_accuracy 0.2500, train_loss 1.5000");
}

TEST(GroupTaskTest, ShareOnDemandAloneLoadsOnlyWhatIsWanted) {
  const auto group = MakeLocalCommunicator();
  std::string bytes = "old";
  const auto fail = []() -> absl::StatusOr<std::string> { return absl::NotFoundError("gone"); };
  EXPECT_TRUE(ShareOnDemand(*group, false, fail, bytes).ok());
  EXPECT_EQ(bytes, "old");
  EXPECT_TRUE(absl::IsNotFound(ShareOnDemand(*group, true, fail, bytes)));
  const auto load = []() -> absl::StatusOr<std::string> { return std::string("new"); };
  EXPECT_TRUE(ShareOnDemand(*group, true, load, bytes).ok());
  EXPECT_EQ(bytes, "new");
}

CsvInputs TwoClasses() {
  CsvInputs inputs;
  inputs.classes = {"cat", "dog, big"};
  inputs.probabilities = {{"b", {0.25F, 0.75F}}, {"a", {1.0F, 0.0F}}};
  return inputs;
}

TEST(SubmissionTest, WithoutASampleIdsAreSorted) {
  const auto csv = MakeSubmission(TwoClasses());
  ASSERT_TRUE(csv.ok()) << csv.status();
  EXPECT_EQ(csv->text, "id,cat,\"dog, big\"\na,1,0\nb,0.25,0.75\n");
  EXPECT_EQ(csv->rows, 2);
  EXPECT_EQ(csv->uniform_rows, 0);
}

TEST(SubmissionTest, TheSamplesOrderOfRowsAndColumns) {
  CsvInputs inputs = TwoClasses();
  inputs.column_order = {"dog, big", "cat"};
  inputs.id_order = {"b", "x", "a"};
  inputs.without_prediction = {"broken"};
  const auto csv = MakeSubmission(inputs);
  ASSERT_TRUE(csv.ok()) << csv.status();
  EXPECT_EQ(csv->text, "id,\"dog, big\",cat\nb,0.75,0.25\nx,0.5,0.5\na,0,1\nbroken,0.5,0.5\n");
  EXPECT_EQ(csv->uniform_rows, 2);
}

TEST(SubmissionTest, ColumnsMustBeTheModelsClasses) {
  CsvInputs inputs = TwoClasses();
  inputs.column_order = {"cat", "wolf"};
  EXPECT_THAT(std::string(MakeSubmission(inputs).status().message()), HasSubstr("'wolf'"));
  inputs.column_order = {"cat"};
  EXPECT_THAT(std::string(MakeSubmission(inputs).status().message()), HasSubstr("'dog, big'"));
  inputs.column_order = {"cat", "cat", "dog, big"};
  EXPECT_THAT(std::string(MakeSubmission(inputs).status().message()), HasSubstr("twice"));
}

}  // namespace
}  // namespace vizsla
