#include "src/rpc/server.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <cerrno>
#include <utility>

#include "src/rpc/address.h"
#include "src/rpc/artifact_service.h"
#include "src/rpc/call_interceptor.h"
#include "src/rpc/calls.h"
#include "src/rpc/health.h"
#include "src/rpc/leaderboard_watch.h"
#include "src/rpc/status_convert.h"
#include "src/rpc/study_service.h"
#include "src/rpc/system_service.h"
#include "src/rpc/try_bind.h"
#include "src/rpc/worker_service.h"

namespace vizsla {
namespace {

absl::StatusOr<HostPort> ParseListenAddress(const std::string& listen) {
  VIZSLA_ASSIGN_OR_RETURN(HostPort address, ParseHostPort(listen));
  if (!IsLoopback(address.host)) {
    return absl::InvalidArgumentError(StrCat(
        "refusing to listen on ", listen,
        ": traffic is neither encrypted nor authenticated yet, so only loopback addresses are "
        "accepted (127.0.0.1, ::1, localhost); TLS comes in a later release"));
  }
  if (address.host == "localhost") address.host = "127.0.0.1";
  return address;
}

class CoordinatorServerImpl : public CoordinatorServer {
 public:
  CoordinatorServerImpl(Scheduler& scheduler, TrialStore& store, ArtifactStore& artifacts,
                        const ServerOptions& options, std::string coordinator_id)
      : calls_(options.threads, std::move(coordinator_id)),
        watch_(scheduler),
        system_(calls_, options.database_name),
        studies_(calls_, scheduler, store, watch_),
        workers_(calls_, scheduler, options.scheduling),
        artifacts_(calls_, artifacts) {}

  ~CoordinatorServerImpl() override {
    if (server_ == nullptr) return;
    vizsla::SetServing(*server_, false);  // who watches us should go elsewhere
    watch_.Stop();
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
    server_->Wait();
  }

  absl::Status Serve(const std::string& listen) {
    QuietGrpcLog();
    OfferHealthAndReflection(!listen.empty());
    grpc::ServerBuilder builder;
    builder.RegisterService(&system_);
    builder.RegisterService(&studies_);
    builder.RegisterService(&workers_);
    builder.RegisterService(&artifacts_);
    builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
    builder.SetMaxSendMessageSize(kMaxMessageBytes);
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxHeaderBytes);
    std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> counting;
    counting.push_back(std::make_unique<CallInterceptorFactory>(call_statistics_));
    builder.experimental().SetInterceptorCreators(std::move(counting));
    // A second coordinator on the same port must fail, not share it.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    // Dead peers are noticed, and clients may ask whether we are alive as often as ours do.
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20000);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10000);
    HostPort address;
    int bound = 0;
    if (!listen.empty()) {
      VIZSLA_ASSIGN_OR_RETURN(address, ParseListenAddress(listen));
      VIZSLA_RETURN_IF_ERROR(TryBind(address));
      builder.AddListeningPort(ToText(address), grpc::InsecureServerCredentials(), &bound);
    }
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || (!listen.empty() && bound == 0))
      return BindError(address, EADDRINUSE);
    SetServing(true);
    if (!listen.empty()) address_ = ToText(HostPort{address.host, bound});
    return absl::OkStatus();
  }

  std::string address() const override { return address_; }

  std::shared_ptr<grpc::Channel> InProcessChannel() override {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
    arguments.SetMaxSendMessageSize(kMaxMessageBytes);
    arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, kMaxHeaderBytes);
    return server_->InProcessChannel(arguments);
  }

  std::chrono::milliseconds SinceLastCall() const override { return calls_.SinceLastCall(); }

  void SetServing(bool serving) override { vizsla::SetServing(*server_, serving); }

  std::vector<MethodStatistics> CallsByMethod() const override {
    return call_statistics_.Snapshot();
  }

 private:
  CallStatistics call_statistics_;
  Calls calls_;
  LeaderboardWatch watch_;
  SystemServiceImpl system_;
  StudyServiceImpl studies_;
  WorkerServiceImpl workers_;
  ArtifactServiceImpl artifacts_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<CoordinatorServer>> CoordinatorServer::Start(
    Scheduler& scheduler, TrialStore& store, ArtifactStore& artifacts,
    const ServerOptions& options) {
  std::string coordinator_id;
  VIZSLA_RETURN_IF_ERROR(store.Read([&](TrialReader& reader) -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(coordinator_id, reader.GetDatabaseId());
    return absl::OkStatus();
  }));
  auto server = std::make_unique<CoordinatorServerImpl>(scheduler, store, artifacts, options,
                                                        std::move(coordinator_id));
  VIZSLA_RETURN_IF_ERROR(server->Serve(options.listen));
  return std::unique_ptr<CoordinatorServer>(std::move(server));
}

}  // namespace vizsla
