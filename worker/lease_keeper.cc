#include "worker/lease_keeper.h"

#include <iterator>
#include <utility>

#include "src/base/log.h"
#include "src/base/log_scope.h"
#include "src/rpc/retry.h"
#include "worker/drain.h"

namespace vizsla {
namespace {

// For a coordinator that comes back; beyond that, older lines say more than newer ones.
constexpr size_t kLinesKept = 1000;

}  // namespace

absl::StatusOr<Directive> DirectiveFromProto(v1::DirectiveKind kind) {
  switch (kind) {
    case v1::DIRECTIVE_KIND_CONTINUE:
      return Directive::kContinue;
    case v1::DIRECTIVE_KIND_PRUNE:
      return Directive::kPrune;
    case v1::DIRECTIVE_KIND_PAUSE:
      return Directive::kPause;
    case v1::DIRECTIVE_KIND_CANCEL:
      return Directive::kCancel;
    case v1::DIRECTIVE_KIND_PREEMPT:
      return Directive::kPreempt;
    default:
      return absl::InvalidArgumentError(
          StrCat("the coordinator sent a directive that this worker does not know: ",
                 static_cast<int>(kind)));
  }
}

namespace {

LogFields FieldsOfThisThread() {
  const LogFields* const fields = LogScope::Current();
  return fields == nullptr ? LogFields() : *fields;
}

}  // namespace

LeaseKeeper::LeaseKeeper(CoordinatorClient& client, const LeaseName& lease,
                         std::chrono::milliseconds heartbeat, RegisterAgain register_again)
    : client_(client),
      lease_(lease),
      heartbeat_(heartbeat),
      register_again_(std::move(register_again)),
      thread_([this, fields = FieldsOfThisThread()] {
        const LogScope scope(fields);
        Run();
      }) {}

LeaseKeeper::~LeaseKeeper() { Stop(); }

void LeaseKeeper::SetProgress(const Progress& progress) {
  const std::lock_guard lock(mutex_);
  progress_ = progress;
}

Directive LeaseKeeper::directive() const {
  const std::lock_guard lock(mutex_);
  if (!refusal_.empty()) return Directive::kCancel;
  if (directive_ == Directive::kContinue && DrainRequested()) return Directive::kPreempt;
  return directive_;
}

void LeaseKeeper::SetRefused(std::string reason) {
  const std::lock_guard lock(mutex_);
  refusal_ = std::move(reason);
}

std::string LeaseKeeper::refusal() const {
  const std::lock_guard lock(mutex_);
  return refusal_;
}

void LeaseKeeper::Note(Directive directive) {
  if (directive == Directive::kContinue) return;
  const std::lock_guard lock(mutex_);
  directive_ = directive;
}

void LeaseKeeper::Log(std::string line) {
  {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
    news_ = true;
  }
  wake_.notify_one();
}

void LeaseKeeper::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void LeaseKeeper::Run() {
  auto next_beat = std::chrono::steady_clock::now();
  for (;;) {
    bool stop = false;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_until(lock, next_beat, [this] { return stop_ || news_; });
      stop = stop_;
      news_ = false;
    }
    SendLines();
    if (stop) return;
    if (std::chrono::steady_clock::now() < next_beat) continue;
    Beat();
    next_beat = std::chrono::steady_clock::now() + heartbeat_;
  }
}

void LeaseKeeper::Beat() {
  v1::HeartbeatRequest request;
  request.set_worker_id(lease_.worker_id);
  v1::LeaseProgress& progress = *request.add_leases();
  progress.set_trial_id(lease_.trial_id);
  progress.set_attempt(lease_.attempt);
  {
    const std::lock_guard lock(mutex_);
    progress.set_epoch(progress_.epoch);
    progress.set_steps_done(progress_.steps_done);
    progress.set_steps_total(progress_.steps_total);
  }
  absl::StatusOr<v1::HeartbeatResponse> response = client_.Heartbeat(request);
  if (absl::IsNotFound(response.status())) {
    // A restarted coordinator knows the lease, but not us.
    const absl::StatusOr<int64_t> id = register_again_();
    if (id.ok()) {
      log::info("registered again with the coordinator, which was restarted");
      lease_.worker_id = *id;
      request.set_worker_id(*id);
      response = client_.Heartbeat(request);
    }
  }
  if (!response.ok()) {
    log::warn("heartbeat: {}", std::string(response.status().message()));
    return;
  }
  for (const v1::LeaseDirective& directive : response->directives()) {
    if (directive.trial_id() != lease_.trial_id || directive.attempt() != lease_.attempt) continue;
    const absl::StatusOr<Directive> known = DirectiveFromProto(directive.directive());
    if (known.ok()) {
      Note(*known);
    } else {
      log::error("{}", std::string(known.status().message()));
    }
  }
}

void LeaseKeeper::SendLines() {
  v1::AppendLogsRequest request;
  request.set_trial_id(lease_.trial_id);
  request.set_attempt(lease_.attempt);
  {
    const std::lock_guard lock(mutex_);
    for (std::string& line : lines_) request.add_lines(std::move(line));
    lines_.clear();
  }
  if (request.lines().empty()) return;
  const absl::StatusOr<v1::AppendLogsResponse> response = client_.AppendLogs(request);
  if (response.ok()) return;
  // Lines are for people; a trial does not fail for want of one.
  log::debug("the trial's log: {}", std::string(response.status().message()));
  if (!IsTransient(response.status())) return;
  const std::lock_guard lock(mutex_);
  if (lines_.size() > kLinesKept) return;
  lines_.insert(lines_.begin(), std::make_move_iterator(request.mutable_lines()->begin()),
                std::make_move_iterator(request.mutable_lines()->end()));
}

}  // namespace vizsla
