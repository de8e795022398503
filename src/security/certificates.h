// X.509 certificates (RFC 5280) by OpenSSL: a private certificate authority and what it signs. Keys
// are ECDSA on P-256. Everything is PEM text; time is passed in; randomness is OpenSSL's.
// Thread-safe.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/clock.h"
#include "src/base/status.h"

namespace vizsla {

// Private key (PKCS #8) and certificate.
struct Identity {
  std::string key_pem;
  std::string certificate_pem;
};

struct Validity {
  Timestamp begin;
  Timestamp end;
};

absl::StatusOr<Identity> MakeAuthority(std::string_view common_name, const Validity& validity);

enum class CertificateUse { kServer, kClient };

struct CertificateRequest {
  std::string common_name;         // "coordinator", a client's name; at most 64 bytes
  std::vector<std::string> hosts;  // names and IP addresses that a server answers to
  CertificateUse use = CertificateUse::kClient;
  Validity validity;
};

// With a key of its own. InvalidArgument: a host that is neither a name nor an IP address, or
// `authority` is no key and certificate.
absl::StatusOr<Identity> IssueCertificate(const Identity& authority,
                                          const CertificateRequest& request);

struct CertificateFacts {
  std::string common_name;
  std::vector<std::string> hosts;
  Validity validity;
};
// Of the first certificate in the text, which may hold a key besides. InvalidArgument: there is
// none.
absl::StatusOr<CertificateFacts> ReadCertificate(std::string_view pem);

// Whether `certificate_pem` can be used now and comes from that authority. FailedPrecondition:
// "it expired on 2026-11-27 00:10 UTC", "it is valid only from ...", "it is not signed by CA_PATH".
absl::Status CheckCertificate(std::string_view certificate_pem, std::string_view authority_pem,
                              std::string_view authority_path, Timestamp now);
// Whether the text holds a private key, and the certificate in it belongs to that key.
absl::Status CheckKey(std::string_view identity_pem);

// A name (RFC 1123, or with "*." before it) or an IP address.
absl::Status CheckHost(const std::string& host);

std::string DateText(Timestamp time);  // "2026-11-27 00:10 UTC"

}  // namespace vizsla
