#include "src/rpc/status_convert.h"

#include <grpc/support/log.h>

#include <string>

#include "absl/synchronization/mutex.h"
#include "src/base/log.h"

namespace vizsla {
namespace {

constexpr size_t kMaxStatusMessage = 8 << 10;

// A message may hold what a user's file held; the wire wants UTF-8.
std::string OnlyWholeCharacters(std::string text) {
  if (text.size() <= kMaxStatusMessage) return text;
  size_t end = kMaxStatusMessage;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
  return text + " ... (cut)";
}

void ForwardLog(gpr_log_func_args* line) {
  log::debug("grpc: {}:{}: {}", line->file, line->line, line->message);
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      OnlyWholeCharacters(std::string(status.message())));
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

void SetUpGrpc() {
  gpr_set_log_function(&ForwardLog);
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
}

}  // namespace vizsla
