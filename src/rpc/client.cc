#include "src/rpc/client.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <random>
#include <thread>
#include <utility>

#include "src/base/clock.h"
#include "src/rpc/address.h"
#include "src/rpc/client_impl.h"
#include "src/rpc/client_security.h"
#include "src/rpc/convert.h"
#include "src/rpc/handshake.h"
#include "src/rpc/retry.h"
#include "src/rpc/status_convert.h"

namespace vizsla {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

double Jitter() {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

std::string InSeconds(milliseconds time) {
  if (time.count() % 1000 == 0) return StrCat(time.count() / 1000, " s");
  return StrCat(time.count(), " ms");
}

grpc::ChannelArguments ChannelArgumentsForClients() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, kMaxHeaderBytes);
  // A coordinator that comes back is seen within two seconds, not after gRPC's two minutes.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  // A watcher notices a peer that vanished without a word.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20000);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return arguments;
}

}  // namespace

CoordinatorClient::Impl::Impl(std::shared_ptr<grpc::Channel> given_channel,
                              std::string given_address, const ClientOptions& given_options,
                              std::optional<ClientCredentials> given_credentials)
    : channel(std::move(given_channel)),
      address(std::move(given_address)),
      options(given_options),
      credentials(std::move(given_credentials)),
      system(v1::SystemService::NewStub(channel)),
      studies(v1::StudyService::NewStub(channel)),
      workers(v1::WorkerService::NewStub(channel)),
      artifacts(v1::ArtifactService::NewStub(channel)),
      health(grpc::health::v1::Health::NewStub(channel)) {}

void CoordinatorClient::Impl::Prepare(grpc::ClientContext& context, milliseconds deadline) const {
  context.set_deadline(std::chrono::system_clock::now() + deadline);
  context.AddMetadata(kProtocolHeader, std::to_string(kProtocolVersion));
  context.AddMetadata(kVersionHeader, VIZSLA_VERSION);
  if (!server.coordinator_id().empty()) {
    context.AddMetadata(kCoordinatorHeader, server.coordinator_id());
  }
  // Only ever over TLS: without credentials there is no token.
  if (credentials) context.AddMetadata("authorization", "Bearer " + credentials->token);
}

absl::Status CoordinatorClient::Impl::Explain(const grpc::Status& status,
                                              const grpc::ClientContext& context,
                                              milliseconds deadline) const {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:  // gRPC's own word: a coordinator says ABORTED
    case grpc::StatusCode::CANCELLED:  // by a server that shuts down: we never cancel what we wait
                                       // for
      return absl::UnavailableError(StrCat("no coordinator answers at ", address));
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return absl::DeadlineExceededError(
          StrCat("the coordinator at ", address, " did not answer within ", InSeconds(deadline)));
    case grpc::StatusCode::UNIMPLEMENTED:
      return absl::FailedPreconditionError(
          StrCat("what answers at ", address,
                 " is no coordinator of this version: ", status.error_message()));
    case grpc::StatusCode::UNAUTHENTICATED:
      return absl::UnauthenticatedError(
          credentials ? StrCat(status.error_message(), " (", credentials->folder, "/token)")
                      : status.error_message());
    case grpc::StatusCode::RESOURCE_EXHAUSTED: {
      absl::Status refused = FromGrpc(status);
      const auto& trailers = context.GetServerTrailingMetadata();
      if (trailers.find(kRetryAfterHeader) != trailers.end()) MarkTransient(&refused);
      return refused;
    }
    default:
      return FromGrpc(status);
  }
}

absl::Status CoordinatorClient::Impl::Diagnose(const absl::Status& status) const {
  if (!absl::IsUnavailable(status)) return status;
  absl::Status reason = DiagnoseConnection(address, credentials ? &*credentials : nullptr);
  return reason.ok() ? status : reason;
}

absl::Status CoordinatorClient::Impl::Repeat(const std::function<absl::Status()>& attempt) const {
  const auto start = steady_clock::now();
  for (int tries = 1;; ++tries) {
    const absl::Status status = attempt();
    if (!IsTransient(status)) return status;
    const auto elapsed = duration_cast<milliseconds>(steady_clock::now() - start);
    const auto pause = NextPause(tries, Jitter(), elapsed, options.patience);
    if (!pause) {
      const absl::Status diagnosed = Diagnose(status);
      if (tries == 1 || diagnosed.code() != status.code()) return diagnosed;
      return absl::Status(status.code(), StrCat(std::string(status.message()), " (tried ", tries,
                                                " times in ", InSeconds(elapsed), ")"));
    }
    std::this_thread::sleep_for(*pause);
  }
}

absl::Status CoordinatorClient::Impl::Handshake() {
  v1::HandshakeRequest request;
  request.set_protocol_version(kProtocolVersion);
  request.set_client_version(VIZSLA_VERSION);
  v1::HandshakeResponse response;
  bool first = true;
  VIZSLA_RETURN_IF_ERROR(Repeat([&] {
    const absl::Status status =
        Try(*system, &v1::SystemService::StubInterface::Handshake, request, &response);
    // Waiting mends no certificate: it is said at once. Patience is for a coordinator that
    // restarts.
    const bool diagnose = std::exchange(first, false) && options.patience.count() > 0;
    return diagnose ? Diagnose(status) : status;
  }));
  VIZSLA_RETURN_IF_ERROR(CheckVersions({kProtocolVersion, VIZSLA_VERSION},
                                       {response.protocol_version(), response.server_version()}));
  server = std::move(response);
  return absl::OkStatus();
}

CoordinatorClient::CoordinatorClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CoordinatorClient::~CoordinatorClient() = default;

absl::StatusOr<std::unique_ptr<CoordinatorClient>> CoordinatorClient::Connect(
    const std::string& address, const ClientOptions& options) {
  VIZSLA_ASSIGN_OR_RETURN(const HostPort parsed, ParseHostPort(address));
  if (parsed.port == 0) {
    return absl::InvalidArgumentError(StrCat("address '", address, "': port 0 cannot be called"));
  }
  QuietGrpcLog();
  std::optional<ClientCredentials> credentials;
  std::shared_ptr<grpc::ChannelCredentials> secure = grpc::InsecureChannelCredentials();
  if (!options.credentials.empty()) {
    VIZSLA_ASSIGN_OR_RETURN(credentials,
                            LoadClientCredentials(options.credentials, SystemClock().Now()));
    secure = ChannelCredentialsOf(*credentials);
  }
  auto impl = std::make_unique<Impl>(
      grpc::CreateCustomChannel(ToText(parsed), secure, ChannelArgumentsForClients()), address,
      options, std::move(credentials));
  VIZSLA_RETURN_IF_ERROR(impl->Handshake());
  return std::unique_ptr<CoordinatorClient>(new CoordinatorClient(std::move(impl)));
}

absl::StatusOr<std::unique_ptr<CoordinatorClient>> CoordinatorClient::Connect(
    std::shared_ptr<grpc::Channel> channel, const std::string& shown_address,
    const ClientOptions& options) {
  auto impl = std::make_unique<Impl>(std::move(channel), shown_address, options, std::nullopt);
  VIZSLA_RETURN_IF_ERROR(impl->Handshake());
  return std::unique_ptr<CoordinatorClient>(new CoordinatorClient(std::move(impl)));
}

const v1::HandshakeResponse& CoordinatorClient::server() const { return impl_->server; }
const std::string& CoordinatorClient::address() const { return impl_->address; }

// One unary call of one service.
#define VIZSLA_CLIENT_CALL(stub, Service, Method)                                   \
  absl::StatusOr<v1::Method##Response> CoordinatorClient::Method(                   \
      const v1::Method##Request& request) {                                         \
    return impl_->Call(*impl_->stub, &v1::Service::StubInterface::Method, request); \
  }

VIZSLA_CLIENT_CALL(system, SystemService, GetServerInfo)
VIZSLA_CLIENT_CALL(studies, StudyService, CreateStudy)
VIZSLA_CLIENT_CALL(studies, StudyService, GetStudy)
VIZSLA_CLIENT_CALL(studies, StudyService, ListStudies)
VIZSLA_CLIENT_CALL(studies, StudyService, StopStudy)
VIZSLA_CLIENT_CALL(studies, StudyService, ResumeStudy)
VIZSLA_CLIENT_CALL(studies, StudyService, RenameStudy)
VIZSLA_CLIENT_CALL(studies, StudyService, DeleteStudy)
VIZSLA_CLIENT_CALL(studies, StudyService, GetLeaderboard)
VIZSLA_CLIENT_CALL(studies, StudyService, GetTrial)
VIZSLA_CLIENT_CALL(studies, StudyService, GetTrialLogs)
VIZSLA_CLIENT_CALL(studies, StudyService, ListEvaluations)
VIZSLA_CLIENT_CALL(workers, WorkerService, RegisterWorker)
VIZSLA_CLIENT_CALL(workers, WorkerService, AcquireTrials)
VIZSLA_CLIENT_CALL(workers, WorkerService, Heartbeat)
VIZSLA_CLIENT_CALL(workers, WorkerService, ReportEpoch)

#undef VIZSLA_CLIENT_CALL

absl::StatusOr<grpc::health::v1::HealthCheckResponse> CoordinatorClient::CheckHealth(
    const grpc::health::v1::HealthCheckRequest& request) {
  return impl_->Call(*impl_->health, &grpc::health::v1::Health::StubInterface::Check, request);
}

absl::StatusOr<v1::RecordEvaluationResponse> CoordinatorClient::RecordEvaluation(
    const v1::RecordEvaluationRequest& request) {
  // Never repeated: a first try whose answer was lost may have counted a use of the sealed split.
  v1::RecordEvaluationResponse response;
  VIZSLA_RETURN_IF_ERROR(impl_->Try(
      *impl_->studies, &v1::StudyService::StubInterface::RecordEvaluation, request, &response));
  return response;
}

absl::StatusOr<v1::EditNotesResponse> CoordinatorClient::EditNotes(
    const v1::EditNotesRequest& request) {
  v1::EditNotesResponse response;
  VIZSLA_RETURN_IF_ERROR(
      impl_->Try(*impl_->studies, &v1::StudyService::StubInterface::EditNotes, request, &response));
  return response;
}

absl::StatusOr<v1::CompleteTrialResponse> CoordinatorClient::CompleteTrial(
    const v1::CompleteTrialRequest& request) {
  v1::CompleteTrialRequest clean = request;
  clean.set_reason(ToUtf8(request.reason()));  // it may quote a library or a file name
  return impl_->Call(*impl_->workers, &v1::WorkerService::StubInterface::CompleteTrial, clean);
}

absl::StatusOr<v1::AppendLogsResponse> CoordinatorClient::AppendLogs(
    const v1::AppendLogsRequest& request) {
  v1::AppendLogsRequest clean = request;
  for (std::string& line : *clean.mutable_lines()) line = ToUtf8(line);
  return impl_->Call(*impl_->workers, &v1::WorkerService::StubInterface::AppendLogs, clean);
}

absl::Status CoordinatorClient::WatchLeaderboard(
    const v1::WatchLeaderboardRequest& request,
    const std::function<bool(const v1::Leaderboard&)>& show) {
  // A watch has no end known beforehand; keepalive pings are what notices a dead peer. A stream
  // that breaks is taken up again while patience lasts, counted from the last board.
  constexpr milliseconds kLongest = std::chrono::hours(24 * 365);
  auto last_board = steady_clock::now();
  for (int tries = 1;; ++tries) {
    grpc::ClientContext context;
    impl_->Prepare(context, kLongest);
    const auto reader = impl_->studies->WatchLeaderboard(&context, request);
    v1::WatchLeaderboardResponse response;
    while (reader->Read(&response)) {
      tries = 1;
      if (!show(response.leaderboard())) {
        context.TryCancel();
        reader->Finish();
        return absl::OkStatus();
      }
      last_board = steady_clock::now();
    }
    const absl::Status status = impl_->Explain(reader->Finish(), context, kLongest);
    if (!IsTransient(status)) return status;
    const auto elapsed = duration_cast<milliseconds>(steady_clock::now() - last_board);
    const auto pause = NextPause(tries, Jitter(), elapsed, impl_->options.patience);
    if (!pause) return status;
    std::this_thread::sleep_for(*pause);
  }
}

}  // namespace vizsla
