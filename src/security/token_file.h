// The coordinator's token file, read again when it changes, so that a token can be added or taken
// back while workers go on. Thread-safe.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "src/base/status.h"
#include "src/security/tokens.h"

namespace vizsla {

class TokenFile {
 public:
  // What ReadTokens says. Looks for changes at most once in `look_every`.
  static absl::StatusOr<std::unique_ptr<TokenFile>> Open(
      const std::string& path, std::chrono::milliseconds look_every = std::chrono::seconds(2));

  // Who has the token. A file that has become malformed or open to others keeps the tokens that it
  // had, and one log line says why.
  std::optional<Principal> Find(std::string_view token, std::chrono::steady_clock::time_point now);

 private:
  using Mark = std::tuple<ino_t, off_t, int64_t>;  // inode, size, time of change in ns

  TokenFile(std::string path, std::chrono::milliseconds look_every)
      : path_(std::move(path)), look_every_(look_every) {}
  void Look();
  Mark MarkNow() const;

  const std::string path_;
  const std::chrono::milliseconds look_every_;
  std::atomic<std::chrono::steady_clock::time_point> next_look_{};
  std::mutex look_mutex_;  // never waited for: one looks, the others use what is there
  Mark mark_;              // guarded by look_mutex_
  std::mutex mutex_;
  std::shared_ptr<const TokenTable> table_;  // guarded by mutex_
};

}  // namespace vizsla
