// Warnings from units that include LibTorch: its 2.x wheels bring an fmt of their own, which
// spdlog's headers must not meet.
#pragma once

#include <string>

namespace vizsla {

// One line through src/base/log.h.
void LogWarning(const std::string& message);

}  // namespace vizsla
