#include "src/rpc/client_security.h"

#include "src/rpc/address.h"
#include "src/security/tls_probe.h"

namespace vizsla {

std::shared_ptr<grpc::ChannelCredentials> ChannelCredentialsOf(
    const ClientCredentials& credentials) {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = credentials.authority_pem;
  // One text with both: each reader takes its own block.
  options.pem_private_key = credentials.identity_pem;
  options.pem_cert_chain = credentials.identity_pem;
  return grpc::SslCredentials(options);
}

absl::Status DiagnoseConnection(const std::string& address, const ClientCredentials* credentials) {
  const absl::StatusOr<HostPort> parsed = ParseHostPort(address);
  if (!parsed.ok()) return absl::OkStatus();  // a channel that was given, in process
  const TlsPeer peer{parsed->host, parsed->port};
  if (credentials != nullptr) {
    return DiagnoseTls(peer, address,
                       {credentials->authority_pem, credentials->authority_path,
                        credentials->identity_pem, credentials->folder + "/identity.pem"});
  }
  if (!SpeaksTls(peer)) return absl::OkStatus();
  return absl::UnauthenticatedError(
      StrCat("the coordinator at ", address,
             " wants TLS and a token: name the folder with your credentials by --credentials or "
             "VIZSLA_CREDENTIALS"));
}

bool CoordinatorSpeaksTls(const std::string& address) {
  const absl::StatusOr<HostPort> parsed = ParseHostPort(address);
  return parsed.ok() && SpeaksTls({parsed->host, parsed->port});
}

}  // namespace vizsla
