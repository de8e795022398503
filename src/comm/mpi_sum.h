// One sum over the ranks of an MPI communicator, as a machine that never blocks: it moves on when
// it is asked to, so that its caller may compute in between.
#pragma once

#include <mpi.h>

#include <cstddef>
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
  // To be taken when it is done, for another sum.
  virtual std::vector<double> TakeScratch() = 0;
};

// Always adds rank 0's value, then rank 1's, and so on: MPI's own reductions may choose another
// order for another message size. Up to 16 KiB every rank gets everything and sums for itself (one
// round); above, each rank sums its share (two rounds, a reduce-scatter and an all-gather: no rank
// receives more than twice the data).
//
// It makes one MPI call or two for each piece of up to 1 GiB, when it gets there: of the sums of
// one communicator only one may be under way, and all ranks must take them in the same order. The
// values, and this object, must live until it is done. T is float, double, or Bfloat16, which
// travels as it is, is added as float, and is rounded when its sum is complete.
template <typename T>
class MpiSum : public StartedMpiSum {
 public:
  // `scratch` is memory to reuse, or empty. Takes what memory it needs, and sends nothing yet.
  MpiSum(MPI_Comm comm, std::span<T> values, std::vector<double> scratch);

  int Advance(bool& done) override;
  std::vector<double> TakeScratch() override { return std::move(scratch_); }

 private:
  enum class Phase {
    kNextPiece,  // nothing is under way
    kGather,     // a small piece: everybody's values are on their way to everybody
    kExchange,   // a large piece: everybody's values of this rank's share are on their way here
    kSpread,     // the summed shares are on their way to everybody
  };
  int StartPiece();
  int SpreadShares();
  // sum[i] = parts[0][i] + parts[1][i] + ..., in rank order.
  void AddInRankOrder(size_t count, T* sum) const;
  // In the scratch: the parts of all ranks.
  T* parts() { return reinterpret_cast<T*>(scratch_.data()); }

  MPI_Comm comm_;
  size_t rank_ = 0;
  size_t ranks_ = 1;
  size_t largest_piece_ = 1;
  std::span<T> left_;   // the pieces not yet begun
  std::span<T> piece_;  // the one that is under way
  Phase phase_ = Phase::kNextPiece;
  MPI_Request request_ = MPI_REQUEST_NULL;
  std::vector<double> scratch_;  // doubles for their alignment
  // How the piece is divided; MPI reads them until the call is done.
  std::vector<int> counts_, starts_, my_counts_, my_starts_;
};

}  // namespace vizsla
