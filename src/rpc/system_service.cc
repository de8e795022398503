#include "src/rpc/system_service.h"

#include <utility>

#include "src/rpc/client.h"
#include "src/rpc/handshake.h"

namespace vizsla {

SystemServiceImpl::SystemServiceImpl(Calls& calls, std::string database_name)
    : calls_(calls), database_name_(std::move(database_name)) {}

grpc::ServerUnaryReactor* SystemServiceImpl::Handshake(grpc::CallbackServerContext* context,
                                                       const v1::HandshakeRequest* request,
                                                       v1::HandshakeResponse* response) {
  return calls_.RunAnyVersion(context, [=, this]() -> absl::Status {
    VIZSLA_RETURN_IF_ERROR(CheckVersions({request->protocol_version(), request->client_version()},
                                         {kProtocolVersion, VIZSLA_VERSION}));
    response->set_protocol_version(kProtocolVersion);
    response->set_server_version(VIZSLA_VERSION);
    response->set_coordinator_id(calls_.coordinator_id());
    response->set_database(database_name_);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* SystemServiceImpl::GetServerInfo(grpc::CallbackServerContext* context,
                                                           const v1::GetServerInfoRequest*,
                                                           v1::GetServerInfoResponse* response) {
  return calls_.RunAnyVersion(context, [=, this]() -> absl::Status {
    response->set_time_unix_ms(ToUnixMillis(SystemClock().Now()));
    response->set_started_unix_ms(ToUnixMillis(started_at_));
    response->set_server_version(VIZSLA_VERSION);
    response->set_protocol_version(kProtocolVersion);
    return absl::OkStatus();
  });
}

}  // namespace vizsla
