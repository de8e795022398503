#include "src/security/tls_probe.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <optional>

#include "absl/strings/str_join.h"
#include "src/base/file_descriptor.h"
#include "src/security/certificates.h"
#include "src/security/openssl_objects.h"

namespace vizsla {
namespace {

using openssl::Bio;
using openssl::Certificate;
using openssl::Connection;
using openssl::Context;

// OpenSSL writes to a socket whose other end may be gone; the program's own handling of SIGPIPE
// stays.
class WithoutSigpipe {
 public:
  WithoutSigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~WithoutSigpipe() {
    const timespec now{};
    if (!was_pending_) sigtimedwait(&pipe_, nullptr, &now);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_;
  sigset_t before_;
  bool was_pending_;
};

// A connected TCP socket, or -1.
class Socket {
 public:
  explicit Socket(const TlsPeer& peer) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(peer.host.c_str(), std::to_string(peer.port).c_str(), &hints, &found) != 0) {
      return;
    }
    const timeval time{static_cast<time_t>(peer.timeout.count() / 1000),
                       static_cast<suseconds_t>(peer.timeout.count() % 1000 * 1000)};
    for (const addrinfo* one = found; one != nullptr && !socket_.is_open(); one = one->ai_next) {
      FileDescriptor socket(::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, 0));
      if (!socket.is_open()) continue;
      ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
      ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));  // also of connect
      if (::connect(socket.get(), one->ai_addr, one->ai_addrlen) == 0) {
        socket_ = std::move(socket);
      }
    }
    ::freeaddrinfo(found);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return socket_.get(); }

 private:
  FileDescriptor socket_;
};

bool IsIp(const std::string& host) {
  in6_addr ignored{};
  return ::inet_pton(AF_INET, host.c_str(), &ignored) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

// Verification is done, but its result does not end the handshake: we want to look at the
// certificate. Nothing is sent but the handshake.
Context NewContext() {
  Context context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr) return context;
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  constexpr unsigned char kHttp2[] = {2, 'h', '2'};
  SSL_CTX_set_alpn_protos(context.get(), kHttp2, sizeof(kHttp2));
  return context;
}

bool Trust(SSL_CTX* context, const TlsTrust& trust) {
  const Certificate authority(
      PEM_read_bio_X509(openssl::ReadOnly(trust.authority_pem).get(), nullptr, nullptr, nullptr));
  if (authority == nullptr ||
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get()) != 1) {
    return false;
  }
  if (trust.identity_pem.empty()) return true;
  const Certificate own(
      PEM_read_bio_X509(openssl::ReadOnly(trust.identity_pem).get(), nullptr, nullptr, nullptr));
  const openssl::Key key(PEM_read_bio_PrivateKey(openssl::ReadOnly(trust.identity_pem).get(),
                                                 nullptr, nullptr, nullptr));
  return own != nullptr && key != nullptr && SSL_CTX_use_certificate(context, own.get()) == 1 &&
         SSL_CTX_use_PrivateKey(context, key.get()) == 1;
}

Connection Connect(SSL_CTX* context, const TlsPeer& peer, int fd) {
  Connection connection(SSL_new(context));
  if (connection == nullptr || SSL_set_fd(connection.get(), fd) != 1) return nullptr;
  X509_VERIFY_PARAM* const parameters = SSL_get0_param(connection.get());
  if (IsIp(peer.host)) {
    X509_VERIFY_PARAM_set1_ip_asc(parameters, peer.host.c_str());
  } else {
    SSL_set_tlsext_host_name(connection.get(), peer.host.c_str());
    X509_VERIFY_PARAM_set1_host(parameters, peer.host.c_str(), 0);
  }
  return connection;
}

// The facts of the peer's own certificate.
std::optional<CertificateFacts> PeerFacts(SSL* connection) {
  X509* const certificate = SSL_get0_peer_certificate(connection);
  const Bio bio(BIO_new(BIO_s_mem()));
  if (certificate == nullptr || bio == nullptr || PEM_write_bio_X509(bio.get(), certificate) != 1) {
    return std::nullopt;
  }
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  absl::StatusOr<CertificateFacts> facts =
      ReadCertificate(std::string_view(bytes, static_cast<size_t>(size)));
  if (!facts.ok()) return std::nullopt;
  return *std::move(facts);
}

absl::Status ExplainVerification(SSL* connection, const TlsPeer& peer, const std::string& address,
                                 const TlsTrust& trust) {
  const long result = SSL_get_verify_result(connection);
  if (result == X509_V_OK) return absl::OkStatus();
  const std::string whose = StrCat("the certificate of the coordinator at ", address);
  const auto facts = PeerFacts(connection);
  switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return absl::FailedPreconditionError(
          StrCat(whose, facts ? StrCat(" expired on ", DateText(facts->validity.end)) : " expired",
                 "; vizsla-coordinator renew makes a new one"));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return absl::FailedPreconditionError(
          StrCat(whose, " is not valid yet: are the clocks of both machines right?"));
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return absl::FailedPreconditionError(StrCat(
          whose, " is for ", facts ? absl::StrJoin(facts->hosts, ", ") : "other hosts",
          ", not for ", peer.host, "; vizsla-coordinator renew --host ", peer.host, " adds it"));
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return absl::FailedPreconditionError(
          StrCat(whose, " is not signed by ", trust.authority_path,
                 ": these credentials are of another coordinator"));
    default:
      return absl::FailedPreconditionError(
          StrCat(whose, " is refused: ", X509_verify_cert_error_string(result)));
  }
}

}  // namespace

bool SpeaksTls(const TlsPeer& peer) {
  const WithoutSigpipe quiet;
  const Socket socket(peer);
  if (socket.fd() < 0) return false;
  const Context context = NewContext();
  if (context == nullptr) return false;
  const Connection connection = Connect(context.get(), peer, socket.fd());
  const bool speaks = connection != nullptr && SSL_connect(connection.get()) == 1;
  ERR_clear_error();
  return speaks;
}

absl::Status DiagnoseTls(const TlsPeer& peer, const std::string& address, const TlsTrust& trust) {
  const WithoutSigpipe quiet;
  const Socket socket(peer);
  if (socket.fd() < 0) return absl::OkStatus();
  const Context context = NewContext();
  if (context == nullptr || !Trust(context.get(), trust)) return openssl::Failure("setting up TLS");
  const Connection connection = Connect(context.get(), peer, socket.fd());
  if (connection == nullptr) return openssl::Failure("setting up TLS");
  const absl::Status refused = absl::UnauthenticatedError(StrCat(
      "the coordinator at ", address, " does not accept ",
      trust.identity_pem.empty() ? "a client without a certificate"
                                 : StrCat("the client certificate in ", trust.identity_path)));
  if (SSL_connect(connection.get()) != 1) {
    const int reason = ERR_GET_REASON(ERR_peek_error());
    ERR_clear_error();
    VIZSLA_RETURN_IF_ERROR(ExplainVerification(connection.get(), peer, address, trust));
    if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_PACKET_LENGTH_TOO_LONG ||
        reason == SSL_R_HTTP_REQUEST || reason == SSL_R_BAD_PACKET_LENGTH) {
      return absl::FailedPreconditionError(
          StrCat("what answers at ", address,
                 " does not speak TLS; a coordinator without it takes no credentials"));
    }
    if (reason >= SSL_AD_REASON_OFFSET) return refused;  // an alert that the coordinator sent
    return absl::OkStatus();
  }
  VIZSLA_RETURN_IF_ERROR(ExplainVerification(connection.get(), peer, address, trust));
  // With TLS 1.3 the client is done before the server has looked at its certificate: an accepted
  // one gets HTTP/2's first frame, a refused one an alert or the end.
  char byte = 0;
  const int got = SSL_read(connection.get(), &byte, 1);
  const int error = got > 0 ? SSL_ERROR_NONE : SSL_get_error(connection.get(), got);
  const bool timed_out = error == SSL_ERROR_WANT_READ ||
                         (error == SSL_ERROR_SYSCALL && (errno == EAGAIN || errno == EWOULDBLOCK));
  ERR_clear_error();
  return got > 0 || timed_out ? absl::OkStatus() : refused;
}

}  // namespace vizsla
