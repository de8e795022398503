#include "src/cli/connection.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <thread>
#include <utility>

#include "coordinator/options.h"
#include "src/base/clock.h"
#include "src/base/str_cat.h"
#include "src/rpc/address_file.h"
#include "src/rpc/client_security.h"
#include "src/rpc/server.h"
#include "src/scheduling/scheduler.h"
#include "src/storage/artifact_store.h"
#include "src/storage/sqlite_trial_store.h"

namespace vizsla {
namespace {

namespace fs = std::filesystem;

// How long a writing command waits for another one that holds the lock.
constexpr std::chrono::seconds kLockPatience{10};
constexpr std::chrono::milliseconds kLockPoll{50};

class LiveConnection : public Connection {
 public:
  LiveConnection(std::unique_ptr<CoordinatorClient> client, std::string database,
                 std::string coordinator)
      : client_(std::move(client)),
        database_(std::move(database)),
        coordinator_(std::move(coordinator)) {}
  CoordinatorClient& client() override { return *client_; }
  bool live() const override { return true; }
  const std::string& database() const override { return database_; }
  const std::string& coordinator() const override { return coordinator_; }

 private:
  std::unique_ptr<CoordinatorClient> client_;
  std::string database_;
  std::string coordinator_;
};

// The members end in the reverse order: client, server, scheduler, then what they use.
class LocalConnection : public Connection {
 public:
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const ConnectionOptions& options,
                                                          const std::string& database,
                                                          OpenMode mode) {
    auto local = std::make_unique<LocalConnection>();
    local->database_ = database;
    VIZSLA_ASSIGN_OR_RETURN(local->store_, SqliteTrialStore::Open(database, mode));
    const std::string folder =
        options.artifacts.empty() ? DefaultArtifacts(database) : options.artifacts;
    VIZSLA_ASSIGN_OR_RETURN(const ArtifactOwner owner, OwnerOf(*local->store_, database));
    VIZSLA_ASSIGN_OR_RETURN(local->artifacts_, ArtifactStore::Open(folder, /*sweep=*/false, owner));
    VIZSLA_ASSIGN_OR_RETURN(local->scheduler_, Scheduler::Create(*local->store_, *local->artifacts_,
                                                                 SystemClock(), {}));
    ServerOptions server_options;
    server_options.database_name = fs::path(database).filename().string();
    VIZSLA_ASSIGN_OR_RETURN(local->server_,
                            CoordinatorServer::Start(*local->scheduler_, *local->store_,
                                                     *local->artifacts_, server_options));
    VIZSLA_ASSIGN_OR_RETURN(
        local->client_,
        CoordinatorClient::Connect(local->server_->InProcessChannel(), database, options.client));
    return std::unique_ptr<Connection>(std::move(local));
  }
  CoordinatorClient& client() override { return *client_; }
  bool live() const override { return false; }
  const std::string& database() const override { return database_; }
  const std::string& coordinator() const override { return coordinator_; }

 private:
  std::string database_;
  std::string coordinator_;
  std::unique_ptr<TrialStore> store_;
  std::unique_ptr<ArtifactStore> artifacts_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<CoordinatorServer> server_;
  std::unique_ptr<CoordinatorClient> client_;
};

std::string AbsolutePath(const std::string& path) {
  return fs::absolute(path).lexically_normal().string();
}

absl::Status NoDatabase(const ConnectionOptions& options, const std::string& database) {
  const bool named = !options.database.empty() || std::getenv("VIZSLA_DB") != nullptr;
  return absl::NotFoundError(
      named ? StrCat("no database ", database, "; name another with --db")
            : StrCat("no database ", database, " here; start a search or name one with --db"));
}

// One try of the rule; nullopt: the lock is held by somebody who cannot be asked yet.
absl::StatusOr<std::unique_ptr<Connection>> TryOpen(const ConnectionOptions& options,
                                                    const std::string& database, Access access,
                                                    bool* busy) {
  *busy = false;
  const absl::StatusOr<std::optional<std::string>> found = FindCoordinator(database);
  if (found.ok() && found->has_value()) {
    // A coordinator of this machine, found by its database; VIZSLA_CREDENTIALS may be set for
    // another.
    ClientOptions client_options = options.client;
    if (!client_options.credentials.empty() && !CoordinatorSpeaksTls(**found)) {
      client_options.credentials.clear();
    }
    absl::StatusOr<std::unique_ptr<CoordinatorClient>> client =
        CoordinatorClient::Connect(**found, client_options);
    if (!client.ok()) {
      // It may have ended since: then the lock is free, and the next try sees that.
      *busy = absl::IsUnavailable(client.status());
      return client.status();
    }
    return std::unique_ptr<Connection>(
        std::make_unique<LiveConnection>(*std::move(client), database, ""));
  }
  // Held, but without an address: another command writes. Reading disturbs it as little as it us.
  if (!found.ok() && (access != Access::kRead || !absl::IsUnavailable(found.status()))) {
    *busy = absl::IsUnavailable(found.status());
    return found.status();
  }
  absl::StatusOr<std::unique_ptr<Connection>> local = LocalConnection::Open(
      options, database, access == Access::kRead ? OpenMode::kReadOnly : OpenMode::kReadWrite);
  if (absl::IsFailedPrecondition(local.status()) && access != Access::kRead) {
    const absl::StatusOr<std::optional<std::string>> holder = FindCoordinator(database);
    *busy = !holder.ok() || holder->has_value();
  }
  return local;
}

}  // namespace

std::string ResolveDatabase(const ConnectionOptions& options) {
  if (!options.database.empty()) return options.database;
  const char* named = std::getenv("VIZSLA_DB");
  return named != nullptr && *named != '\0' ? named : "vizsla.db";
}

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const ConnectionOptions& options,
                                                             Access access) {
  if (!options.coordinator.empty()) {
    VIZSLA_ASSIGN_OR_RETURN(std::unique_ptr<CoordinatorClient> client,
                            CoordinatorClient::Connect(options.coordinator, options.client));
    return std::unique_ptr<Connection>(
        std::make_unique<LiveConnection>(std::move(client), "", options.coordinator));
  }
  const std::string shown = ResolveDatabase(options);
  const std::string database = AbsolutePath(shown);
  std::error_code error;
  if (access != Access::kCreate && !fs::exists(database, error)) {
    return NoDatabase(options, shown);
  }
  const auto give_up = std::chrono::steady_clock::now() + kLockPatience;
  for (;;) {
    bool busy = false;
    absl::StatusOr<std::unique_ptr<Connection>> connection =
        TryOpen(options, database, access, &busy);
    if (connection.ok() || !busy || std::chrono::steady_clock::now() >= give_up) return connection;
    std::this_thread::sleep_for(kLockPoll);
  }
}

absl::StatusOr<std::unique_ptr<Connection>> OpenOrigin(const ConnectionOptions& options,
                                                       const StudyOrigin& origin, Access access) {
  ConnectionOptions resolved = options;
  const bool named = !options.database.empty() || !options.coordinator.empty() ||
                     std::getenv("VIZSLA_DB") != nullptr;
  if (!named) {
    resolved.database = origin.database;
    resolved.coordinator = origin.coordinator;
    std::error_code error;
    if (origin.coordinator.empty() && !fs::exists(origin.database, error)) {
      return absl::NotFoundError(
          StrCat("the model was pulled from ", origin.database,
                 ", which is not there any more; name the database with --db"));
    }
  }
  VIZSLA_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection,
                          Connection::Open(resolved, access));
  if (connection->client().server().coordinator_id() != origin.coordinator_id) {
    return absl::FailedPreconditionError(StrCat(
        "the model was pulled from another database than ",
        connection->coordinator().empty() ? connection->database() : connection->coordinator(),
        "; name the right one with --db or --coordinator"));
  }
  return connection;
}

}  // namespace vizsla
