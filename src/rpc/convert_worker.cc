#include "src/rpc/convert.h"
#include "src/rpc/convert_internal.h"

namespace vizsla {

using convert_internal::CheckAtLeast;
using convert_internal::CheckHash;
using convert_internal::CheckHashOrEmpty;
using convert_internal::Refuse;

v1::DirectiveKind ToProto(ReportDirective directive) {
  switch (directive) {
    case ReportDirective::kContinue:
      return v1::DIRECTIVE_KIND_CONTINUE;
    case ReportDirective::kPrune:
      return v1::DIRECTIVE_KIND_PRUNE;
    case ReportDirective::kPause:
      return v1::DIRECTIVE_KIND_PAUSE;
    case ReportDirective::kCancel:
      return v1::DIRECTIVE_KIND_CANCEL;
    case ReportDirective::kPreempt:
      return v1::DIRECTIVE_KIND_PREEMPT;
  }
  return v1::DIRECTIVE_KIND_UNSPECIFIED;
}

absl::StatusOr<ReportDirective> FromProto(v1::DirectiveKind directive) {
  for (int i = 0; i <= static_cast<int>(ReportDirective::kPreempt); ++i) {
    if (ToProto(static_cast<ReportDirective>(i)) == directive)
      return static_cast<ReportDirective>(i);
  }
  return Refuse("directive", StrCat("unknown value ", static_cast<int>(directive)));
}

v1::RegisterWorkerRequest ToProto(const WorkerInfo& worker) {
  v1::RegisterWorkerRequest out;
  out.set_name(ToUtf8(worker.name));
  out.set_ranks(worker.ranks);
  for (const std::string& hash : worker.dataset_fingerprints) out.add_dataset_fingerprints(hash);
  for (const std::string& hash : worker.weights_hashes) out.add_weights_hashes(hash);
  out.set_study(worker.study);
  return out;
}

absl::StatusOr<WorkerInfo> FromProto(const v1::RegisterWorkerRequest& request) {
  WorkerInfo out;
  if (request.name().empty()) return Refuse("name", "a worker needs a name");
  out.name = request.name();
  VIZSLA_RETURN_IF_ERROR(CheckAtLeast("ranks", request.ranks(), 1));
  out.ranks = request.ranks();
  for (const std::string& hash : request.dataset_fingerprints()) {
    VIZSLA_RETURN_IF_ERROR(CheckHash("dataset_fingerprints", hash));
    out.dataset_fingerprints.push_back(hash);
  }
  for (const std::string& hash : request.weights_hashes()) {
    VIZSLA_RETURN_IF_ERROR(CheckHash("weights_hashes", hash));
    out.weights_hashes.push_back(hash);
  }
  out.study = request.study();
  return out;
}

v1::Lease ToProto(const LeaseGrant& lease, std::chrono::milliseconds duration) {
  v1::Lease out;
  *out.mutable_trial() = ToProto(lease.trial);
  *out.mutable_study() = ToProto(lease.study);
  out.set_attempt(lease.attempt.value());
  out.set_lease_ms(duration.count());
  out.set_checkpoint_interval_ms(
      std::chrono::milliseconds(lease.study.spec.checkpoint_interval).count());
  for (const EpochReport& report : lease.history) *out.add_history() = ToProto(report);
  out.set_resume_checkpoint(lease.resume_checkpoint);
  out.set_init_checkpoint(lease.init_checkpoint);
  if (lease.parent) {
    out.set_parent(lease.parent->number);
    out.set_parent_configuration_json(ToJsonText(lease.parent->configuration));
  }
  return out;
}

absl::StatusOr<LeaseGrant> FromProto(const v1::Lease& lease) {
  LeaseGrant out;
  VIZSLA_ASSIGN_OR_RETURN(out.trial, FromProto(lease.trial()));
  VIZSLA_ASSIGN_OR_RETURN(out.study, FromProto(lease.study()));
  VIZSLA_RETURN_IF_ERROR(CheckAtLeast("lease.attempt", lease.attempt(), 1));
  out.attempt = AttemptNumber(lease.attempt());
  for (const v1::EpochReport& report : lease.history()) {
    VIZSLA_ASSIGN_OR_RETURN(EpochReport converted, FromProto(report));
    out.history.push_back(std::move(converted));
  }
  VIZSLA_RETURN_IF_ERROR(CheckHashOrEmpty("lease.resume_checkpoint", lease.resume_checkpoint()));
  out.resume_checkpoint = lease.resume_checkpoint();
  VIZSLA_RETURN_IF_ERROR(CheckHashOrEmpty("lease.init_checkpoint", lease.init_checkpoint()));
  out.init_checkpoint = lease.init_checkpoint();
  if (lease.parent() != 0) {
    VIZSLA_RETURN_IF_ERROR(CheckAtLeast("lease.parent", lease.parent(), 1));
    auto configuration = ConfigurationFromJsonText(lease.parent_configuration_json());
    if (!configuration.ok()) {
      return Refuse("lease.parent_configuration_json",
                    std::string(configuration.status().message()));
    }
    out.parent = ResumedParent{lease.parent(), *std::move(configuration)};
  }
  return out;
}

v1::AcquireTrialsResponse ToProto(const Acquired& acquired,
                                  std::chrono::milliseconds lease_duration) {
  v1::AcquireTrialsResponse out;
  for (const LeaseGrant& lease : acquired.leases)
    *out.add_leases() = ToProto(lease, lease_duration);
  out.set_nothing_left(acquired.nothing_left);
  out.set_retry_after_ms(acquired.retry_after.count());
  out.set_explanation(acquired.explanation);
  return out;
}

absl::StatusOr<Acquired> FromProto(const v1::AcquireTrialsResponse& response) {
  Acquired out;
  for (const v1::Lease& lease : response.leases()) {
    VIZSLA_ASSIGN_OR_RETURN(LeaseGrant converted, FromProto(lease));
    out.leases.push_back(std::move(converted));
  }
  out.nothing_left = response.nothing_left();
  out.retry_after = std::chrono::milliseconds(response.retry_after_ms());
  out.explanation = response.explanation();
  return out;
}

v1::CompleteTrialRequest ToProto(TrialId trial, AttemptNumber attempt,
                                 const Completion& completion) {
  v1::CompleteTrialRequest out;
  out.set_trial_id(trial.value());
  out.set_attempt(attempt.value());
  out.set_outcome(std::string(ToText(completion.outcome)));
  out.set_reason(ToUtf8(completion.reason));
  out.set_last_checkpoint(completion.last_checkpoint);
  out.set_last_checkpoint_epoch(completion.last_checkpoint_epoch);
  out.set_on_any_worker(completion.on_any_worker);
  return out;
}

absl::StatusOr<Completion> FromProto(const v1::CompleteTrialRequest& request) {
  Completion out;
  VIZSLA_ASSIGN_OR_RETURN(out.outcome, AttemptOutcomeFromText(request.outcome()));
  if (out.outcome == AttemptOutcome::kRunning) {
    return Refuse("outcome", "'running' is not how an attempt ends");
  }
  out.reason = request.reason();
  VIZSLA_RETURN_IF_ERROR(CheckHashOrEmpty("last_checkpoint", request.last_checkpoint()));
  out.last_checkpoint = request.last_checkpoint();
  VIZSLA_RETURN_IF_ERROR(CheckAtLeast("last_checkpoint_epoch", request.last_checkpoint_epoch(), 0));
  out.last_checkpoint_epoch = request.last_checkpoint_epoch();
  out.on_any_worker = request.on_any_worker();
  return out;
}

absl::Status CheckLeaseNames(int64_t trial_id, int64_t attempt) {
  VIZSLA_RETURN_IF_ERROR(CheckAtLeast("trial_id", trial_id, 1));
  return CheckAtLeast("attempt", attempt, 1);
}

// Follows the table of well-formed sequences in the Unicode standard (table 3-7).
std::string ToUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const auto byte = [&](size_t k) -> unsigned {
      return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0u;
    };
    const auto follows = [&](size_t k, unsigned low = 0x80, unsigned high = 0xBF) {
      return byte(k) >= low && byte(k) <= high;
    };
    const unsigned first = byte(0);
    size_t length = 0;
    if (first < 0x80) {
      length = 1;
    } else if (first >= 0xC2 && first <= 0xDF) {
      length = follows(1) ? 2 : 0;
    } else if (first >= 0xE0 && first <= 0xEF) {
      const unsigned low = first == 0xE0 ? 0xA0 : 0x80;
      const unsigned high = first == 0xED ? 0x9F : 0xBF;
      length = follows(1, low, high) && follows(2) ? 3 : 0;
    } else if (first >= 0xF0 && first <= 0xF4) {
      const unsigned low = first == 0xF0 ? 0x90 : 0x80;
      const unsigned high = first == 0xF4 ? 0x8F : 0xBF;
      length = follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
    }
    if (length == 0) {
      out.push_back('?');
      ++i;
    } else {
      out.append(text.substr(i, length));
      i += length;
    }
  }
  return out;
}

}  // namespace vizsla
