// `vizsla report` and `vizsla trial --curves`, from outside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "src/base/file.h"
#include "src/base/str_cat.h"
#include "src/report/predictions.h"
#include "tests/cli/example_database.h"
#include "tests/cli/folders.h"
#include "tests/cli/program.h"

namespace vizsla {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr char kSections[] =
    "overview leaderboard curves parameters importance overfitting strategies test-uses";

class ReportTest : public FilledFolder {
 protected:
  std::string File(const std::string& name) { return ReadFile(path() + "/" + name).value_or(""); }
  void Write(const std::string& name, const std::string& bytes) {
    std::ofstream(path() + "/" + name, std::ios::binary) << bytes;
  }
  // With Python's parsers: see check_report.py.
  void ExpectSound(const std::string& folder, const std::string& sections) {
    const std::string errors = path() + "/check-errors";
    const std::string command =
        StrCat("/usr/bin/python3 ", VIZSLA_SOURCE_DIR, "/tests/cli/check_report.py '", path(), "/",
               folder, "' ", sections, " > /dev/null 2> '", errors, "'");
    EXPECT_EQ(std::system(command.c_str()), 0) << ReadFile(errors).value_or("");
  }
};

TEST_F(ReportTest, IsAPageWithItsPicturesBeside) {
  const ProgramResult result = Run("report -o report/");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, StartsWith("report of dogs, 3 trials: report/index.html and "));
  EXPECT_EQ(result.errors, "");
  ExpectSound("report", StrCat(kSections, " predictions"));
  const std::string page = File("report/index.html");
  EXPECT_THAT(page, AllOf(HasSubstr("train_loss is NaN at epoch 1"), HasSubstr("0.7500"),
                          HasSubstr("The test split has not been used"), HasSubstr("with --data")));
  EXPECT_THAT(File("report/curves-trial-1.svg"), StartsWith("<?xml"));
  EXPECT_THAT(File("report/slice-dropout.svg"), StartsWith("<?xml"));
}

TEST_F(ReportTest, JsonSaysWhatWasWritten) {
  const ProgramResult result = Run("report dogs -o report --json");
  const nlohmann::json json = ParseOutput(result);
  EXPECT_EQ(json["page"], "report/index.html");
  EXPECT_EQ(json["study"], "dogs");
  EXPECT_EQ(json["trials"], 3);
  EXPECT_EQ(json["best_trial"], 1);
  EXPECT_EQ(json["predictions"], false);
  for (const nlohmann::json& name : json["files"]) {
    EXPECT_TRUE(fs::exists(path() + "/report/" + name.get<std::string>())) << name;
  }
  EXPECT_EQ(nlohmann::json::parse(File("report/report.json")), json);
  if (HasJsonSchema()) ExpectValid(result.output, "report");
}

TEST_F(ReportTest, ReplacesAnEarlierReportAndNothingElse) {
  ASSERT_EQ(Run("report -o report").exit_code, 0);
  nlohmann::json list = nlohmann::json::parse(File("report/report.json"));
  list["files"].push_back("curves-trial-99.svg");
  list["files"].push_back("../vizsla.db");  // a forged list leads nowhere
  Write("report/report.json", list.dump());
  Write("report/curves-trial-99.svg", "old");
  Write("report/mine.txt", "mine");
  ASSERT_EQ(Run("report -o report/").exit_code, 0);
  EXPECT_FALSE(fs::exists(path() + "/report/curves-trial-99.svg"));
  EXPECT_TRUE(fs::exists(path() + "/vizsla.db"));
  EXPECT_EQ(File("report/mine.txt"), "mine");
}

TEST_F(ReportTest, RefusesWhatItWouldSpoil) {
  fs::create_directory(path() + "/thesis");
  Write("thesis/index.html", "do not lose");
  ProgramResult result = Run("report -o thesis");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.errors,
              HasSubstr("thesis is not empty and is no earlier report; name another folder"));
  EXPECT_EQ(File("thesis/index.html"), "do not lose");
  Write("thesis/report.json", "[1, 2]");
  EXPECT_THAT(Run("report -o thesis").errors, HasSubstr("is no report's list of files"));
  Write("plain", "a file");
  EXPECT_THAT(Run("report -o plain").errors, HasSubstr("is there already and is no folder"));
  result = Run("report cats -o report");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.errors, HasSubstr("cats"));
  EXPECT_FALSE(fs::exists(path() + "/report"));
  EXPECT_EQ(Run("report").exit_code, 2);
}

TEST_F(ReportTest, ShowsTheRecordOfTestUses) {
  {
    const auto database = OpenDatabase::Open(path());
    EvaluationRow row;
    row.trial_number = 1;
    row.split = "test";
    row.model_hash = std::string(64, 'a');
    row.user = "<me>";
    row.metrics = {{"accuracy", 0.6789}, {"loss", 1.2345}};
    const auto recorded = database->scheduler().RecordEvaluation("dogs", row);
    ASSERT_TRUE(recorded.ok()) << recorded.status();
  }
  ASSERT_EQ(Run("report -o report").exit_code, 0);
  ExpectSound("report", kSections);
  const std::string page = File("report/index.html");
  EXPECT_THAT(page, AllOf(HasSubstr("&lt;me&gt;"), HasSubstr("0.6789"), HasSubstr("1.2345"),
                          HasSubstr("aaaaaaaaaaaaaaaa")));
  EXPECT_THAT(page, Not(HasSubstr("The test split has not been used")));
}

TEST_F(ReportTest, ACheckpointThatIsGoneCostsNoMoreThanThePredictions) {
  {
    const auto database = OpenDatabase::Open(path());
    std::string checkpoint;
    const absl::Status read = database->store().Read([&](TrialReader& reader) -> absl::Status {
      VIZSLA_ASSIGN_OR_RETURN(const Study study, reader.FindStudy("dogs"));
      VIZSLA_ASSIGN_OR_RETURN(const Trial trial, reader.FindTrial(study.id, 1));
      checkpoint = trial.best_checkpoint;
      return absl::OkStatus();
    });
    ASSERT_TRUE(read.ok()) << read;
    ASSERT_TRUE(database->artifacts().Exists(checkpoint));
    ASSERT_TRUE(database->artifacts().Remove(checkpoint).ok());
  }
  const ProgramResult result = Run("report -o report --data photos --json");
  EXPECT_EQ(ParseOutput(result)["predictions"], false);
  EXPECT_THAT(result.errors, AllOf(HasSubstr("the report has no confusion matrix: "),
                                   HasSubstr("has no artifact ")));
  ExpectSound("report", StrCat(kSections, " predictions"));
  EXPECT_THAT(File("report/index.html"),
              AllOf(HasSubstr("There is no confusion matrix: "), HasSubstr("has no artifact ")));
}

// deploy/report-screenshot.sh, where there is a Chromium.
TEST_F(ReportTest, ABrowserShowsIt) {
  ASSERT_EQ(Run("report -o report").exit_code, 0);
  const std::string log = path() + "/screenshot.log";
  const int status =
      std::system(StrCat(VIZSLA_SOURCE_DIR, "/deploy/report-screenshot.sh '", path(), "/report' '",
                         path(), "/page.png' 1200x2000 > '", log, "' 2>&1")
                      .c_str());
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << ReadFile(log).value_or("");
  ASSERT_EQ(WEXITSTATUS(status), 0) << ReadFile(log).value_or("");
  const std::string picture = File("page.png");
  EXPECT_THAT(picture, StartsWith("\x89PNG\r\n\x1a\n"));
  // IHDR: 1200 and 2000, big-endian.
  EXPECT_EQ(picture.substr(16, 8), std::string("\0\0\x04\xB0\0\0\x07\xD0", 8));
}

// A copy of the program beside a helper that does what the script says.
class ReportWithHelperTest : public ReportTest {
 protected:
  void SetUp() override {
    ReportTest::SetUp();
    fs::create_directory(path() + "/bin");
    program_ = path() + "/bin/vizsla";
    fs::copy_file(VizslaProgram(), program_);
  }
  void WriteHelper(const std::string& script) {
    Write("bin/vizsla-evaluate", "#!/bin/sh\n" + script);
    fs::permissions(path() + "/bin/vizsla-evaluate", fs::perms::all);
  }
  // What a helper may answer with: photo d, a pug, is taken for a beagle.
  void WriteCannedPredictions() {
    const std::vector<float> probabilities = {0.9F, 0.1F, 0.8F, 0.2F};
    const std::vector<int> labels = {0, 1};
    Predictions predictions;
    predictions.evaluation.report =
        *MakeClassificationReport(probabilities, labels, {"beagle", "pug"});
    predictions.evaluation.split = "validation";
    predictions.evaluation.trial = 1;
    predictions.photos = PredictionsOf(probabilities, labels, {"c", "d"}, 2);
    predictions.photos[1].thumbnail = "\xFF\xD8 thumbnail";
    Write("canned.json", ToJsonText(predictions));
  }
  ProgramResult RunHere(const std::string& arguments) {
    return RunVizsla(path(), arguments, program_);
  }
  std::string program_;
};

TEST_F(ReportWithHelperTest, DataAddsWhatTheBestTrialSaysOfThePhotos) {
  WriteCannedPredictions();
  // evaluate FOLDER --data DATA --split validation --predictions FILE
  WriteHelper(StrCat("echo \"$@\" > ", path(), "/arguments\ncp \"$2/manifest.json\" ", path(),
                     "/manifest.json\ncp ", path(), "/canned.json \"$8\"\necho noise\n"));
  const ProgramResult result = RunHere("report -o report --data 'my photos' --json");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_EQ(ParseOutput(result)["predictions"], true);  // the helper's noise is not in between
  EXPECT_THAT(File("arguments"),
              AllOf(StartsWith("evaluate "), HasSubstr("--data my photos --split validation "),
                    Not(HasSubstr("test "))));
  EXPECT_EQ(nlohmann::json::parse(File("manifest.json"))["trial"], 1);
  ExpectSound("report", StrCat(kSections, " confusion classes mistakes"));
  EXPECT_THAT(File("report/index.html"), HasSubstr("said beagle"));
  EXPECT_EQ(File("report/mistake-01.jpg"), "\xFF\xD8 thumbnail");
}

TEST_F(ReportWithHelperTest, AnInterruptedFirstReportIsReplaced) {
  WriteCannedPredictions();
  // A folder where a picture is to be stops the writing halfway; the report's folder was not there
  // when it began.
  WriteHelper(StrCat("mkdir -p ", path(), "/report/curves-best.svg/in-the-way\ncp ", path(),
                     "/canned.json \"$8\"\n"));
  ProgramResult result = RunHere("report -o report --data photos");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.errors, HasSubstr("curves-best.svg"));
  EXPECT_TRUE(fs::exists(path() + "/report/index.html"));
  fs::remove_all(path() + "/report/curves-best.svg");
  result = RunHere("report -o report");
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  ExpectSound("report", StrCat(kSections, " predictions"));
}

TEST_F(ReportWithHelperTest, AFailureLeavesNoReport) {
  EXPECT_THAT(RunHere("report -o report --data photos").errors,
              HasSubstr("needs the program vizsla-evaluate, which does not lie beside"));
  WriteHelper("echo 'the photos are wrong' >&2\nexit 3\n");
  ProgramResult result = RunHere("report -o report --data photos");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.errors, AllOf(HasSubstr("the photos are wrong\n"),
                                   HasSubstr("vizsla-evaluate failed; its own words are above")));
  WriteHelper("kill -9 $$\n");
  EXPECT_THAT(RunHere("report -o report --data photos").errors, HasSubstr("ended by signal 9"));
  WriteHelper("echo '{}' > \"$8\"\n");
  result = RunHere("report -o report --data photos");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.errors, HasSubstr("evaluation"));
  EXPECT_FALSE(fs::exists(path() + "/report"));
}

class CurvesTest : public ReportTest {
 protected:
  // What the locale makes of it; a pipe either way.
  ProgramResult RunIn(const std::string& locale, const std::string& arguments) {
    ::setenv("LC_ALL", locale.c_str(), 1);
    const ProgramResult result = Run(arguments);
    ::unsetenv("LC_ALL");
    return result;
  }
};

TEST_F(CurvesTest, AreDrawnInTheTerminal) {
  const ProgramResult result = RunIn("C.UTF-8", "trial best --curves");
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, StartsWith("Trial 1 of dogs  completed  epoch 2/2\n"
                                        "val_accuracy 0.7500 at epoch 2\n\nloss "));
  EXPECT_THAT(result.output, AllOf(HasSubstr("\naccuracy "), HasSubstr("▲ epoch 2 is the best"),
                                   HasSubstr("└───"), Not(HasSubstr("\x1b"))));
}

TEST_F(CurvesTest, AreAsciiWhereTheLocaleIs) {
  const std::string output = RunIn("C", "trial 1 --curves").output;
  EXPECT_THAT(output, HasSubstr("+---"));
  EXPECT_TRUE(std::all_of(output.begin(), output.end(), [](char c) {
    return c == '\n' || (c >= ' ' && c <= '~');
  })) << output;
}

TEST_F(CurvesTest, SayWhenThereIsNothingToDraw) {
  // Its only epoch has a loss, and an accuracy that is NaN.
  EXPECT_THAT(
      Run("trial 2 --curves").output,
      AllOf(HasSubstr("train_loss is NaN"), HasSubstr("\nloss "), Not(HasSubstr("\naccuracy "))));
  EXPECT_EQ(Run("trial 1 --curves --json").exit_code, 2);
}

}  // namespace
}  // namespace vizsla
