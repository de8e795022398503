#include "src/train/warn.h"

#include "src/base/log.h"

namespace vizsla {

void LogWarning(const std::string& message) { log::warn("{}", message); }

}  // namespace vizsla
