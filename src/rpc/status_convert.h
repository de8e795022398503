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

// Sends gRPC's own log lines to ours at level debug: what matters comes back as a status.
void QuietGrpcLog();

}  // namespace vizsla
