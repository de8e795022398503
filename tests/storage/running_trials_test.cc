// What the writing connection remembers of running trials is what the file holds, whatever was
// written, undone, or lost with its commit.
#include "src/storage/running_trials.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <sstream>

#include "src/base/file.h"
#include "src/base/random.h"
#include "src/storage/sqlite_trial_store.h"
#include "tests/storage/samples.h"

namespace vizsla {
namespace {

int64_t Millis(const std::optional<Timestamp>& time) { return time ? ToUnixMillis(*time) : -1; }

// Every stored field.
std::string Describe(const Trial& t) {
  std::ostringstream out;
  out.precision(17);
  out << t.id.value() << ' ' << t.study.value() << ' ' << t.number << ' ' << t.stage << ' '
      << t.repeat_of << ' ' << t.final_run << " '" << t.name << "' '" << t.notes << "' "
      << ToJsonText(t.configuration) << ' ' << ToText(t.warm_start.kind) << ' '
      << t.warm_start.trial << " '" << t.warm_start.checkpoint << "' " << t.lineage.parent << ' '
      << t.lineage.parent_epoch << ' ' << t.lineage.member << " '" << t.lineage.checkpoint << "' "
      << ToText(t.state) << ' ' << t.attempt.value() << ' ' << t.crashes << ' ' << t.epoch << ' '
      << t.rung << ' ' << (t.score ? *t.score : -99) << ' ' << t.best_epoch << " [";
  for (const double value : t.further_values) out << value << ' ';
  out << "] '" << t.best_checkpoint << "' '" << t.last_checkpoint << "' " << t.last_checkpoint_epoch
      << " '" << t.worker << "' '" << t.reason << "' " << Millis(t.created_at) << ' '
      << Millis(t.started_at) << ' ' << Millis(t.finished_at) << ' ' << t.checkpoint_dropped
      << '\n';
  return out.str();
}

std::string Describe(const std::vector<EpochReport>& reports) {
  std::ostringstream out;
  out.precision(17);
  for (const EpochReport& report : reports) {
    out << "  " << report.epoch << ' ' << report.attempt.value() << ' ' << report.duration.count()
        << ' ' << Millis(report.reported_at) << " '" << report.checkpoint_hash << "'";
    for (const auto& [name, value] : report.metrics) out << ' ' << name << '=' << value;
    out << '\n';
  }
  return out.str();
}

class RunningTrialsTest : public ::testing::Test {
 protected:
  static constexpr int kTrials = 4;

  void SetUp() override {
    path_ = folder_.path() + "/t.db";
    store_ = *SqliteTrialStore::Open(path_, OpenMode::kReadWrite);
    ASSERT_TRUE(store_
                    ->Write([&](TrialWriter& writer) -> absl::Status {
                      VIZSLA_ASSIGN_OR_RETURN(study_, writer.InsertStudy(SampleStudy("s")));
                      for (int i = 1; i <= kTrials; ++i) {
                        VIZSLA_ASSIGN_OR_RETURN(const TrialId id,
                                                writer.InsertTrial(SampleTrial(study_, i)));
                        ids_.push_back(id);
                      }
                      return absl::OkStatus();
                    })
                    .ok());
  }

  absl::StatusOr<std::string> DescribeAll(TrialReader& reader) {
    std::string all;
    for (const TrialId id : ids_) {
      VIZSLA_ASSIGN_OR_RETURN(const Trial trial, reader.GetTrial(id));
      VIZSLA_ASSIGN_OR_RETURN(const auto reports, reader.ListReports(id));
      all += Describe(trial) + Describe(reports);
    }
    return all;
  }
  std::string WriterSees() {
    std::string seen;
    EXPECT_TRUE(store_
                    ->Write([&](TrialWriter& writer) -> absl::Status {
                      VIZSLA_ASSIGN_OR_RETURN(seen, DescribeAll(writer));
                      return absl::OkStatus();
                    })
                    .ok());
    return seen;
  }
  std::string FileHolds() {
    std::string held;
    EXPECT_TRUE(store_
                    ->Read([&](TrialReader& reader) -> absl::Status {
                      VIZSLA_ASSIGN_OR_RETURN(held, DescribeAll(reader));
                      return absl::OkStatus();
                    })
                    .ok());
    return held;
  }

  // One step of a change: any of what the scheduler does with a trial.
  absl::Status Step(TrialWriter& writer, RandomStream& random) {
    VIZSLA_ASSIGN_OR_RETURN(Trial trial, writer.GetTrial(ids_[random.UniformInt(kTrials)]));
    const auto hash = [&] { return SampleHash("0123456789abcdef"[random.UniformInt(16)]); };
    switch (random.UniformInt(9)) {
      case 0:
      case 1:
        trial.state = TrialState::kRunning;
        trial.attempt = AttemptNumber(trial.attempt.value() + 1);
        trial.worker = "host:" + std::to_string(random.UniformInt(100));
        trial.started_at = SampleTime(static_cast<int64_t>(random.UniformInt(1000)));
        return writer.UpdateTrial(trial);
      case 2:
        trial.state = random.Bernoulli(0.5) ? TrialState::kPaused : TrialState::kCompleted;
        trial.reason = "for no reason";
        trial.finished_at = SampleTime(static_cast<int64_t>(random.UniformInt(1000)));
        return writer.UpdateTrial(trial);
      case 3:
        trial.score = random.Bernoulli(0.2) ? std::numeric_limits<double>::quiet_NaN()
                                            : std::optional(random.Uniform());
        trial.further_values = {random.Uniform(), std::numeric_limits<double>::quiet_NaN()};
        trial.best_epoch = trial.epoch;
        trial.best_checkpoint = hash();
        return writer.UpdateTrial(trial);
      case 4:
        ++trial.rung;
        trial.checkpoint_dropped = !trial.checkpoint_dropped;
        trial.lineage = {1, trial.epoch, 1, hash()};
        trial.warm_start = {WarmStart::Kind::kTrial, 2, hash()};
        trial.last_checkpoint = random.Bernoulli(0.5) ? hash() : "";
        return writer.UpdateTrial(trial);
      case 5:
        trial.configuration["dropout"] = random.Uniform();
        trial.notes += "n";
        return writer.UpdateTrial(trial);
      case 6:
        return writer.ListReports(trial.id).status();
      default: {
        EpochReport report = SampleReport(1 + static_cast<int>(random.UniformInt(6)), 0.5);
        report.metrics["val_accuracy"] = random.Uniform();
        report.checkpoint_hash = random.Bernoulli(0.5) ? hash() : "";
        VIZSLA_RETURN_IF_ERROR(writer.UpsertReport(trial.id, report));
        trial.epoch = report.epoch;
        return writer.UpdateTrial(trial);
      }
    }
  }

  TemporaryDirectory folder_ = *TemporaryDirectory::Create();
  std::string path_;
  std::unique_ptr<SqliteTrialStore> store_;
  StudyId study_;
  std::vector<TrialId> ids_;
};

TEST_F(RunningTrialsTest, TheWriterSeesWhatTheFileHolds) {
  RandomStream random(StreamKey(11).With("running trials"));
  for (int change = 0; change < 600; ++change) {
    const bool refused = random.Bernoulli(0.3);
    const absl::Status status = store_->Write([&](TrialWriter& writer) -> absl::Status {
      const uint64_t steps = 1 + random.UniformInt(4);
      for (uint64_t i = 0; i < steps; ++i) VIZSLA_RETURN_IF_ERROR(Step(writer, random));
      return refused ? absl::FailedPreconditionError("refused") : absl::OkStatus();
    });
    ASSERT_EQ(status.ok(), !refused) << status;
    // Not after every one, so that what several leave behind is seen, too.
    if (random.Bernoulli(0.5)) {
      const std::string held = FileHolds();
      ASSERT_EQ(WriterSees(), held) << "after change " << change;
    }
  }
}

TEST_F(RunningTrialsTest, ALostCommitIsForgotten) {
  const auto run = [&](int epoch, const std::string& log) {
    return store_->Write([&](TrialWriter& writer) -> absl::Status {
      for (const TrialId id : ids_) {
        VIZSLA_ASSIGN_OR_RETURN(Trial trial, writer.GetTrial(id));
        trial.state = TrialState::kRunning;
        trial.epoch = epoch;
        VIZSLA_RETURN_IF_ERROR(writer.UpdateTrial(trial));
        VIZSLA_RETURN_IF_ERROR(writer.UpsertReport(id, SampleReport(epoch, 0.25)));
        VIZSLA_RETURN_IF_ERROR(writer.ListReports(id).status());
      }
      return writer.AppendLog(ids_[0], {AttemptNumber(1), SampleTime(1), log});
    });
  };
  ASSERT_TRUE(run(1, "short").ok());
  const std::string before = FileHolds();
  {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit old{};
    ::getrlimit(RLIMIT_FSIZE, &old);
    const rlimit full{std::filesystem::file_size(path_ + "-wal") + 30'000, old.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &full);
    const absl::Status lost = run(2, std::string(200'000, 'l'));
    ::setrlimit(RLIMIT_FSIZE, &old);
    EXPECT_TRUE(absl::IsResourceExhausted(lost)) << lost;
  }
  EXPECT_EQ(FileHolds(), before);
  EXPECT_EQ(WriterSees(), before);
  EXPECT_TRUE(run(2, "short").ok());
  EXPECT_EQ(WriterSees(), FileHolds());
}

TEST_F(RunningTrialsTest, ADeletedStudysTrialsAreGone) {
  ASSERT_TRUE(store_
                  ->Write([&](TrialWriter& writer) -> absl::Status {
                    VIZSLA_ASSIGN_OR_RETURN(Trial trial, writer.GetTrial(ids_[0]));
                    trial.state = TrialState::kRunning;
                    return writer.UpdateTrial(trial);
                  })
                  .ok());
  const absl::Status status = store_->Write([&](TrialWriter& writer) -> absl::Status {
    VIZSLA_RETURN_IF_ERROR(writer.DeleteStudy(study_));
    return writer.GetTrial(ids_[0]).status();
  });
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_EQ(WriterSees(), FileHolds()) << "and back, when the deletion is undone";
}

TEST(RunningTrials, HoldsNoMoreThanItMay) {
  RunningTrials running;
  Trial trial;
  trial.state = TrialState::kRunning;
  for (int i = 1; i <= 50; ++i) {
    trial.id = TrialId(i);
    running.TrialWritten(trial);
    running.ReportsRead(trial.id, std::vector<EpochReport>(1000, SampleReport(1, 0.5)));
  }
  int known = 0;
  for (int i = 1; i <= 50; ++i) known += running.FindReports(TrialId(i)) != nullptr ? 1 : 0;
  EXPECT_GT(known, 0);
  EXPECT_LT(known, 34);
}

}  // namespace
}  // namespace vizsla
