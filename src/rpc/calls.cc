#include "src/rpc/calls.h"

#include <charconv>
#include <exception>
#include <optional>
#include <utility>

#include "src/rpc/client.h"
#include "src/rpc/handshake.h"

namespace vizsla {
namespace {

std::optional<std::string> Header(const grpc::CallbackServerContext& context, const char* name) {
  const auto& headers = context.client_metadata();
  const auto found = headers.find(name);
  if (found == headers.end()) return std::nullopt;
  return std::string(found->second.data(), found->second.size());
}

}  // namespace

Calls::Calls(int threads, std::string coordinator_id, const QuotaTable& quotas, TokenFile* tokens,
             Admission::Now now)
    : coordinator_id_(std::move(coordinator_id)),
      admission_(quotas, tokens, std::move(now)),
      last_call_(std::chrono::steady_clock::now()),
      pool_(threads) {}

absl::Status Calls::Admit(grpc::CallbackServerContext& context) {
  VIZSLA_RETURN_IF_ERROR(CheckHeaders(context));
  return admission_.AdmitCall(context);
}

absl::StatusOr<StreamTicket> Calls::AdmitStream(grpc::CallbackServerContext& context) {
  VIZSLA_RETURN_IF_ERROR(CheckHeaders(context));
  return admission_.AdmitStream(context);
}

absl::Status Calls::CheckHeaders(const grpc::CallbackServerContext& context) const {
  // Callers of other languages need not send the headers.
  if (const auto protocol = Header(context, kProtocolHeader)) {
    int number = 0;
    std::from_chars(protocol->data(), protocol->data() + protocol->size(), number);
    VIZSLA_RETURN_IF_ERROR(CheckVersions({number, Header(context, kVersionHeader).value_or("?")},
                                         {kProtocolVersion, VIZSLA_VERSION}));
  }
  const auto meant = Header(context, kCoordinatorHeader);
  if (meant && *meant != coordinator_id_) {
    return absl::FailedPreconditionError(
        "another database's coordinator answers at this address now; start again to use it");
  }
  return absl::OkStatus();
}

void Calls::Touch() { last_call_.store(std::chrono::steady_clock::now()); }

std::chrono::milliseconds Calls::SinceLastCall() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                               last_call_.load());
}

absl::Status Calls::Guard(const std::function<absl::Status()>& body) {
  try {
    return body();
  } catch (const std::exception& error) {
    return absl::InternalError(StrCat("the coordinator failed: ", error.what()));
  } catch (...) {
    return absl::InternalError("the coordinator failed");
  }
}

}  // namespace vizsla
