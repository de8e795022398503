// What `vizsla-coordinator init DIR` makes and everybody reads:
//
//     DIR/ca/           ca.crt ca.key         signs; needed again only for `issue` and `renew`
//     DIR/coordinator/  ca.crt identity.pem tokens      for vizsla-coordinator --credentials
//     DIR/admin/        ca.crt identity.pem token       for clients, one folder a role;
//     DIR/worker/       ...                             carry it to where they run
//     DIR/viewer/       ...
//
// identity.pem is the private key and the certificate in one file, so that one rename replaces
// both. Folders have mode 0700, files 0600; looser key and token files are refused. All calls
// block.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "src/base/clock.h"
#include "src/base/status.h"
#include "src/security/certificates.h"
#include "src/security/tokens.h"

namespace vizsla {

struct InitOptions {
  std::string folder;
  // By which clients reach the coordinator; localhost, 127.0.0.1 and ::1 are always among them.
  std::vector<std::string> hosts;
  std::chrono::days authority_lifetime{3650};
  std::chrono::days certificate_lifetime{825};
};
// AlreadyExists when the folder is there: nothing is overwritten.
absl::Status InitCredentials(const InitOptions& options, Timestamp now);

// A further client: DIR/NAME with a certificate and token of its own, and its line in the token
// file. A running coordinator takes it within seconds.
absl::Status IssueClient(const std::string& folder, const Principal& principal,
                         std::chrono::days lifetime, Timestamp now);

// A fresh key and certificate for the coordinator, by the same authority, for the hosts of the old
// one and these.
absl::Status RenewServer(const std::string& folder, const std::vector<std::string>& more_hosts,
                         std::chrono::days lifetime, Timestamp now);

// A client's folder, read and checked.
struct ClientCredentials {
  std::string folder;
  std::string authority_path;
  std::string authority_pem;
  std::string identity_pem;
  std::string token;
};
// FailedPrecondition "the certificate in FOLDER/identity.pem cannot be used: it expired on ...", or
// what is missing or open to others.
absl::StatusOr<ClientCredentials> LoadClientCredentials(const std::string& folder, Timestamp now);

// A coordinator's folder, checked; DIR and DIR/coordinator both mean it.
struct ServerCredentialFiles {
  std::string authority_path;
  std::string identity_path;
  std::string tokens_path;
  CertificateFacts certificate;
};
absl::StatusOr<ServerCredentialFiles> FindServerCredentials(const std::string& folder,
                                                            Timestamp now);
// Private, parsed, and with at least one token.
absl::StatusOr<TokenTable> ReadTokens(const std::string& path);

}  // namespace vizsla
