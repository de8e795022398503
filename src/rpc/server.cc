#include "src/rpc/server.h"

#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <cerrno>
#include <optional>
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

// At most so many calls of one connection run at once; further ones wait in the client.
constexpr int kMaxStreamsPerConnection = 1024;
// All connections' buffers together: beyond, peers are read more slowly and new ones turned away.
constexpr size_t kMaxBufferBytes = size_t{1} << 30;
constexpr char kBufferQuota[] = "vizsla-connections";

absl::StatusOr<HostPort> ParseListenAddress(const std::string& listen,
                                            const ListenSecurity& security) {
  VIZSLA_ASSIGN_OR_RETURN(HostPort address, ParseHostPort(listen));
  VIZSLA_RETURN_IF_ERROR(CheckListen(security, address, listen));
  if (address.host == "localhost") address.host = "127.0.0.1";
  if (!IsIpAddress(address.host)) {
    return absl::InvalidArgumentError(StrCat(
        "cannot listen on ", listen, ": name one of this machine's IP addresses, 0.0.0.0 or [::]"));
  }
  return address;
}

class CoordinatorServerImpl : public CoordinatorServer {
 public:
  CoordinatorServerImpl(Scheduler& scheduler, TrialStore& store, ArtifactStore& artifacts,
                        const ServerOptions& options, std::string coordinator_id,
                        ListenCredentials listen)
      : listen_(std::move(listen)),
        calls_(options.threads, std::move(coordinator_id), options.security.quotas,
               listen_.tokens.get(), options.security.now),
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

  absl::Status Serve(const std::optional<HostPort>& listen) {
    QuietGrpcLog();
    OfferHealthAndReflection(listen.has_value());
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
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreamsPerConnection);
    // Who connects and says nothing is dropped; a client's channel comes back by itself.
    builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 20000);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, 10 * 60 * 1000);
    builder.SetResourceQuota(grpc::ResourceQuota(kBufferQuota).Resize(kMaxBufferBytes));
    int bound = 0;
    if (listen) {
      VIZSLA_RETURN_IF_ERROR(TryBind(*listen));
      builder.AddListeningPort(ToText(*listen), listen_.credentials, &bound);
    }
    server_ = builder.BuildAndStart();
    if (listen && (server_ == nullptr || bound == 0)) return BindError(*listen, EADDRINUSE);
    if (server_ == nullptr) return absl::InternalError("gRPC could not start a server");
    SetServing(true);
    if (listen) address_ = ToText(HostPort{listen->host, bound});
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
  const ListenCredentials listen_;  // first: all that listens uses its tokens
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
  std::optional<HostPort> address;
  ListenCredentials listen;
  if (!options.listen.empty()) {
    VIZSLA_ASSIGN_OR_RETURN(address, ParseListenAddress(options.listen, options.security));
    VIZSLA_ASSIGN_OR_RETURN(listen, MakeListenCredentials(options.security, *address));
  }
  auto server = std::make_unique<CoordinatorServerImpl>(
      scheduler, store, artifacts, options, std::move(coordinator_id), std::move(listen));
  VIZSLA_RETURN_IF_ERROR(server->Serve(address));
  return std::unique_ptr<CoordinatorServer>(std::move(server));
}

}  // namespace vizsla
