// SHA-256 (FIPS 180-4) through OpenSSL: the name of every artifact, fingerprint and specification.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "src/base/status.h"

namespace vizsla {

// Takes bytes piece by piece. Not thread-safe.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Update(std::string_view bytes);
  // 64 lower-case hexadecimal digits. Call once; the object is spent afterwards.
  std::string FinishHex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string Sha256Hex(std::string_view bytes);

// Reads the file in pieces; constant memory.
absl::StatusOr<std::string> Sha256HexOfFile(const std::string& path);

// True for exactly 64 lower-case hexadecimal digits: what may become a file name in the artifact
// store.
bool IsSha256Hex(std::string_view text);

}  // namespace vizsla
