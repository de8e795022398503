#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "src/base/file.h"
#include "src/base/sha256.h"
#include "src/base/str_cat.h"
#include "src/cli/connection.h"
#include "src/dataset/split.h"
#include "src/report/pulled_model.h"
#include "src/weights/tensor_file.h"
#include "tests/cli/example_database.h"
#include "tests/cli/folders.h"
#include "tests/cli/program.h"

namespace vizsla {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Key;

class PullTest : public FilledFolder {
 protected:
  // Names in the folder that are not the database's.
  std::vector<std::string> Leftovers() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(path())) {
      const std::string name = entry.path().filename().string();
      if (!name.starts_with("vizsla.")) names.push_back(name);
    }
    return names;
  }
  void DamageArtifact(const std::string& hash) {
    for (const auto& entry : fs::recursive_directory_iterator(path() + "/vizsla.artifacts")) {
      if (!entry.is_regular_file() || !entry.path().string().ends_with(hash)) continue;
      fs::permissions(entry.path(), fs::perms::owner_write, fs::perm_options::add);
      std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(-1, std::ios::end);
      const char last = static_cast<char>(file.peek() ^ 1);
      file.seekp(-1, std::ios::end);
      file.put(last);
      return;
    }
    FAIL() << "no artifact " << hash;
  }
};

float FirstFloat(const TensorFile& file, const std::string& name) {
  float value = 0;
  std::memcpy(&value, file.tensors().at(name).bytes.data(), sizeof(value));
  return value;
}

TEST_F(PullTest, WritesACompleteVerifiedModel) {
  const ProgramResult result = Run("pull -o best/");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("trial 1 of dogs, epoch 2, val_accuracy 0.7500: best/ ("));
  EXPECT_THAT(Leftovers(), ElementsAre("best"));

  const auto model = LoadPulledModel(path() + "/best");
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->manifest.study, "dogs");
  EXPECT_EQ(model->manifest.trial, 1);
  EXPECT_EQ(model->manifest.epoch, 2);
  EXPECT_EQ(model->manifest.score, 0.75);
  EXPECT_EQ(model->manifest.database, path() + "/vizsla.db");
  EXPECT_EQ(model->manifest.coordinator, "");
  EXPECT_EQ(model->manifest.weights_hash, Sha256Hex(ExampleWeights()));
  EXPECT_EQ(model->manifest.dataset_fingerprint, Sha256Hex("the photos"));
  EXPECT_EQ(model->padding, Padding::kTfSame);
  EXPECT_EQ(model->plan.preprocessing.name, "tf");
  EXPECT_EQ(model->metrics.at("val_accuracy"), 0.75);
  const auto split = SplitFromJsonText(model->split_json);
  ASSERT_TRUE(split.ok()) << split.status();
  EXPECT_EQ(model->config.classes, split->classes);
  EXPECT_THAT(split->test, ElementsAre("e", "f"));

  const auto file = TensorFile::Open(model->model_path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT((*file)->tensors(),
              ElementsAre(Key("backbone.features.0.0.weight"), Key("backbone.features.18.0.weight"),
                          Key("head.output.weight")));
  EXPECT_EQ(FirstFloat(**file, "backbone.features.0.0.weight"), 1);    // frozen
  EXPECT_EQ(FirstFloat(**file, "backbone.features.18.0.weight"), 12);  // trial 1, epoch 2
  EXPECT_EQ(FirstFloat(**file, "head.output.weight"), 12);
}

TEST_F(PullTest, IsDeterministicExceptForItsPlace) {
  ASSERT_EQ(Run("pull -o a").exit_code, 0);
  ASSERT_EQ(Run("pull -o b").exit_code, 0);
  EXPECT_EQ(*ReadFile(path() + "/a/manifest.json"), *ReadFile(path() + "/b/manifest.json"));
}

TEST_F(PullTest, TakesTheNamedTrial) {
  ASSERT_EQ(Run("pull dogs --trial 3 -o third").exit_code, 0);
  EXPECT_EQ(LoadPulledModel(path() + "/third")->manifest.trial, 3);
}

TEST_F(PullTest, RefusesADamagedCheckpointAndLeavesNothing) {
  const std::string checkpoint =
      ParseOutput(Run("trial 1 --json"))["checkpoint"].get<std::string>();
  DamageArtifact(checkpoint);
  const ProgramResult result = Run("pull -o best");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.errors, HasSubstr("checkpoint: "));
  EXPECT_THAT(result.errors, HasSubstr(checkpoint));
  EXPECT_THAT(result.errors, HasSubstr("damaged"));
  EXPECT_THAT(Leftovers(), ElementsAre());
}

TEST_F(PullTest, RefusesDamagedWeights) {
  DamageArtifact(Sha256Hex(ExampleWeights()));
  const ProgramResult result = Run("pull -o best");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.errors, HasSubstr("weights: "));
  EXPECT_THAT(Leftovers(), ElementsAre());
}

TEST_F(PullTest, ADamagedPulledFileIsRefusedByName) {
  ASSERT_EQ(Run("pull -o best").exit_code, 0);
  const std::string model = path() + "/best/model.safetensors";
  std::string bytes = *ReadFile(model);
  bytes.back() ^= 1;
  ASSERT_TRUE(WriteFileAtomically(model, bytes).ok());
  const absl::Status status = LoadPulledModel(path() + "/best").status();
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr(model));
}

TEST(PullWithoutACheckpoint, IsRefusedWithTheReason) {
  const auto folder = TemporaryDirectory::Create();
  ASSERT_TRUE(folder.ok()) << folder.status();
  {
    const auto database = OpenDatabase::Open(folder->path());
    database->CreateStudy("dogs");
    const LeaseGrant lease = database->Acquire(database->Register());
    database->Complete(lease, AttemptOutcome::kFailed, "out of memory");
  }
  const ProgramResult result = RunVizsla(folder->path(), "pull --trial 1 -o first");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.output, "");
  EXPECT_EQ(result.errors, "vizsla: trial 1 of dogs has no checkpoint (failed: out of memory)\n");
  EXPECT_FALSE(fs::exists(folder->path() + "/first"));
}

TEST_F(PullTest, NeverWritesIntoAForeignFolder) {
  fs::create_directory(path() + "/mine");
  std::ofstream(path() + "/mine/thesis.txt") << "years";
  for (const char* arguments : {"pull -o mine", "pull -o mine --force"}) {
    const ProgramResult result = Run(arguments);
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.errors, HasSubstr("mine is not empty and is no earlier pull"));
  }
  EXPECT_EQ(*ReadFile(path() + "/mine/thesis.txt"), "years");
  EXPECT_THAT(Run("pull -o vizsla.db").errors, HasSubstr("is no folder"));
}

TEST_F(PullTest, ReplacesAnEarlierPullOnlyWhenForced) {
  ASSERT_EQ(Run("pull --trial 3 -o best").exit_code, 0);
  std::ofstream(path() + "/best/evaluation.json") << "{}";
  const ProgramResult refused = Run("pull -o best");
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.errors, HasSubstr("best holds an earlier pull; --force replaces it"));
  EXPECT_EQ(LoadPulledModel(path() + "/best")->manifest.trial, 3);
  ASSERT_EQ(Run("pull -o best/ --force").exit_code, 0);
  EXPECT_EQ(LoadPulledModel(path() + "/best")->manifest.trial, 1);
  EXPECT_TRUE(fs::exists(path() + "/best/evaluation.json"));
  EXPECT_THAT(Leftovers(), ElementsAre("best"));
}

TEST_F(PullTest, FillsAnEmptyFolderAndMakesParents) {
  fs::create_directory(path() + "/empty");
  EXPECT_EQ(Run("pull -o empty").exit_code, 0);
  EXPECT_EQ(Run("pull -o runs/today/best").exit_code, 0);
  EXPECT_TRUE(LoadPulledModel(path() + "/runs/today/best").ok());
}

TEST_F(PullTest, TheOriginIsFoundAndChecked) {
  ASSERT_EQ(Run("pull -o best").exit_code, 0);
  const PulledManifest manifest = LoadPulledModel(path() + "/best")->manifest;
  const StudyOrigin origin{manifest.coordinator_id, manifest.database, manifest.coordinator};
  {
    const auto connection = OpenOrigin({}, origin, Access::kRead);
    ASSERT_TRUE(connection.ok()) << connection.status();
    EXPECT_EQ((*connection)->database(), path() + "/vizsla.db");
  }
  const auto other = TemporaryDirectory::Create();
  FillDatabase(other->path());
  ConnectionOptions options;
  options.database = other->path() + "/vizsla.db";
  const absl::Status mismatch = OpenOrigin(options, origin, Access::kRead).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(mismatch)) << mismatch;
  EXPECT_THAT(std::string(mismatch.message()), HasSubstr("pulled from another database"));
  const absl::Status gone =
      OpenOrigin({}, {manifest.coordinator_id, "/gone/vizsla.db", ""}, Access::kRead).status();
  EXPECT_THAT(std::string(gone.message()),
              HasSubstr("/gone/vizsla.db, which is not there any more"));
}

}  // namespace
}  // namespace vizsla
