// The schema as a list of steps. PRAGMA user_version says how many have been taken; a step, once
// released, is never edited: changes are new steps.
#pragma once

#include <span>
#include <string>

#include "src/storage/sqlite.h"

namespace vizsla {

// Step i leads from version i to version i + 1.
using Migrations = std::span<const char* const>;
Migrations SchemaMigrations();

// Marks the file as ours (PRAGMA application_id): "VZSL".
inline constexpr int64_t kApplicationId = 0x565A534C;

// Brings the database forward to version migrations.size(), all or nothing. A file that already
// holds an older schema is copied first, whole and consistent, to `backup_prefix` + its version
// (a number is added when that name is taken). FailedPrecondition when the schema is newer than
// the list, naming both versions, and when the file belongs to another program.
absl::Status Migrate(Database& database, Migrations migrations, const std::string& backup_prefix);

// The part of it that only looks: the schema is one that a program with `known` steps can read.
// FailedPrecondition for a newer or an older one. NotFound for an empty file.
absl::Status CheckSchema(Database& database, int known);

}  // namespace vizsla
