#include "worker/rpc_hooks.h"

#include <fmt/format.h>

#include "src/base/log.h"
#include "src/rpc/convert.h"

namespace vizsla {

std::string DescribeMetrics(const Metrics& metrics, const std::string& first) {
  std::string text;
  const auto add = [&](const std::string& name, double value) {
    text += fmt::format("{}{} {:.4f}", text.empty() ? "" : ", ", name, value);
  };
  if (const auto found = metrics.find(first); found != metrics.end()) add(first, found->second);
  for (const auto& [name, value] : metrics) {
    if (name != first) add(name, value);
  }
  return text;
}

RpcHooks::RpcHooks(CoordinatorClient& client, const LeaseGrant& lease, int planned_epochs,
                   LeaseKeeper& keeper)
    : client_(client),
      lease_(lease),
      planned_epochs_(planned_epochs),
      keeper_(keeper),
      last_line_(std::chrono::steady_clock::now()) {}

absl::StatusOr<std::string> RpcHooks::UploadCheckpoint(const std::string& bytes) {
  absl::StatusOr<std::string> hash = client_.UploadBytes(bytes);
  if (!hash.ok()) failure_ = hash.status();
  return hash;
}

absl::StatusOr<Directive> RpcHooks::ReportEpoch(const EpochReport& report,
                                                const std::string& last_checkpoint) {
  v1::ReportEpochRequest request;
  request.set_trial_id(lease_.trial.id.value());
  request.set_attempt(lease_.attempt.value());
  *request.mutable_report() = ToProto(report);
  request.set_last_checkpoint(last_checkpoint);
  const absl::StatusOr<v1::ReportEpochResponse> response = client_.ReportEpoch(request);
  if (absl::IsFailedPrecondition(response.status()) || absl::IsNotFound(response.status())) {
    log::warn("trial {}: the report of epoch {} was refused: {}", lease_.trial.number, report.epoch,
              std::string(response.status().message()));
    keeper_.SetRefused(std::string(response.status().message()));
    return Directive::kCancel;
  }
  if (!response.ok()) return failure_ = response.status();
  VIZSLA_ASSIGN_OR_RETURN(const Directive directive, DirectiveFromProto(response->directive()));
  keeper_.Note(directive);

  const std::string line =
      fmt::format("epoch {}/{}: {} ({:.1f} s){}", report.epoch, planned_epochs_,
                  DescribeMetrics(report.metrics, lease_.study.spec.objective.metric),
                  static_cast<double>(report.duration.count()) / 1000.0,
                  report.checkpoint_hash.empty() ? "" : " best so far");
  log::info("trial {} {}", lease_.trial.number, line);
  keeper_.Log(line);
  return keeper_.directive();
}

Directive RpcHooks::Progress(int epoch, int64_t steps_done, int64_t steps_total) {
  keeper_.SetProgress({epoch, steps_done, steps_total});
  if (epoch == 0 && steps_total > 0) {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_line_ > std::chrono::seconds(3)) {
      last_line_ = now;
      log::info("trial {} features: {} of {} ({} %)", lease_.trial.number, steps_done, steps_total,
                100 * steps_done / steps_total);
    }
  }
  return keeper_.directive();
}

}  // namespace vizsla
