// What a coordinator listens with: TLS and tokens by a credentials folder, or plain text, and then
// only on loopback unless the user insists.
#pragma once

#include <grpcpp/security/server_credentials.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "src/base/status.h"
#include "src/rpc/address.h"
#include "src/security/quota.h"
#include "src/security/token_file.h"

namespace vizsla {

struct ListenSecurity {
  std::string
      credentials;  // folder (src/security/credentials_folder.h); empty: plain text, no tokens
  bool client_certificates = true;  // mutual TLS: who connects must have one of the same authority
  bool insecure = false;            // plain text beyond loopback
  QuotaTable quotas = DefaultQuotas();
  std::function<std::chrono::steady_clock::time_point()> now = &std::chrono::steady_clock::now;
};

// InvalidArgument "refusing to listen on 0.0.0.0:4711: ...", or that two options contradict. Pure.
absl::Status CheckListen(const ListenSecurity& security, const HostPort& address,
                         const std::string& shown);

struct ListenCredentials {
  std::unique_ptr<TokenFile> tokens;  // null without credentials; must outlive the server
  std::shared_ptr<grpc::ServerCredentials> credentials;
};
// Reads and checks the files. The certificate is read again when its file changes. Logs a warning
// that names what is exposed when `insecure` opens the network, and one when the certificate ends
// soon.
absl::StatusOr<ListenCredentials> MakeListenCredentials(const ListenSecurity& security,
                                                        const HostPort& address);

}  // namespace vizsla
