// Fills a new database with a study of finished trials, as if a search had run for a year.
//   fill_database --db big.db --finished 100000 --epochs 20 --parameters 20
#include <cstdio>

#include "src/base/clock.h"
#include "src/base/sha256.h"
#include "src/search/sampler.h"
#include "src/storage/artifact_store.h"
#include "src/storage/sqlite_trial_store.h"
#include "tests/benchmark/load_study.h"

namespace vizsla {
namespace {

constexpr int64_t kTrialsOfACommit = 1000;

Trial FinishedTrial(StudyId study, int64_t number, Configuration configuration, int epochs) {
  const Timestamp start = FromUnixMillis(1700000000000 + number * 60000);
  Trial trial;
  trial.study = study;
  trial.number = number;
  trial.configuration = std::move(configuration);
  trial.state = TrialState::kCompleted;
  trial.attempt = AttemptNumber(1);
  trial.epoch = trial.best_epoch = epochs;
  trial.score = LoadMetrics(number, epochs).at("val_accuracy");
  trial.best_checkpoint = Sha256Hex(kLoadArtifact);
  trial.worker = "load:1/0";
  trial.created_at = start;
  trial.started_at = start;
  trial.finished_at = start + Milliseconds(50000);
  return trial;
}

absl::Status InsertTrial(TrialWriter& writer, const Trial& trial) {
  VIZSLA_ASSIGN_OR_RETURN(const TrialId id, writer.InsertTrial(trial));
  AttemptRow attempt;
  attempt.trial = id;
  attempt.attempt = trial.attempt;
  attempt.worker = trial.worker;
  attempt.outcome = AttemptOutcome::kCompleted;
  attempt.started_at = *trial.started_at;
  attempt.ended_at = trial.finished_at;
  VIZSLA_RETURN_IF_ERROR(writer.UpsertAttempt(attempt));
  for (int epoch = 1; epoch <= trial.epoch; ++epoch) {
    EpochReport report;
    report.epoch = epoch;
    report.attempt = trial.attempt;
    report.metrics = LoadMetrics(trial.number, epoch);
    report.duration = Milliseconds(50000 / trial.epoch);
    report.reported_at = *trial.started_at + report.duration * epoch;
    if (epoch == trial.epoch) report.checkpoint_hash = trial.best_checkpoint;
    VIZSLA_RETURN_IF_ERROR(writer.UpsertReport(id, report));
  }
  return absl::OkStatus();
}

absl::Status Fill(const std::string& database, const LoadStudy& load, int64_t trials) {
  VIZSLA_ASSIGN_OR_RETURN(const auto store, SqliteTrialStore::Open(database, OpenMode::kReadWrite));
  Study study;
  VIZSLA_ASSIGN_OR_RETURN(study.spec, load.Spec());
  study.inputs.dataset_fingerprint = LoadDataset();
  study.inputs.split_hash = Sha256Hex(kLoadArtifact);
  study.created_at = FromUnixMillis(1700000000000);
  VIZSLA_RETURN_IF_ERROR(store->Write([&](TrialWriter& writer) -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(study.id, writer.InsertStudy(study));
    return absl::OkStatus();
  }));
  VIZSLA_ASSIGN_OR_RETURN(const auto sampler,
                          MakeSampler(RandomOptions(), study.spec.space,
                                      study.spec.objective.direction, study.spec.seed));
  for (int64_t first = 1; first <= trials; first += kTrialsOfACommit) {
    VIZSLA_RETURN_IF_ERROR(store->Write([&](TrialWriter& writer) -> absl::Status {
      for (int64_t number = first; number < std::min(first + kTrialsOfACommit, trials + 1);
           ++number) {
        VIZSLA_ASSIGN_OR_RETURN(auto configuration, sampler->Suggest(number));
        if (!configuration) return absl::OutOfRangeError("the space is used up");
        VIZSLA_RETURN_IF_ERROR(InsertTrial(
            writer, FinishedTrial(study.id, number, *std::move(configuration), load.epochs)));
      }
      return absl::OkStatus();
    }));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace vizsla

int main(int argc, char** argv) {
  std::string database;
  vizsla::LoadStudy load;
  int64_t finished = 100000;
  CLI::App app{"Fills a new database with finished trials."};
  app.add_option("--db", database, "Made anew")->required();
  app.add_option("--finished", finished, "Trials")->capture_default_str();
  load.AddOptions(app);
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = vizsla::Fill(database, load, finished);
  if (status.ok()) return 0;
  std::fprintf(stderr, "fill_database: %s\n", std::string(status.message()).c_str());
  return 1;
}
