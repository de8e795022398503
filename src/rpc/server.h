// The server side: the services of proto/vizsla/v1 over a Scheduler. Handlers convert, call and
// convert back. The coordinator listens with it; the command line uses it in process when no
// coordinator runs, so that every command has one code path.
#pragma once

#include <grpcpp/channel.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "src/base/status.h"
#include "src/rpc/call_statistics.h"
#include "src/rpc/listen_security.h"
#include "src/scheduling/scheduler.h"
#include "src/scheduling/trial_store.h"
#include "src/storage/artifact_store.h"

namespace vizsla {

struct ServerOptions {
  std::string listen;  // "127.0.0.1:0"; empty: in process only
  ListenSecurity security;
  std::string database_name;  // shown to clients
  // What workers are told: the same that the scheduler was created with.
  SchedulerOptions scheduling;
  // Handlers that run at once; calls beyond wait their turn. Most of them sleep until a commit is
  // durable, and one commit takes what has gathered meanwhile: more threads, larger groups.
  int threads = 64;
};

class CoordinatorServer {
 public:
  // The scheduler, store and artifacts outlive the server. FailedPrecondition "port 4711 is in
  // use".
  static absl::StatusOr<std::unique_ptr<CoordinatorServer>> Start(Scheduler& scheduler,
                                                                  TrialStore& store,
                                                                  ArtifactStore& artifacts,
                                                                  const ServerOptions& options);
  virtual ~CoordinatorServer() = default;   // shuts down: running calls get a second
  virtual std::string address() const = 0;  // "127.0.0.1:43211", the port that was bound
  virtual std::shared_ptr<grpc::Channel> InProcessChannel() = 0;
  // Since the last call came in or an upload or download went on; watching does not count.
  virtual std::chrono::milliseconds SinceLastCall() const = 0;
  // What gRPC's health service answers; true from Start on, false once it shuts down.
  virtual void SetServing(bool serving) = 0;
  // Since the start; methods that were never called are left out.
  virtual std::vector<MethodStatistics> CallsByMethod() const = 0;
};

}  // namespace vizsla
