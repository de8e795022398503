// What the tests of training share.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "src/base/file.h"
#include "src/train/trainer.h"
#include "tests/train/synthetic_source.h"

namespace vizsla {

// Remembers what it is told, answers as the test says.
class RecordingHooks : public TrialHooks {
 public:
  absl::StatusOr<std::string> UploadCheckpoint(const std::string& bytes) override;
  absl::StatusOr<Directive> ReportEpoch(const EpochReport& report,
                                        const std::string& last_checkpoint) override;
  Directive Progress(int epoch, int64_t steps_done, int64_t steps_total) override;

  std::vector<EpochReport> reports;
  std::vector<std::string> last_checkpoints;  // beside reports; hashes or empty
  std::map<std::string, std::string> stored;  // by hash
  int64_t progress_calls = 0;
  int feature_progress_calls = 0;

  std::function<absl::StatusOr<Directive>(const EpochReport&)> on_report;
  std::function<Directive(int, int64_t)> on_progress;
  absl::Status upload_status;
};

// A random MobileNetV2 in a file, as if it were pretrained on photos of this size. The same for
// everyone who asks.
std::shared_ptr<const TensorFile> RandomWeights(const std::string& folder, int side = 32);

// A small plan: MobileNetV2 at 32 pixels, dense 16, dropout, batch norm.
TrainingPlan SmallPlan();
// The same with mirrored views.
TrainingPlan FlippedPlan();
// scratch_v1 at 32 pixels, mirrored views, two epochs.
TrainingPlan ScratchPlan();
// Of the head and of what is below it.
void SetLearningRate(TrainingPlan& plan, double rate);

// The weights file (null: none) and a trial's checkpoint put together, as `vizsla pull` does.
std::shared_ptr<const TensorFile> CompleteModel(const TensorFile* weights,
                                                const std::string& checkpoint,
                                                const std::string& folder);

}  // namespace vizsla
