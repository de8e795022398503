// How much one client may ask for: calls a second, streams at once (uploads, downloads, watches)
// and bytes a second. They keep a runaway script from starving workers; they are no billing. Time
// is passed in.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "src/base/status.h"
#include "src/security/roles.h"

namespace vizsla {

using QuotaTime = std::chrono::steady_clock::time_point;

// What flows in at `rate` a second up to `capacity`. Not thread-safe.
class TokenBucket {
 public:
  TokenBucket(double rate, double capacity) : rate_(rate), capacity_(capacity), level_(capacity) {}

  // Takes `amount` when so much is there; otherwise takes nothing and says how long to wait.
  std::optional<std::chrono::milliseconds> Take(double amount, QuotaTime now);
  // Takes `amount`, however large, when anything is there: a large file passes, and is paid for by
  // waiting afterwards.
  std::optional<std::chrono::milliseconds> TakeOnCredit(double amount, QuotaTime now);
  bool IsFull(QuotaTime now);

 private:
  void Refill(QuotaTime now);
  std::chrono::milliseconds TimeUntil(double level) const;

  double rate_;
  double capacity_;
  double level_;
  std::optional<QuotaTime> last_;
};

// All positive.
struct QuotaLimits {
  double calls_per_second = 0;  // five seconds' worth may come at once
  int streams = 0;
  double bytes_per_second = 0;  // of uploads and downloads; half a minute's worth may come at once
};
using QuotaTable = std::array<QuotaLimits, std::size(kRoles)>;  // by Role

// Viewers get what a dashboard needs. Workers and admins get more than a two-core coordinator can
// serve, for 1,000 workers may share a token and a host.
QuotaTable DefaultQuotas();
// "viewer.calls=500", "worker.streams=64", "admin.bytes=1e9": sets one limit. InvalidArgument names
// what is unknown.
absl::Status SetQuota(const std::string& text, QuotaTable* table);

struct QuotaRefusal {
  std::string reason;  // "it may make 200 calls a second"
  std::chrono::milliseconds retry_after;
};

class QuotaBook;

// One stream of a client, given back when the last copy is gone. Different copies may be used by
// different threads.
class StreamTicket {
 public:
  StreamTicket() = default;  // of a client without limits
  // Nullopt: go on. The book need not live any more.
  std::optional<QuotaRefusal> ChargeBytes(uint64_t bytes, QuotaTime now);

 private:
  friend class QuotaBook;
  struct Client;
  explicit StreamTicket(std::shared_ptr<Client> client);
  std::shared_ptr<Client> client_;  // empty: no limits
  std::shared_ptr<void> held_;      // its last owner counts down
};

// Every client's state, by a key that the caller chooses. Thread-safe; a check is a look-up and a
// few additions under a mutex.
class QuotaBook {
 public:
  explicit QuotaBook(const QuotaTable& limits) : limits_(limits) {}

  std::optional<QuotaRefusal> Call(const std::string& key, Role role, QuotaTime now);
  // Also counts as a call.
  std::optional<QuotaRefusal> Stream(const std::string& key, Role role, QuotaTime now,
                                     StreamTicket* ticket);
  size_t clients() const;

 private:
  using Client = StreamTicket::Client;
  std::shared_ptr<Client> Find(const std::string& key, Role role, QuotaTime now);

  const QuotaTable limits_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<Client>> clients_;  // guarded by mutex_
};

}  // namespace vizsla
