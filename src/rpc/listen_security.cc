#include "src/rpc/listen_security.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/rpc/authenticator.h"
#include "src/security/credentials_folder.h"

namespace vizsla {
namespace {

constexpr unsigned kLookForCertificatesEverySeconds = 5;
constexpr std::chrono::days kEndsSoon{30};

void WarnOfEnd(const ServerCredentialFiles& files) {
  const Timestamp end = files.certificate.validity.end;
  if (end - SystemClock().Now() > kEndsSoon) return;
  log::warn("the certificate in {} expires on {}: vizsla-coordinator renew makes a new one",
            files.identity_path, DateText(end));
}

std::shared_ptr<grpc::ServerCredentials> TlsFrom(const ServerCredentialFiles& files,
                                                 bool client_certificates) {
  const auto provider = std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
      files.identity_path, files.identity_path, files.authority_path,
      kLookForCertificatesEverySeconds);
  grpc::experimental::TlsServerCredentialsOptions options(provider);
  options.watch_identity_key_cert_pairs();
  if (client_certificates) {
    options.watch_root_certs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return grpc::experimental::TlsServerCredentials(options);
}

}  // namespace

absl::Status CheckListen(const ListenSecurity& security, const HostPort& address,
                         const std::string& shown) {
  if (security.insecure && !security.credentials.empty()) {
    return absl::InvalidArgumentError(
        "--insecure contradicts --credentials: with credentials the traffic is encrypted");
  }
  if (!security.credentials.empty() || security.insecure || IsLoopback(address.host)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(StrCat("refusing to listen on ", shown,
                                           ": without credentials only loopback addresses are "
                                           "accepted (127.0.0.1, ::1, localhost). Make "
                                           "some with `vizsla-coordinator init DIR --host NAME` "
                                           "and give --credentials DIR, or --insecure "
                                           "to let everybody who reaches the port do everything"));
}

absl::StatusOr<ListenCredentials> MakeListenCredentials(const ListenSecurity& security,
                                                        const HostPort& address) {
  ListenCredentials made;
  if (security.credentials.empty()) {
    if (!IsLoopback(address.host)) {
      log::warn(
          "INSECURE: {} is open without TLS and tokens. Whoever reaches it can read and delete "
          "every "
          "study, take trials, report scores and store files; all traffic can be read and changed "
          "on "
          "its way",
          ToText(address));
    }
    made.credentials = grpc::InsecureServerCredentials();
    return made;
  }
  VIZSLA_ASSIGN_OR_RETURN(const ServerCredentialFiles files,
                          FindServerCredentials(security.credentials, SystemClock().Now()));
  WarnOfEnd(files);
  VIZSLA_ASSIGN_OR_RETURN(made.tokens, TokenFile::Open(files.tokens_path));
  made.credentials = TlsFrom(files, security.client_certificates);
  made.credentials->SetAuthMetadataProcessor(
      std::make_shared<Authenticator>(*made.tokens, security.now));
  return made;
}

}  // namespace vizsla
