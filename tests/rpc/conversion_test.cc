// The domain's types survive the wire, and what is malformed on the wire is refused by name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "src/rpc/convert.h"
#include "tests/rpc/samples.h"

namespace vizsla {
namespace {

using testing::Hash;
using ::testing::HasSubstr;
using testing::SampleBoard;
using testing::SampleInputs;
using testing::SampleLease;
using testing::SampleReport;
using testing::SampleStudy;
using testing::SampleTrial;

// Through bytes, as gRPC does.
template <typename Message>
Message Wire(const Message& message) {
  Message result;
  EXPECT_TRUE(result.ParseFromString(message.SerializeAsString()));
  return result;
}

void ExpectEqual(const Trial& a, const Trial& b) {
  EXPECT_EQ(a.further_values, b.further_values);
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.study, b.study);
  EXPECT_EQ(a.number, b.number);
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.notes, b.notes);
  EXPECT_EQ(a.configuration, b.configuration);
  EXPECT_EQ(a.state, b.state);
  EXPECT_EQ(a.attempt, b.attempt);
  EXPECT_EQ(a.crashes, b.crashes);
  EXPECT_EQ(a.epoch, b.epoch);
  EXPECT_EQ(a.score, b.score);
  EXPECT_EQ(a.best_epoch, b.best_epoch);
  EXPECT_EQ(a.best_checkpoint, b.best_checkpoint);
  EXPECT_EQ(a.last_checkpoint, b.last_checkpoint);
  EXPECT_EQ(a.last_checkpoint_epoch, b.last_checkpoint_epoch);
  EXPECT_EQ(a.worker, b.worker);
  EXPECT_EQ(a.reason, b.reason);
  EXPECT_EQ(a.created_at, b.created_at);
  EXPECT_EQ(a.started_at, b.started_at);
  EXPECT_EQ(a.finished_at, b.finished_at);
  EXPECT_EQ(a.stage, b.stage);
  EXPECT_EQ(a.warm_start, b.warm_start);
  EXPECT_EQ(a.lineage, b.lineage);
  EXPECT_EQ(a.repeat_of, b.repeat_of);
  EXPECT_EQ(a.final_run, b.final_run);
}

void ExpectEqual(const Study& a, const Study& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.spec, b.spec);
  EXPECT_EQ(a.inputs, b.inputs);
  EXPECT_EQ(a.state, b.state);
  EXPECT_EQ(a.created_at, b.created_at);
  EXPECT_EQ(a.finished_at, b.finished_at);
  EXPECT_EQ(a.active_time, b.active_time);
  EXPECT_EQ(a.notes, b.notes);
}

void ExpectEqual(const EpochReport& a, const EpochReport& b) {
  EXPECT_EQ(a.epoch, b.epoch);
  EXPECT_EQ(a.attempt, b.attempt);
  EXPECT_EQ(a.metrics, b.metrics);
  EXPECT_EQ(a.duration, b.duration);
  EXPECT_EQ(a.reported_at, b.reported_at);
  EXPECT_EQ(a.checkpoint_hash, b.checkpoint_hash);
}

template <typename T>
void ExpectRefused(const absl::StatusOr<T>& result, const std::string& sentence) {
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr(sentence));
}

TEST(Conversion, StudySurvives) {
  const auto back = FromProto(Wire(ToProto(SampleStudy())));
  ASSERT_TRUE(back.ok()) << back.status();
  ExpectEqual(*back, SampleStudy());
}

TEST(Conversion, StudyWithoutOptionalFieldsSurvives) {
  Study study = SampleStudy();
  study.finished_at.reset();
  study.inputs.weights_hash.clear();
  const auto back = FromProto(Wire(ToProto(study)));
  ASSERT_TRUE(back.ok()) << back.status();
  ExpectEqual(*back, study);
}

TEST(Conversion, TrialSurvives) {
  const auto back = FromProto(Wire(ToProto(SampleTrial())));
  ASSERT_TRUE(back.ok()) << back.status();
  ExpectEqual(*back, SampleTrial());
}

TEST(Conversion, TrialWithoutOptionalFieldsSurvives) {
  Trial trial = SampleTrial();
  trial.score.reset();
  trial.started_at.reset();
  trial.finished_at.reset();
  trial.best_checkpoint.clear();
  trial.last_checkpoint.clear();
  const auto back = FromProto(Wire(ToProto(trial)));
  ASSERT_TRUE(back.ok()) << back.status();
  ExpectEqual(*back, trial);
}

TEST(Conversion, NanScoreIsNoMissingScore) {
  Trial trial = SampleTrial();
  trial.score = std::numeric_limits<double>::quiet_NaN();
  const auto back = FromProto(Wire(ToProto(trial)));
  ASSERT_TRUE(back.ok()) << back.status();
  ASSERT_TRUE(back->score.has_value());
  EXPECT_TRUE(std::isnan(*back->score));
}

TEST(Conversion, EveryTrialStateSurvives) {
  for (int i = 0; i <= static_cast<int>(TrialState::kCancelled); ++i) {
    const auto state = static_cast<TrialState>(i);
    EXPECT_NE(ToProto(state), v1::TRIAL_STATE_UNSPECIFIED);
    EXPECT_EQ(FromProto(ToProto(state)).value(), state);
  }
}

TEST(Conversion, EveryDirectiveAndOutcomeSurvives) {
  for (int i = 0; i <= static_cast<int>(ReportDirective::kPreempt); ++i) {
    const auto directive = static_cast<ReportDirective>(i);
    EXPECT_NE(ToProto(directive), v1::DIRECTIVE_KIND_UNSPECIFIED);
    EXPECT_EQ(FromProto(ToProto(directive)).value(), directive);
  }
  for (int i = 0; i <= static_cast<int>(AttemptOutcome::kCancelled); ++i) {
    const auto outcome = static_cast<AttemptOutcome>(i);
    EXPECT_EQ(AttemptOutcomeFromText(ToText(outcome)).value(), outcome);
  }
}

TEST(Conversion, EveryWarmStartSurvives) {
  for (int i = 0; i <= static_cast<int>(WarmStart::Kind::kBestConfiguration); ++i) {
    Trial trial = SampleTrial();
    trial.warm_start = {};
    if (i > 0) trial.warm_start = {static_cast<WarmStart::Kind>(i), i - 1, ""};
    const auto back = FromProto(Wire(ToProto(trial)));
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(back->warm_start, trial.warm_start);
  }
}

TEST(Conversion, NotesEditSurvives) {
  NotesEdit edit;
  edit.study = "dogs";
  edit.notes = "a line";
  auto back = FromProto(Wire(ToProto(edit)));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->study, "dogs");
  EXPECT_EQ(back->trial, std::nullopt);
  EXPECT_EQ(back->name, std::nullopt);
  EXPECT_EQ(back->notes, "a line");
  EXPECT_FALSE(back->append);
  edit.trial = 0;
  edit.name = "";
  edit.append = true;
  back = FromProto(Wire(ToProto(edit)));
  EXPECT_EQ(back->trial, 0) << "the best one, not the study";
  EXPECT_EQ(back->name, "") << "no name, not the old one";
  EXPECT_TRUE(back->append);
}

TEST(Conversion, ReportSurvives) {
  const auto back = FromProto(Wire(ToProto(SampleReport())));
  ASSERT_TRUE(back.ok()) << back.status();
  ExpectEqual(*back, SampleReport());
}

TEST(Conversion, LeaseSurvives) {
  const LeaseGrant lease = SampleLease();
  const v1::Lease wire = Wire(ToProto(lease, std::chrono::seconds(30)));
  EXPECT_EQ(wire.lease_ms(), 30'000);
  EXPECT_EQ(wire.checkpoint_interval_ms(), 60'000);
  const auto back = FromProto(wire);
  ASSERT_TRUE(back.ok()) << back.status();
  ExpectEqual(back->trial, lease.trial);
  ExpectEqual(back->study, lease.study);
  EXPECT_EQ(back->attempt, lease.attempt);
  EXPECT_EQ(back->resume_checkpoint, lease.resume_checkpoint);
  EXPECT_EQ(back->init_checkpoint, lease.init_checkpoint);
  ASSERT_EQ(back->history.size(), 2u);
  ExpectEqual(back->history[0], lease.history[0]);
  ExpectEqual(back->history[1], lease.history[1]);
}

TEST(Conversion, AcquiredNothingSurvives) {
  Acquired acquired;
  acquired.nothing_left = true;
  acquired.retry_after = Milliseconds(1500);
  acquired.explanation = "no study matches";
  const auto back = FromProto(Wire(ToProto(acquired, std::chrono::seconds(30))));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_TRUE(back->leases.empty());
  EXPECT_TRUE(back->nothing_left);
  EXPECT_EQ(back->retry_after, acquired.retry_after);
  EXPECT_EQ(back->explanation, acquired.explanation);
}

TEST(Conversion, BoardBecomesLeaderboard) {
  const v1::Leaderboard board = Wire(ToProto(SampleBoard()));
  EXPECT_EQ(board.study().name(), "dogs");
  EXPECT_EQ(board.study().trial_counts().at("completed"), 11);
  EXPECT_EQ(board.study().planned_trials(), 20);
  EXPECT_EQ(board.study().test_uses(), 2);
  EXPECT_EQ(board.total_trials(), 12);
  EXPECT_EQ(board.eta_ms(), 90'000);
  EXPECT_EQ(board.objective_metric(), "val_accuracy");
  ASSERT_EQ(board.rows_size(), 1);
  const v1::LeaderboardRow& row = board.rows(0);
  EXPECT_EQ(row.rank(), 1);
  EXPECT_EQ(row.trial().number(), 5);
  EXPECT_EQ(row.running_epoch(), 10);
  EXPECT_EQ(row.steps_done(), 33);
  EXPECT_EQ(row.steps_total(), 100);
  EXPECT_EQ(row.elapsed_ms(), 60'000);
  EXPECT_EQ(row.eta_ms(), 30'000);
  EXPECT_EQ(row.metrics().at("val_accuracy"), 0.75);
  EXPECT_EQ(board.total_rows(), 4);
  const BoardRow sample = SampleBoard().rows[0];
  EXPECT_EQ(*FromProto(row.search()), *sample.search);
  EXPECT_EQ(*FromProto(row.final_runs()), *sample.fresh);
}

TEST(Conversion, RunsAreChecked) {
  v1::RepeatedRuns runs = ToProto(*SampleBoard().rows[0].search);
  runs.set_scored(-1);
  ExpectRefused(FromProto(runs), "runs.scored: -1 is less than 0");
  runs.set_scored(1);
  runs.clear_state();
  ExpectRefused(FromProto(runs), "trial.state: unknown value 0");
  v1::Trial trial = ToProto(SampleTrial());
  trial.set_repeat_of(-1);
  ExpectRefused(FromProto(trial), "trial.repeat_of: -1 is less than 0");
}

TEST(Conversion, UnknownPlanAndTimesAreAbsentNotZero) {
  Board board = SampleBoard();
  board.planned_trials.reset();
  board.eta.reset();
  board.rows[0].eta.reset();
  board.rows[0].progress.reset();
  const v1::Leaderboard wire = Wire(ToProto(board));
  EXPECT_FALSE(wire.study().has_planned_trials());
  EXPECT_FALSE(wire.has_eta_ms());
  EXPECT_FALSE(wire.rows(0).has_eta_ms());
}

TEST(Conversion, AttemptEvaluationLogAndWorkerSurvive) {
  AttemptRow attempt{TrialId(11),
                     AttemptNumber(2),
                     "n:1/0",
                     AttemptOutcome::kPreempted,
                     "SIGTERM",
                     FromUnixMillis(1234567),
                     FromUnixMillis(2345678)};
  const auto attempt_back = FromProto(Wire(ToProto(attempt)), TrialId(11));
  ASSERT_TRUE(attempt_back.ok());
  EXPECT_EQ(attempt_back->trial, attempt.trial);
  EXPECT_EQ(attempt_back->attempt, attempt.attempt);
  EXPECT_EQ(attempt_back->outcome, attempt.outcome);
  EXPECT_EQ(attempt_back->reason, attempt.reason);
  EXPECT_EQ(attempt_back->started_at, attempt.started_at);
  EXPECT_EQ(attempt_back->ended_at, attempt.ended_at);

  EvaluationRow row{9,     StudyId(3),       5, "test", Hash("model"), {{"accuracy", 0.7}},
                    "ana", FromUnixMillis(5)};
  const auto row_back = FromProto(Wire(ToProto(row)));
  ASSERT_TRUE(row_back.ok()) << row_back.status();
  EXPECT_EQ(row_back->id, 9);
  EXPECT_EQ(row_back->study, row.study);
  EXPECT_EQ(row_back->trial_number, 5);
  EXPECT_EQ(row_back->split, "test");
  EXPECT_EQ(row_back->model_hash, row.model_hash);
  EXPECT_EQ(row_back->metrics, row.metrics);
  EXPECT_EQ(row_back->user, "ana");
  EXPECT_EQ(row_back->created_at, row.created_at);

  const LogRow line =
      FromProto(Wire(ToProto(LogRow{AttemptNumber(2), FromUnixMillis(77), "epoch 1"})));
  EXPECT_EQ(line.attempt, AttemptNumber(2));
  EXPECT_EQ(line.at, FromUnixMillis(77));
  EXPECT_EQ(line.text, "epoch 1");

  WorkerInfo worker{"n:1/0", 2, {Hash("data")}, {Hash("weights")}, "dogs"};
  const auto worker_back = FromProto(Wire(ToProto(worker)));
  ASSERT_TRUE(worker_back.ok());
  EXPECT_EQ(worker_back->name, worker.name);
  EXPECT_EQ(worker_back->ranks, 2);
  EXPECT_EQ(worker_back->dataset_fingerprints, worker.dataset_fingerprints);
  EXPECT_EQ(worker_back->weights_hashes, worker.weights_hashes);
  EXPECT_EQ(worker_back->study, "dogs");
}

TEST(Conversion, CompletionSurvives) {
  const Completion completion{AttemptOutcome::kPreempted, "SIGTERM", Hash("last"), 3};
  const v1::CompleteTrialRequest wire = Wire(ToProto(TrialId(11), AttemptNumber(4), completion));
  EXPECT_EQ(wire.trial_id(), 11);
  EXPECT_EQ(wire.attempt(), 4);
  const auto back = FromProto(wire);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->outcome, completion.outcome);
  EXPECT_EQ(back->reason, completion.reason);
  EXPECT_EQ(back->last_checkpoint, completion.last_checkpoint);
  EXPECT_EQ(back->last_checkpoint_epoch, 3);
  EXPECT_FALSE(back->on_any_worker);
  Completion impossible{AttemptOutcome::kInfeasible, "too deep"};
  impossible.on_any_worker = true;
  const auto as_said = FromProto(Wire(ToProto(TrialId(11), AttemptNumber(4), impossible)));
  ASSERT_TRUE(as_said.ok());
  EXPECT_TRUE(as_said->on_any_worker);
}

TEST(Refusal, EnumsThatDoNotExist) {
  v1::Trial trial = ToProto(SampleTrial());
  trial.set_state(static_cast<v1::TrialState>(99));
  ExpectRefused(FromProto(trial), "trial.state: unknown value 99");
  trial.set_state(v1::TRIAL_STATE_UNSPECIFIED);
  ExpectRefused(FromProto(trial), "trial.state: unknown value 0");
  v1::Study study = ToProto(SampleStudy());
  study.set_state(static_cast<v1::StudyState>(-1));
  ExpectRefused(FromProto(study), "study.state: unknown value -1");
  ExpectRefused(FromProto(static_cast<v1::DirectiveKind>(42)), "directive: unknown value 42");
  ExpectRefused(AttemptOutcomeFromText("exploded"), "'exploded' is none of");
}

TEST(Refusal, WarmStartsThatAreNone) {
  v1::Trial trial = ToProto(SampleTrial());
  trial.mutable_warm_start()->set_kind(static_cast<v1::WarmStartKind>(9));
  ExpectRefused(FromProto(trial), "trial.warm_start.kind: unknown value 9");
  trial = ToProto(SampleTrial());
  trial.mutable_warm_start()->set_checkpoint("../weights");
  ExpectRefused(FromProto(trial), "trial.warm_start.checkpoint: '../weights' is no SHA-256");
  trial = ToProto(SampleTrial());
  trial.set_stage(-1);
  ExpectRefused(FromProto(trial), "trial.stage: -1 is less than 0");
  trial = ToProto(SampleTrial());
  trial.clear_stage();
  EXPECT_EQ(FromProto(trial)->stage, 1) << "of a coordinator that knows no stages";
  v1::Lease lease = ToProto(SampleLease(), std::chrono::seconds(30));
  lease.set_init_checkpoint("x");
  ExpectRefused(FromProto(lease), "lease.init_checkpoint: 'x' is no SHA-256");
  v1::EditNotesRequest edit;
  edit.set_trial(-1);
  ExpectRefused(FromProto(edit), "trial: -1 is less than 0");
}

TEST(Refusal, JsonThatIsNone) {
  v1::Study study = ToProto(SampleStudy());
  study.set_spec_json("{\"name\": ");
  ExpectRefused(FromProto(study), "study.spec_json: ");
  study.set_spec_json("[]");
  ExpectRefused(FromProto(study), "study.spec_json: ");
  v1::Trial trial = ToProto(SampleTrial());
  trial.set_configuration_json("{\"dropout\": {}}");
  ExpectRefused(FromProto(trial), "trial.configuration_json: ");
}

TEST(Refusal, HashesThatAreNone) {
  v1::PinnedInputs inputs = ToProto(SampleInputs());
  inputs.set_split_hash("../../etc/passwd");
  ExpectRefused(FromProto(inputs), "inputs.split_hash: '../../etc/passwd' is no SHA-256");
  inputs = ToProto(SampleInputs());
  inputs.set_dataset_fingerprint("");
  ExpectRefused(FromProto(inputs), "inputs.dataset_fingerprint: '' is no SHA-256");
  v1::EpochReport report = ToProto(SampleReport());
  report.set_checkpoint_hash(std::string(64, 'A'));  // upper case
  ExpectRefused(FromProto(report), "report.checkpoint_hash");
}

TEST(Refusal, NumbersOutOfRange) {
  v1::EpochReport report = ToProto(SampleReport());
  report.set_epoch(0);
  ExpectRefused(FromProto(report), "report.epoch: 0 is less than 1");
  report = ToProto(SampleReport());
  report.set_duration_ms(-5);
  ExpectRefused(FromProto(report), "report.duration_ms: -5 is less than 0");
  v1::RegisterWorkerRequest worker = ToProto(WorkerInfo{"n:1/0", 0, {}, {}, ""});
  ExpectRefused(FromProto(worker), "ranks: 0 is less than 1");
  worker.set_name("");
  ExpectRefused(FromProto(worker), "name: a worker needs a name");
  EXPECT_FALSE(CheckLeaseNames(0, 1).ok());
  EXPECT_FALSE(CheckLeaseNames(1, 0).ok());
  EXPECT_TRUE(CheckLeaseNames(1, 1).ok());
}

TEST(Refusal, OutcomesThatEndNothing) {
  v1::CompleteTrialRequest request;
  request.set_outcome("running");
  ExpectRefused(FromProto(request), "'running' is not how an attempt ends");
  request.set_outcome("");
  ExpectRefused(FromProto(request), "'' is none of running, completed");
}

TEST(Refusal, EvaluationsOfNoSplit) {
  v1::Evaluation evaluation =
      ToProto(EvaluationRow{0, StudyId(1), 1, "tset", Hash("m"), {}, "", FromUnixMillis(0)});
  ExpectRefused(FromProto(evaluation), "'tset' is none of train, validation, test");
}

TEST(Utf8, OnlyMalformedBytesAreReplaced) {
  EXPECT_EQ(ToUtf8("plain"), "plain");
  EXPECT_EQ(ToUtf8("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\x95"),
            "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\x95");
  EXPECT_EQ(ToUtf8("caf\xE9"), "caf?");           // Latin-1
  EXPECT_EQ(ToUtf8("\xC0\xAF"), "??");            // overlong
  EXPECT_EQ(ToUtf8("\xED\xA0\x80"), "???");       // surrogate
  EXPECT_EQ(ToUtf8("\xF5\x80\x80\x80"), "????");  // beyond U+10FFFF
  EXPECT_EQ(ToUtf8("\xE2\x82"), "??");            // cut off
  // Every pair of bytes becomes something that Protobuf accepts.
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      v1::LogLine line;
      line.set_text(ToUtf8(std::string{static_cast<char>(a), static_cast<char>(b)}));
      v1::LogLine back;
      ASSERT_TRUE(back.ParseFromString(line.SerializeAsString())) << a << " " << b;
    }
  }
}

}  // namespace
}  // namespace vizsla
