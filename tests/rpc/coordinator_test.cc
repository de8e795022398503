// The coordinator as a process: how it starts, refuses to start, ends and comes back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "src/rpc/server.h"
#include "src/storage/sqlite_trial_store.h"
#include "tests/rpc/coordinator_fixture.h"

namespace vizsla {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::CoordinatorFixture;
using ::testing::EndsWith;
using testing::Hash;
using ::testing::HasSubstr;
using testing::Program;
using testing::SampleReport;
using testing::SampleSpec;

class CoordinatorTest : public CoordinatorFixture {
 protected:
  // It ends by itself with exit status 1 and one sentence that has these words.
  void ExpectRefusal(const std::vector<std::string>& arguments, const std::string& words) {
    const auto program = Run(arguments);
    EXPECT_EQ(program->Wait(), 1);
    const std::string errors = program->errors();
    EXPECT_THAT(errors, HasSubstr("vizsla-coordinator: "));
    EXPECT_THAT(errors, HasSubstr(words));
    EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 1) << errors;
    EXPECT_EQ(program->output(), "");
  }
};

TEST_F(CoordinatorTest, ServesUntilSigtermAndCleansUp) {
  for (const int signal : {SIGTERM, SIGINT}) {
    const auto program = Run({});
    const std::string address = AwaitAddress(*program);
    EXPECT_THAT(address, HasSubstr("127.0.0.1:"));
    const auto client = CoordinatorClient::Connect(address);
    ASSERT_TRUE(client.ok()) << client.status();
    EXPECT_EQ((*client)->server().database(), "s.db");
    EXPECT_EQ((*client)->ListStudies({}).value().studies_size(), 0);
    const auto start = steady_clock::now();
    program->Signal(signal);
    EXPECT_EQ(program->Wait(), 0);
    EXPECT_LT(steady_clock::now() - start, seconds(8));
    EXPECT_FALSE(std::filesystem::exists(AddressFilePath(database())));
    EXPECT_EQ(FindCoordinator(database()).value(), std::nullopt);
    EXPECT_EQ(program->output(), "");  // standard output belongs to results
    EXPECT_THAT(program->errors(), HasSubstr("serves " + database() + " at " + address));
  }
}

TEST_F(CoordinatorTest, ArtifactsLieBesideTheDatabaseOrWhereTheUserSays) {
  {
    const auto program = Run({});
    AwaitAddress(*program);
    EXPECT_TRUE(std::filesystem::is_directory(folder_.path() + "/s.artifacts"));
    program->Signal(SIGTERM);
    EXPECT_EQ(program->Wait(), 0);
  }
  const auto program = Run({"--artifacts", folder_.path() + "/elsewhere"});
  AwaitAddress(*program);
  EXPECT_TRUE(std::filesystem::is_directory(folder_.path() + "/elsewhere"));
}

TEST_F(CoordinatorTest, TheSameDatabaseKeepsItsIdentity) {
  std::string id;
  for (int run = 0; run < 2; ++run) {
    const auto program = Run({});
    const auto client = CoordinatorClient::Connect(AwaitAddress(*program)).value();
    if (run == 0) id = client->server().coordinator_id();
    EXPECT_EQ(client->server().coordinator_id(), id);
    program->Signal(SIGTERM);
    EXPECT_EQ(program->Wait(), 0);
  }
}

TEST_F(CoordinatorTest, KilledItComesBackWithEverythingThatWasAcknowledged) {
  auto program = Run({});
  const std::string address = AwaitAddress(*program);
  const auto client = CoordinatorClient::Connect(address, Patient()).value();
  CreateStudy(*client, SampleSpec());
  const int64_t worker = client->RegisterWorker(ToProto(Worker("w:1/0"))).value().worker_id();
  v1::AcquireTrialsRequest acquire;
  acquire.set_worker_id(worker);
  acquire.set_max_trials(1);
  const v1::AcquireTrialsResponse acquired = client->AcquireTrials(acquire).value();
  ASSERT_EQ(acquired.leases_size(), 1) << acquired.explanation();
  const std::string checkpoint = client->UploadBytes("weights of epoch 1").value();
  v1::ReportEpochRequest report;
  report.set_trial_id(acquired.leases(0).trial().id());
  report.set_attempt(acquired.leases(0).attempt());
  EpochReport epoch = SampleReport(1);
  epoch.checkpoint_hash = checkpoint;
  *report.mutable_report() = ToProto(epoch);
  ASSERT_TRUE(client->ReportEpoch(report).ok());

  program->Signal(SIGKILL);
  EXPECT_EQ(program->Wait(), 128 + SIGKILL);
  // Its address is stale, and nobody is fooled by it.
  EXPECT_TRUE(std::filesystem::exists(AddressFilePath(database())));
  EXPECT_EQ(FindCoordinator(database()).value(), std::nullopt);
  program = Run({"--listen", address});
  ASSERT_EQ(AwaitAddress(*program), address);

  // The same client goes on; the repeated report changes nothing; the lease is still held.
  const auto repeated = client->ReportEpoch(report);
  ASSERT_TRUE(repeated.ok()) << repeated.status();
  EXPECT_EQ(repeated->directive(), v1::DIRECTIVE_KIND_CONTINUE);
  v1::GetTrialRequest get;
  get.set_number(acquired.leases(0).trial().number());
  const v1::GetTrialResponse trial = client->GetTrial(get).value();
  EXPECT_EQ(trial.trial().state(), v1::TRIAL_STATE_RUNNING);
  ASSERT_EQ(trial.epochs_size(), 1);
  EXPECT_EQ(trial.epochs(0).metrics().at("val_accuracy"), 0.625);
  EXPECT_EQ(trial.trial().best_checkpoint(), checkpoint);
  EXPECT_EQ(client->DownloadBytes(checkpoint).value(), "weights of epoch 1");
  // The worker is not known any more and must say so itself.
  EXPECT_EQ(client->AcquireTrials(acquire).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(CoordinatorTest, WhatAKilledUploadLeftIsSweptAway) {
  auto program = Run({});
  const auto channel_client = CoordinatorClient::Connect(AwaitAddress(*program)).value();
  const std::string folder = folder_.path() + "/s.artifacts";
  ASSERT_TRUE(WriteFileAtomically(folder_.path() + "/big", std::string(64 << 20, 'x')).ok());
  const auto files = [&] {
    int count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(
             folder, std::filesystem::directory_options::skip_permission_denied)) {
      if (entry.is_regular_file() && entry.path().filename() != "OWNER") ++count;
    }
    return count;
  };
  // Killed from inside the upload.
  const auto status =
      channel_client->UploadFile(folder_.path() + "/big", [&](uint64_t done, uint64_t) {
        if (done > (16u << 20) && program->Runs()) program->Signal(SIGKILL);
      });
  EXPECT_EQ(status.status().code(), absl::StatusCode::kUnavailable) << status.status();
  program->Wait();
  EXPECT_EQ(files(), 1);
  program = Run({});
  const auto client = CoordinatorClient::Connect(AwaitAddress(*program)).value();
  EXPECT_EQ(files(), 0);
  EXPECT_TRUE(client->UploadFile(folder_.path() + "/big").ok());
  EXPECT_EQ(files(), 1);
}

TEST_F(CoordinatorTest, ASecondOneOnTheSameDatabaseIsRefused) {
  const auto first = Run({});
  const std::string address = AwaitAddress(*first);
  ExpectRefusal({}, "another coordinator holds " + database());
  // The first is unharmed, its address still there.
  EXPECT_EQ(AwaitAddress(*first), address);
  EXPECT_TRUE(CoordinatorClient::Connect(address).ok());
}

TEST_F(CoordinatorTest, ANewerSchemaIsRefused) {
  ASSERT_TRUE(SqliteTrialStore::Open(database(), OpenMode::kReadWrite).ok());
  const std::string script =
      "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); "
      "d.execute('PRAGMA user_version = 999'); d.commit()";
  Program python("/usr/bin/python3", {"-c", script, database()}, folder_.path());
  ASSERT_EQ(python.Wait(), 0) << python.errors();
  ExpectRefusal({}, "999");
  EXPECT_FALSE(std::filesystem::exists(AddressFilePath(database())));
}

TEST_F(CoordinatorTest, WhatIsNoDatabaseIsRefused) {
  ASSERT_TRUE(WriteFileAtomically(database(), std::string(5000, 'x')).ok());
  ExpectRefusal({}, "is not a database");
  EXPECT_EQ(ReadFile(database()).value(), std::string(5000, 'x'));
}

TEST_F(CoordinatorTest, AMissingFolderIsNamed) {
  const auto program = RunBare({"--db", folder_.path() + "/no/s.db"});
  EXPECT_EQ(program->Wait(), 1);
  EXPECT_THAT(program->errors(), HasSubstr(folder_.path() + "/no"));
}

TEST_F(CoordinatorTest, APortInUseAndForeignAddressesAreRefused) {
  const auto first = RunBare({"--db", folder_.path() + "/other.db", "--listen", "127.0.0.1:0"});
  std::string address;
  for (int i = 0; i < 1000 && address.empty(); ++i) {
    address = FindCoordinator(folder_.path() + "/other.db").value_or(std::nullopt).value_or("");
    std::this_thread::sleep_for(milliseconds(10));
  }
  const std::string port = address.substr(address.rfind(':') + 1);
  ExpectRefusal({"--listen", address}, "port " + port + " of 127.0.0.1 is in use");
  ExpectRefusal({"--listen", "0.0.0.0:0"}, "only loopback addresses are accepted");
  ExpectRefusal({"--listen", "nonsense"}, "address 'nonsense': it has no port");
}

TEST_F(CoordinatorTest, EndsWhenIdleButNotBefore) {
  const auto program = Run({"--exit-when-idle", "2"});
  const auto client = CoordinatorClient::Connect(AwaitAddress(*program), Patient()).value();
  // An active study alone keeps nobody: whoever wants to work on it starts a coordinator again.
  CreateStudy(*client, SampleSpec());
  const auto start = steady_clock::now();
  EXPECT_EQ(program->Wait(seconds(20)), 0);
  EXPECT_GE(steady_clock::now() - start, milliseconds(1500));
  EXPECT_THAT(program->errors(), HasSubstr("idle for 2 s"));
  EXPECT_FALSE(std::filesystem::exists(AddressFilePath(database())));
}

TEST_F(CoordinatorTest, TheTimeOfIdlenessMayBeLeftOut) {
  const auto program = Run({"--exit-when-idle"});  // half a minute
  AwaitAddress(*program);
  EXPECT_EQ(program->Wait(seconds(3)), std::nullopt) << program->errors();
  program->Signal(SIGTERM);
  EXPECT_EQ(program->Wait(), 0);
}

TEST_F(CoordinatorTest, CallsKeepItAliveWhileTheyCome) {
  const auto program = Run({"--exit-when-idle=2s"});
  const auto client = CoordinatorClient::Connect(AwaitAddress(*program)).value();
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(client->ListStudies({}).ok());
    std::this_thread::sleep_for(milliseconds(500));
  }
  EXPECT_TRUE(program->Runs());
  EXPECT_EQ(program->Wait(seconds(20)), 0);
}

TEST_F(CoordinatorTest, TheCommandLine) {
  const auto help = RunBare({"--help"});
  EXPECT_EQ(help->Wait(), 0);
  EXPECT_THAT(help->output(), HasSubstr("Examples:"));
  EXPECT_THAT(help->output(), HasSubstr("--exit-when-idle"));
  const auto version = RunBare({"--version"});
  EXPECT_EQ(version->Wait(), 0);
  EXPECT_EQ(version->output(), "vizsla-coordinator " VIZSLA_VERSION "\n");
  const std::pair<std::vector<std::string>, const char*> wrong[] = {
      {{"--databse", "x"}, "--databse"},
      {{"extra"}, "extra"},
      {{"--lease", "soon"}, "'soon' is no duration"},
      {{"--lease", "0s"}, "'0s' is no duration"},
      {{"--lease", "5s", "--heartbeat", "3s"}, "at least two heartbeats"},
      {{"--exit-when-idle", "x"}, "'x' is no duration"},
      {{"--log-level", "loud"}, "loud"},
      {{"--db", ""}, "--db"},
  };
  for (const auto& [arguments, words] : wrong) {
    const auto program = RunBare(arguments);
    EXPECT_EQ(program->Wait(), 2) << arguments[0];
    EXPECT_THAT(program->errors(), HasSubstr(words));
  }
  EXPECT_FALSE(std::filesystem::exists("vizsla.db"));
}

}  // namespace
}  // namespace vizsla
