// Counter-based random streams: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random
// numbers: as easy as 1, 2, 3", SC'11). A stream is named by a key; the same key gives the same
// numbers on every machine, whatever other streams did, so that a trial is a function of its seed:
//
//   RandomStream
//   stream(StreamKey(study_seed).With(trial).With("augmentation").With(epoch).With(id));
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace vizsla {

// The name of a stream: a 64-bit seed mixed with words and numbers, in order. Value type.
class StreamKey {
 public:
  explicit StreamKey(uint64_t seed);
  StreamKey With(uint64_t number) const;
  StreamKey With(std::string_view word) const;
  uint64_t value() const { return value_; }

 private:
  uint64_t value_;
};

// Draws from one named stream, in order. Not thread-safe; cheap to construct.
class RandomStream {
 public:
  explicit RandomStream(StreamKey key) : key_(key.value()) {}

  uint32_t NextU32();
  uint64_t NextU64();
  double Uniform();                         // [0, 1), 53 bits
  double Uniform(double low, double high);  // [low, high)
  double Normal();                          // mean 0, deviation 1 (Box-Muller)
  bool Bernoulli(double probability);
  uint64_t UniformInt(uint64_t count);  // [0, count), unbiased; count >= 1

  // Fisher-Yates.
  template <typename T>
  void Shuffle(std::vector<T>& items) {
    for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[UniformInt(i)]);
  }

 private:
  uint64_t key_;
  uint64_t counter_ = 0;
  std::array<uint32_t, 4> block_{};
  int used_ = 4;
};

// One block of Philox4x32-10: 128 bits of counter and 64 of key in, 128 random bits out. Pure.
std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

}  // namespace vizsla
