// The commands over a database without a coordinator, from outside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "src/base/file.h"
#include "src/base/str_cat.h"
#include "src/report/classification_report.h"
#include "src/report/leaderboard.h"
#include "src/scheduling/decision_log.h"
#include "tests/cli/example_database.h"
#include "tests/cli/folders.h"
#include "tests/cli/program.h"

namespace vizsla {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST_F(EmptyFolder, HasNoDatabase) {
  for (const char* command : {"leaderboard", "studies", "trial best", "logs 1", "stop dogs",
                              "resume dogs", "rename dogs cats", "delete dogs --yes",
                              "pull -o best", "note", "note dogs --notes x", "replay"}) {
    const ProgramResult result = Run(command);
    EXPECT_EQ(result.exit_code, 1) << command;
    EXPECT_EQ(result.output, "");
    EXPECT_EQ(result.errors,
              "vizsla: no database vizsla.db here; start a search or name one with --db\n")
        << command;
  }
  EXPECT_TRUE(std::filesystem::is_empty(path()));
}

TEST_F(EmptyFolder, NamesTheDatabaseThatIsNotThere) {
  EXPECT_THAT(Run("leaderboard --db runs/dogs.db").errors,
              HasSubstr("no database runs/dogs.db; name another with --db"));
}

TEST_F(EmptyFolder, CoordinatorThatIsNotThere) {
  const ProgramResult result = Run("leaderboard --coordinator 127.0.0.1:1");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.errors, HasSubstr("no coordinator answers at 127.0.0.1:1"));
}

TEST_F(EmptyFolder, DatabaseThatIsNone) {
  std::ofstream(path() + "/vizsla.db") << std::string(5000, 'x');
  const ProgramResult result = Run("leaderboard");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.errors, HasSubstr("is not a database"));
}

TEST_F(EmptyFolder, WrongUsageIsExitCode2) {
  for (const char* arguments :
       {"", "juggle", "leaderboard --juggle", "leaderboard --csv --json", "leaderboard --top 0",
        "leaderboard --csv --watch", "trial", "rename dogs", "pull", "submit", "submit space.yaml",
        "leaderboard dogs cats", "note dogs --name x", "note dogs --notes a --append b",
        "note dogs --trial 0 --notes x"}) {
    const ProgramResult result = Run(arguments);
    EXPECT_EQ(result.exit_code, 2) << arguments << "\n" << result.errors;
    EXPECT_EQ(result.output, "") << arguments;
    EXPECT_NE(result.errors, "") << arguments;
  }
}

TEST_F(EmptyFolder, EveryCommandHasHelpWithExamples) {
  for (const char* command : {"", "submit", "leaderboard", "studies", "trial", "logs", "pull",
                              "stop", "resume", "rename", "delete", "note", "replay"}) {
    const ProgramResult result = Run(StrCat(command, " --help"));
    EXPECT_EQ(result.exit_code, 0) << command;
    EXPECT_THAT(result.output, HasSubstr("Examples:\n  vizsla ")) << command;
    EXPECT_THAT(result.output, HasSubstr(command));
  }
  EXPECT_THAT(Run("--version").output, StartsWith("vizsla 0."));
}

TEST_F(EmptyFolder, TrialIsANumberOrBest) {
  EXPECT_EQ(Run("trial seven").exit_code, 2);
  EXPECT_THAT(Run("trial seven").errors,
              HasSubstr("'seven' is no trial: give its number, 1 or above, or best"));
  EXPECT_THAT(Run("pull --trial 1.5 -o x").errors, HasSubstr("'1.5' is no trial"));
  // 0 means the best trial on the wire; a user who counts from 0 must not get that one.
  for (const char* arguments : {"trial 0", "logs 0", "pull --trial 0 -o x", "trial -- -1"}) {
    const ProgramResult result = Run(arguments);
    EXPECT_EQ(result.exit_code, 2) << arguments;
    EXPECT_THAT(result.errors, HasSubstr("is no trial: give its number, 1 or above")) << arguments;
  }
}

TEST_F(FilledFolder, LeaderboardIsATable) {
  const ProgramResult result = Run("leaderboard");
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output,
              StartsWith("dogs  active  3 trials: 1 running, 1 completed, 1 diverged"));
  EXPECT_THAT(result.output, HasSubstr("test split used never"));
  EXPECT_THAT(result.output, HasSubstr("   1      1  completed        0.7500"));
  EXPECT_THAT(result.output, HasSubstr("   -      2  diverged            NaN"));
  EXPECT_THAT(result.output, ContainsRegex("dropout +learning_rate"));
  EXPECT_THAT(result.output, Not(HasSubstr("image_size")));  // does not vary
  EXPECT_THAT(result.output, Not(HasSubstr("\x1b")));
  EXPECT_EQ(result.errors, "");
}

TEST_F(FilledFolder, LeaderboardJsonIsTheContract) {
  const ProgramResult result = Run("leaderboard dogs --json");
  const nlohmann::json json = ParseOutput(result);
  ASSERT_EQ(json.size(), 3U);
  EXPECT_EQ(json[0]["trial"], 1);
  EXPECT_EQ(json[0]["rank"], 1);
  EXPECT_EQ(json[0]["state"], "completed");
  EXPECT_EQ(json[0]["objective"], 0.75);
  EXPECT_EQ(json[0]["epoch"], 2);
  EXPECT_EQ(json[0]["best_epoch"], 2);
  EXPECT_EQ(json[0]["params"]["image_size"], 160);
  EXPECT_EQ(json[1]["trial"], 3);
  EXPECT_EQ(json[1]["rank"], 2);
  EXPECT_EQ(json[2]["state"], "diverged");
  EXPECT_TRUE(json[2]["objective"].is_null());
  EXPECT_TRUE(json[2]["rank"].is_null());
  EXPECT_EQ(ParseOutput(Run("leaderboard --json --top 1")).size(), 1U);
}

TEST_F(FilledFolder, LeaderboardCsvHasALineForEachTrial) {
  const std::string csv = Run("leaderboard --csv").output;
  EXPECT_THAT(csv, StartsWith("rank,trial,name,state,objective,"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 4);
  EXPECT_THAT(csv, HasSubstr("\n1,1,,completed,0.75,2,2,2,160,"));
}

TEST_F(FilledFolder, ReplayDerivesEveryDecisionAgain) {
  const ProgramResult result = Run("replay dogs");
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, StartsWith("study 'dogs': 3 suggestions, 0 promotions, 0 prunings, "));
  EXPECT_THAT(result.output, HasSubstr(" re-derived: all equal\n"));
  EXPECT_THAT(Run("replay --until 2").output, HasSubstr("1 suggestion, "));
}

TEST_F(FilledFolder, ReplaySaysWhatDiffers) {
  {
    const auto database = OpenDatabase::Open(path());
    ASSERT_TRUE(database->store()
                    .Write([](TrialWriter& writer) -> absl::Status {
                      VIZSLA_ASSIGN_OR_RETURN(const Study dogs, writer.FindStudy("dogs"));
                      std::string events;
                      Encode(NextEvent{2}, events);
                      return writer.AppendDecisions(dogs.id, Timestamp{}, events);
                    })
                    .ok());
  }
  const ProgramResult result = Run("replay dogs");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.output, HasSubstr("logged:  trial 2 goes on"));
  EXPECT_THAT(result.output, HasSubstr("derived: no paused trial goes on"));
  EXPECT_EQ(result.errors, "vizsla: what was decided is not what this program derives\n");
  if (HasJsonSchema()) ExpectValid(Run("replay dogs --json").output, "replay");
}

TEST_F(FilledFolder, ReplaySaysThatAStudyIsOlderThanTheLog) {
  {
    const auto database = OpenDatabase::Open(path());
    ASSERT_TRUE(database->store()
                    .Write([](TrialWriter& writer) -> absl::Status {
                      VIZSLA_ASSIGN_OR_RETURN(Study old, writer.FindStudy("dogs"));
                      old.spec.name = "old";
                      return writer.InsertStudy(old).status();
                    })
                    .ok());
  }
  const ProgramResult result = Run("replay old");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.errors,
              StartsWith("vizsla: study 'old' was made before decisions were logged"));
}

TEST_F(FilledFolder, JsonOutputsFollowTheirSchemas) {
  if (!HasJsonSchema()) GTEST_SKIP() << "python3-jsonschema is not installed";
  ExpectValid(Run("leaderboard --json").output, "leaderboard");
  ExpectValid(Run("studies --json").output, "studies");
  ExpectValid(Run("trial best --json").output, "trial");
  ExpectValid(Run("trial 2 --json").output, "trial");
  ExpectValid(Run("logs 1 --json").output, "logs");
  ExpectValid(Run("note dogs --json").output, "note");
  ExpectValid(Run("replay dogs --json").output, "replay");
  ExpectValid(Run("note dogs --trial 1 --notes x --json").output, "note");
  ExpectValid(Run("stop dogs --json").output, "study");
  ExpectValid(Run("pull -o best --json").output, "pull");
  ExpectValid(Run("delete dogs --yes --force --json").output, "delete");
  ExpectValid(Run("studies --json").output, "studies");
}

TEST(EvaluationJson, FollowsItsSchema) {
  if (!HasJsonSchema()) GTEST_SKIP() << "python3-jsonschema is not installed";
  EvaluationView view;
  view.study = "dogs";
  view.trial = 1;
  view.epoch = 2;
  view.split = "test";
  view.model_hash = std::string(64, 'a');
  view.objective = "val_accuracy";
  view.test_uses = 1;
  view.report = *MakeClassificationReport(std::vector<float>{0.9F, 0.1F, 0.6F, 0.4F},
                                          std::vector<int>{0, 1}, {"pug", "beagle"});
  ExpectValid(ToPrettyText(EvaluationToJson(view)), "evaluate");
  view.split = "validation";
  view.test_uses.reset();
  view.search_score = 0.5;
  ExpectValid(ToPrettyText(EvaluationToJson(view)), "evaluate");
}

TEST_F(FilledFolder, TrialShowsItsEpochs) {
  const ProgramResult result = Run("trial 1");
  EXPECT_THAT(result.output, StartsWith("Trial 1 of dogs  completed  epoch 2/2\n"
                                        "val_accuracy 0.7500 at epoch 2\n"));
  EXPECT_THAT(result.output, HasSubstr("    2      0.5000        0.7500  1.5s  best\n"));
  EXPECT_THAT(result.output, HasSubstr("host:42/0"));
  EXPECT_EQ(Run("trial best").output, result.output);
  const ProgramResult unknown = Run("trial 9");
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.errors, HasSubstr("9"));
}

TEST_F(FilledFolder, LogsCannotMoveTheCursor) {
  const ProgramResult result = Run("logs 1");
  EXPECT_THAT(result.output, HasSubstr("attempt 1  epoch 1\n"));
  EXPECT_THAT(result.output, HasSubstr("attempt 1  beep ?[2J\n"));
  const ProgramResult none = Run("logs 2");
  EXPECT_EQ(none.exit_code, 0);
  EXPECT_EQ(none.output, "");
  EXPECT_THAT(none.errors, HasSubstr("no log lines"));
}

TEST_F(FilledFolder, StudyThatIsNotThere) {
  for (const char* command :
       {"leaderboard cats", "trial 1 --study cats", "stop cats", "resume cats", "rename cats dogs",
        "delete cats --yes", "pull cats -o best"}) {
    const ProgramResult result = Run(command);
    EXPECT_EQ(result.exit_code, 1) << command;
    EXPECT_THAT(result.errors, AllOf(StartsWith("vizsla: "), HasSubstr("cats"))) << command;
  }
}

TEST_F(FilledFolder, MessagesCannotMoveTheCursor) {
  const ProgramResult result = Run("stop \"$(printf '\\033[2Jcats')\"");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.errors, AllOf(HasSubstr("?[2Jcats"), Not(HasSubstr("\x1b"))));
}

TEST_F(FilledFolder, WatchWithoutACoordinatorPrintsOnce) {
  const ProgramResult result = Run("leaderboard --watch");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, StartsWith("dogs  active"));
  // Header, three trials, and the reason of the one that diverged.
  EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 8);
  EXPECT_THAT(result.output, HasSubstr("diverged: train_loss is NaN at epoch 1"));
  EXPECT_THAT(result.errors, HasSubstr("no coordinator runs for vizsla.db"));
}

TEST_F(FilledFolder, StopAndResume) {
  EXPECT_THAT(Run("stop dogs").output, StartsWith("stopped dogs"));
  EXPECT_EQ(ParseOutput(Run("studies --json"))[0]["state"], "stopped");
  EXPECT_EQ(Run("resume dogs").output, "dogs is active\n");
  EXPECT_EQ(ParseOutput(Run("studies --json"))[0]["state"], "active");
}

TEST_F(FilledFolder, NotesAreEditedInADatabaseAtRest) {
  EXPECT_EQ(Run("note").output, "dogs: no notes\n");
  EXPECT_EQ(Run("note dogs --notes 'Heads only.'").output, "dogs\nHeads only.\n");
  EXPECT_EQ(Run("note --append 'It over-fits.'").output, "dogs\nHeads only.\nIt over-fits.\n");
  EXPECT_EQ(ParseOutput(Run("studies --json"))[0]["notes"], "Heads only.\nIt over-fits.");
  EXPECT_EQ(Run("note dogs --trial best --name winner --notes 'Wide head.'").output,
            "dogs, trial 1 (winner)\nWide head.\n");
  const nlohmann::json trial = ParseOutput(Run("trial 1 --json"));
  EXPECT_EQ(trial["name"], "winner");
  EXPECT_EQ(trial["notes"], "Wide head.");
  EXPECT_THAT(Run("trial 1").output, HasSubstr("Wide head."));
  EXPECT_EQ(ParseOutput(Run("leaderboard --json"))[0]["name"], "winner");
  // A running trial's too, and what is empty is gone.
  EXPECT_EQ(Run("note dogs --trial 3 --notes 'Still running.'").exit_code, 0);
  EXPECT_EQ(Run("note dogs --trial 1 --name '' --notes ''").output, "dogs, trial 1: no notes\n");
  EXPECT_EQ(ParseOutput(Run("trial 1 --json"))["name"], nullptr);
  EXPECT_THAT(Run("note dogs --trial 9 --notes x").errors, HasSubstr("has no trial 9"));
  EXPECT_THAT(Run("note cats --notes x").errors, HasSubstr("there is no study 'cats'"));
}

TEST_F(FilledFolder, RenameKeepsTheTrials) {
  const ProgramResult refused = Run("rename dogs 'good dogs'");
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.errors, HasSubstr("the new name: must be letters, digits"));
  const ProgramResult running = Run("rename dogs good-dogs");
  EXPECT_EQ(running.exit_code, 1) << "trial 3 is running";
  EXPECT_THAT(running.errors, HasSubstr("stop it first"));

  OpenDatabase::Open(path())->CreateStudy("cats");
  EXPECT_EQ(Run("rename cats good-cats").output, "cats is now called good-cats\n");
  EXPECT_EQ(Run("leaderboard good-cats").exit_code, 0);
  EXPECT_EQ(Run("leaderboard cats").exit_code, 1);
}

TEST_F(FilledFolder, DeleteAsksAndSparesRunningTrials) {
  const ProgramResult unasked = Run("delete dogs");
  EXPECT_EQ(unasked.exit_code, 1);
  EXPECT_THAT(unasked.errors, HasSubstr("say --yes"));
  const ProgramResult running = Run("delete dogs --yes");
  EXPECT_EQ(running.exit_code, 1) << "trial 3 is running";
  EXPECT_EQ(ParseOutput(Run("studies --json")).size(), 1U);
  EXPECT_EQ(Run("delete dogs --yes --force").output, "deleted dogs\n");
  EXPECT_EQ(Run("studies").output, "No studies.\n");
}

TEST_F(FilledFolder, TheNewestStudyIsTheDefault) {
  OpenDatabase::Open(path())->CreateStudy("cats");
  EXPECT_THAT(Run("leaderboard").output, StartsWith("cats  active"));
  EXPECT_THAT(Run("leaderboard dogs").output, StartsWith("dogs  active"));
}

TEST_F(FilledFolder, DatabaseCanBeNamed) {
  const std::string database = path() + "/vizsla.db";
  EXPECT_THAT(RunVizsla("/", "leaderboard --db " + database).output, StartsWith("dogs"));
  EXPECT_THAT(RunVizsla("/", "--db " + database + " leaderboard").output, StartsWith("dogs"));
  const ProgramResult by_environment = RunVizsla(
      "/", "leaderboard", StrCat("/usr/bin/env' 'VIZSLA_DB=", database, "' '", VizslaProgram()));
  EXPECT_THAT(by_environment.output, StartsWith("dogs")) << by_environment.errors;
}

TEST_F(FilledFolder, NewerSchemaGetsASentence) {
  const std::string command =
      StrCat("/usr/bin/python3 -c \"import sqlite3; c = sqlite3.connect('", path(),
             "/vizsla.db'); c.execute('PRAGMA user_version = 999'); c.commit()\"");
  ASSERT_EQ(std::system(command.c_str()), 0);
  const ProgramResult result = Run("leaderboard");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.errors, HasSubstr("schema 999 is newer than this program's"));
}

TEST_F(FilledFolder, ColorsOnlyATerminalAndNotWithNoColor) {
  if (std::system("command -v script > /dev/null") != 0) {
    GTEST_SKIP() << "there is no `script` to make a terminal with";
  }
  // script runs the command on a terminal of its own.
  const auto on_terminal = [&](const std::string& environment) {
    return Run(StrCat("--version > /dev/null; ", environment, " TERM=xterm script -qec '",
                      VizslaProgram(), " leaderboard' /dev/null"))
        .output;
  };
  EXPECT_THAT(on_terminal(""), HasSubstr("\x1b[32mcompleted\x1b[0m"));
  const std::string plain = on_terminal("NO_COLOR=1");
  EXPECT_THAT(plain, HasSubstr("completed"));
  EXPECT_THAT(plain, Not(HasSubstr("\x1b[32m")));
}

TEST_F(FilledFolder, DeleteBelievesTheAnswerOnATerminal) {
  if (std::system("command -v script > /dev/null") != 0) {
    GTEST_SKIP() << "there is no `script` to make a terminal with";
  }
  const auto answer = [&](const std::string& word) {
    return Run(StrCat("--version > /dev/null; echo ", word, " | script -qec '", VizslaProgram(),
                      " delete dogs --force' /dev/null"))
        .output;
  };
  EXPECT_THAT(answer("n"), AllOf(HasSubstr("Delete study dogs with 3 trials"),
                                 HasSubstr("nothing was deleted")));
  EXPECT_EQ(ParseOutput(Run("studies --json")).size(), 1U);
  EXPECT_THAT(answer("y"), HasSubstr("deleted dogs"));
  EXPECT_EQ(ParseOutput(Run("studies --json")).size(), 0U);
}

TEST_F(FilledFolder, FullStandardOutputIsAFailure) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "this system has no /dev/full";
  const ProgramResult result = Run("leaderboard --json > /dev/full; echo $? ");
  EXPECT_EQ(result.output, "1\n");
}

}  // namespace
}  // namespace vizsla
