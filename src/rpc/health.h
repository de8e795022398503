// gRPC's standard health service (grpc.health.v1.Health) and server reflection, which load
// balancers, orchestrators and grpcurl speak. Health says SERVING once the coordinator is ready,
// NOT_SERVING while it cannot do its work or ends.
#pragma once

#include <grpcpp/server.h>

namespace vizsla {

// For the servers that are built from now on. One in process needs neither.
void OfferHealthAndReflection(bool offer);

// Of the whole server ("") and of each of our services. Nothing for a server without health.
void SetServing(grpc::Server& server, bool serving);

}  // namespace vizsla
