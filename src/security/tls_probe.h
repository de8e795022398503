// Why a TLS connection does not come about. gRPC says only that nobody answers; this makes one
// connection of its own by OpenSSL and looks. It sends no token. Calls block up to `timeout` or so.
#pragma once

#include <chrono>
#include <string>

#include "src/base/status.h"

namespace vizsla {

struct TlsPeer {
  std::string host;  // without brackets
  int port = 0;
  std::chrono::milliseconds timeout{2000};  // of each step
};

// Whether what listens there takes TLS. False also when nobody listens.
bool SpeaksTls(const TlsPeer& peer);

struct TlsTrust {
  std::string authority_pem;
  std::string authority_path;  // for the sentence
  std::string identity_pem;    // this client's key and certificate; empty: none
  std::string identity_path;
};

// Ok: no fault was found (or nobody listens there). FailedPrecondition: "the certificate of the
// coordinator at ADDRESS expired on ...", "... is not signed by CA_PATH", "... is for localhost,
// a.b, not for HOST"; "what answers at ADDRESS does not speak TLS". Unauthenticated: "the
// coordinator at ADDRESS does not accept the client certificate in IDENTITY_PATH".
absl::Status DiagnoseTls(const TlsPeer& peer, const std::string& address, const TlsTrust& trust);

}  // namespace vizsla
