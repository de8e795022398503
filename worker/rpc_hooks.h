// TrialHooks over the wire.
#pragma once

#include <chrono>
#include <string>

#include "src/rpc/client.h"
#include "src/scheduling/scheduler.h"
#include "src/train/trainer.h"
#include "worker/lease_keeper.h"

namespace vizsla {

class RpcHooks : public TrialHooks {
 public:
  // `client` waits for a coordinator that restarts; its patience decides how long.
  RpcHooks(CoordinatorClient& client, const LeaseGrant& lease, int planned_epochs,
           LeaseKeeper& keeper);

  absl::StatusOr<std::string> UploadCheckpoint(const std::string& bytes) override;
  // A lease that is lost is Directive::kCancel, not an error.
  absl::StatusOr<Directive> ReportEpoch(const EpochReport& report,
                                        const std::string& last_checkpoint) override;
  Directive Progress(int epoch, int64_t steps_done, int64_t steps_total) override;

  // The last error that an upload or a report ended with; ok when all went well.
  const absl::Status& failure() const { return failure_; }

 private:
  CoordinatorClient& client_;
  const LeaseGrant& lease_;
  const int planned_epochs_;
  LeaseKeeper& keeper_;
  std::chrono::steady_clock::time_point last_line_;  // about features
  absl::Status failure_;
};

// "val_accuracy 0.7834, val_loss 0.8123, ...": the objective's metric first.
std::string DescribeMetrics(const Metrics& metrics, const std::string& first);

}  // namespace vizsla
