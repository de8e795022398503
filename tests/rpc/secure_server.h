// A coordinator over TCP with TLS and tokens, around a fake scheduler, in a temporary folder.
#pragma once

#include <memory>
#include <string>

#include "src/base/check.h"
#include "src/base/clock.h"
#include "src/security/credentials_folder.h"
#include "tests/rpc/test_server.h"

namespace vizsla::testing {

class SecureServer {
 public:
  // Without a call of Start nothing listens.
  SecureServer() : server_("") {
    InitOptions options;
    options.folder = secrets();
    const absl::Status made = InitCredentials(options, SystemClock().Now());
    VIZSLA_CHECK(made.ok());
    options_.listen = "127.0.0.1:0";
    options_.database_name = "s.db";
    options_.threads = 4;
    options_.security.credentials = secrets();
  }

  std::string secrets() const { return server_.folder.path() + "/secrets"; }
  std::string folder_of(const std::string& client) const { return secrets() + "/" + client; }
  ServerOptions& options() { return options_; }
  FakeScheduler& scheduler() { return server_.scheduler; }
  TestServer& parts() { return server_; }

  absl::Status TryStart() {
    server_.server.reset();
    auto started =
        CoordinatorServer::Start(server_.scheduler, *server_.store, *server_.artifacts, options_);
    if (!started.ok()) return started.status();
    server_.server = *std::move(started);
    return absl::OkStatus();
  }
  const std::string address() const { return server_.server->address(); }
  CoordinatorServer& server() { return *server_.server; }

  absl::StatusOr<std::unique_ptr<CoordinatorClient>> Connect(const std::string& client) const {
    ClientOptions options;
    options.credentials = folder_of(client);
    return CoordinatorClient::Connect(address(), options);
  }

 private:
  TestServer server_;
  ServerOptions options_;
};

}  // namespace vizsla::testing
