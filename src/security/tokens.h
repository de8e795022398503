// Bearer tokens: 256 random bits, known in clear only to the client. The coordinator keeps SHA-256
// digests, so its token file opens no door; a token cannot be guessed, so the digest needs neither
// salt nor stretching. A token file has one line a token:
//
//     # name  role    SHA-256 of the token
//     eva     viewer  9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/status.h"
#include "src/security/roles.h"

namespace vizsla {

// "vizsla-" and 64 hexadecimal digits, from the operating system's randomness.
std::string GenerateToken();
// What is left of a token file's text or a header once blanks and line ends are off;
// InvalidArgument when it is no token (the text is not repeated: it may be a secret of another
// kind).
absl::StatusOr<std::string> ParseToken(std::string_view text);

// 1 to 64 letters, digits, '-', '_' and '.', beginning with a letter or digit: it also names a
// folder.
absl::Status CheckClientName(std::string_view name);

struct Principal {
  std::string name;
  Role role = Role::kViewer;
};

// The line of a new token, with its end.
std::string TokenLine(const Principal& principal, std::string_view token);

// Immutable; any thread may ask.
class TokenTable {
 public:
  TokenTable() = default;
  // InvalidArgument names file and line: an unknown role, a name or digest twice, a malformed line.
  static absl::StatusOr<TokenTable> Parse(std::string_view text, std::string_view path);

  // Nullptr when nobody has that token. The time does not depend on how much of a digest agrees.
  const Principal* Find(std::string_view token) const;
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::array<unsigned char, 32> digest{};
    Principal principal;
  };
  std::vector<Entry> entries_;
};

}  // namespace vizsla
