// absl::Status on our side, grpc::Status on the wire. The codes are the same canonical ones.
#pragma once

#include <grpcpp/support/status.h>

#include "src/base/status.h"

namespace vizsla {

// Messages longer than 8 KiB (a diff) are cut, with a mark: gRPC carries them in a header.
grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

// Header bytes that client and server accept: a cut message may triple by percent-encoding.
inline constexpr int kMaxHeaderBytes = 64 << 10;
inline constexpr int kMaxMessageBytes = 16 << 20;
inline constexpr size_t kChunkBytes = 1 << 20;

// Before a server or a channel is made; again does no harm. Sends gRPC's own log lines to ours at
// level debug, because what matters comes back as a status, and ends Abseil's search for deadlocks
// at every lock, which Debian's build has switched on and gRPC's locks pay for.
void SetUpGrpc();

}  // namespace vizsla
