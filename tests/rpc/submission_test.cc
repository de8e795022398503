// Submitting: what is pinned, what is refused before anything is sent, what reaches the
// coordinator.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

#include "src/base/sha256.h"
#include "src/catalog/backbones.h"
#include "src/search/sampler.h"
#include "src/submission/dry_run.h"
#include "src/submission/look_ahead.h"
#include "src/submission/plan_size.h"
#include "src/submission/submit.h"
#include "src/weights/tensor_file.h"
#include "tests/rpc/test_server.h"

namespace vizsla {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::SampleSpec;
using ::testing::SizeIs;
using testing::TestServer;

// A .safetensors file with zeros of these shapes.
std::string WeightsBytes(const std::map<std::string, std::vector<int64_t>>& shapes,
                         const std::map<std::string, std::string>& metadata) {
  std::map<std::string, std::vector<std::byte>> storage;
  std::map<std::string, TensorView> tensors;
  for (const auto& [name, shape] : shapes) {
    size_t bytes = 4;
    for (const int64_t side : shape) bytes *= static_cast<size_t>(side);
    storage[name].resize(bytes);
    tensors[name] = TensorView{TensorType::kF32, shape, storage[name]};
  }
  return SerializeSafetensors(tensors, metadata);
}

// Without the counters of batch norm, as older files are.
std::map<std::string, std::vector<int64_t>> ShapesOf(const std::string& backbone) {
  std::map<std::string, std::vector<int64_t>> result;
  for (const NamedShape& tensor : (*FindBackbone(backbone))->tensors) {
    if (!tensor.shape.empty()) result[tensor.name] = tensor.shape;
  }
  return result;
}
const std::map<std::string, std::vector<int64_t>>& MobileNet() {
  static const auto* shapes =
      new std::map<std::string, std::vector<int64_t>>(ShapesOf("mobilenet_v2"));
  return *shapes;
}

const std::map<std::string, std::string> kTraits = {
    {"architecture", "mobilenet_v2"}, {"padding", "tf_same"}, {"preprocessing", "tf"}};

class SubmissionTest : public ::testing::Test {
 protected:
  SubmissionTest() : folder_(TemporaryDirectory::Create("vizsla-submission").value()) {
    ::setenv("XDG_CACHE_HOME", (folder_.path() + "/cache").c_str(), 1);
    // ImageFolder of 3 classes with 20 files; nothing is decoded, so a JPEG's first bytes do.
    for (int label = 0; label < 3; ++label) {
      const std::string place = data() + "/class" + std::to_string(label);
      EXPECT_TRUE(CreateDirectories(place).ok());
      for (int i = 0; i < 20; ++i) {
        const std::string name = std::to_string(label) + "-" + std::to_string(i);
        Write("/data/class" + std::to_string(label) + "/" + name + ".jpg",
              "\xFF\xD8\xFF photo " + name);
      }
    }
    Write("/w.safetensors", WeightsBytes(MobileNet(), kTraits));
  }

  void Write(const std::string& name, const std::string& bytes) const {
    std::ofstream file(folder_.path() + name, std::ios::binary);
    ASSERT_TRUE(file << bytes);
  }
  std::string data() const { return folder_.path() + "/data"; }
  std::string weights() const { return folder_.path() + "/w.safetensors"; }
  absl::StatusOr<PreparedStudy> Prepare(const StudySpec& spec, const std::string& weights) const {
    return PrepareStudy({spec, data(), weights}, {});
  }
  void ExpectRefused(const StudySpec& spec, const std::string& weights,
                     const std::string& sentence) const {
    const auto prepared = Prepare(spec, weights);
    ASSERT_FALSE(prepared.ok());
    EXPECT_THAT(std::string(prepared.status().message()), HasSubstr(sentence));
  }

  TemporaryDirectory folder_;
};

TEST_F(SubmissionTest, PinsDataSplitAndWeights) {
  size_t last_done = 0;
  const auto prepared =
      PrepareStudy({SampleSpec(), data(), weights()}, [&](size_t done, size_t total) {
        EXPECT_LE(done, total);
        last_done = std::max(last_done, done);
      });
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(last_done, 60u);
  EXPECT_EQ(prepared->inputs.dataset_fingerprint, prepared->index.fingerprint);
  EXPECT_EQ(prepared->inputs.split_hash, Sha256Hex(prepared->split_json));
  EXPECT_EQ(SplitFromJsonText(prepared->split_json).value(), prepared->split);
  EXPECT_EQ(prepared->inputs.weights_hash, Sha256HexOfFile(weights()).value());
  EXPECT_EQ(prepared->traits.padding, "tf_same");
  EXPECT_EQ(prepared->split.test.size(), 12u);  // 20 % of 60
  EXPECT_THAT(prepared->problems, IsEmpty());
  // The same again is the same.
  EXPECT_EQ(Prepare(SampleSpec(), weights()).value().inputs, prepared->inputs);
}

TEST_F(SubmissionTest, WeightsThatAreNeededButNotNamed) {
  ExpectRefused(SampleSpec(), "",
                "the search space uses pretrained weights: name their file with --weights");
}

TEST_F(SubmissionTest, WeightsThatAreNotThere) {
  ExpectRefused(SampleSpec(), folder_.path() + "/none.pth", folder_.path() + "/none.pth");
}

TEST_F(SubmissionTest, AFileThatIsNoWeights) {
  Write("/w.safetensors", "not a tensor in sight");
  ExpectRefused(SampleSpec(), weights(), weights());
}

TEST_F(SubmissionTest, WeightsOfAnotherNetwork) {
  Write("/w.safetensors", WeightsBytes({{"layer1.0.conv1.weight", {64, 64, 3, 3}}}, kTraits));
  ExpectRefused(SampleSpec(), weights(),
                weights() + ": not weights of mobilenet_v2: missing: features.0.0.weight, ");
  ExpectRefused(SampleSpec(), weights(), "; unexpected: layer1.0.conv1.weight");
  auto shapes = MobileNet();
  shapes["features.18.0.weight"] = {1792, 448, 1, 1};  // width 1.4
  Write("/w.safetensors", WeightsBytes(shapes, kTraits));
  ExpectRefused(SampleSpec(), weights(),
                "wrong-shaped: features.18.0.weight ([1792, 448, 1, 1], not [1280, 320, 1, 1])");
  // One tensor in the middle is enough.
  shapes = MobileNet();
  shapes.erase("features.3.conv.0.0.weight");
  Write("/w.safetensors", WeightsBytes(shapes, kTraits));
  ExpectRefused(SampleSpec(), weights(), "missing: features.3.conv.0.0.weight");
}

TEST_F(SubmissionTest, TraitsAreReadOrSaidButNeverGuessed) {
  Write("/w.safetensors", WeightsBytes(MobileNet(), {}));
  ExpectRefused(SampleSpec(), weights(),
                weights() + ": the weights file does not say which padding");
  StudySpec spec = SampleSpec();
  spec.weights = {"symmetric", "torch"};
  const auto prepared = Prepare(spec, weights());
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->traits.padding, "symmetric");
  EXPECT_EQ(prepared->traits.preprocessing, "torch");
}

TEST_F(SubmissionTest, AnImpossibleEnqueuedTrialIsNamed) {
  StudySpec spec = SampleSpec();
  spec.enqueue[0].configuration["pooling"] = std::string("median");
  ExpectRefused(spec, weights(), "enqueue, 'notebook': parameter pooling: ");
  spec.enqueue[0].name.clear();
  ExpectRefused(spec, weights(), "enqueue, entry 1: parameter pooling: ");
}

TEST_F(SubmissionTest, AnUnknownParameterIsNamed) {
  StudySpec spec = SampleSpec();
  spec.space.parameters.push_back({"droput", FloatDomain{0, 1, false, std::nullopt}, {}});
  ExpectRefused(spec, weights(), "droput");
}

TEST_F(SubmissionTest, MissingDataIsNamed) {
  const auto prepared = PrepareStudy({SampleSpec(), folder_.path() + "/nowhere", weights()}, {});
  EXPECT_EQ(prepared.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(prepared.status().message()), HasSubstr("nowhere"));
}

TEST_F(SubmissionTest, ScratchNetworksNeedNoWeightsAndSaySo) {
  StudySpec spec = SampleSpec();
  spec.space.parameters = {{"network", CategoricalDomain{{std::string("scratch_v1")}}, {}}};
  spec.enqueue.clear();
  const auto without = Prepare(spec, "");
  ASSERT_TRUE(without.ok()) << without.status();
  EXPECT_EQ(without->inputs.weights_hash, "");
  const auto with = Prepare(spec, weights());
  ASSERT_TRUE(with.ok()) << with.status();
  EXPECT_EQ(with->inputs.weights_hash, "");
  ASSERT_THAT(with->problems, SizeIs(1));
  EXPECT_EQ(with->problems[0].place, weights());
  EXPECT_THAT(with->problems[0].reason, HasSubstr("not used"));
}

// The file is checked against what starts from it, not against every network that is named.
TEST_F(SubmissionTest, NetworksThatBeginAtRandomNeedNoWeights) {
  StudySpec spec = SampleSpec();
  Configuration configuration = spec.enqueue[0].configuration;
  configuration["network"] = std::string("mobilenet_v2");
  spec.enqueue[0].configuration = configuration;
  configuration["network"] = std::string("resnet50");
  configuration["initial_weights"] = std::string("random");
  spec.enqueue.push_back({"from scratch", "", configuration});
  const auto prepared = Prepare(spec, weights());
  EXPECT_TRUE(prepared.ok()) << prepared.status();
  spec.enqueue[1].configuration.erase("initial_weights");
  ExpectRefused(spec, weights(), weights() + ": not weights of resnet50: ");
}

TEST_F(SubmissionTest, TheDefaultNetworkNeedsNoWeightsWhenTheSamplerNeverDraws) {
  std::map<std::string, std::string> traits = kTraits;
  traits["architecture"] = "densenet121";
  Write("/w.safetensors", WeightsBytes(ShapesOf("densenet121"), traits));
  StudySpec spec = SampleSpec();
  spec.enqueue[0].configuration["network"] = std::string("densenet121");
  spec.budget.trials = 1;
  const auto prepared = Prepare(spec, weights());
  EXPECT_TRUE(prepared.ok()) << prepared.status();
  spec.budget.trials = 2;
  ExpectRefused(spec, weights(), weights() + ": not weights of mobilenet_v2: ");
}

TEST_F(SubmissionTest, ReachesTheCoordinator) {
  TestServer server;
  const auto client = server.Connect();
  const PreparedStudy prepared = Prepare(SampleSpec(), weights()).value();
  const auto submitted = SubmitStudy(*client, prepared, weights());
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  EXPECT_TRUE(submitted->created);
  EXPECT_EQ(submitted->study.name(), "dogs");
  EXPECT_EQ(server.scheduler.spec, prepared.spec);
  EXPECT_EQ(server.scheduler.pinned, prepared.inputs);
  EXPECT_EQ(server.artifacts->Get(prepared.inputs.split_hash).value(), prepared.split_json);
  EXPECT_EQ(server.artifacts->Get(prepared.inputs.weights_hash).value(),
            ReadFile(weights()).value());
}

TEST_F(SubmissionTest, RefusalsOfTheCoordinatorPass) {
  TestServer server;
  const auto client = server.Connect();
  const PreparedStudy prepared = Prepare(SampleSpec(), weights()).value();
  server.scheduler.FailWith(absl::FailedPreconditionError("study 'dogs' differs:\n  seed: 7 -> 8"));
  EXPECT_EQ(SubmitStudy(*client, prepared, weights()).status(),
            absl::FailedPreconditionError("study 'dogs' differs:\n  seed: 7 -> 8"));
}

TEST_F(SubmissionTest, WeightsThatChangeMeanwhileAreNoticed) {
  TestServer server;
  const auto client = server.Connect();
  const PreparedStudy prepared = Prepare(SampleSpec(), weights()).value();
  Write("/w.safetensors",
        WeightsBytes(MobileNet(), {{"padding", "symmetric"}, {"preprocessing", "tf"}}));
  const auto submitted = SubmitStudy(*client, prepared, weights());
  EXPECT_EQ(submitted.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(submitted.status().message()),
              HasSubstr("has changed since it was checked"));
  EXPECT_THAT(server.scheduler.calls(), IsEmpty());
}

// --- The dry run
// ------------------------------------------------------------------------------------

const DryRunPhotos kDogs{8463, 736, 120};

StudySpec HeadSpace() {
  StudySpec spec = SampleSpec();
  spec.budget = {24, 30, std::nullopt};
  spec.space.parameters = {
      {"augmentation", CategoricalDomain{{std::string("none"), std::string("v1")}}, {}},
      {"dropout", FloatDomain{0, 0.5, false, std::nullopt}, {}},
      {"image_size", CategoricalDomain{{int64_t{160}}}, {}},
      {"pooling", CategoricalDomain{{std::string("avg"), std::string("max")}}, {}},
  };
  spec.enqueue = {{"notebook",
                   "",
                   {{"augmentation", std::string("v1")},
                    {"dropout", 0.5},
                    {"image_size", int64_t{160}},
                    {"pooling", std::string("avg")}}}};
  return spec;
}

TrainingPlan Plan(const std::string& unfreeze) {
  TrainingPlan plan;
  plan.unfreeze = unfreeze;
  return plan;
}

TEST(PlanSize, CountsAsTorchvisionDoes) {
  // Sum of numel over the state dict of torchvision 0.14's mobilenet_v2().features[k + 1:], for the
  // Keras block k that trains first, without the counters of batch norms.
  const std::pair<const char*, int64_t> expected[] = {
      {"none", 0},
      {"block_16_expand", 893120},
      {"block_15_expand", 1217280},
      {"block_13_expand", 1699328},
      {"block_10_expand", 2009216},
      {"block_6_expand", 2198976},
      {"block_1_expand", 2256000},
      {"all", 2257984},
  };
  for (const auto& [unfreeze, floats] : expected) {
    const TrainingPlan plan = Plan(unfreeze);
    EXPECT_EQ(TrainedFloats(plan, 120) - HeadFloats(plan, 120), floats) << unfreeze;
  }
}

TEST(PlanSize, CountsTheCampaignsHead) {
  TrainingPlan plan;
  plan.dense = {128, 128};
  // 1280 x 128 + 128, 128 x 128 + 128, batch norm 4 x 128, 128 x 120 + 120
  EXPECT_EQ(HeadFloats(plan, 120), 163968 + 16512 + 512 + 15480);
  plan.pooling = Pooling::kFlatten;  // 160 / 32 = 5
  plan.norm_place = NormPlace::kEvery;
  EXPECT_EQ(HeadFloats(plan, 120), 25 * 1280 * 128 + 128 + 16512 + 2 * 512 + 15480);
}

TEST(DryRun, AHeadSearchCostsOnePassOverThePhotos) {
  const auto estimate = EstimateStudy(HeadSpace(), kDogs, {}, {});
  ASSERT_TRUE(estimate.ok()) << estimate.status();
  EXPECT_EQ(estimate->trials, 24);
  EXPECT_EQ(estimate->enqueued, 1);
  EXPECT_EQ(estimate->looked_at, 24);
  EXPECT_EQ(estimate->impossible, 0);
  EXPECT_EQ(estimate->sharing_trials, 24);
  EXPECT_EQ(estimate->feature_sets, 1);
  // Photos and their mirror images of train, photos of validation; average and maximum of 1280
  // channels.
  EXPECT_EQ(estimate->feature_cache_bytes, (2u * 8463 + 736) * 2 * 1280 * 4);
  EXPECT_EQ(estimate->reread_cache_bytes, estimate->feature_cache_bytes);
  ASSERT_THAT(estimate->decoded_cache_bytes, SizeIs(1));
  EXPECT_EQ(estimate->decoded_cache_bytes.at(160), (8463u + 736) * 160 * 160 * 3);
  // One pass: minutes; the same search without a cache would be 30 epochs x 24 trials of passes.
  DryRunRates rates;
  EXPECT_NEAR(static_cast<double>(estimate->feature_time.count()),
              (2 * 8463 + 736) / rates.forward_images_per_second, 2);
  EXPECT_LT(estimate->training_time, std::chrono::hours(2));
}

TEST(DryRun, AnotherCoreHalvesTheTime) {
  DryRunRates two;
  two.cores = 2;
  const auto one_core = EstimateStudy(HeadSpace(), kDogs, {}, {}).value();
  const auto two_cores = EstimateStudy(HeadSpace(), kDogs, {}, two).value();
  EXPECT_NEAR(static_cast<double>(two_cores.feature_time.count()),
              static_cast<double>(one_core.feature_time.count()) / 2, 1);
  EXPECT_NEAR(static_cast<double>(two_cores.training_time.count()),
              static_cast<double>(one_core.training_time.count()) / 2, 1);
}

TEST(DryRun, SizesPoolingAndPreprocessingMakeSetsOfTheirOwn) {
  StudySpec spec = HeadSpace();
  spec.enqueue.clear();
  spec.sampler = GridOptions();
  spec.budget.trials = 0;
  spec.space.parameters = {
      {"image_size", CategoricalDomain{{int64_t{160}, int64_t{224}}}, {}},
      {"pooling",
       CategoricalDomain{{std::string("avg"), std::string("max"), std::string("flatten")}},
       {}},
      {"augmentation", CategoricalDomain{{std::string("none"), std::string("v3")}}, {}},
  };
  const auto estimate = EstimateStudy(spec, kDogs, {}, {});
  ASSERT_TRUE(estimate.ok()) << estimate.status();
  EXPECT_EQ(estimate->trials, 12);
  EXPECT_EQ(estimate->sharing_trials, 6);  // v3 has no exact views
  EXPECT_EQ(estimate->feature_sets, 4);    // two sizes, pooled or whole maps
  EXPECT_THAT(estimate->decoded_cache_bytes, SizeIs(2));
  const uint64_t photos = 8463 + 736;
  EXPECT_EQ(estimate->feature_cache_bytes,
            photos * 4 * (2 * 1280 + 2 * 1280 + 25 * 1280 + 49 * 1280));
}

TEST(DryRun, TheGridIsCountedWithItsEnqueuedTrials) {
  StudySpec spec = HeadSpace();
  spec.sampler = GridOptions();
  spec.budget.trials = 0;
  spec.space.parameters[1].domain = FloatDomain{0, 0.5, false, 0.25};
  EXPECT_EQ(EstimateStudy(spec, kDogs, {}, {}).value().trials, 2 * 3 * 2);  // it is in the grid
  spec.enqueue[0].configuration["dropout"] = 0.9;
  EXPECT_EQ(EstimateStudy(spec, kDogs, {}, {}).value().trials, 2 * 3 * 2 + 1);
  spec.budget.trials = 5;
  EXPECT_EQ(EstimateStudy(spec, kDogs, {}, {}).value().trials, 5);
}

TEST(DryRun, FineTuningCostsMoreTheDeeperItGoes) {
  std::chrono::seconds last{0};
  uint64_t last_bytes = 0;
  for (const char* unfreeze : {"none", "block_16_expand", "block_10_expand", "all"}) {
    StudySpec spec = HeadSpace();
    spec.enqueue.clear();
    spec.space.parameters.push_back({"unfreeze", CategoricalDomain{{std::string(unfreeze)}}, {}});
    const auto estimate = EstimateStudy(spec, kDogs, {}, {}).value();
    EXPECT_GT(estimate.training_time, last) << unfreeze;
    EXPECT_GT(estimate.checkpoint_bytes, last_bytes) << unfreeze;
    last = estimate.training_time;
    last_bytes = estimate.checkpoint_bytes;
    EXPECT_EQ(estimate.sharing_trials, std::string(unfreeze) == "all" ? 0 : 24);
  }
}

// MobileNetV2's convolutions at 160 x 160: 152,803,200 multiply-adds (table 2 of the paper), of
// which block 16 and the last one do 21,976,000.
constexpr double kFrozenShare = 1 - 21'976'000.0 / 152'803'200.0;

StudySpec TunedSpace(const char* augmentation) {
  StudySpec spec = HeadSpace();
  spec.enqueue.clear();
  spec.space.parameters[0].domain = CategoricalDomain{{std::string(augmentation)}};
  spec.space.parameters.push_back(
      {"unfreeze", CategoricalDomain{{std::string("block_16_expand")}}, {}});
  return spec;
}

TEST(DryRun, FineTuningSharesWhatLiesBelowItsUnfreezePoint) {
  const DryRunRates rates;
  const auto cached = EstimateStudy(TunedSpace("v1"), kDogs, {}, rates).value();
  EXPECT_EQ(cached.sharing_trials, 24);
  EXPECT_EQ(cached.feature_sets, 1) << "the pooling comes after it";
  const double rows = 2 * 8463 + 736;
  EXPECT_EQ(cached.feature_cache_bytes, (2u * 8463 + 736) * 5 * 5 * 160 * 4);
  EXPECT_NEAR(static_cast<double>(cached.feature_time.count()),
              rows * kFrozenShare / rates.forward_images_per_second, 2);
  // Without exact views every epoch of every trial computes it anew.
  const auto uncached = EstimateStudy(TunedSpace("v2"), kDogs, {}, rates).value();
  EXPECT_EQ(uncached.sharing_trials, 0);
  EXPECT_EQ(uncached.feature_cache_bytes, 0u);
  EXPECT_EQ(uncached.feature_time.count(), 0);
  EXPECT_NEAR(static_cast<double>((uncached.training_time - cached.training_time).count()),
              24.0 * 30 * (8463 + 736) * kFrozenShare / rates.forward_images_per_second, 2);
}

// Each policy's views are computed once, as many as its trials want at most; validation's rows
// are the same for all.
TEST(DryRun, DrawnViewsAreSharedByPolicy) {
  StudySpec spec = TunedSpace("v2");
  spec.sampler = GridOptions();
  spec.budget.trials = 0;
  spec.space.parameters[1].domain = CategoricalDomain{{0.5}};
  spec.space.parameters.push_back({"views", CategoricalDomain{{int64_t{4}, int64_t{10}}}, {}});
  const auto one = EstimateStudy(spec, kDogs, {}, {}).value();
  EXPECT_EQ(one.trials, 4);
  EXPECT_EQ(one.sharing_trials, 4);
  EXPECT_EQ(one.feature_sets, 1);
  EXPECT_EQ(one.feature_cache_bytes, (10u * 8463 + 736) * 5 * 5 * 160 * 4);
  EXPECT_NEAR(static_cast<double>(one.feature_time.count()),
              (10.0 * 8463 + 736) * kFrozenShare / DryRunRates().forward_images_per_second, 2);
  spec.space.parameters[0].domain =
      CategoricalDomain{{std::string("v1"), std::string("v2"), std::string("v3")}};
  const auto three = EstimateStudy(spec, kDogs, {}, {}).value();
  EXPECT_EQ(three.sharing_trials, 12);
  EXPECT_EQ(three.feature_sets, 3);
  EXPECT_EQ(three.feature_cache_bytes, ((2 + 10 + 10) * 8463u + 736) * 5 * 5 * 160 * 4);
}

TEST(DryRun, RowsThatWouldTakeTooMuchAreNotKept) {
  StudySpec spec = TunedSpace("v1");
  spec.space.parameters[2].domain = CategoricalDomain{{int64_t{224}}};
  spec.space.parameters.back().domain = CategoricalDomain{{std::string("block_1_expand")}};
  // 16 channels of 112 x 112 in two views: 1.6 MB a photo.
  const auto too_many = EstimateStudy(spec, kDogs, {}, {}).value();
  EXPECT_EQ(too_many.sharing_trials, 0);
  EXPECT_EQ(too_many.feature_cache_bytes, 0u);
  const auto few = EstimateStudy(spec, {1000, 100, 120}, {}, {}).value();
  EXPECT_EQ(few.sharing_trials, 24);
  EXPECT_EQ(few.feature_cache_bytes, (2u * 1000 + 100) * 16 * 112 * 112 * 4);
}

TEST(DryRun, TestTimeFlipNeedsBothViewsOfTheValidationPhotos) {
  StudySpec spec = HeadSpace();
  spec.enqueue.clear();
  spec.space.parameters[0].domain = CategoricalDomain{{std::string("none")}};
  spec.space.parameters.push_back({"test_time_flip", CategoricalDomain{{true}}, {}});
  EXPECT_EQ(EstimateStudy(spec, kDogs, {}, {}).value().feature_cache_bytes,
            (8463u + 2 * 736) * 2 * 1280 * 4);
}

TEST(DryRun, ImpossibleCombinationsAreCounted) {
  StudySpec spec = HeadSpace();
  spec.enqueue.clear();
  spec.sampler = GridOptions();
  spec.budget.trials = 0;
  spec.space.parameters = {
      {"network", CategoricalDomain{{std::string("mobilenet_v2"), std::string("scratch_v2")}}, {}},
      {"unfreeze", CategoricalDomain{{std::string("none"), std::string("all")}}, {}},
  };
  const auto estimate = EstimateStudy(spec, kDogs, {}, {}).value();
  EXPECT_EQ(estimate.trials, 4);
  EXPECT_EQ(estimate.impossible, 2);
  EXPECT_THAT(estimate.impossible_reason, HasSubstr("unfreeze"));
}

TEST(DryRun, HugeSpacesAreLookedAtInPart) {
  StudySpec spec = HeadSpace();
  spec.budget.trials = 1'000'000;
  const auto estimate = EstimateStudy(spec, kDogs, {}, {}).value();
  EXPECT_EQ(estimate.trials, 1'000'000);
  EXPECT_EQ(estimate.looked_at, 4097);
  EXPECT_EQ(estimate.sharing_trials, 1'000'000);
}

TEST(DryRun, NoTrialsAreAnError) {
  StudySpec spec = HeadSpace();
  spec.enqueue.clear();
  spec.budget.trials = 0;  // random, without a number
  EXPECT_EQ(EstimateStudy(spec, kDogs, {}, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(DryRun, IsDescribedForPeople) {
  DryRunRates rates;
  rates.cores = 2;
  const auto estimate = EstimateStudy(HeadSpace(), kDogs, {}, rates).value();
  const std::string text = Describe(estimate, kDogs, rates);
  EXPECT_THAT(text, HasSubstr("photos          8463 train, 736 validation, 120 classes\n"));
  EXPECT_THAT(text, HasSubstr("trials          at most 24, 1 of them enqueued\n"));
  EXPECT_THAT(text, HasSubstr("24 trials train on cached features, from 1 pass over the photos\n"));
  EXPECT_THAT(text, HasSubstr("feature cache   181 MB\n"));
  EXPECT_THAT(text, HasSubstr("decoded photos  707 MB at 160 px\n"));
  EXPECT_THAT(text, HasSubstr(" on 2 cores: decoding "));
  EXPECT_THAT(text, HasSubstr("assuming for one core at 160 px: 150 photos/s decoded"));
  EXPECT_THAT(text, Not(HasSubstr("--feature-cache-budget")));
}

TEST(DryRun, SaysWhenTheCacheIsLargerThanItsUsualBudget) {
  DryRunEstimate estimate;
  estimate.feature_cache_bytes = 60'000'000'000;
  EXPECT_THAT(Describe(estimate, kDogs, {}), Not(HasSubstr("--feature-cache-budget")));
  estimate.reread_cache_bytes = 60'000'000'000;
  EXPECT_THAT(Describe(estimate, kDogs, {}),
              HasSubstr("feature cache   60.0 GB\n                more than a node's budget of "
                        "53.7 GB: without a larger --feature-cache-budget"));
}

// Two heads and from the better one three fine-tunings; which head wins nobody knows.
StudySpec TwoStages() {
  StudySpec spec = HeadSpace();
  spec.enqueue.clear();
  spec.budget = {2, 10, {}};
  Stage stage;
  stage.budget = {3, 20, {}};
  stage.space.parameters = {{"unfreeze", CategoricalDomain{{std::string("block_16_expand")}}, {}},
                            {"learning_rate", FloatDomain{1e-5, 1e-4, true, std::nullopt}, {}}};
  stage.enqueue = {{"", "", {{"unfreeze", std::string("all")}}, {InitFrom::Kind::kBest, "", 0}}};
  spec.stages = {stage};
  return spec;
}

TEST(DryRun, CountsTheTrialsOfAllStages) {
  const auto estimate = EstimateStudy(TwoStages(), kDogs, {}, {}).value();
  EXPECT_EQ(estimate.trials, 2 + 3);
  EXPECT_EQ(estimate.enqueued, 1);
  EXPECT_EQ(estimate.looked_at, 5);
  EXPECT_EQ(estimate.impossible, 0);
  EXPECT_EQ(estimate.sharing_trials, 4) << "all but the one that trains everything";
  EXPECT_EQ(estimate.feature_sets, 2) << "pooled, and before the unfreeze point";
  StudySpec longer = TwoStages();
  longer.stages[0].budget.epochs = 40;
  const auto twice = EstimateStudy(longer, kDogs, {}, {}).value();
  // All but the heads' few seconds is the second stage, whose epochs doubled.
  EXPECT_NEAR(static_cast<double>(twice.training_time.count()) /
                  static_cast<double>(estimate.training_time.count()),
              2, 0.05);
}

// What the second entry says means nothing without its source.
StudySpec WaitingForTheBest() {
  StudySpec spec = HeadSpace();
  spec.budget.trials = 5;
  spec.space.parameters.push_back(
      {"network", CategoricalDomain{{std::string("inception_v3")}}, {}});
  spec.enqueue = {
      {"tuned", "", {{"unfreeze", std::string("mixed9")}}, {InitFrom::Kind::kBest, "", 0}},
      {"after", "", {{"dropout", 0.1}}, {InitFrom::Kind::kTrial, "tuned", 0}}};
  return spec;
}

TEST(DryRun, TrialsThatWaitForTheBestTakeItsConfiguration) {
  const auto estimate = EstimateStudy(WaitingForTheBest(), kDogs, {}, {}).value();
  EXPECT_EQ(estimate.trials, 5);
  EXPECT_EQ(estimate.enqueued, 2);
  EXPECT_EQ(estimate.looked_at, 5);
  EXPECT_EQ(estimate.impossible, 0) << estimate.impossible_reason;
  EXPECT_EQ(estimate.sharing_trials, 5);
  EXPECT_EQ(estimate.feature_sets, 2);
}

TEST(LookAhead, SampledTrialsComeBeforeThoseThatWaitForThem) {
  const StudySpec spec = WaitingForTheBest();
  const auto trials = LookAhead(spec, {5});
  ASSERT_TRUE(trials.ok()) << trials.status();
  ASSERT_THAT(*trials, SizeIs(5));
  // The sampler's numbers follow those of the enqueued trials.
  const auto sampler = MakeSampler(spec).value();
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*trials)[static_cast<size_t>(i)].configuration, *sampler->Suggest(3 + i).value());
  }
  Configuration tuned = (*trials)[0].configuration;
  tuned["unfreeze"] = std::string("mixed9");
  EXPECT_EQ((*trials)[3].configuration, tuned);
  tuned["dropout"] = 0.1;
  EXPECT_EQ((*trials)[4].configuration, tuned);
}

TEST(NeedsWeights, LooksAtStagesAndAtWhatTrialsStartFrom) {
  const auto words = [](const char* word) { return CategoricalDomain{{std::string(word)}}; };
  StudySpec spec = TwoStages();
  EXPECT_TRUE(NeedsWeights(spec));
  spec.space.parameters = {{"network", words("scratch_v1"), {}}};
  spec.stages[0].space.parameters = {{"dropout", FloatDomain{0, 0.5, false, std::nullopt}, {}}};
  spec.stages[0].enqueue = {{"", "", {{"dropout", 0.5}}, {InitFrom::Kind::kBest, "", 0}}};
  spec.enqueue = {{"", "", {{"dropout", 0.1}}, {InitFrom::Kind::kBest, "", 0}}};
  EXPECT_FALSE(NeedsWeights(spec)) << "what names no network takes its source's";
  StudySpec another = spec;
  another.stages[0].space.parameters.push_back({"network", words("mobilenet_v2"), {}});
  EXPECT_TRUE(NeedsWeights(another));
  another.stages[0].space.parameters.push_back({"initial_weights", words("random"), {}});
  EXPECT_FALSE(NeedsWeights(another));
  another.stages[0].enqueue[0].configuration = {{"network", std::string("vgg16")}};
  EXPECT_TRUE(NeedsWeights(another));
}

}  // namespace
}  // namespace vizsla
