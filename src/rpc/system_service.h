#pragma once

#include <string>

#include "src/base/clock.h"
#include "src/rpc/calls.h"
#include "vizsla/v1/system_service.grpc.pb.h"

namespace vizsla {

class SystemServiceImpl : public v1::SystemService::CallbackService {
 public:
  SystemServiceImpl(Calls& calls, std::string database_name);
  grpc::ServerUnaryReactor* Handshake(grpc::CallbackServerContext* context,
                                      const v1::HandshakeRequest* request,
                                      v1::HandshakeResponse* response) override;
  grpc::ServerUnaryReactor* GetServerInfo(grpc::CallbackServerContext* context,
                                          const v1::GetServerInfoRequest* request,
                                          v1::GetServerInfoResponse* response) override;

 private:
  Calls& calls_;
  const std::string database_name_;
  const Timestamp started_at_ = SystemClock().Now();
};

}  // namespace vizsla
