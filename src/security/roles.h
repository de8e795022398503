// Who may call what: one table with a row for every call of the wire protocol. A call without a row
// is nobody's, and a test compares the table with proto/. Pure.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "src/base/status.h"

namespace vizsla {

// What a token stands for. Stored in token files by name.
enum class Role {
  kViewer,  // looks: boards, trials, logs, the weights of a trained model
  kWorker,  // looks and works: leases, reports, checkpoints
  kAdmin,   // everything
};
inline constexpr Role kRoles[] = {Role::kViewer, Role::kWorker, Role::kAdmin};

std::string_view ToText(Role role);  // "viewer"
// InvalidArgument lists the known ones.
absl::StatusOr<Role> ParseRole(std::string_view text);

enum class CallRule {
  kAnybody,        // also without a token: says nothing that is worth one
  kEveryRole,      // any valid token
  kWorkerOrAdmin,  //
  kAdminOnly,      //
};

struct CallRow {
  std::string_view method;  // "/vizsla.v1.StudyService/StopStudy", as HTTP/2's :path has it
  CallRule rule;
};
std::span<const CallRow> CallTable();

// Nullopt for a call that the table does not know.
std::optional<CallRule> RuleOf(std::string_view method);

bool Allows(CallRule rule, Role role);

// "StopStudy needs an admin's token, and 'eva' is a viewer's": PermissionDenied, or Ok.
absl::Status CheckMayCall(std::string_view method, CallRule rule, Role role, std::string_view name);

}  // namespace vizsla
