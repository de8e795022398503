#include "src/cli/helper_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "src/base/file.h"
#include "tests/cli/program.h"

namespace vizsla {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(FindHelperCall, KnowsTheHelpersWords) {
  const auto evaluate = FindHelperCall({"evaluate", "best/", "--split", "test"});
  ASSERT_TRUE(evaluate.has_value());
  EXPECT_EQ(evaluate->program, "vizsla-evaluate");
  EXPECT_THAT(evaluate->arguments, ElementsAre("evaluate", "best/", "--split", "test"));
  const auto dataset = FindHelperCall({"dataset", "inspect", "demo/"});
  ASSERT_TRUE(dataset.has_value());
  EXPECT_EQ(dataset->program, "vizsla-dataset");
  EXPECT_THAT(dataset->arguments, ElementsAre("inspect", "demo/"));
  EXPECT_FALSE(FindHelperCall({"leaderboard", "evaluate"}).has_value());
  EXPECT_FALSE(FindHelperCall({"--help"}).has_value());
  EXPECT_FALSE(FindHelperCall({"--db"}).has_value());
  EXPECT_FALSE(FindHelperCall({}).has_value());
}

TEST(FindHelperCall, PassesGlobalOptionsOn) {
  const auto call = FindHelperCall({"--db", "evaluate", "predict", "best/"});
  ASSERT_TRUE(call.has_value());
  EXPECT_THAT(call->arguments, ElementsAre("predict", "best/", "--db", "evaluate"));
}

class HelperProgramTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_.emplace(*TemporaryDirectory::Create());
    program_ = folder_->path() + "/vizsla";
    std::filesystem::copy_file(VizslaProgram(), program_);
  }
  std::optional<TemporaryDirectory> folder_;
  std::string program_;
};

TEST_F(HelperProgramTest, MissingHelperGetsASentence) {
  const ProgramResult result = RunVizsla(folder_->path(), "evaluate best/", program_);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.errors,
              HasSubstr("needs the program vizsla-evaluate, which does not lie beside"));
}

TEST_F(HelperProgramTest, RunsWhatLiesBesideIt) {
  const std::string helper = folder_->path() + "/vizsla-dataset";
  std::ofstream(helper) << "#!/bin/sh\necho \"$@\"\nexit 7\n";
  std::filesystem::permissions(helper, std::filesystem::perms::all);
  const ProgramResult result = RunVizsla("/", "dataset inspect 'a b' --help", program_);
  EXPECT_EQ(result.output, "inspect a b --help\n");
  EXPECT_EQ(result.exit_code, 7);
}

TEST(DatasetProgram, ItsJsonFollowsTheSchema) {
  const auto folder = TemporaryDirectory::Create();
  ASSERT_TRUE(folder.ok()) << folder.status();
  const std::string program =
      (std::filesystem::path(VizslaProgram()).parent_path() / "vizsla-dataset").string();
  if (!std::filesystem::exists(program)) GTEST_SKIP() << "vizsla-dataset was not built";
  if (!HasJsonSchema()) GTEST_SKIP() << "python3-jsonschema is not installed";
  const ProgramResult made =
      RunVizsla(folder->path(), "dataset synthesize photos --classes 2 --per-class 12 --size 20");
  ASSERT_EQ(made.exit_code, 0) << made.errors;
  const ProgramResult whole = RunVizsla(folder->path(), "dataset inspect photos --json");
  ExpectValid(whole.output, "inspect");
  EXPECT_TRUE(ParseOutput(whole)["split"].contains("train"));

  // Everything that can be wrong at once: a broken photo, a repeated one, an empty file and too few
  // photos for a split.
  const std::string few = folder->path() + "/few";
  std::filesystem::create_directories(few + "/pug");
  std::filesystem::create_directories(few + "/beagle");
  for (const auto& photo : std::filesystem::directory_iterator(folder->path() + "/photos/test")) {
    std::filesystem::copy_file(photo.path(), few + "/pug/0.jpg");
    std::filesystem::copy_file(photo.path(), few + "/pug/1.jpg");
    break;
  }
  std::ofstream(few + "/beagle/0.jpg") << "\xFF\xD8\xFF\xE0 cut off";
  std::ofstream(few + "/beagle/empty.jpg") << "";
  const ProgramResult wrong = RunVizsla(folder->path(), "dataset inspect few --json");
  ExpectValid(wrong.output, "inspect");
  const nlohmann::json json = ParseOutput(wrong);
  EXPECT_EQ(json["broken"].size(), 1U);
  EXPECT_EQ(json["duplicates"].size(), 1U);
  EXPECT_EQ(json["problems"].size(), 3U);
  EXPECT_TRUE(json["split"].contains("error"));
}

}  // namespace
}  // namespace vizsla
