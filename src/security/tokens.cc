#include "src/security/tokens.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <sstream>

#include "absl/strings/escaping.h"
#include "src/base/check.h"
#include "src/base/sha256.h"

namespace vizsla {
namespace {

constexpr std::string_view kPrefix = "vizsla-";
constexpr size_t kTokenBytes = 32;

bool IsHex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::array<unsigned char, 32> Digest(std::string_view token) {
  std::array<unsigned char, 32> digest;
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest.data());
  return digest;
}

std::vector<std::string> Words(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

}  // namespace

std::string GenerateToken() {
  std::array<unsigned char, kTokenBytes> bytes;
  VIZSLA_CHECK(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  return StrCat(kPrefix, absl::BytesToHexString(absl::string_view(
                             reinterpret_cast<const char*>(bytes.data()), bytes.size())));
}

absl::StatusOr<std::string> ParseToken(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first != std::string_view::npos) {
    text = text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
    if (text.size() == kPrefix.size() + 2 * kTokenBytes && text.starts_with(kPrefix) &&
        IsHex(text.substr(kPrefix.size()))) {
      return std::string(text);
    }
  }
  return absl::InvalidArgumentError(
      "no token: one is 'vizsla-' and 64 hexadecimal digits, as vizsla-coordinator init makes "
      "them");
}

absl::Status CheckClientName(std::string_view name) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  if (!name.empty() && name.size() <= 64 && kLetters.find(name.front()) != std::string_view::npos &&
      name.find_first_not_of(StrCat(kLetters, "-_.")) == std::string_view::npos) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      StrCat("name '", name.substr(0, 80),
             "': 1 to 64 letters, digits, '-', '_' and '.', beginning with a letter or digit"));
}

std::string TokenLine(const Principal& principal, std::string_view token) {
  return StrCat(principal.name, " ", ToText(principal.role), " ", Sha256Hex(token), "\n");
}

absl::StatusOr<TokenTable> TokenTable::Parse(std::string_view text, std::string_view path) {
  TokenTable table;
  std::istringstream stream{std::string(text)};
  std::string line;
  for (int number = 1; std::getline(stream, line); ++number) {
    const std::string place = StrCat(path, ": line ", number);
    const std::vector<std::string> words = Words(line.substr(0, line.find('#')));
    if (words.empty()) continue;
    if (words.size() != 3 || !IsSha256Hex(words[2])) {
      return absl::InvalidArgumentError(
          StrCat(place, ": a line is NAME ROLE and the 64 hexadecimal digits of a SHA-256"));
    }
    VIZSLA_RETURN_IF_ERROR(Annotate(CheckClientName(words[0]), place));
    const absl::StatusOr<Role> role = ParseRole(words[1]);
    if (!role.ok()) return Annotate(role.status(), place);
    Entry entry;
    const std::string digest = absl::HexStringToBytes(words[2]);
    std::copy(digest.begin(), digest.end(), entry.digest.begin());
    entry.principal = {words[0], *role};
    for (const Entry& other : table.entries_) {
      if (other.principal.name == entry.principal.name) {
        return absl::InvalidArgumentError(
            StrCat(place, ": '", words[0], "' has a line already; give each token a name"));
      }
      if (other.digest == entry.digest) {
        return absl::InvalidArgumentError(StrCat(place, ": this token has a line already"));
      }
    }
    table.entries_.push_back(std::move(entry));
  }
  return table;
}

const Principal* TokenTable::Find(std::string_view token) const {
  const std::array<unsigned char, 32> digest = Digest(token);
  const Principal* found = nullptr;
  for (const Entry& entry : entries_) {
    if (CRYPTO_memcmp(entry.digest.data(), digest.data(), digest.size()) == 0) {
      found = &entry.principal;  // and on to the end
    }
  }
  return found;
}

}  // namespace vizsla
