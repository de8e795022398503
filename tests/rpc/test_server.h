// A coordinator's parts in a temporary folder around a fake scheduler.
#pragma once

#include <memory>
#include <string>

#include "src/base/file.h"
#include "src/rpc/client.h"
#include "src/rpc/server.h"
#include "src/storage/sqlite_trial_store.h"
#include "tests/rpc/fake_scheduler.h"

namespace vizsla::testing {

struct TestServer {
  explicit TestServer(const std::string& listen = "127.0.0.1:0")
      : folder(TemporaryDirectory::Create("vizsla-rpc").value()),
        store(SqliteTrialStore::Open(folder.path() + "/s.db", OpenMode::kReadWrite).value()),
        artifacts(ArtifactStore::Open(artifact_folder(), /*sweep=*/true).value()) {
    Start(listen);
  }

  std::string artifact_folder() const { return folder.path() + "/s.artifacts"; }

  void Start(const std::string& listen) {
    ServerOptions options;
    options.listen = listen;
    options.database_name = "s.db";
    options.scheduling.lease = std::chrono::seconds(31);
    options.scheduling.heartbeat = std::chrono::seconds(6);
    options.threads = threads;
    server = CoordinatorServer::Start(scheduler, *store, *artifacts, options).value();
  }

  std::unique_ptr<CoordinatorClient> Connect(const ClientOptions& options = {}) {
    return CoordinatorClient::Connect(server->address(), options).value();
  }

  TemporaryDirectory folder;
  std::unique_ptr<SqliteTrialStore> store;
  std::unique_ptr<ArtifactStore> artifacts;
  FakeScheduler scheduler;
  int threads = 4;
  std::unique_ptr<CoordinatorServer> server;
};

}  // namespace vizsla::testing
