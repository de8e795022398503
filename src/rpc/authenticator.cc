#include "src/rpc/authenticator.h"

#include "src/rpc/status_convert.h"

namespace vizsla {

std::optional<std::string_view> BearerToken(std::string_view header) {
  constexpr std::string_view kScheme = "Bearer ";
  if (!header.starts_with(kScheme)) return std::nullopt;
  return header.substr(kScheme.size());
}

absl::Status CheckCall(std::string_view method, std::optional<std::string_view> authorization,
                       TokenFile& tokens, std::chrono::steady_clock::time_point now) {
  const std::optional<CallRule> rule = RuleOf(method);
  if (rule == CallRule::kAnybody) return absl::OkStatus();
  const auto token = authorization ? BearerToken(*authorization) : std::nullopt;
  if (!token) {
    return absl::UnauthenticatedError(
        "this coordinator wants a token: send the header 'authorization: Bearer TOKEN', or name a "
        "credentials folder");
  }
  const std::optional<Principal> principal = tokens.Find(*token, now);
  if (!principal) {
    return absl::UnauthenticatedError(
        "the coordinator does not know this token: it was taken back, or is another coordinator's");
  }
  if (!rule) {
    return absl::UnimplementedError(StrCat("there is no call ", method.substr(0, 200)));
  }
  return CheckMayCall(method, *rule, principal->role, principal->name);
}

grpc::Status Authenticator::Process(const InputMetadata& metadata, grpc::AuthContext*,
                                    OutputMetadata*, OutputMetadata*) {
  const auto find = [&](const char* name) -> std::optional<std::string_view> {
    const auto found = metadata.find(name);
    if (found == metadata.end()) return std::nullopt;
    return std::string_view(found->second.data(), found->second.size());
  };
  return ToGrpc(CheckCall(find(":path").value_or(""), find(kAuthorizationHeader), tokens_, now_()));
}

}  // namespace vizsla
