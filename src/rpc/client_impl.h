// Inside of CoordinatorClient, shared by client.cc and client_artifacts.cc.
#pragma once

#include <grpcpp/client_context.h>

#include <memory>
#include <optional>
#include <string>

#include "src/rpc/client.h"

namespace vizsla {

struct CoordinatorClient::Impl {
  Impl(std::shared_ptr<grpc::Channel> channel, std::string address, const ClientOptions& options,
       std::optional<ClientCredentials> credentials);

  // Deadline and headers of one try.
  void Prepare(grpc::ClientContext& context, std::chrono::milliseconds deadline) const;
  // The sentence for what gRPC says when nobody answers; other errors pass as they are. One that
  // the coordinator refused for a quota is transient (IsTransient).
  absl::Status Explain(const grpc::Status& status, const grpc::ClientContext& context,
                       std::chrono::milliseconds deadline) const;
  // For "nobody answers": the fault of TLS that it comes from, if there is one.
  absl::Status Diagnose(const absl::Status& status) const;
  // Runs `attempt` until it gives something else than a transient failure or patience is over.
  absl::Status Repeat(const std::function<absl::Status()>& attempt) const;
  absl::Status Handshake();

  template <typename Interface, typename Request, typename Response>
  absl::Status Try(Interface& stub,
                   grpc::Status (Interface::*method)(grpc::ClientContext*, const Request&,
                                                     Response*),
                   const Request& request, Response* response) const {
    grpc::ClientContext context;
    Prepare(context, options.deadline);
    response->Clear();
    const grpc::Status status = (stub.*method)(&context, request, response);
    return Explain(status, context, options.deadline);
  }

  template <typename Interface, typename Request, typename Response>
  absl::StatusOr<Response> Call(Interface& stub,
                                grpc::Status (Interface::*method)(grpc::ClientContext*,
                                                                  const Request&, Response*),
                                const Request& request) const {
    Response response;
    VIZSLA_RETURN_IF_ERROR(Repeat([&] { return Try(stub, method, request, &response); }));
    return response;
  }

  const std::shared_ptr<grpc::Channel> channel;
  const std::string address;
  const ClientOptions options;
  const std::optional<ClientCredentials> credentials;  // none: plain text or a given channel
  const std::unique_ptr<v1::SystemService::StubInterface> system;
  const std::unique_ptr<v1::StudyService::StubInterface> studies;
  const std::unique_ptr<v1::WorkerService::StubInterface> workers;
  const std::unique_ptr<v1::ArtifactService::StubInterface> artifacts;
  const std::unique_ptr<grpc::health::v1::Health::StubInterface> health;
  v1::HandshakeResponse server;  // written once, by Handshake, before the client is handed out
};

}  // namespace vizsla
