// Whether an address can be listened on, and why not: servers' libraries do not say.
#pragma once

#include "src/base/status.h"
#include "src/rpc/address.h"

namespace vizsla {

// Binds and lets go again. The host is an IPv4 or IPv6 address, no name. FailedPrecondition "port
// 4711 of 127.0.0.1 is in use", or "cannot listen on ADDRESS: Permission denied".
absl::Status TryBind(const HostPort& address);

// The sentence for an errno of bind.
absl::Status BindError(const HostPort& address, int error);

}  // namespace vizsla
