#include "src/rpc/health.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>

#include "vizsla/v1/artifact_service.grpc.pb.h"
#include "vizsla/v1/study_service.grpc.pb.h"
#include "vizsla/v1/system_service.grpc.pb.h"
#include "vizsla/v1/worker_service.grpc.pb.h"

namespace vizsla {

void OfferHealthAndReflection(bool offer) {
  grpc::EnableDefaultHealthCheckService(offer);
  if (offer) grpc::reflection::InitProtoReflectionServerBuilderPlugin();
}

void SetServing(grpc::Server& server, bool serving) {
  grpc::HealthCheckServiceInterface* health = server.GetHealthCheckService();
  if (health == nullptr) return;
  for (const char* service :
       {v1::SystemService::service_full_name(), v1::StudyService::service_full_name(),
        v1::WorkerService::service_full_name(), v1::ArtifactService::service_full_name()}) {
    health->SetServingStatus(service, serving);
  }
  health->SetServingStatus(serving);  // all of them, and ""
}

}  // namespace vizsla
