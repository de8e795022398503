// What the lines that a thread logs are about: fields of their own in JSON logs, so that a
// collector can find every line of a trial. Text logs leave them out: there the message says it.
#pragma once

#include <cstdint>
#include <string>

namespace vizsla {

struct LogFields {
  std::string study;    // empty: not known
  int64_t trial = 0;    // its number; 0: not known
  int64_t attempt = 0;  // 0: not known
};

// Holds for this thread while the object lives; the innermost scope counts. Not movable.
class LogScope {
 public:
  explicit LogScope(LogFields fields);
  ~LogScope();
  LogScope(const LogScope&) = delete;
  LogScope& operator=(const LogScope&) = delete;

  // Of the calling thread; null outside any scope.
  static const LogFields* Current();

 private:
  const LogFields fields_;
  const LogScope* const outer_;
};

}  // namespace vizsla
