#include "src/base/log_scope.h"

#include <utility>

namespace vizsla {
namespace {

thread_local const LogScope* innermost = nullptr;

}  // namespace

LogScope::LogScope(LogFields fields) : fields_(std::move(fields)), outer_(innermost) {
  innermost = this;
}

LogScope::~LogScope() { innermost = outer_; }

const LogFields* LogScope::Current() {
  return innermost == nullptr ? nullptr : &innermost->fields_;
}

}  // namespace vizsla
