#include "src/security/quota.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

namespace vizsla {
namespace {

constexpr double kCallSeconds = 5;
constexpr double kByteSeconds = 30;
// Beyond so many, those that have been quiet are forgotten before another is added.
constexpr size_t kManyClients = 4096;
constexpr std::chrono::milliseconds kStreamPause{1000};  // nobody knows when a stream ends

std::string Number(double value) {
  if (value == std::floor(value) && value < 1e15) return StrCat(static_cast<int64_t>(value));
  return StrCat(value);
}

}  // namespace

void TokenBucket::Refill(QuotaTime now) {
  if (last_ && now > *last_) {
    const double seconds = std::chrono::duration<double>(now - *last_).count();
    level_ = std::min(capacity_, level_ + seconds * rate_);
  }
  if (!last_ || now > *last_) last_ = now;
}

std::chrono::milliseconds TokenBucket::TimeUntil(double level) const {
  const double seconds = std::max(0.0, (level - level_) / rate_);
  return std::chrono::milliseconds(
      static_cast<int64_t>(std::ceil(std::min(seconds, 86400.0) * 1000)) + 1);
}

std::optional<std::chrono::milliseconds> TokenBucket::Take(double amount, QuotaTime now) {
  Refill(now);
  if (level_ < amount) return TimeUntil(amount);
  level_ -= amount;
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> TokenBucket::TakeOnCredit(double amount, QuotaTime now) {
  Refill(now);
  if (level_ <= 0) return TimeUntil(0);
  level_ -= amount;
  return std::nullopt;
}

bool TokenBucket::IsFull(QuotaTime now) {
  Refill(now);
  return level_ >= capacity_;
}

QuotaTable DefaultQuotas() {
  constexpr double kMiB = 1 << 20;
  QuotaTable table;
  table[static_cast<size_t>(Role::kViewer)] = {200, 64, 256 * kMiB};
  table[static_cast<size_t>(Role::kWorker)] = {20000, 2048, 4096 * kMiB};
  table[static_cast<size_t>(Role::kAdmin)] = {20000, 2048, 4096 * kMiB};
  return table;
}

absl::Status SetQuota(const std::string& text, QuotaTable* table) {
  const size_t dot = text.find('.');
  const size_t equals = text.find('=');
  if (dot == std::string::npos || equals == std::string::npos || dot > equals) {
    return absl::InvalidArgumentError(
        StrCat("quota '", text, "': write ROLE.LIMIT=NUMBER, for instance viewer.calls=500"));
  }
  VIZSLA_ASSIGN_OR_RETURN(const Role role, ParseRole(text.substr(0, dot)));
  const std::string limit = text.substr(dot + 1, equals - dot - 1);
  const std::string digits = text.substr(equals + 1);
  double number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || !(number >= 1) ||
      number > 1e15) {
    return absl::InvalidArgumentError(
        StrCat("quota '", text, "': '", digits, "' is no number from 1 to 1e15"));
  }
  QuotaLimits& limits = (*table)[static_cast<size_t>(role)];
  if (limit == "calls") {
    limits.calls_per_second = number;
  } else if (limit == "streams") {
    limits.streams = static_cast<int>(std::min(number, 1e9));
  } else if (limit == "bytes") {
    limits.bytes_per_second = number;
  } else {
    return absl::InvalidArgumentError(
        StrCat("quota '", text, "': there is no limit '", limit,
               "'; the limits are calls (a second), streams (at once) and bytes (a second)"));
  }
  return absl::OkStatus();
}

struct StreamTicket::Client {
  explicit Client(const QuotaLimits& given)
      : limits(given),
        calls(given.calls_per_second, std::max(1.0, given.calls_per_second * kCallSeconds)),
        bytes(given.bytes_per_second, given.bytes_per_second * kByteSeconds) {}

  bool IsQuiet(QuotaTime now) {
    std::lock_guard lock(mutex);
    return streams == 0 && calls.IsFull(now) && bytes.IsFull(now);
  }

  const QuotaLimits limits;
  std::mutex mutex;
  TokenBucket calls;  // guarded by mutex
  TokenBucket bytes;  // guarded by mutex
  int streams = 0;    // guarded by mutex
};

StreamTicket::StreamTicket(std::shared_ptr<Client> client)
    : client_(client), held_(nullptr, [client](std::nullptr_t) {
        std::lock_guard lock(client->mutex);
        --client->streams;
      }) {}

std::optional<QuotaRefusal> StreamTicket::ChargeBytes(uint64_t bytes, QuotaTime now) {
  if (client_ == nullptr) return std::nullopt;
  std::lock_guard lock(client_->mutex);
  const auto wait = client_->bytes.TakeOnCredit(static_cast<double>(bytes), now);
  if (!wait) return std::nullopt;
  return QuotaRefusal{
      StrCat("it may move ", Number(client_->limits.bytes_per_second), " bytes a second"), *wait};
}

std::shared_ptr<QuotaBook::Client> QuotaBook::Find(const std::string& key, Role role,
                                                   QuotaTime now) {
  std::lock_guard lock(mutex_);
  const auto found = clients_.find(key);
  if (found != clients_.end()) return found->second;
  if (clients_.size() >= kManyClients) {
    std::erase_if(clients_, [&](const auto& each) { return each.second->IsQuiet(now); });
  }
  auto client = std::make_shared<Client>(limits_[static_cast<size_t>(role)]);
  clients_.emplace(key, client);
  return client;
}

std::optional<QuotaRefusal> QuotaBook::Call(const std::string& key, Role role, QuotaTime now) {
  const std::shared_ptr<Client> client = Find(key, role, now);
  std::lock_guard lock(client->mutex);
  const auto wait = client->calls.Take(1, now);
  if (!wait) return std::nullopt;
  return QuotaRefusal{
      StrCat("it may make ", Number(client->limits.calls_per_second), " calls a second"), *wait};
}

std::optional<QuotaRefusal> QuotaBook::Stream(const std::string& key, Role role, QuotaTime now,
                                              StreamTicket* ticket) {
  if (auto refusal = Call(key, role, now)) return refusal;
  std::shared_ptr<Client> client = Find(key, role, now);
  {
    std::lock_guard lock(client->mutex);
    if (client->streams >= client->limits.streams) {
      return QuotaRefusal{
          StrCat("it may have ", client->limits.streams, " uploads, downloads and watches at once"),
          kStreamPause};
    }
    ++client->streams;
  }
  *ticket = StreamTicket(std::move(client));
  return std::nullopt;
}

size_t QuotaBook::clients() const {
  std::lock_guard lock(mutex_);
  return clients_.size();
}

}  // namespace vizsla
