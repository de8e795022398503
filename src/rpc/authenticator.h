// Who calls, and whether they may: the one place that every call over TLS passes before any handler
// sees it, those of gRPC's own services too.
#pragma once

#include <grpcpp/security/auth_metadata_processor.h>

#include <functional>
#include <string_view>

#include "src/base/status.h"
#include "src/security/token_file.h"

namespace vizsla {

inline constexpr char kAuthorizationHeader[] = "authorization";

// The token of "Bearer TOKEN"; nullopt when the header is something else.
std::optional<std::string_view> BearerToken(std::string_view header);

// Unauthenticated: no token, or one that nobody has. PermissionDenied: not for that role.
// Unimplemented: no such call. Costs a SHA-256 of the token.
absl::Status CheckCall(std::string_view method, std::optional<std::string_view> authorization,
                       TokenFile& tokens, std::chrono::steady_clock::time_point now);

// Thread-safe; never blocks but for a look at a changed token file.
class Authenticator : public grpc::AuthMetadataProcessor {
 public:
  using Now = std::function<std::chrono::steady_clock::time_point()>;
  // `tokens` outlives the server.
  Authenticator(TokenFile& tokens, Now now) : tokens_(tokens), now_(std::move(now)) {}

  bool IsBlocking() const override { return false; }
  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext* context,
                       OutputMetadata* consumed, OutputMetadata* response) override;

 private:
  TokenFile& tokens_;
  const Now now_;
};

}  // namespace vizsla
