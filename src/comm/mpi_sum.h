// One sum over the ranks of an MPI communicator, as a machine that never blocks: it moves on when
// it is asked to, so that its caller may compute in between.
#pragma once

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "src/comm/bfloat16.h"

namespace vizsla {

// A sum of any type.
class StartedMpiSum {
 public:
  virtual ~StartedMpiSum() = default;
  // Goes as far as possible without waiting. MPI's error code; `done` when every value is summed.
  virtual int Advance(bool& done) = 0;
  // Grows with every step that Advance has made.
  virtual uint64_t steps() const = 0;
  // To be taken when it is done, for another sum.
  virtual std::vector<double> TakeScratch() = 0;
};

// Always adds rank 0's value, then rank 1's, and so on: MPI's own reductions may choose another
// order for another message size. Up to 16 KiB every rank gets everything and sums for itself (one
// round); above, each rank sums its share and sends it to the others (a reduce-scatter and an
// all-gather: no rank receives more than twice the data).
//
// A share travels in chunks, so that what has arrived is added while it is in the cache, and its
// sum leaves while the next is on its way. Nothing is copied on this rank: a chunk leaves from the
// values, and its sum arrives in them.
//
// Of the sums of one communicator only one may be under way, and all ranks must take them in the
// same order. The values, and this object, must live until it is done. T is float, double, or
// Bfloat16, which travels as it is, is added as float, and is rounded when its sum is complete.
template <typename T>
class MpiSum : public StartedMpiSum {
 public:
  // How many bytes may be on their way to this rank. So many arrive by themselves; for more the
  // machine has to be moved on.
  enum class Watched : size_t {
    kAlways = size_t{2} << 20,     // the caller does nothing else: no more than the cache holds
    kSometimes = size_t{16} << 20  // the caller computes
  };
  // `scratch` is memory to reuse, or empty. Takes what memory it needs, and sends nothing yet.
  MpiSum(MPI_Comm comm, std::span<T> values, Watched watched, std::vector<double> scratch);

  int Advance(bool& done) override;
  uint64_t steps() const override { return steps_; }
  std::vector<double> TakeScratch() override { return std::move(scratch_); }

 private:
  // Chunk `number` of every rank's share. Each vector has a request for each rank; null where
  // nothing is sent, and for this rank itself.
  struct Round {
    enum class Phase {
      kIdle,    // the next one that begins may use this place
      kParts,   // everybody's values of this rank's chunk are on their way here
      kResult,  // the sum is on its way to everybody
    };
    Phase phase = Phase::kIdle;
    bool gave = false;  // the others have what they add up; the sums are on their way here
    size_t number = 0;
    std::vector<MPI_Request> given;     // values of the others' chunks, to them
    std::vector<MPI_Request> parts;     // values of this rank's chunk, from them
    std::vector<MPI_Request> results;   // the sum of this rank's chunk, to them
    std::vector<MPI_Request> arriving;  // the sums of theirs
  };

  int AdvanceSmall(bool& done);
  int AdvanceLarge(bool& done);
  int Begin(Round& round);
  // Moves it on by a step, if it can.
  int Step(Round& round);
  std::span<T> Chunk(size_t rank, size_t number) const;
  // Where the part of a rank of this rank's chunk arrives.
  T* Part(const Round& round, size_t rank);
  // sum[i] = rank 0's part + rank 1's part + ..., in rank order; this rank's part is in `sum`.
  void AddInRankOrder(const std::vector<const T*>& parts, std::span<T> sum) const;

  MPI_Comm comm_;
  size_t rank_ = 0;
  size_t ranks_ = 1;
  const std::span<T> values_;
  bool is_small_ = true;
  MPI_Request gather_ = MPI_REQUEST_NULL;  // of a small sum
  bool gathering_ = false;
  size_t chunk_ = 1;           // numbers in it
  size_t round_count_ = 0;     // chunks of the largest share
  size_t begun_ = 0;           // rounds
  size_t finished_ = 0;        // rounds
  std::vector<Round> rounds_;  // that are under way at most
  uint64_t steps_ = 0;
  std::vector<double> scratch_;  // doubles for their alignment
};

}  // namespace vizsla
