#include "src/rpc/admission.h"

#include "src/rpc/authenticator.h"
#include "src/rpc/handshake.h"

namespace vizsla {

std::string PeerHost(const std::string& peer) {
  const bool four = peer.starts_with("ipv4:");
  if (!four && !peer.starts_with("ipv6:")) return "";
  const size_t colon = peer.rfind(':');
  std::string host = peer.substr(5, colon < 5 ? std::string::npos : colon - 5);
  // gRPC percent-encodes the brackets.
  if (host.starts_with("%5B")) host = host.substr(3);
  if (host.ends_with("%5D")) host.resize(host.size() - 3);
  return host.empty() ? "unknown" : host;
}

Admission::Caller Admission::Identify(const grpc::CallbackServerContext& context) {
  Caller caller;
  const std::string host = PeerHost(context.peer());
  if (host.empty()) {
    caller.in_process = true;
    return caller;
  }
  caller.key = host;
  caller.shown = host;
  if (tokens_ == nullptr) return caller;
  caller.role = Role::kViewer;  // whose token was taken back since it was let through
  const auto& headers = context.client_metadata();
  const auto found = headers.find(kAuthorizationHeader);
  if (found == headers.end()) return caller;
  const auto token = BearerToken({found->second.data(), found->second.size()});
  const auto principal = token ? tokens_->Find(*token, now_()) : std::nullopt;
  if (!principal) return caller;
  caller.role = principal->role;
  caller.key = StrCat(principal->name, "@", host);
  caller.shown = StrCat(ToText(principal->role), " '", principal->name, "' at ", host);
  return caller;
}

absl::Status Admission::Refuse(grpc::CallbackServerContext& context, std::string_view what,
                               const std::string& who, const QuotaRefusal& refusal) {
  const std::string wait = StrCat(refusal.retry_after.count());
  context.AddTrailingMetadata(kRetryAfterHeader, wait);
  return absl::ResourceExhaustedError(
      StrCat("too many ", what, " by ", who, ": ", refusal.reason, "; try again in ", wait, " ms"));
}

absl::Status Admission::AdmitCall(grpc::CallbackServerContext& context) {
  const Caller caller = Identify(context);
  if (caller.in_process) return absl::OkStatus();
  const auto refusal = book_.Call(caller.key, caller.role, now_());
  return refusal ? Refuse(context, "calls", caller.shown, *refusal) : absl::OkStatus();
}

absl::StatusOr<StreamTicket> Admission::AdmitStream(grpc::CallbackServerContext& context) {
  StreamTicket ticket;
  const Caller caller = Identify(context);
  if (caller.in_process) return ticket;
  const auto refusal = book_.Stream(caller.key, caller.role, now_(), &ticket);
  if (refusal) return Refuse(context, "streams or calls", caller.shown, *refusal);
  return ticket;
}

absl::Status Admission::Charge(grpc::CallbackServerContext& context, StreamTicket& ticket,
                               uint64_t bytes) {
  const auto refusal = ticket.ChargeBytes(bytes, now_());
  return refusal ? Refuse(context, "bytes", Identify(context).shown, *refusal) : absl::OkStatus();
}

}  // namespace vizsla
