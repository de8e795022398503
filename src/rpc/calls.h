// The way of every call into the coordinator: admitted by its headers, run on the pool, its status
// (or a foreign exception) turned into gRPC's.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "src/base/status.h"
#include "src/rpc/admission.h"
#include "src/rpc/call_pool.h"
#include "src/rpc/status_convert.h"

namespace vizsla {

// Thread-safe.
class Calls {
 public:
  // `tokens` as for Admission.
  Calls(int threads, std::string coordinator_id, const QuotaTable& quotas, TokenFile* tokens,
        Admission::Now now);

  // Runs `body` (a function that fills the response and returns an absl::Status) unless the caller
  // has gone meanwhile: an answer that nobody gets must not lease a trial.
  template <typename Body>
  grpc::ServerUnaryReactor* Run(grpc::CallbackServerContext* context, Body body) {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();  // gRPC allows to ask once
    if (const absl::Status admitted = Admit(*context); !admitted.ok()) {
      reactor->Finish(ToGrpc(admitted));
    } else {
      Start(context, reactor, std::move(body));
    }
    return reactor;
  }

  // For the handshake, which compares versions itself.
  template <typename Body>
  grpc::ServerUnaryReactor* RunAnyVersion(grpc::CallbackServerContext* context, Body body) {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    if (const absl::Status admitted = admission_.AdmitCall(*context); !admitted.ok()) {
      reactor->Finish(ToGrpc(admitted));
    } else {
      Start(context, reactor, std::move(body));
    }
    return reactor;
  }

  // FailedPrecondition when the caller speaks another protocol, or means another database's
  // coordinator; ResourceExhausted when it calls too often.
  absl::Status Admit(grpc::CallbackServerContext& context);
  // The same for a call that is a stream; the ticket is kept as long as it lasts.
  absl::StatusOr<StreamTicket> AdmitStream(grpc::CallbackServerContext& context);
  // ResourceExhausted when the client has moved too many bytes lately.
  absl::Status Charge(grpc::CallbackServerContext& context, StreamTicket& ticket, uint64_t bytes) {
    return admission_.Charge(context, ticket, bytes);
  }

  // Notes that somebody needs the coordinator.
  void Touch();
  std::chrono::milliseconds SinceLastCall() const;

  CallPool& pool() { return pool_; }
  const std::string& coordinator_id() const { return coordinator_id_; }

  // What leaks out of a library as an exception is Internal.
  static absl::Status Guard(const std::function<absl::Status()>& body);

 private:
  template <typename Body>
  void Start(grpc::CallbackServerContext* context, grpc::ServerUnaryReactor* reactor, Body body) {
    Touch();
    pool_.Run([context, reactor, body = std::move(body)] {
      reactor->Finish(context->IsCancelled() ? grpc::Status::CANCELLED : ToGrpc(Guard(body)));
    });
  }

  absl::Status CheckHeaders(const grpc::CallbackServerContext& context) const;

  const std::string coordinator_id_;
  Admission admission_;
  std::atomic<std::chrono::steady_clock::time_point> last_call_;
  CallPool pool_;  // last: its threads use the rest
};

}  // namespace vizsla
