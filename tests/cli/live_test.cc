// The commands while a coordinator runs: this process is the coordinator.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "src/base/file.h"
#include "src/base/str_cat.h"
#include "src/rpc/address_file.h"
#include "src/rpc/server.h"
#include "tests/cli/example_database.h"
#include "tests/cli/program.h"

namespace vizsla {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class LiveTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_.emplace(*TemporaryDirectory::Create());
    database_ = OpenDatabase::Open(path());
    ServerOptions options;
    options.listen = "127.0.0.1:0";
    options.database_name = "vizsla.db";
    auto server = CoordinatorServer::Start(database_->scheduler(), database_->store(),
                                           database_->artifacts(), options);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    ASSERT_TRUE(WriteAddressFile(path() + "/vizsla.db", server_->address()).ok());
    database_->CreateStudy("dogs");
    worker_ = database_->Register();
  }
  const std::string& path() const { return folder_->path(); }
  ProgramResult Run(const std::string& arguments) { return RunVizsla(path(), arguments); }

  // Waits until the command has shown something, lets the search go on to its end, and returns what
  // was printed.
  std::string Watch(const std::string& arguments) {
    const std::string seen = path() + "/seen";
    ProgramResult result;
    std::thread watcher([&] { result = Run(arguments + " | tee " + seen); });
    for (int i = 0; i < 500 && ReadFile(seen).value_or("").empty(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    for (int trial = 0; trial < 3; ++trial) {
      const LeaseGrant lease = database_->Acquire(worker_);
      database_->Report(lease, 1, 0.5);
      std::this_thread::sleep_for(std::chrono::milliseconds(600));  // two boards a second at most
      database_->Report(lease, 2, 0.25 * (trial + 1));
      database_->Complete(lease, AttemptOutcome::kCompleted, "");
    }
    EXPECT_TRUE(database_->scheduler().Tick().ok());
    watcher.join();
    EXPECT_EQ(result.errors, "");
    return result.output;
  }

  std::optional<TemporaryDirectory> folder_;
  std::unique_ptr<OpenDatabase> database_;
  std::unique_ptr<CoordinatorServer> server_;
  WorkerId worker_;
};

TEST_F(LiveTest, CommandsFindTheCoordinatorBesideTheDatabase) {
  database_->Report(database_->Acquire(worker_), 1, 0.5);
  EXPECT_THAT(Run("leaderboard").output, StartsWith("dogs  active"));
  EXPECT_THAT(Run("stop dogs").output, StartsWith("stopped dogs"));
  EXPECT_THAT(RunVizsla("/", "leaderboard --coordinator " + server_->address()).output,
              StartsWith("dogs  stopped"));
}

TEST_F(LiveTest, TheDoctorAsksTheCoordinatorForItsHealthAndItsClock) {
  const std::string found = Run("doctor").output;
  EXPECT_THAT(found,
              HasSubstr(server_->address() + ", version " VIZSLA_VERSION ", protocol 1, serves"));
  EXPECT_THAT(found, HasSubstr("the coordinator's by"));
  server_->SetServing(false);
  const ProgramResult draining = Run("doctor");
  EXPECT_EQ(draining.exit_code, 1);
  EXPECT_THAT(draining.output, HasSubstr("does not serve now"));
}

TEST_F(LiveTest, NotesAreEditedWhileTheCoordinatorRuns) {
  const LeaseGrant lease = database_->Acquire(worker_);
  EXPECT_EQ(Run("note dogs --trial 1 --name first --notes 'An idea.'").output,
            "dogs, trial 1 (first)\nAn idea.\n");
  database_->Report(lease, 1, 0.5);
  EXPECT_THAT(Run("trial 1").output, HasSubstr("An idea."));
  EXPECT_EQ(Run("note --notes 'A study.'").output, "dogs\nA study.\n");
}

TEST_F(LiveTest, ProgressOfARunningTrialFollowsTheSchema) {
  const LeaseGrant lease = database_->Acquire(worker_);
  ASSERT_TRUE(
      database_->scheduler().Heartbeat(worker_, lease.trial.id, lease.attempt, {1, 30, 40}).ok());
  EXPECT_THAT(Run("leaderboard").output, HasSubstr("1/2 75%"));
  const ProgramResult result = Run("leaderboard --json");
  EXPECT_EQ(ParseOutput(result)[0]["progress"]["steps_done"], 30);
  if (!HasJsonSchema()) GTEST_SKIP() << "python3-jsonschema is not installed";
  ExpectValid(result.output, "leaderboard");
}

TEST_F(LiveTest, PullComesFromTheCoordinator) {
  database_->Report(database_->Acquire(worker_), 1, 0.5);
  const ProgramResult result =
      RunVizsla("/", StrCat("pull -o ", path(), "/best --coordinator ", server_->address()));
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(ReadFile(path() + "/best/manifest.json").value_or(""), HasSubstr(server_->address()));
}

TEST_F(LiveTest, WatchOnAPipePrintsEachChangeUntilTheStudyEnds) {
  const std::string output = Watch("leaderboard --watch");
  EXPECT_THAT(output, StartsWith("dogs  active"));
  EXPECT_THAT(output, HasSubstr("trial 1 running epoch 1/2 val_accuracy 0.5000"));
  EXPECT_THAT(output, HasSubstr("trial 3 completed epoch 2/2 val_accuracy 0.7500 rank 1"));
  EXPECT_THAT(output, HasSubstr("study dogs is finished"));
  EXPECT_THAT(output, Not(HasSubstr("\x1b")));
}

TEST_F(LiveTest, WatchAsJsonIsABoardALine) {
  const std::string output = Watch("leaderboard --watch --json");
  std::istringstream lines(output);
  std::string line;
  nlohmann::json last;
  int boards = 0;
  while (std::getline(lines, line)) {
    last = nlohmann::json::parse(line, nullptr, false);
    ASSERT_TRUE(last.is_array()) << line;
    ++boards;
  }
  EXPECT_GE(boards, 3);
  ASSERT_EQ(last.size(), 3U);
  EXPECT_EQ(last[0]["state"], "completed");
}

TEST_F(LiveTest, ACoordinatorThatDiedLeavesTheDatabaseReadable) {
  server_.reset();
  database_.reset();  // frees the lock; the address file stays, as after a crash
  EXPECT_THAT(Run("leaderboard").output, StartsWith("dogs  active"));
  EXPECT_THAT(Run("stop dogs").output, StartsWith("stopped dogs"));
}

TEST_F(LiveTest, ReadersDoNotWaitForAnotherCommandsLock) {
  server_.reset();
  RemoveAddressFile(path() + "/vizsla.db");  // a writing command has the lock and no address
  const ProgramResult result = Run("leaderboard");
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, StartsWith("dogs  active"));
}

}  // namespace
}  // namespace vizsla
