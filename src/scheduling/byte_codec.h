// Integers, doubles and texts as compact bytes. Internal to the decision log.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace vizsla {

class ByteWriter {
 public:
  explicit ByteWriter(std::string& bytes) : bytes_(bytes) {}

  // Seven bits a byte, the lowest first; small negative numbers are short too.
  void Int(int64_t value) {
    auto rest = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
    for (; rest >= 128; rest >>= 7) bytes_ += static_cast<char>((rest & 127) | 128);
    bytes_ += static_cast<char>(rest);
  }
  void Double(double value) {
    auto bits = std::bit_cast<uint64_t>(value);
    for (int i = 0; i < 8; ++i, bits >>= 8) bytes_ += static_cast<char>(bits & 255);
  }
  void Text(std::string_view text) {
    Int(static_cast<int64_t>(text.size()));
    bytes_ += text;
  }

 private:
  std::string& bytes_;
};

// What cannot be read is 0 or empty; `ok` says afterwards whether everything could.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

  int64_t Int() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) break;
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 127) << shift;
      if (byte < 128) return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
    }
    return Fail<int64_t>();
  }
  double Double() {
    if (rest_.size() < 8) return Fail<double>();
    uint64_t bits = 0;
    for (int i = 7; i >= 0; --i) {
      bits = bits << 8 | static_cast<unsigned char>(rest_[static_cast<size_t>(i)]);
    }
    rest_.remove_prefix(8);
    return std::bit_cast<double>(bits);
  }
  std::string Text() {
    const int64_t size = Int();
    if (size < 0 || static_cast<uint64_t>(size) > rest_.size()) return Fail<std::string>();
    std::string text(rest_.substr(0, static_cast<size_t>(size)));
    rest_.remove_prefix(text.size());
    return text;
  }
  // A number of things of which each takes at least a byte.
  int64_t Count() {
    const int64_t count = Int();
    if (count < 0 || static_cast<uint64_t>(count) > rest_.size()) return Fail<int64_t>();
    return count;
  }
  // An enumerator from 0 to `last`.
  template <typename Enum>
  Enum Word(Enum last) {
    const int64_t value = Int();
    if (value < 0 || value > static_cast<int64_t>(last)) return Fail<Enum>();
    return static_cast<Enum>(value);
  }

 private:
  template <typename T>
  T Fail() {
    ok_ = false;
    rest_ = {};
    return T();
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace vizsla
