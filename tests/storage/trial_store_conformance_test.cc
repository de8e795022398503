// What every TrialStore promises, run on each implementation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <functional>
#include <latch>
#include <limits>
#include <thread>

#include "src/base/file.h"
#include "src/scheduling/memory_trial_store.h"
#include "src/storage/sqlite_trial_store.h"
#include "tests/storage/samples.h"

namespace vizsla {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A store and the folder that it may live in.
struct OpenStore {
  std::unique_ptr<TemporaryDirectory> folder;
  std::unique_ptr<TrialStore> store;
};

OpenStore OpenSqlite() {
  OpenStore open;
  open.folder = std::make_unique<TemporaryDirectory>(*TemporaryDirectory::Create());
  auto store = SqliteTrialStore::Open(open.folder->path() + "/t.db", OpenMode::kReadWrite);
  EXPECT_TRUE(store.ok()) << store.status();
  open.store = *std::move(store);
  return open;
}

OpenStore OpenMemory() {
  OpenStore open;
  open.store = std::make_unique<MemoryTrialStore>();
  return open;
}

struct Implementation {
  const char* name;
  OpenStore (*open)();
};

class TrialStoreTest : public ::testing::TestWithParam<Implementation> {
 protected:
  void SetUp() override { open_ = GetParam().open(); }

  absl::Status Write(const std::function<absl::Status(TrialWriter&)>& change) {
    return open_.store->Write(change);
  }
  // Runs a query and returns its value.
  template <typename T>
  absl::StatusOr<T> Get(const std::function<absl::StatusOr<T>(TrialReader&)>& query) {
    absl::StatusOr<T> result = absl::UnknownError("the query did not run");
    const absl::Status status = open_.store->Read([&](TrialReader& reader) {
      result = query(reader);
      return result.status();
    });
    EXPECT_EQ(status, result.status());
    return result;
  }

  StudyId AddStudy(const std::string& name) {
    StudyId id;
    EXPECT_TRUE(Write([&](TrialWriter& writer) -> absl::Status {
                  VIZSLA_ASSIGN_OR_RETURN(id, writer.InsertStudy(SampleStudy(name)));
                  return absl::OkStatus();
                }).ok());
    return id;
  }
  TrialId AddTrial(const Trial& trial) {
    TrialId id;
    const absl::Status status = Write([&](TrialWriter& writer) -> absl::Status {
      VIZSLA_ASSIGN_OR_RETURN(id, writer.InsertTrial(trial));
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return id;
  }
  absl::StatusOr<Trial> GetTrial(TrialId id) {
    return Get<Trial>([&](TrialReader& reader) { return reader.GetTrial(id); });
  }
  absl::StatusOr<Study> FindStudy(const std::string& name) {
    return Get<Study>([&](TrialReader& reader) { return reader.FindStudy(name); });
  }

  OpenStore open_;
};

INSTANTIATE_TEST_SUITE_P(All, TrialStoreTest,
                         ::testing::Values(Implementation{"Sqlite", OpenSqlite},
                                           Implementation{"Memory", OpenMemory}),
                         [](const auto& info) { return info.param.name; });

TEST_P(TrialStoreTest, AStudyReadsBackAsWritten) {
  Study given = SampleStudy("dogs");
  given.state = StudyState::kStopped;
  given.finished_at = SampleTime(99);
  ASSERT_TRUE(Write([&](TrialWriter& writer) -> absl::Status {
                VIZSLA_ASSIGN_OR_RETURN(given.id, writer.InsertStudy(given));
                return absl::OkStatus();
              }).ok());
  const auto stored = FindStudy("dogs");
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ(stored->id, given.id);
  EXPECT_EQ(stored->spec, given.spec);
  EXPECT_EQ(stored->inputs, given.inputs);
  EXPECT_EQ(stored->state, given.state);
  EXPECT_EQ(stored->created_at, given.created_at);
  EXPECT_EQ(stored->finished_at, given.finished_at);
  EXPECT_EQ(stored->active_time, given.active_time);
  EXPECT_EQ(stored->notes, given.notes);
  Study edited = *stored;
  edited.notes = "edited again";
  ASSERT_TRUE(Write([&](TrialWriter& writer) { return writer.UpdateStudy(edited); }).ok());
  EXPECT_EQ(FindStudy("dogs")->notes, "edited again");
  EXPECT_EQ(FindStudy("dogs")->spec.notes, given.spec.notes) << "as submitted";
}

TEST_P(TrialStoreTest, TheEmptyNameIsTheNewestStudy) {
  EXPECT_TRUE(absl::IsNotFound(FindStudy("").status()));
  AddStudy("first");
  AddStudy("second");
  EXPECT_EQ(FindStudy("")->spec.name, "second");
  EXPECT_EQ(FindStudy("first")->spec.name, "first");
  const auto missing = FindStudy("third").status();
  EXPECT_TRUE(absl::IsNotFound(missing));
  EXPECT_THAT(std::string(missing.message()), HasSubstr("there is no study 'third'"));
  const auto all =
      Get<std::vector<Study>>([](TrialReader& reader) { return reader.ListStudies(); });
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].spec.name, "first");
}

TEST_P(TrialStoreTest, AChangeReadsTheStudyAsItStandsNow) {
  const StudyId id = AddStudy("dogs");
  const auto notes = [&](TrialReader& reader) { return reader.GetStudy(id)->notes; };
  const auto set_notes = [&](TrialWriter& writer, const std::string& text) -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(Study study, writer.GetStudy(id));
    study.notes = text;
    return writer.UpdateStudy(study);
  };
  ASSERT_TRUE(Write([&](TrialWriter& writer) -> absl::Status {
                VIZSLA_RETURN_IF_ERROR(set_notes(writer, "first"));
                EXPECT_EQ(notes(writer), "first");
                return absl::OkStatus();
              }).ok());
  // An undone change has shown its own words, and nobody sees them after it.
  EXPECT_FALSE(Write([&](TrialWriter& writer) -> absl::Status {
                 EXPECT_EQ(notes(writer), "first");
                 VIZSLA_RETURN_IF_ERROR(set_notes(writer, "undone"));
                 EXPECT_EQ(notes(writer), "undone");
                 return absl::InternalError("undo this");
               }).ok());
  ASSERT_TRUE(Write([&](TrialWriter& writer) -> absl::Status {
                EXPECT_EQ(notes(writer), "first");
                EXPECT_EQ(notes(writer), "first");
                return writer.DeleteStudy(id);
              }).ok());
  // The next study may get the deleted one's id.
  const StudyId next = AddStudy("cats");
  ASSERT_TRUE(Write([&](TrialWriter& writer) -> absl::Status {
                EXPECT_EQ(writer.GetStudy(next)->spec.name, "cats");
                if (next != id) {
                  EXPECT_TRUE(absl::IsNotFound(writer.GetStudy(id).status()));
                }
                return absl::OkStatus();
              }).ok());
}

// The next study may get the id of one that was undone after it had been read.
TEST_P(TrialStoreTest, AnUndoneStudyIsForgotten) {
  StudyId undone;
  EXPECT_FALSE(Write([&](TrialWriter& writer) -> absl::Status {
                 VIZSLA_ASSIGN_OR_RETURN(undone, writer.InsertStudy(SampleStudy("undone")));
                 EXPECT_EQ(writer.GetStudy(undone)->spec.name, "undone");
                 return absl::InternalError("undo this");
               }).ok());
  ASSERT_TRUE(Write([&](TrialWriter& writer) -> absl::Status {
                EXPECT_TRUE(absl::IsNotFound(writer.GetStudy(undone).status()));
                return absl::OkStatus();
              }).ok());
  const StudyId next = AddStudy("next");
  ASSERT_TRUE(Write([&](TrialWriter& writer) -> absl::Status {
                EXPECT_EQ(writer.GetStudy(next)->spec.name, "next");
                return absl::OkStatus();
              }).ok());
}

TEST_P(TrialStoreTest, NamesOfStudiesAreUnique) {
  AddStudy("dogs");
  const StudyId cats = AddStudy("cats");
  EXPECT_TRUE(absl::IsAlreadyExists(Write(
      [&](TrialWriter& writer) { return writer.InsertStudy(SampleStudy("dogs")).status(); })));
  Study renamed = *FindStudy("cats");
  renamed.spec.name = "dogs";
  EXPECT_TRUE(absl::IsAlreadyExists(
      Write([&](TrialWriter& writer) { return writer.UpdateStudy(renamed); })));
  renamed.spec.name = "wolves";
  EXPECT_TRUE(Write([&](TrialWriter& writer) { return writer.UpdateStudy(renamed); }).ok());
  EXPECT_EQ(FindStudy("wolves")->id, cats);
  EXPECT_TRUE(absl::IsNotFound(FindStudy("cats").status()));
}

TEST_P(TrialStoreTest, DeletingAStudyTakesAllThatBelongsToIt) {
  const StudyId dogs = AddStudy("dogs");
  const StudyId cats = AddStudy("cats");
  const TrialId dog = AddTrial(SampleTrial(dogs, 1));
  const TrialId cat = AddTrial(SampleTrial(cats, 1));
  ASSERT_TRUE(Write([&](TrialWriter& writer) -> absl::Status {
                for (const TrialId trial : {dog, cat}) {
                  VIZSLA_RETURN_IF_ERROR(writer.UpsertReport(trial, SampleReport(1, 0.5)));
                  AttemptRow attempt;
                  attempt.trial = trial;
                  attempt.attempt = AttemptNumber(1);
                  VIZSLA_RETURN_IF_ERROR(writer.UpsertAttempt(attempt));
                  VIZSLA_RETURN_IF_ERROR(
                      writer.AppendLog(trial, {AttemptNumber(1), SampleTime(3), "hello"}));
                }
                EvaluationRow evaluation;
                evaluation.study = dogs;
                VIZSLA_RETURN_IF_ERROR(writer.InsertEvaluation(evaluation).status());
                return writer.DeleteStudy(dogs);
              }).ok());
  EXPECT_TRUE(absl::IsNotFound(GetTrial(dog).status()));
  EXPECT_TRUE(GetTrial(cat).ok());
  const auto reports = [&](TrialId id) {
    return *Get<std::vector<EpochReport>>(
        [&](TrialReader& reader) { return reader.ListReports(id); });
  };
  EXPECT_THAT(reports(dog), IsEmpty());
  EXPECT_EQ(reports(cat).size(), 1u);
  EXPECT_THAT(*Get<std::vector<EvaluationRow>>(
                  [&](TrialReader& reader) { return reader.ListEvaluations(dogs); }),
              IsEmpty());
  EXPECT_TRUE(absl::IsNotFound(Write([&](TrialWriter& w) { return w.DeleteStudy(dogs); })));
  // A late message for the deleted trial must not reach a newer one.
  EXPECT_GT(AddTrial(SampleTrial(cats, 2)), dog);
  EXPECT_GT(AddStudy("dogs"), cats);
}

TEST_P(TrialStoreTest, ATrialReadsBackAsWritten) {
  const StudyId study = AddStudy("dogs");
  Trial given = SampleTrial(study, 1);
  given.id = AddTrial(given);
  given.state = TrialState::kDiverged;
  given.attempt = AttemptNumber(3);
  given.crashes = 2;
  given.epoch = 7;
  given.score = 0.1 + 0.2;  // not exact in decimal
  given.best_epoch = 5;
  given.best_checkpoint = SampleHash('c');
  given.last_checkpoint = SampleHash('d');
  given.last_checkpoint_epoch = 6;
  given.worker = "host:12/0";
  given.reason = "val_loss is not finite";
  given.stage = 3;
  given.name = "renamed";
  given.notes = "a line\nand another";
  given.warm_start = {WarmStart::Kind::kBest, 12, SampleHash('e')};
  given.lineage = {12, 5, 3, SampleHash('7')};
  given.repeat_of = 11;
  given.final_run = true;
  given.started_at = SampleTime(4);
  given.finished_at = SampleTime(5);
  given.checkpoint_dropped = true;
  ASSERT_TRUE(Write([&](TrialWriter& writer) { return writer.UpdateTrial(given); }).ok());
  for (const auto& stored : {GetTrial(given.id), Get<Trial>([&](TrialReader& reader) {
                               return reader.FindTrial(study, 1);
                             })}) {
    ASSERT_TRUE(stored.ok()) << stored.status();
    EXPECT_EQ(stored->id, given.id);
    EXPECT_EQ(stored->study, study);
    EXPECT_EQ(stored->number, 1);
    EXPECT_EQ(stored->name, given.name);
    EXPECT_EQ(stored->notes, given.notes);
    EXPECT_EQ(stored->configuration, given.configuration);
    EXPECT_EQ(stored->state, given.state);
    EXPECT_EQ(stored->attempt, given.attempt);
    EXPECT_EQ(stored->crashes, 2);
    EXPECT_EQ(stored->epoch, 7);
    EXPECT_EQ(stored->score, given.score);
    EXPECT_EQ(stored->best_epoch, 5);
    EXPECT_EQ(stored->best_checkpoint, given.best_checkpoint);
    EXPECT_EQ(stored->last_checkpoint, given.last_checkpoint);
    EXPECT_EQ(stored->last_checkpoint_epoch, 6);
    EXPECT_EQ(stored->worker, given.worker);
    EXPECT_EQ(stored->reason, given.reason);
    EXPECT_EQ(stored->created_at, given.created_at);
    EXPECT_EQ(stored->started_at, given.started_at);
    EXPECT_EQ(stored->finished_at, given.finished_at);
    EXPECT_EQ(stored->stage, 3);
    EXPECT_TRUE(stored->checkpoint_dropped);
    EXPECT_EQ(stored->warm_start, given.warm_start);
    EXPECT_EQ(stored->lineage, given.lineage);
    EXPECT_EQ(stored->repeat_of, 11);
    EXPECT_TRUE(stored->final_run);
  }
}

TEST_P(TrialStoreTest, EveryKindOfWarmStartReadsBack) {
  const StudyId study = AddStudy("dogs");
  for (int kind = 0; kind <= static_cast<int>(WarmStart::Kind::kBestConfiguration); ++kind) {
    Trial trial = SampleTrial(study, kind + 1);
    trial.warm_start = {static_cast<WarmStart::Kind>(kind), kind, ""};
    const auto stored = GetTrial(AddTrial(trial));
    ASSERT_TRUE(stored.ok()) << stored.status();
    EXPECT_EQ(stored->warm_start, trial.warm_start);
    EXPECT_EQ(stored->stage, 1);
  }
}

TEST_P(TrialStoreTest, ScoresThatAreNoNumbersReadBack) {
  const StudyId study = AddStudy("dogs");
  const double inf = std::numeric_limits<double>::infinity();
  int64_t number = 0;
  for (const std::optional<double> score :
       {std::optional<double>(), std::optional<double>(std::nan("")), std::optional<double>(inf),
        std::optional<double>(-inf), std::optional<double>(0.0)}) {
    Trial trial = SampleTrial(study, ++number);
    trial.score = score;
    if (score) trial.further_values = {std::nan(""), -inf, 0.1, 23587712};
    const auto stored = GetTrial(AddTrial(trial));
    ASSERT_EQ(stored->score.has_value(), score.has_value()) << number;
    EXPECT_TRUE(score || stored->further_values.empty());
    if (!score) continue;
    ASSERT_EQ(stored->further_values.size(), 4u);
    EXPECT_TRUE(std::isnan(stored->further_values[0]));
    EXPECT_EQ(stored->further_values[1], -inf);
    EXPECT_EQ(stored->further_values[2], 0.1);
    EXPECT_EQ(stored->further_values[3], 23587712);
    EXPECT_EQ(std::isnan(*stored->score), std::isnan(*score));
    EXPECT_TRUE(std::isnan(*score) || *stored->score == *score) << number;
  }
}

TEST_P(TrialStoreTest, TrialsAreListedByStateInOrderOfNumber) {
  const StudyId study = AddStudy("dogs");
  const StudyId other = AddStudy("cats");
  AddTrial(SampleTrial(other, 1));
  const TrialState states[] = {TrialState::kQueued, TrialState::kRunning, TrialState::kQueued,
                               TrialState::kFailed};
  for (const int64_t number : {3, 1, 2, 4}) {  // not in order
    Trial trial = SampleTrial(study, number);
    trial.state = states[number - 1];
    AddTrial(trial);
  }
  const auto numbers = [&](std::vector<TrialState> wanted) {
    const auto trials = Get<std::vector<Trial>>(
        [&](TrialReader& reader) { return reader.ListTrials(study, wanted); });
    std::vector<int64_t> listed;
    for (const Trial& trial : *trials) {
      listed.push_back(trial.number);
    }
    EXPECT_EQ(static_cast<int64_t>(listed.size()), *Get<int64_t>([&](TrialReader& reader) {
                return reader.CountTrials(study, wanted);
              }));
    return listed;
  };
  EXPECT_THAT(numbers({}), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(numbers({TrialState::kQueued}), ElementsAre(1, 3));
  EXPECT_THAT(numbers({TrialState::kRunning, TrialState::kFailed}), ElementsAre(2, 4));
  EXPECT_THAT(numbers({TrialState::kPaused}), IsEmpty());
  const auto first =
      Get<std::optional<Trial>>([&](TrialReader& reader) { return reader.FirstQueued(study); });
  EXPECT_EQ((*first)->number, 1);
  const auto last = [&](StudyId id) {
    return *Get<int64_t>([&](TrialReader& reader) { return reader.LastTrialNumber(id); });
  };
  EXPECT_EQ(last(study), 4);
  EXPECT_EQ(last(AddStudy("empty")), 0);
}

TEST_P(TrialStoreTest, WalksOverTrialsInOrderOfNumber) {
  const StudyId study = AddStudy("dogs");
  AddTrial(SampleTrial(AddStudy("cats"), 1));
  for (const int64_t number : {3, 1, 2}) AddTrial(SampleTrial(study, number));
  std::vector<int64_t> walked;
  const auto walk = [&](const absl::Status& after_two) {
    walked.clear();
    return open_.store->Read([&](TrialReader& reader) -> absl::Status {
      return reader.ForEachTrial(study, [&](const Trial& trial) -> absl::Status {
        EXPECT_EQ(trial.configuration, SampleTrial(study, 1).configuration);
        walked.push_back(trial.number);
        // It may read meanwhile.
        VIZSLA_ASSIGN_OR_RETURN(const Trial again, reader.GetTrial(trial.id));
        EXPECT_EQ(again.number, trial.number);
        VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> all, reader.ListTrials(study, {}));
        EXPECT_EQ(all.size(), 3u);
        return trial.number == 2 ? after_two : absl::OkStatus();
      });
    });
  };
  EXPECT_TRUE(walk(absl::OkStatus()).ok());
  EXPECT_THAT(walked, ElementsAre(1, 2, 3));
  EXPECT_TRUE(absl::IsAborted(walk(absl::AbortedError("enough"))));
  EXPECT_THAT(walked, ElementsAre(1, 2)) << "an error ends the walk";
  EXPECT_TRUE(walk(absl::OkStatus()).ok()) << "and the next one begins anew";
  EXPECT_THAT(walked, ElementsAre(1, 2, 3));
}

TEST_P(TrialStoreTest, TrialsAreSummarized) {
  const StudyId study = AddStudy("dogs");
  AddTrial(SampleTrial(AddStudy("cats"), 1));
  Trial second = SampleTrial(study, 2);
  second.stage = 2;
  second.state = TrialState::kRunning;
  second.epoch = 7;
  second.score = 0.75;
  second.further_values = {12, -std::numeric_limits<double>::infinity()};
  second.started_at = SampleTime(3);
  second.repeat_of = 1;
  second.final_run = true;
  second.lineage.parent = 1;
  second.id = AddTrial(second);
  const TrialId first = AddTrial(SampleTrial(study, 1));
  Trial third = SampleTrial(study, 3);
  third.score = std::nan("");
  AddTrial(third);
  ASSERT_TRUE(Write([&](TrialWriter& writer) -> absl::Status {
                AttemptRow attempt;
                attempt.trial = second.id;
                attempt.attempt = AttemptNumber(1);
                attempt.worker = "w";
                attempt.started_at = SampleTime(10);
                attempt.ended_at = SampleTime(13);
                VIZSLA_RETURN_IF_ERROR(writer.UpsertAttempt(attempt));
                attempt.attempt = AttemptNumber(2);
                attempt.ended_at = SampleTime(9);  // the clock was set back
                VIZSLA_RETURN_IF_ERROR(writer.UpsertAttempt(attempt));
                attempt.attempt = AttemptNumber(3);
                attempt.started_at = SampleTime(20);
                attempt.ended_at.reset();
                return writer.UpsertAttempt(attempt);
              }).ok());
  const auto summaries = Get<std::vector<TrialSummary>>(
      [&](TrialReader& reader) { return reader.SummarizeTrials(study); });
  ASSERT_TRUE(summaries.ok()) << summaries.status();
  ASSERT_EQ(summaries->size(), 3u);
  TrialSummary queued;
  queued.id = first;
  queued.study = study;
  queued.number = 1;
  EXPECT_EQ((*summaries)[0], queued);
  TrialSummary running;
  running.id = second.id;
  running.study = study;
  running.number = 2;
  running.stage = 2;
  running.repeat_of = 1;
  running.final_run = true;
  running.parent = 1;
  running.state = TrialState::kRunning;
  running.epoch = 7;
  running.score = 0.75;
  running.further_values = second.further_values;
  running.started = true;
  running.trained = Milliseconds(3000);
  running.running_since = SampleTime(20);
  EXPECT_EQ((*summaries)[1], running);
  EXPECT_TRUE(std::isnan(*(*summaries)[2].score));
  const auto one = [&](TrialId id) {
    return Get<TrialSummary>([&](TrialReader& reader) { return reader.SummarizeTrial(id); });
  };
  EXPECT_EQ(*one(second.id), running);
  EXPECT_EQ(*one(first), queued);
  EXPECT_TRUE(absl::IsNotFound(one(TrialId(99)).status()));
}

TEST_P(TrialStoreTest, ListsTheRunsOfAConfiguration) {
  const StudyId study = AddStudy("dogs");
  const StudyId other = AddStudy("cats");
  for (int64_t number = 1; number <= 6; ++number) {
    for (const StudyId of : {study, other}) {
      Trial trial = SampleTrial(of, number);
      if (number == 3 || number == 6) trial.repeat_of = of == study ? 2 : 1;
      trial.final_run = number == 6;
      AddTrial(trial);
    }
  }
  const auto runs = [&](StudyId of, int64_t first) {
    std::vector<int64_t> numbers;
    const auto listed =
        Get<std::vector<Trial>>([&](TrialReader& reader) { return reader.ListRuns(of, first); });
    for (const Trial& trial : *listed) {
      EXPECT_EQ(trial.study, of);
      numbers.push_back(trial.number);
    }
    return numbers;
  };
  EXPECT_THAT(runs(study, 2), ElementsAre(2, 3, 6));
  EXPECT_THAT(runs(other, 1), ElementsAre(1, 3, 6));
  EXPECT_THAT(runs(study, 1), ElementsAre(1));
  EXPECT_THAT(runs(study, 9), IsEmpty());
}

TEST_P(TrialStoreTest, TellsWhetherThereIsATrial) {
  const StudyId study = AddStudy("dogs");
  const auto any = [&](std::vector<TrialState> states) {
    return *Get<bool>([&](TrialReader& reader) { return reader.AnyTrial(study, states); });
  };
  EXPECT_FALSE(any({}));
  Trial trial = SampleTrial(study, 1);
  trial.state = TrialState::kPaused;
  AddTrial(trial);
  EXPECT_TRUE(any({}));
  EXPECT_TRUE(any({TrialState::kQueued, TrialState::kPaused}));
  EXPECT_FALSE(any({TrialState::kQueued, TrialState::kRunning}));
}

TEST_P(TrialStoreTest, FindsWhatAWorkerTrains) {
  const StudyId dogs = AddStudy("dogs");
  const StudyId cats = AddStudy("cats");
  const auto add = [&](StudyId study, int64_t number, TrialState state, const std::string& worker) {
    Trial trial = SampleTrial(study, number);
    trial.state = state;
    trial.worker = worker;
    return AddTrial(trial);
  };
  const TrialId first = add(dogs, 1, TrialState::kRunning, "host:1/0");
  add(dogs, 2, TrialState::kRunning, "host:2/0");
  add(dogs, 3, TrialState::kCompleted, "host:1/0");
  const TrialId last = add(cats, 1, TrialState::kRunning, "host:1/0");
  const auto held = [&](const std::string& worker) {
    std::vector<TrialId> ids;
    const auto trials =
        *Get<std::vector<Trial>>([&](TrialReader& reader) { return reader.ListHeldBy(worker); });
    for (const Trial& trial : trials) ids.push_back(trial.id);
    return ids;
  };
  EXPECT_THAT(held("host:1/0"), ElementsAre(first, last));
  EXPECT_THAT(held("host:3/0"), IsEmpty());
}

TEST_P(TrialStoreTest, StatesAreSummarized) {
  const StudyId study = AddStudy("dogs");
  AddTrial(SampleTrial(AddStudy("other"), 1));
  const std::optional<double> scores[] = {0.5, std::nullopt, 0.75, 0.25,
                                          std::numeric_limits<double>::quiet_NaN()};
  for (int64_t number = 1; number <= 5; ++number) {
    Trial trial = SampleTrial(study, number);
    trial.state = number == 2 ? TrialState::kQueued : TrialState::kCompleted;
    trial.score = scores[number - 1];
    AddTrial(trial);
  }
  const auto summaries = *Get<std::vector<StateSummary>>(
      [&](TrialReader& reader) { return reader.SummarizeStates(study); });
  ASSERT_EQ(summaries.size(), 2U);
  EXPECT_EQ(summaries[0].state, TrialState::kQueued);
  EXPECT_EQ(summaries[0].trials, 1);
  EXPECT_EQ(summaries[0].lowest_score, std::nullopt);
  EXPECT_EQ(summaries[0].highest_score, std::nullopt);
  EXPECT_EQ(summaries[1].state, TrialState::kCompleted);
  EXPECT_EQ(summaries[1].trials, 4);
  EXPECT_EQ(summaries[1].lowest_score, 0.25);
  EXPECT_EQ(summaries[1].highest_score, 0.75);
}

TEST_P(TrialStoreTest, NumbersAreUniqueAndTrialsNeedTheirStudy) {
  const StudyId study = AddStudy("dogs");
  AddTrial(SampleTrial(study, 1));
  EXPECT_TRUE(absl::IsAlreadyExists(
      Write([&](TrialWriter& w) { return w.InsertTrial(SampleTrial(study, 1)).status(); })));
  EXPECT_FALSE(Write([&](TrialWriter& w) {
                 return w.InsertTrial(SampleTrial(StudyId(77), 1)).status();
               }).ok());
  EXPECT_FALSE(Write([&](TrialWriter& w) {
                 return w.UpsertReport(TrialId(77), SampleReport(1, 0.5));
               }).ok());
  Trial missing = SampleTrial(study, 9);
  missing.id = TrialId(77);
  EXPECT_TRUE(absl::IsNotFound(Write([&](TrialWriter& w) { return w.UpdateTrial(missing); })));
  EXPECT_TRUE(absl::IsNotFound(GetTrial(TrialId(77)).status()));
}

TEST_P(TrialStoreTest, ReportsReplaceThoseOfTheSameEpoch) {
  const TrialId trial = AddTrial(SampleTrial(AddStudy("dogs"), 1));
  EpochReport odd = SampleReport(2, 0.5);
  odd.metrics = {{"val_loss", std::nan("")},
                 {"train_loss", std::numeric_limits<double>::infinity()},
                 {"low", -std::numeric_limits<double>::infinity()},
                 {"tiny", 5e-324},
                 {"third", 1.0 / 3}};
  odd.checkpoint_hash = SampleHash('e');
  EpochReport newer = SampleReport(1, 0.9);
  newer.attempt = AttemptNumber(2);
  ASSERT_TRUE(Write([&](TrialWriter& writer) -> absl::Status {
                VIZSLA_RETURN_IF_ERROR(writer.UpsertReport(trial, odd));
                VIZSLA_RETURN_IF_ERROR(writer.UpsertReport(trial, SampleReport(1, 0.3)));
                return writer.UpsertReport(trial, newer);
              }).ok());
  const auto reports =
      Get<std::vector<EpochReport>>([&](TrialReader& reader) { return reader.ListReports(trial); });
  ASSERT_EQ(reports->size(), 2u);
  for (const char* name : {"val_loss", "train_loss", "low", "tiny", "third", "absent"}) {
    const auto values = Get<std::vector<ReportedValue>>(
        [&](TrialReader& reader) { return reader.ListValues(trial, name); });
    const auto expected = ValuesOf(*reports, name);
    ASSERT_EQ(values->size(), 2u);
    for (size_t i = 0; i < 2; ++i) {
      EXPECT_EQ((*values)[i].epoch, expected[i].epoch) << name;
      EXPECT_EQ((*values)[i].attempt, expected[i].attempt) << name;
      EXPECT_TRUE((*values)[i].value == expected[i].value ||
                  (std::isnan((*values)[i].value) && std::isnan(expected[i].value)))
          << name;
    }
  }
  EXPECT_EQ((*reports)[0].metrics, newer.metrics);
  EXPECT_EQ((*reports)[0].attempt, AttemptNumber(2));
  const EpochReport& stored = (*reports)[1];
  EXPECT_EQ(stored.epoch, 2);
  EXPECT_EQ(stored.duration, odd.duration);
  EXPECT_EQ(stored.reported_at, odd.reported_at);
  EXPECT_EQ(stored.checkpoint_hash, odd.checkpoint_hash);
  EXPECT_TRUE(std::isnan(stored.metrics.at("val_loss")));
  for (const char* name : {"train_loss", "low", "tiny", "third"}) {
    EXPECT_EQ(stored.metrics.at(name), odd.metrics.at(name)) << name;
  }
}

TEST_P(TrialStoreTest, AttemptsLogsAndEvaluations) {
  const StudyId study = AddStudy("dogs");
  const TrialId trial = AddTrial(SampleTrial(study, 1));
  AttemptRow attempt;
  attempt.trial = trial;
  attempt.attempt = AttemptNumber(2);
  attempt.worker = "host:1/0";
  attempt.started_at = SampleTime(1);
  EvaluationRow evaluation;
  evaluation.study = study;
  evaluation.trial_number = 1;
  evaluation.split = "test";
  evaluation.model_hash = SampleHash('f');
  evaluation.metrics = {{"accuracy", std::nan("")}};
  evaluation.user = "me";
  evaluation.created_at = SampleTime(50);
  ASSERT_TRUE(Write([&](TrialWriter& writer) -> absl::Status {
                VIZSLA_RETURN_IF_ERROR(writer.UpsertAttempt(attempt));
                attempt.outcome = AttemptOutcome::kPreempted;
                attempt.reason = "SIGTERM";
                attempt.ended_at = SampleTime(2);
                VIZSLA_RETURN_IF_ERROR(writer.UpsertAttempt(attempt));
                for (int i = 1; i <= 5; ++i) {
                  VIZSLA_RETURN_IF_ERROR(writer.AppendLog(
                      trial, {AttemptNumber(2), SampleTime(i), "line " + std::to_string(i)}));
                }
                VIZSLA_RETURN_IF_ERROR(writer.TrimLogs(trial, 3));
                VIZSLA_RETURN_IF_ERROR(writer.TrimLogs(trial, 10));
                return writer.InsertEvaluation(evaluation).status();
              }).ok());
  const auto attempts =
      Get<std::vector<AttemptRow>>([&](TrialReader& reader) { return reader.ListAttempts(trial); });
  ASSERT_EQ(attempts->size(), 1u);
  EXPECT_EQ((*attempts)[0].outcome, AttemptOutcome::kPreempted);
  EXPECT_EQ((*attempts)[0].reason, "SIGTERM");
  EXPECT_EQ((*attempts)[0].worker, "host:1/0");
  EXPECT_EQ((*attempts)[0].started_at, SampleTime(1));
  EXPECT_EQ((*attempts)[0].ended_at, SampleTime(2));
  const auto logs =
      Get<std::vector<LogRow>>([&](TrialReader& reader) { return reader.ListLogs(trial); });
  ASSERT_EQ(logs->size(), 3u);
  EXPECT_EQ((*logs)[0].text, "line 3");
  EXPECT_EQ((*logs)[2].at, SampleTime(5));
  const auto evaluations = Get<std::vector<EvaluationRow>>(
      [&](TrialReader& reader) { return reader.ListEvaluations(study); });
  ASSERT_EQ(evaluations->size(), 1u);
  EXPECT_EQ((*evaluations)[0].model_hash, evaluation.model_hash);
  EXPECT_EQ((*evaluations)[0].user, "me");
  EXPECT_TRUE(std::isnan((*evaluations)[0].metrics.at("accuracy")));
  EXPECT_GT((*evaluations)[0].id, 0);
}

TEST_P(TrialStoreTest, DecisionsAreNumberedWithinTheirStudyAndReadInPages) {
  const StudyId dogs = AddStudy("dogs");
  const StudyId cats = AddStudy("cats");
  const std::string bytes("\0\xff nul and no UTF-8", 19);
  const auto append = [&](StudyId study, const std::string& events) {
    return Write([&](TrialWriter& writer) {
      return writer.AppendDecisions(study, FromUnixMillis(1'234), events);
    });
  };
  for (int i = 1; i <= 150; ++i) {
    ASSERT_TRUE(append(dogs, i == 2 ? bytes : StrCat("row ", i)).ok());
  }
  ASSERT_TRUE(append(cats, "meow").ok());
  EXPECT_FALSE(append(StudyId(99), "nobody's").ok());
  EXPECT_FALSE(Write([&](TrialWriter& writer) -> absl::Status {
                 VIZSLA_RETURN_IF_ERROR(writer.AppendDecisions(dogs, {}, "undone"));
                 return absl::AbortedError("no");
               }).ok());
  const auto list = [&](StudyId study, int64_t after, int64_t limit) {
    return *Get<std::vector<DecisionRow>>(
        [&](TrialReader& reader) { return reader.ListDecisions(study, after, limit); });
  };
  const std::vector<DecisionRow> page = list(dogs, 1, 100);
  ASSERT_EQ(page.size(), 100u);
  EXPECT_EQ(page[0].sequence, 2);
  EXPECT_EQ(page[0].at, FromUnixMillis(1'234));
  EXPECT_EQ(page[0].events, bytes);
  EXPECT_EQ(page[99].sequence, 101);
  EXPECT_EQ(page[99].events, "row 101");
  EXPECT_EQ(list(dogs, 149, 100).size(), 1u);
  EXPECT_TRUE(list(dogs, 150, 100).empty());
  EXPECT_EQ(list(cats, 0, 100)[0].sequence, 1);
  ASSERT_TRUE(Write([&](TrialWriter& writer) { return writer.DeleteStudy(dogs); }).ok());
  EXPECT_TRUE(list(dogs, 0, 100).empty()) << "deleted with the study";
  EXPECT_EQ(list(cats, 0, 100).size(), 1u);
}

TEST_P(TrialStoreTest, ArtifactsAreReferencedByStudiesTrialsAndReports) {
  const StudyId study = AddStudy("dogs");  // 'a' and 'b'
  Trial trial = SampleTrial(study, 1);
  trial.best_checkpoint = SampleHash('c');
  trial.last_checkpoint = SampleHash('d');
  const TrialId id = AddTrial(trial);
  EpochReport report = SampleReport(1, 0.5);
  report.checkpoint_hash = SampleHash('e');
  ASSERT_TRUE(Write([&](TrialWriter& w) { return w.UpsertReport(id, report); }).ok());
  for (const char digit : {'a', 'b', 'c', 'd', 'e', 'f'}) {
    EXPECT_EQ(*Get<bool>([&](TrialReader& reader) {
      return reader.IsArtifactReferenced(SampleHash(digit));
    }),
              digit != 'f');
  }
  EXPECT_FALSE(*Get<bool>([&](TrialReader& reader) { return reader.IsArtifactReferenced(""); }));
}

// What a trial starts from must outlive the trial that made it.
TEST_P(TrialStoreTest, AnInitialCheckpointIsReferenced) {
  const StudyId study = AddStudy("dogs");
  Trial trial = SampleTrial(study, 1);
  trial.warm_start = {WarmStart::Kind::kTrial, 7, SampleHash('9')};
  AddTrial(trial);
  EXPECT_TRUE(*Get<bool>(
      [&](TrialReader& reader) { return reader.IsArtifactReferenced(SampleHash('9')); }));
  EXPECT_FALSE(*Get<bool>(
      [&](TrialReader& reader) { return reader.IsArtifactReferenced(SampleHash('8')); }));
}

// Afterwards nobody needs it.
TEST_P(TrialStoreTest, AnInitialCheckpointIsReferencedUntilItsTrialHasEnded) {
  const StudyId study = AddStudy("dogs");
  Trial trial = SampleTrial(study, 1);
  trial.warm_start = {WarmStart::Kind::kTrial, 7, SampleHash('9')};
  trial.id = AddTrial(trial);
  for (int state = 0; state <= static_cast<int>(TrialState::kCancelled); ++state) {
    trial.state = static_cast<TrialState>(state);
    ASSERT_TRUE(Write([&](TrialWriter& writer) { return writer.UpdateTrial(trial); }).ok());
    EXPECT_EQ(*Get<bool>([&](TrialReader& reader) {
      return reader.IsArtifactReferenced(SampleHash('9'));
    }),
              !IsFinished(trial.state))
        << ToText(trial.state);
  }
}

TEST_P(TrialStoreTest, WhyAStudyEndedAndWhatItLearntReadBack) {
  Study study = SampleStudy("dogs");
  study.id = AddStudy("dogs");
  study.end_reason = "target 0.9 reached by trial 17 (0.912)";
  study.learned = "learns from 3 trials of 'old'";
  ASSERT_TRUE(Write([&](TrialWriter& writer) { return writer.UpdateStudy(study); }).ok());
  EXPECT_EQ(FindStudy("dogs")->end_reason, study.end_reason);
  EXPECT_EQ(FindStudy("dogs")->learned, study.learned);
}

TEST_P(TrialStoreTest, StopProgressReadsBackAndGoesWithItsStudy) {
  const StudyId study = AddStudy("dogs");
  const auto stored = [&] {
    return *Get<StopProgress>([&](TrialReader& reader) { return reader.GetStopProgress(study); });
  };
  EXPECT_EQ(stored(), StopProgress());
  StopProgress progress{12, 3, 0.1 + 0.2, 2, 5, 0.25, 1};
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(
        Write([&](TrialWriter& writer) { return writer.PutStopProgress(study, progress); }).ok());
    EXPECT_EQ(stored(), progress);
    progress.best.reset();
    ++progress.epochs;
  }
  EXPECT_FALSE(Write([&](TrialWriter& writer) {
                 return writer.PutStopProgress(StudyId(99), progress);
               }).ok());
  ASSERT_TRUE(Write([&](TrialWriter& writer) { return writer.DeleteStudy(study); }).ok());
  EXPECT_EQ(stored(), StopProgress());
}

TEST_P(TrialStoreTest, LearnedTrialsReadBackInOrderAndGoWithTheirStudy) {
  const StudyId study = AddStudy("dogs");
  LearnedTrial scored{"old", 7, {{"dropout", 0.25}}, TrialState::kPruned, 4, 0.1 + 0.2};
  LearnedTrial failed{"old", 8, {{"dropout", 0.5}}, TrialState::kFailed, 0, std::nullopt};
  LearnedTrial no_number = scored;
  no_number.study = "older";
  no_number.number = 1;
  no_number.score = std::numeric_limits<double>::quiet_NaN();
  ASSERT_TRUE(Write([&](TrialWriter& writer) -> absl::Status {
                VIZSLA_RETURN_IF_ERROR(
                    writer.InsertLearned(study, std::vector<LearnedTrial>{scored, failed}));
                return writer.InsertLearned(study, std::vector<LearnedTrial>{no_number});
              }).ok());
  const auto listed = [&] {
    return *Get<std::vector<LearnedTrial>>(
        [&](TrialReader& reader) { return reader.ListLearned(study); });
  };
  const std::vector<LearnedTrial> learned = listed();
  ASSERT_EQ(learned.size(), 3);
  EXPECT_EQ(learned[0].study, "old");
  EXPECT_EQ(learned[0].number, 7);
  EXPECT_EQ(learned[0].configuration, scored.configuration);
  EXPECT_EQ(learned[0].state, TrialState::kPruned);
  EXPECT_EQ(learned[0].epoch, 4);
  EXPECT_EQ(learned[0].score, scored.score);
  EXPECT_EQ(learned[1].number, 8);
  EXPECT_EQ(learned[1].score, std::nullopt);
  EXPECT_EQ(learned[2].study, "older");
  EXPECT_TRUE(learned[2].score && std::isnan(*learned[2].score));
  ASSERT_TRUE(Write([&](TrialWriter& writer) { return writer.DeleteStudy(study); }).ok());
  EXPECT_TRUE(listed().empty());
}

TEST_P(TrialStoreTest, AFailedChangeIsUndoneAlone) {
  AddStudy("before");
  const absl::Status failed = Write([&](TrialWriter& writer) -> absl::Status {
    VIZSLA_RETURN_IF_ERROR(writer.InsertStudy(SampleStudy("undone")).status());
    return absl::AbortedError("changed my mind");
  });
  EXPECT_TRUE(absl::IsAborted(failed));
  AddStudy("after");
  EXPECT_TRUE(FindStudy("before").ok());
  EXPECT_TRUE(absl::IsNotFound(FindStudy("undone").status()));
  EXPECT_TRUE(FindStudy("after").ok());
}

TEST_P(TrialStoreTest, AReaderSeesASnapshotAndDoesNotWaitForTheWriter) {
  AddStudy("before");
  std::latch inside_write(1), read_done(1);
  std::thread writer([&] {
    EXPECT_TRUE(Write([&](TrialWriter& w) -> absl::Status {
                  VIZSLA_RETURN_IF_ERROR(w.InsertStudy(SampleStudy("during")).status());
                  EXPECT_TRUE(w.FindStudy("during").ok());  // sees its own rows
                  inside_write.count_down();
                  read_done.wait();  // hangs for ever if readers wait for writers
                  return absl::OkStatus();
                }).ok());
  });
  inside_write.wait();
  EXPECT_TRUE(FindStudy("before").ok());
  EXPECT_TRUE(absl::IsNotFound(FindStudy("during").status()));
  read_done.count_down();
  writer.join();
  EXPECT_TRUE(FindStudy("during").ok());

  // And the other way round: what is committed while a query runs is not seen by it.
  EXPECT_TRUE(open_.store
                  ->Read([&](TrialReader& reader) -> absl::Status {
                    EXPECT_FALSE(reader.FindStudy("later").ok());
                    AddStudy("later");
                    EXPECT_FALSE(reader.FindStudy("later").ok());
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_TRUE(FindStudy("later").ok());
}

TEST_P(TrialStoreTest, ConcurrentChangesRunOneAfterAnother) {
  const StudyId study = AddStudy("dogs");
  constexpr int kThreads = 8, kEach = 25;
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        // Reads the largest number and takes the next: a lost update would collide.
        const absl::Status status = Write([&](TrialWriter& writer) -> absl::Status {
          VIZSLA_ASSIGN_OR_RETURN(const int64_t last, writer.LastTrialNumber(study));
          VIZSLA_RETURN_IF_ERROR(writer.InsertTrial(SampleTrial(study, last + 1)).status());
          if (i % 5 == 4) return absl::AbortedError("undone");
          return absl::OkStatus();
        });
        if (!status.ok()) ++refused;
        EXPECT_EQ(status.ok(), i % 5 != 4) << status;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(refused, kThreads * kEach / 5);
  EXPECT_EQ(*Get<int64_t>([&](TrialReader& reader) { return reader.LastTrialNumber(study); }),
            kThreads * kEach * 4 / 5);
}

}  // namespace
}  // namespace vizsla
