#include "src/rpc/call_interceptor.h"

#include <chrono>

namespace vizsla {
namespace {

using grpc::experimental::InterceptionHookPoints;

// Lives as long as its call. gRPC runs the hooks of one call one after another.
class CallInterceptor : public grpc::experimental::Interceptor {
 public:
  explicit CallInterceptor(CallStatistics::Record& record) : record_(record) { record_.Started(); }
  // Without a status the client went before there was an answer.
  ~CallInterceptor() override { record_.Ended(code_, std::chrono::steady_clock::now() - start_); }

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      code_ = methods->GetSendStatus().error_code();
    }
    methods->Proceed();
  }

 private:
  CallStatistics::Record& record_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  int code_ = grpc::StatusCode::CANCELLED;
};

}  // namespace

grpc::experimental::Interceptor* CallInterceptorFactory::CreateServerInterceptor(
    grpc::experimental::ServerRpcInfo* info) {
  return new CallInterceptor(statistics_.Of(info->method()));
}

}  // namespace vizsla
