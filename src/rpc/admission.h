// Whether a call is within its client's quota. A client is a token on a host; without tokens it is
// a host, with an admin's limits. Calls in process have none.
#pragma once

#include <grpcpp/server_context.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "src/base/status.h"
#include "src/security/quota.h"
#include "src/security/token_file.h"

namespace vizsla {

// Thread-safe.
class Admission {
 public:
  using Now = std::function<std::chrono::steady_clock::time_point()>;
  // `tokens`: null where calls carry none; outlives this.
  Admission(const QuotaTable& quotas, TokenFile* tokens, Now now)
      : tokens_(tokens), now_(std::move(now)), book_(quotas) {}

  // ResourceExhausted "too many calls: worker 'gpu7' at 10.0.0.7 may ...; try again in 35 ms".
  absl::Status AdmitCall(grpc::CallbackServerContext& context);
  // The ticket lives as long as the stream.
  absl::StatusOr<StreamTicket> AdmitStream(grpc::CallbackServerContext& context);
  // For what a stream moves, as soon as its size is known.
  absl::Status Charge(grpc::CallbackServerContext& context, StreamTicket& ticket, uint64_t bytes);

 private:
  struct Caller {
    std::string key;
    std::string shown;
    Role role = Role::kAdmin;
    bool in_process = false;
  };
  Caller Identify(const grpc::CallbackServerContext& context);
  static absl::Status Refuse(grpc::CallbackServerContext& context, std::string_view what,
                             const std::string& who, const QuotaRefusal& refusal);

  TokenFile* const tokens_;
  const Now now_;
  QuotaBook book_;
};

// "10.0.0.7" of "ipv4:10.0.0.7:43211"; empty for a call in process. Pure.
std::string PeerHost(const std::string& peer);

}  // namespace vizsla
