#include "src/report/pulled_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "src/base/file.h"
#include "src/base/sha256.h"

namespace vizsla {
namespace {

using testing::HasSubstr;

PulledConfig ExampleConfig() {
  PulledConfig config;
  config.spec.name = "dogs";
  config.spec.budget.trials = 1;
  config.configuration = {{"network", std::string("mobilenet_v2")}, {"dropout", 0.25}};
  config.traits = {"mobilenet_v2", "tf_same", "tf"};
  config.classes = {"beagle", "pug"};
  return config;
}

std::vector<EpochReport> ExampleEpochs() {
  EpochReport first;
  first.epoch = 1;
  first.attempt = AttemptNumber(1);
  first.duration = Milliseconds(1234);
  first.metrics = {{"val_accuracy", 0.5}, {"val_loss", std::nan("")}};
  return {first};
}

class PulledModelTest : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::Create();
    ASSERT_TRUE(folder.ok());
    folder_.emplace(*std::move(folder));
    manifest_.study = "dogs";
    manifest_.trial = 7;
    manifest_.epoch = 1;
    manifest_.objective = "val_accuracy";
    manifest_.score = 0.5;
    manifest_.coordinator_id = "an-id";
    manifest_.database = "/somewhere/vizsla.db";
    Put(kModelFile, "bytes of a model");
    Put(kConfigFile, ToJsonText(ExampleConfig()));
    Put(kMetricsFile, EpochsToJsonText(ExampleEpochs()));
    Put(kSplitFile, "{}");
    WriteManifest();
  }

  std::string Path(const std::string& name) { return folder_->path() + "/" + name; }
  void Put(const std::string& name, const std::string& bytes) {
    ASSERT_TRUE(WriteFileAtomically(Path(name), bytes).ok());
    manifest_.files[name] = Sha256Hex(bytes);
  }
  void WriteManifest() {
    ASSERT_TRUE(WriteFileAtomically(Path(kManifestFile), ToJsonText(manifest_)).ok());
  }
  void FlipByte(const std::string& name) {
    std::string bytes = *ReadFile(Path(name));
    bytes[bytes.size() / 2] ^= 1;
    ASSERT_TRUE(WriteFileAtomically(Path(name), bytes).ok());
  }
  absl::Status Load() { return LoadPulledModel(folder_->path()).status(); }

  std::optional<TemporaryDirectory> folder_;
  PulledManifest manifest_;
};

TEST_F(PulledModelTest, ReadsWhatWasWritten) {
  const auto model = LoadPulledModel(folder_->path());
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->manifest.trial, 7);
  EXPECT_EQ(model->manifest.score, 0.5);
  EXPECT_EQ(model->manifest.database, "/somewhere/vizsla.db");
  EXPECT_EQ(model->config.spec, ExampleConfig().spec);
  EXPECT_EQ(model->config.configuration, ExampleConfig().configuration);
  EXPECT_EQ(model->config.classes, ExampleConfig().classes);
  EXPECT_EQ(model->padding, Padding::kTfSame);
  EXPECT_EQ(model->plan.preprocessing.name, "tf");
  EXPECT_EQ(model->plan.dropout, 0.25);
  EXPECT_EQ(model->model_hash, Sha256Hex("bytes of a model"));
  EXPECT_EQ(model->metrics.at("val_accuracy"), 0.5);
  EXPECT_TRUE(std::isnan(model->metrics.at("val_loss")));
}

TEST_F(PulledModelTest, RefusesAFlippedByteInEveryFile) {
  for (const char* name : {kModelFile, kConfigFile, kMetricsFile, kSplitFile}) {
    const std::string bytes = *ReadFile(Path(name));
    FlipByte(name);
    const absl::Status status = Load();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(Path(name)));
    EXPECT_THAT(std::string(status.message()), HasSubstr("changed or damaged"));
    ASSERT_TRUE(WriteFileAtomically(Path(name), bytes).ok());
  }
  EXPECT_TRUE(Load().ok());
}

TEST_F(PulledModelTest, NamesAMissingFile) {
  std::filesystem::remove(Path(kModelFile));
  EXPECT_TRUE(absl::IsNotFound(Load()));
  EXPECT_THAT(std::string(Load().message()), HasSubstr("model.safetensors is missing"));
}

TEST_F(PulledModelTest, IsAFolderWithAManifest) {
  std::filesystem::remove(Path(kManifestFile));
  EXPECT_THAT(std::string(Load().message()),
              HasSubstr("is no pulled model: it has no manifest.json"));
  EXPECT_TRUE(absl::IsNotFound(LoadPulledModel("/nowhere/best").status()));
}

TEST_F(PulledModelTest, RefusesANewerFormatBeforeItsFields) {
  ASSERT_TRUE(
      WriteFileAtomically(Path(kManifestFile), R"({"format_version": 2, "shiny": true})").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(Load()));
  EXPECT_THAT(std::string(Load().message()), HasSubstr("format 2 is newer than this program's 1"));
}

TEST_F(PulledModelTest, RefusesAManifestThatLeavesTheFolder) {
  manifest_.files["../other"] = std::string(64, 'a');
  WriteManifest();
  EXPECT_THAT(std::string(Load().message()), HasSubstr("names something outside the folder"));
}

TEST_F(PulledModelTest, RefusesAManifestThatLeavesAFileOut) {
  manifest_.files.erase(kModelFile);
  WriteManifest();
  EXPECT_THAT(std::string(Load().message()), HasSubstr("model.safetensors is missing"));
}

TEST_F(PulledModelTest, RefusesWhatIsNoManifest) {
  for (const char* text :
       {"", "[]", "{}", R"({"format_version": "1"})", "{\"format_version\": 1"}) {
    ASSERT_TRUE(WriteFileAtomically(Path(kManifestFile), text).ok());
    EXPECT_TRUE(absl::IsInvalidArgument(Load())) << text << ": " << Load();
  }
}

TEST_F(PulledModelTest, NamesTheFileOfAnUnknownParameter) {
  PulledConfig config = ExampleConfig();
  config.configuration["warp"] = 9.0;
  Put(kConfigFile, ToJsonText(config));
  WriteManifest();
  EXPECT_THAT(std::string(Load().message()), HasSubstr("config.json"));
  EXPECT_THAT(std::string(Load().message()), HasSubstr("warp"));
}

}  // namespace
}  // namespace vizsla
