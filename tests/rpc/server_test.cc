// Every RPC, over loopback and in process: what the scheduler is asked, what the client gets.
#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <thread>

#include "src/rpc/convert.h"
#include "src/rpc/handshake.h"
#include "tests/rpc/test_server.h"

namespace vizsla {
namespace {

using std::chrono::milliseconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::Hash;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::SampleInputs;
using testing::SampleLease;
using testing::SampleReport;
using testing::SampleSpec;
using testing::SampleStudy;
using testing::SampleTrial;
using testing::TestServer;

enum class Transport { kLoopback, kInProcess };

class ServerTest : public ::testing::TestWithParam<Transport> {
 protected:
  ServerTest()
      : server_(GetParam() == Transport::kLoopback ? "127.0.0.1:0" : ""), client_(Connect()) {}
  std::unique_ptr<CoordinatorClient> Connect(const ClientOptions& options = {}) {
    if (GetParam() == Transport::kLoopback) return server_.Connect(options);
    return CoordinatorClient::Connect(server_.server->InProcessChannel(), "in process", options)
        .value();
  }
  testing::FakeScheduler& scheduler() { return server_.scheduler; }

  TestServer server_;
  std::unique_ptr<CoordinatorClient> client_;
};

INSTANTIATE_TEST_SUITE_P(Transports, ServerTest,
                         ::testing::Values(Transport::kLoopback, Transport::kInProcess),
                         [](const auto& info) {
                           return info.param == Transport::kLoopback ? "Loopback" : "InProcess";
                         });

TEST_P(ServerTest, HandshakeNamesTheCoordinator) {
  EXPECT_EQ(client_->server().protocol_version(), kProtocolVersion);
  EXPECT_EQ(client_->server().server_version(), VIZSLA_VERSION);
  EXPECT_EQ(client_->server().database(), "s.db");
  std::string id;
  ASSERT_TRUE(server_.store
                  ->Read([&](TrialReader& reader) -> absl::Status {
                    VIZSLA_ASSIGN_OR_RETURN(id, reader.GetDatabaseId());
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(client_->server().coordinator_id(), id);
  EXPECT_FALSE(id.empty());
}

TEST_P(ServerTest, CreateStudy) {
  v1::CreateStudyRequest request;
  request.set_spec_json(ToJsonText(SampleSpec()));
  *request.mutable_inputs() = ToProto(SampleInputs());
  const auto response = client_->CreateStudy(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_TRUE(response->created());
  EXPECT_EQ(response->study().name(), "dogs");
  EXPECT_EQ(response->study().planned_trials(), 20);
  EXPECT_EQ(scheduler().spec, SampleSpec());
  EXPECT_EQ(scheduler().pinned, SampleInputs());
}

TEST_P(ServerTest, CreateStudyRefusesWhatIsNoSpecification) {
  v1::CreateStudyRequest request;
  request.set_spec_json("{nonsense");
  *request.mutable_inputs() = ToProto(SampleInputs());
  const auto response = client_->CreateStudy(request);
  EXPECT_EQ(response.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(response.status().message()), HasSubstr("spec_json: "));
  request.set_spec_json(ToJsonText(SampleSpec()));
  request.mutable_inputs()->set_dataset_fingerprint("abc");
  EXPECT_THAT(std::string(client_->CreateStudy(request).status().message()),
              HasSubstr("inputs.dataset_fingerprint: 'abc' is no SHA-256"));
  EXPECT_TRUE(scheduler().calls().empty());
}

TEST_P(ServerTest, StudyLifeCycle) {
  v1::StopStudyRequest stop;
  stop.set_name("dogs");
  EXPECT_EQ(client_->StopStudy(stop).value().study().state(), v1::STUDY_STATE_STOPPED);
  v1::ResumeStudyRequest resume;
  resume.set_name("dogs");
  EXPECT_EQ(client_->ResumeStudy(resume).value().study().name(), "dogs");
  v1::RenameStudyRequest rename;
  rename.set_name("dogs");
  rename.set_new_name("hounds");
  EXPECT_TRUE(client_->RenameStudy(rename).ok());
  v1::DeleteStudyRequest remove;
  remove.set_name("dogs");
  remove.set_force(true);
  EXPECT_TRUE(client_->DeleteStudy(remove).ok());
  v1::GetStudyRequest get;
  get.set_name("dogs");
  EXPECT_EQ(client_->GetStudy(get).value().study().trial_counts().at("completed"), 11);
  EXPECT_THAT(scheduler().calls(),
              ElementsAre("StopStudy dogs", "GetBoard dogs 1", "ResumeStudy dogs",
                          "GetBoard dogs 1", "RenameStudy dogs hounds", "GetBoard dogs 1",
                          "DeleteStudy dogs force", "GetBoard dogs 1"));
}

TEST_P(ServerTest, EditNotes) {
  v1::EditNotesRequest request;
  request.set_study("dogs");
  request.set_notes("an idea");
  const auto of_study = client_->EditNotes(request);
  ASSERT_TRUE(of_study.ok()) << of_study.status();
  EXPECT_FALSE(of_study->has_trial());
  EXPECT_EQ(of_study->study().name(), "dogs");
  request.set_trial(5);
  request.set_append(true);
  const auto of_trial = client_->EditNotes(request);
  ASSERT_TRUE(of_trial.ok()) << of_trial.status();
  EXPECT_EQ(of_trial->trial().number(), 5);
  EXPECT_EQ(scheduler().edit.trial, 5);
  EXPECT_EQ(scheduler().edit.notes, "an idea");
  EXPECT_TRUE(scheduler().edit.append);
  EXPECT_THAT(scheduler().calls(), ElementsAre("EditNotes dogs", "GetBoard dogs 1",
                                               "EditNotes dogs", "GetBoard dogs 1"));
}

TEST_P(ServerTest, DeletingNeedsAName) {
  const auto response = client_->DeleteStudy({});
  EXPECT_EQ(response.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(response.status().message()), HasSubstr("say which study to delete"));
  EXPECT_TRUE(scheduler().calls().empty());
}

TEST_P(ServerTest, Leaderboard) {
  v1::GetLeaderboardRequest request;
  request.set_study("dogs");
  request.set_top(3);
  const auto response = client_->GetLeaderboard(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->leaderboard().rows(0).trial().number(), 5);
  EXPECT_THAT(scheduler().calls(), ElementsAre("GetBoard dogs 3"));
  request.set_top(-1);
  EXPECT_EQ(client_->GetLeaderboard(request).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_P(ServerTest, StoredRowsAreRead) {
  StudyId study_id;
  ASSERT_TRUE(
      server_.store
          ->Write([&](TrialWriter& writer) -> absl::Status {
            VIZSLA_ASSIGN_OR_RETURN(study_id, writer.InsertStudy(SampleStudy()));
            for (int number = 1; number <= 2; ++number) {
              Trial trial = SampleTrial();
              trial.study = study_id;
              trial.number = number;
              trial.repeat_of = 0;
              trial.final_run = false;
              trial.further_values.clear();
              trial.state = TrialState::kCompleted;
              trial.score = 0.5 + 0.1 * number;
              VIZSLA_ASSIGN_OR_RETURN(const TrialId id, writer.InsertTrial(trial));
              VIZSLA_RETURN_IF_ERROR(writer.UpsertAttempt(
                  {id, AttemptNumber(1), "n:1/0", AttemptOutcome::kCompleted, "", {}, {}}));
              EpochReport report = SampleReport(1);
              report.attempt = AttemptNumber(1);
              VIZSLA_RETURN_IF_ERROR(writer.UpsertReport(id, report));
              VIZSLA_RETURN_IF_ERROR(writer.AppendLog(
                  id, {AttemptNumber(1), FromUnixMillis(9), "line of " + std::to_string(number)}));
            }
            return writer
                .InsertEvaluation({0,
                                   study_id,
                                   1,
                                   "test",
                                   Hash("m"),
                                   {{"accuracy", 0.7}},
                                   "ana",
                                   FromUnixMillis(5)})
                .status();
          })
          .ok());

  EXPECT_EQ(client_->ListStudies({}).value().studies_size(), 1);

  v1::GetTrialRequest get;
  get.set_study("dogs");
  get.set_number(1);
  const auto first = client_->GetTrial(get);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->trial().number(), 1);
  EXPECT_EQ(first->epochs_size(), 1);
  EXPECT_EQ(first->epochs(0).metrics().at("val_loss"), 1.25);
  ASSERT_EQ(first->attempts_size(), 1);
  EXPECT_EQ(first->attempts(0).outcome(), "completed");
  EXPECT_EQ(first->study().name(), "dogs");
  EXPECT_EQ(first->study().trial_counts_size(), 1);
  EXPECT_EQ(first->study().trial_counts().at("completed"), 2);
  EXPECT_EQ(first->study().test_uses(), 1);
  EXPECT_FALSE(first->study().has_planned_trials());
  get.set_number(0);  // the best
  EXPECT_EQ(client_->GetTrial(get).value().trial().number(), 2);
  get.set_number(9);
  EXPECT_EQ(client_->GetTrial(get).status().code(), absl::StatusCode::kNotFound);
  get.set_study("cats");
  EXPECT_EQ(client_->GetTrial(get).status().code(), absl::StatusCode::kNotFound);

  v1::GetTrialLogsRequest logs;
  logs.set_number(2);
  ASSERT_EQ(client_->GetTrialLogs(logs).value().lines_size(), 1);
  EXPECT_EQ(client_->GetTrialLogs(logs).value().lines(0).text(), "line of 2");

  v1::ListEvaluationsRequest list;
  ASSERT_EQ(client_->ListEvaluations(list).value().evaluations_size(), 1);
  EXPECT_EQ(client_->ListEvaluations(list).value().evaluations(0).user(), "ana");
  // ListStudies' one: whoever reads every trial must not make a board of all for each.
  EXPECT_THAT(scheduler().calls(), ElementsAre("GetBoard dogs 1"));
}

TEST_P(ServerTest, LogsThatAreTooMuchForAMessageLoseTheirOldestLines) {
  constexpr int kLines = 5000;
  const auto text = [](int line) { return std::to_string(line) + std::string(4096, 'x'); };
  ASSERT_TRUE(server_.store
                  ->Write([&](TrialWriter& writer) -> absl::Status {
                    Trial trial = SampleTrial();
                    VIZSLA_ASSIGN_OR_RETURN(trial.study, writer.InsertStudy(SampleStudy()));
                    VIZSLA_ASSIGN_OR_RETURN(const TrialId id, writer.InsertTrial(trial));
                    for (int line = 1; line <= kLines; ++line) {
                      VIZSLA_RETURN_IF_ERROR(writer.AppendLog(
                          id, {AttemptNumber(1), FromUnixMillis(line), text(line)}));
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  v1::GetTrialLogsRequest request;
  request.set_number(SampleTrial().number);
  const auto logs = client_->GetTrialLogs(request);
  ASSERT_TRUE(logs.ok()) << logs.status();
  EXPECT_GT(logs->ByteSizeLong(), size_t{15} << 20);
  const int sent = logs->lines_size() - 1;
  EXPECT_EQ(logs->lines(0).text(),
            "(" + std::to_string(kLines - sent) + " older lines are too much for one message)");
  for (int i = 1; i <= sent; ++i) ASSERT_EQ(logs->lines(i).text(), text(kLines - sent + i));
}

TEST_P(ServerTest, BestOfNothingIsASentence) {
  ASSERT_TRUE(
      server_.store
          ->Write([&](TrialWriter& writer) { return writer.InsertStudy(SampleStudy()).status(); })
          .ok());
  const auto response = client_->GetTrial({});
  EXPECT_EQ(response.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(response.status().message()),
              HasSubstr("study 'dogs' has no trial with a score"));
}

TEST_P(ServerTest, RecordEvaluation) {
  v1::RecordEvaluationRequest request;
  request.set_study("dogs");
  *request.mutable_evaluation() =
      ToProto(EvaluationRow{0, StudyId(3), 5, "test", Hash("m"), {{"accuracy", 0.7}}, "ana", {}});
  EXPECT_EQ(client_->RecordEvaluation(request).value().evaluation().id(), 41);
  request.mutable_evaluation()->set_model_hash("m");
  EXPECT_EQ(client_->RecordEvaluation(request).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(scheduler().calls(), ElementsAre("RecordEvaluation dogs"));
}

TEST_P(ServerTest, RegisterWorker) {
  const WorkerInfo worker{"n:1/0", 2, {Hash("data")}, {Hash("weights")}, "dogs"};
  const auto response = client_->RegisterWorker(ToProto(worker));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->worker_id(), 77);
  EXPECT_EQ(response->lease_ms(), 31'000);
  EXPECT_EQ(response->heartbeat_ms(), 6'000);
  EXPECT_EQ(scheduler().worker.dataset_fingerprints, worker.dataset_fingerprints);
  EXPECT_EQ(scheduler().worker.ranks, 2);
}

TEST_P(ServerTest, AcquireTrials) {
  scheduler().acquired.leases = {SampleLease()};
  v1::AcquireTrialsRequest request;
  request.set_worker_id(77);
  request.set_max_trials(2);
  const auto response = client_->AcquireTrials(request);
  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_EQ(response->leases_size(), 1);
  const auto lease = FromProto(response->leases(0));
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_EQ(lease->trial.configuration, SampleTrial().configuration);
  EXPECT_EQ(response->leases(0).lease_ms(), 31'000);
  EXPECT_THAT(scheduler().calls(), ElementsAre("Acquire 77 2"));
  request.set_max_trials(0);
  EXPECT_EQ(client_->AcquireTrials(request).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_P(ServerTest, HeartbeatAnswersEachLease) {
  scheduler().lost_trial = TrialId(12);
  v1::HeartbeatRequest request;
  request.set_worker_id(77);
  for (const int64_t trial : {11, 12, 13}) {
    v1::LeaseProgress* lease = request.add_leases();
    lease->set_trial_id(trial);
    lease->set_attempt(1);
    lease->set_epoch(4);
    lease->set_steps_done(5);
    lease->set_steps_total(6);
  }
  const auto response = client_->Heartbeat(request);
  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_EQ(response->directives_size(), 3);
  EXPECT_EQ(response->directives(0).directive(), v1::DIRECTIVE_KIND_PAUSE);
  EXPECT_EQ(response->directives(1).trial_id(), 12);
  EXPECT_EQ(response->directives(1).directive(), v1::DIRECTIVE_KIND_CANCEL);  // its lease is lost
  EXPECT_EQ(response->directives(2).directive(), v1::DIRECTIVE_KIND_PAUSE);
  EXPECT_EQ(scheduler().calls()[0], "Heartbeat 77 11 1 4 5/6");
}

TEST_P(ServerTest, HeartbeatOfAnUnknownWorkerIsNotFound) {
  scheduler().FailWith(absl::NotFoundError("no worker 77: register again"));
  v1::HeartbeatRequest request;
  request.set_worker_id(77);
  request.add_leases()->set_trial_id(1);
  request.mutable_leases(0)->set_attempt(1);
  EXPECT_EQ(client_->Heartbeat(request).status(),
            absl::NotFoundError("no worker 77: register again"));
}

TEST_P(ServerTest, ReportEpoch) {
  v1::ReportEpochRequest request;
  request.set_trial_id(11);
  request.set_attempt(6);
  *request.mutable_report() = ToProto(SampleReport());
  request.set_last_checkpoint(Hash("last"));
  EXPECT_EQ(client_->ReportEpoch(request).value().directive(), v1::DIRECTIVE_KIND_PRUNE);
  EXPECT_EQ(scheduler().report.metrics, SampleReport().metrics);
  EXPECT_EQ(scheduler().report.attempt, AttemptNumber(6));  // the fence, not what the report says
  EXPECT_THAT(scheduler().calls(), ElementsAre("Report 11 6 " + Hash("last")));
  request.set_last_checkpoint("last");
  EXPECT_THAT(std::string(client_->ReportEpoch(request).status().message()),
              HasSubstr("last_checkpoint: 'last' is no SHA-256"));
  request.set_last_checkpoint("");
  request.set_attempt(0);
  EXPECT_THAT(std::string(client_->ReportEpoch(request).status().message()),
              HasSubstr("attempt: 0 is less than 1"));
}

TEST_P(ServerTest, AStaleReportIsRefusedWithItsSentence) {
  scheduler().FailWith(absl::FailedPreconditionError("attempt 1 of trial 3 is over"));
  v1::ReportEpochRequest request;
  request.set_trial_id(11);
  request.set_attempt(1);
  *request.mutable_report() = ToProto(SampleReport());
  EXPECT_EQ(client_->ReportEpoch(request).status(),
            absl::FailedPreconditionError("attempt 1 of trial 3 is over"));
}

TEST_P(ServerTest, CompleteTrialAndLogsCleanBytesThatAreNoText) {
  const Completion completion{AttemptOutcome::kFailed, "cannot read caf\xE9.jpg", "", 0};
  v1::CompleteTrialRequest request = ToProto(TrialId(11), AttemptNumber(4), completion);
  EXPECT_EQ(client_->CompleteTrial(request).value().trial().number(), 5);
  EXPECT_EQ(scheduler().completion.outcome, AttemptOutcome::kFailed);
  EXPECT_EQ(scheduler().completion.reason, "cannot read caf?.jpg");
  request.set_outcome("vanished");
  EXPECT_EQ(client_->CompleteTrial(request).status().code(), absl::StatusCode::kInvalidArgument);

  v1::AppendLogsRequest logs;
  logs.set_trial_id(11);
  logs.set_attempt(4);
  logs.add_lines("one");
  logs.add_lines("tw\xFF");
  ASSERT_TRUE(client_->AppendLogs(logs).ok());
  EXPECT_THAT(scheduler().lines, ElementsAre("one", "tw?"));
}

TEST_P(ServerTest, EveryErrorKeepsItsCodeAndSentence) {
  for (const auto code :
       {absl::StatusCode::kInvalidArgument, absl::StatusCode::kNotFound,
        absl::StatusCode::kAlreadyExists, absl::StatusCode::kPermissionDenied,
        absl::StatusCode::kResourceExhausted, absl::StatusCode::kFailedPrecondition,
        absl::StatusCode::kAborted, absl::StatusCode::kOutOfRange, absl::StatusCode::kInternal,
        absl::StatusCode::kDataLoss, absl::StatusCode::kUnknown}) {
    const absl::Status status(code, "study 'dogs': split.seed: 42 -> 43\nénough");
    scheduler().FailWith(status);
    EXPECT_EQ(client_->StopStudy({}).status(), status);
  }
}

TEST_P(ServerTest, WhatCannotBeDoneNowIsTriedAgainOrSaidInTheServersWords) {
  const absl::Status locked = absl::AbortedError("s.db: database is locked");
  scheduler().FailWith(locked);
  EXPECT_EQ(client_->StopStudy({}).status(), locked);
  ClientOptions patient;
  patient.patience = std::chrono::seconds(20);
  std::atomic<int> count = 0;
  scheduler().Before([&] {
    if (++count == 3) scheduler().FailWith(absl::OkStatus());
  });
  EXPECT_TRUE(Connect(patient)->StopStudy({}).ok());
  EXPECT_GE(count, 3);
}

TEST_P(ServerTest, ALongDiffArrives) {
  const std::string diff(7000, 'd');
  scheduler().FailWith(absl::FailedPreconditionError(diff));
  EXPECT_EQ(client_->StopStudy({}).status(), absl::FailedPreconditionError(diff));
}

TEST_P(ServerTest, AForeignExceptionIsAnErrorOfThatCallOnly) {
  scheduler().Before([] { throw std::runtime_error("somebody else's bug"); });
  const auto response = client_->StopStudy({});
  EXPECT_EQ(response.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(response.status().message()), HasSubstr("somebody else's bug"));
  scheduler().Before({});
  EXPECT_TRUE(client_->StopStudy({}).ok());
}

TEST_P(ServerTest, MessagesAboveTheLimitAreRefused) {
  v1::AppendLogsRequest logs;
  logs.set_trial_id(1);
  logs.set_attempt(1);
  logs.add_lines(std::string(17 << 20, 'x'));
  EXPECT_EQ(client_->AppendLogs(logs).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(client_->StopStudy({}).ok());
}

TEST_P(ServerTest, CallsBeyondTheThreadsWaitTheirTurn) {
  std::mutex mutex;
  std::condition_variable wake;
  int inside = 0;
  bool open = false;
  scheduler().Before([&] {
    std::unique_lock lock(mutex);
    ++inside;
    wake.wait(lock, [&] { return open; });
  });
  std::vector<std::future<bool>> calls;
  for (int i = 0; i < 12; ++i) {
    calls.push_back(std::async(std::launch::async, [&] {
      v1::DeleteStudyRequest request;
      request.set_name("x");
      return client_->DeleteStudy(request).ok();
    }));
  }
  std::this_thread::sleep_for(milliseconds(300));
  {
    std::lock_guard lock(mutex);
    EXPECT_EQ(inside, server_.threads);
    open = true;
  }
  wake.notify_all();
  for (auto& call : calls) EXPECT_TRUE(call.get());
}

TEST_P(ServerTest, ACallWhoseCallerIsGoneIsNotRun) {
  ClientOptions impatient;
  impatient.deadline = milliseconds(500);
  const auto other = Connect(impatient);
  std::promise<void> open;
  std::shared_future<void> opened = open.get_future().share();
  scheduler().Before([opened] { opened.wait(); });
  std::vector<std::thread> busy;
  for (int i = 0; i < server_.threads; ++i) {
    busy.emplace_back([&] { EXPECT_TRUE(client_->StopStudy({}).ok()); });
  }
  const auto waiting = [&] { return std::ssize(scheduler().calls()) == server_.threads; };
  for (int i = 0; i < 500 && !waiting(); ++i) std::this_thread::sleep_for(milliseconds(20));
  ASSERT_TRUE(waiting());

  v1::StopStudyRequest late;
  late.set_name("late");
  EXPECT_EQ(other->StopStudy(late).status(),
            absl::DeadlineExceededError("the coordinator at " + other->address() +
                                        " did not answer within 500 ms"));
  std::this_thread::sleep_for(milliseconds(200));  // the server learns of it
  open.set_value();
  for (std::thread& thread : busy) thread.join();
  server_.server.reset();  // runs what is still queued
  EXPECT_THAT(scheduler().calls(), Contains("StopStudy "));
  EXPECT_THAT(scheduler().calls(), Not(Contains("StopStudy late")));
}

TEST_P(ServerTest, CallsAreNoticed) {
  std::this_thread::sleep_for(milliseconds(120));
  EXPECT_GE(server_.server->SinceLastCall(), milliseconds(100));
  ASSERT_TRUE(client_->StopStudy({}).ok());
  EXPECT_LT(server_.server->SinceLastCall(), milliseconds(100));
}

// --- Versions
// ---------------------------------------------------------------------------------------

TEST(Handshake, AnOlderOrNewerClientIsRefusedByTheServer) {
  TestServer server;
  const auto stub = v1::SystemService::NewStub(server.server->InProcessChannel());
  for (const int protocol : {kProtocolVersion - 1, kProtocolVersion + 1}) {
    v1::HandshakeRequest request;
    request.set_protocol_version(protocol);
    request.set_client_version("9.9.9");
    v1::HandshakeResponse response;
    grpc::ClientContext context;
    const grpc::Status status = stub->Handshake(&context, request, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
    EXPECT_EQ(
        status.error_message(),
        std::string(
            CheckVersions({protocol, "9.9.9"}, {kProtocolVersion, VIZSLA_VERSION}).message()));
  }
}

class OtherVersion : public v1::SystemService::Service {
 public:
  explicit OtherVersion(int protocol) : protocol_(protocol) {}
  grpc::Status Handshake(grpc::ServerContext*, const v1::HandshakeRequest*,
                         v1::HandshakeResponse* response) override {
    response->set_protocol_version(protocol_);
    response->set_server_version("9.9.9");
    return grpc::Status::OK;
  }

 private:
  const int protocol_;
};

TEST(Handshake, AnOlderOrNewerServerIsRefusedByTheClient) {
  for (const int protocol : {kProtocolVersion - 1, kProtocolVersion + 1}) {
    OtherVersion service(protocol);
    grpc::ServerBuilder builder;
    builder.RegisterService(&service);
    const auto server = builder.BuildAndStart();
    const auto client = CoordinatorClient::Connect(server->InProcessChannel({}), "in process");
    ASSERT_FALSE(client.ok());
    EXPECT_EQ(client.status(),
              CheckVersions({kProtocolVersion, VIZSLA_VERSION}, {protocol, "9.9.9"}));
    EXPECT_EQ(client.status().code(), absl::StatusCode::kFailedPrecondition);
  }
}

TEST(Handshake, AnotherServiceIsNoCoordinator) {
  v1::StudyService::Service service;
  grpc::ServerBuilder builder;
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  const auto client = CoordinatorClient::Connect(server->InProcessChannel({}), "here");
  EXPECT_EQ(client.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(client.status().message()),
              HasSubstr("what answers at here is no coordinator"));
}

TEST(Handshake, EachCallIsFencedByProtocolAndDatabase) {
  TestServer server;
  const auto stub = v1::StudyService::NewStub(server.server->InProcessChannel());
  const auto call = [&](const char* header, const std::string& value) {
    grpc::ClientContext context;
    context.AddMetadata(header, value);
    v1::StopStudyResponse response;
    return stub->StopStudy(&context, {}, &response);
  };
  EXPECT_TRUE(call("some-header", "1").ok());
  EXPECT_TRUE(call(kProtocolHeader, std::to_string(kProtocolVersion)).ok());
  const grpc::Status newer = call(kProtocolHeader, std::to_string(kProtocolVersion + 1));
  EXPECT_EQ(newer.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(newer.error_message(), HasSubstr("is newer than the coordinator"));
  const grpc::Status other = call(kCoordinatorHeader, "somebody else");
  EXPECT_EQ(other.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(other.error_message(), HasSubstr("another database's coordinator"));
}

// --- Listening
// --------------------------------------------------------------------------------------

class ListenTest : public ::testing::Test {
 protected:
  absl::Status Listen(const std::string& address) {
    ServerOptions options;
    options.listen = address;
    return CoordinatorServer::Start(first_.scheduler, *first_.store, *first_.artifacts, options)
        .status();
  }
  TestServer first_;
};

TEST_F(ListenTest, APortInUseIsNamed) {
  const std::string address = first_.server->address();
  const std::string port = address.substr(address.rfind(':') + 1);
  EXPECT_EQ(Listen(address),
            absl::FailedPreconditionError("port " + port + " of 127.0.0.1 is in use"));
  EXPECT_TRUE(first_.Connect()->StopStudy({}).ok());
}

TEST_F(ListenTest, OnlyLoopbackIsAccepted) {
  for (const char* address : {"0.0.0.0:0", "10.1.2.3:4711", "[::]:0", "example.org:80"}) {
    const absl::Status status = Listen(address);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << address;
    EXPECT_THAT(std::string(status.message()), HasSubstr("only loopback addresses are accepted"));
    EXPECT_THAT(std::string(status.message()), HasSubstr(address));
  }
  EXPECT_EQ(Listen("127.0.0.1").code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ListenTest, LocalhostAndOtherLoopbackAddressesWork) {
  for (const char* listen : {"localhost:0", "127.0.0.2:0"}) {
    TestServer server(listen);
    EXPECT_TRUE(server.Connect()->StopStudy({}).ok()) << server.server->address();
  }
}

// --- Absence
// ----------------------------------------------------------------------------------------

TEST(Absence, NobodyThereIsASentence) {
  std::string address;
  {
    TestServer server;
    address = server.server->address();
  }
  const auto client = CoordinatorClient::Connect(address);
  EXPECT_EQ(client.status(), absl::UnavailableError("no coordinator answers at " + address));
}

TEST(Absence, PatienceIsSpentAndSaid) {
  std::string address;
  {
    TestServer server;
    address = server.server->address();
  }
  ClientOptions options;
  options.patience = milliseconds(700);
  const auto start = std::chrono::steady_clock::now();
  const auto client = CoordinatorClient::Connect(address, options);
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(client.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(client.status().message()),
              HasSubstr("no coordinator answers at " + address + " (tried "));
  EXPECT_GE(took, milliseconds(250));
  EXPECT_LT(took, milliseconds(3000));
}

TEST(Absence, MalformedAddressesAreRefusedAtOnce) {
  EXPECT_EQ(CoordinatorClient::Connect("nowhere").status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CoordinatorClient::Connect("127.0.0.1:0").status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Absence, ARestartedServerIsWaitedFor) {
  TestServer server;
  const std::string address = server.server->address();
  ClientOptions options;
  options.patience = std::chrono::seconds(20);
  const auto client = server.Connect(options);
  ASSERT_TRUE(client->StopStudy({}).ok());
  server.server.reset();
  std::thread restart([&] {
    std::this_thread::sleep_for(milliseconds(800));
    server.Start(address);
  });
  // Many callers at once, as the ranks of a job.
  std::vector<std::future<absl::Status>> calls;
  for (int i = 0; i < 8; ++i) {
    calls.push_back(std::async(std::launch::async, [&] { return client->StopStudy({}).status(); }));
  }
  for (auto& call : calls) EXPECT_EQ(call.get(), absl::OkStatus());
  restart.join();
}

TEST(Absence, AnEvaluationIsNeverSentTwice) {
  TestServer server;
  ClientOptions options;
  options.patience = std::chrono::seconds(20);
  options.deadline = milliseconds(300);
  const auto client = server.Connect(options);
  server.scheduler.Before([] { std::this_thread::sleep_for(milliseconds(600)); });
  v1::RecordEvaluationRequest request;
  *request.mutable_evaluation() =
      ToProto(EvaluationRow{0, StudyId(3), 5, "test", Hash("m"), {}, "ana", {}});
  EXPECT_EQ(client->RecordEvaluation(request).status().code(), absl::StatusCode::kDeadlineExceeded);
  std::this_thread::sleep_for(milliseconds(700));
  EXPECT_THAT(server.scheduler.calls(), ElementsAre("RecordEvaluation "));
}

TEST(Absence, ASlowServerIsAskedAgain) {
  TestServer server;
  ClientOptions options;
  options.patience = std::chrono::seconds(20);
  options.deadline = milliseconds(300);
  const auto client = server.Connect(options);
  std::atomic<int> count = 0;
  server.scheduler.Before([&] {
    if (++count == 1) std::this_thread::sleep_for(milliseconds(800));
  });
  v1::AppendLogsRequest logs;
  logs.set_trial_id(1);
  logs.set_attempt(1);
  EXPECT_TRUE(client->AppendLogs(logs).ok());
  EXPECT_EQ(count, 2);
}

}  // namespace
}  // namespace vizsla
