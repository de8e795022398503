// Counts every call of a server, whichever service and kind it is, without the services knowing.
#pragma once

#include <grpcpp/support/server_interceptor.h>

#include "src/rpc/call_statistics.h"

namespace vizsla {

class CallInterceptorFactory : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  // The statistics outlive the server.
  explicit CallInterceptorFactory(CallStatistics& statistics) : statistics_(statistics) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override;

 private:
  CallStatistics& statistics_;
};

}  // namespace vizsla
