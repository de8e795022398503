// How every user command reaches a study, one rule for all:
//   1. --coordinator ADDR was given: that one.
//   2. A coordinator holds the database: its address lies beside it.
//   3. Neither: the command serves the database itself, in process; reading commands open it
//      read-only, so that they disturb nobody, writing ones take its lock.
// The caller always talks to a CoordinatorClient and need not know which it was.
#pragma once

#include <memory>
#include <string>

#include "src/base/status.h"
#include "src/rpc/client.h"

namespace vizsla {

struct ConnectionOptions {
  std::string database;     // --db; empty: $VIZSLA_DB, else vizsla.db in the current folder
  std::string coordinator;  // --coordinator; empty: by the database
  std::string artifacts;  // --artifacts; empty: where the coordinator puts them (DefaultArtifacts)
  ClientOptions client;
};

enum class Access {
  kRead,    // the database must exist
  kWrite,   // the database must exist
  kCreate,  // writes, and makes the database when there is none
};

// The database that the options mean: --db, else $VIZSLA_DB, else "vizsla.db".
std::string ResolveDatabase(const ConnectionOptions& options);

class Connection {
 public:
  // Errors: NotFound "no database vizsla.db here; start a search or name one with --db",
  // Unavailable "no coordinator answers at ADDRESS", FailedPrecondition (another schema or protocol
  // version), and what opening the database says. Blocks; waits a few seconds for another command
  // that holds the lock.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const ConnectionOptions& options,
                                                          Access access);
  virtual ~Connection() = default;
  virtual CoordinatorClient& client() = 0;
  // A coordinator runs: something may change while we look. False: served in process.
  virtual bool live() const = 0;
  // Absolute path of the database; empty when the user named a coordinator.
  virtual const std::string& database() const = 0;
  // As given by --coordinator; empty when it was found by the database.
  virtual const std::string& coordinator() const = 0;
};

// Where a pulled model came from (its manifest says it).
struct StudyOrigin {
  std::string coordinator_id;
  std::string database;
  std::string coordinator;
};

// Opens what the user named, or else where the model came from, and checks that it is the same
// database: FailedPrecondition otherwise.
absl::StatusOr<std::unique_ptr<Connection>> OpenOrigin(const ConnectionOptions& options,
                                                       const StudyOrigin& origin, Access access);

}  // namespace vizsla
