// How a client proves who it is, and what to tell the user when that fails.
#pragma once

#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

#include "src/base/status.h"
#include "src/security/credentials_folder.h"

namespace vizsla {

// TLS with the client's certificate.
std::shared_ptr<grpc::ChannelCredentials> ChannelCredentialsOf(
    const ClientCredentials& credentials);

// Why nobody seems to answer at `address`, as far as TLS is the reason; Ok when it is not.
// `credentials`: null for a client that speaks plain text. Makes a connection of its own; blocks up
// to a few seconds.
absl::Status DiagnoseConnection(const std::string& address, const ClientCredentials* credentials);

// Whether the coordinator there takes TLS.
bool CoordinatorSpeaksTls(const std::string& address);

}  // namespace vizsla
