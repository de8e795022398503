#include "src/comm/mpi_sum.h"

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

namespace vizsla {
namespace {

// MPI counts are ints; longer messages travel in pieces.
constexpr size_t kMaxPieceBytes = size_t{1} << 30;
constexpr size_t kSmallSumBytes = 16 << 10;
// What is added at once stays in the first cache.
constexpr size_t kBlock = 2048;

template <typename T>
MPI_Datatype TypeOf() {
  if (std::is_same_v<T, Bfloat16>) return MPI_UINT16_T;
  return std::is_same_v<T, float> ? MPI_FLOAT : MPI_DOUBLE;
}

// What a type is added as.
float Widen(Bfloat16 value) { return ToFloat(value); }
float Widen(float value) { return value; }
double Widen(double value) { return value; }
void Narrow(float sum, Bfloat16& value) { value = RoundToBfloat16(sum); }
void Narrow(float sum, float& value) { value = sum; }
void Narrow(double sum, double& value) { value = sum; }

}  // namespace

template <typename T>
MpiSum<T>::MpiSum(MPI_Comm comm, std::span<T> values, std::vector<double> scratch)
    : comm_(comm), left_(values), scratch_(std::move(scratch)) {
  int rank = 0, size = 1;
  MPI_Comm_rank(comm_, &rank);
  MPI_Comm_size(comm_, &size);
  rank_ = static_cast<size_t>(rank);
  ranks_ = static_cast<size_t>(size);
  largest_piece_ = std::max<size_t>(kMaxPieceBytes / sizeof(T) / ranks_, 1);
  const size_t piece = std::min(largest_piece_, values.size());
  const bool is_small = piece * sizeof(T) <= kSmallSumBytes;
  const size_t bytes = (is_small ? piece : piece / ranks_ + 1) * ranks_ * sizeof(T);
  scratch_.resize(std::max(scratch_.size(), (bytes + sizeof(double) - 1) / sizeof(double)));
  for (std::vector<int>* numbers : {&counts_, &starts_, &my_counts_, &my_starts_}) {
    numbers->resize(ranks_);
  }
}

template <typename T>
int MpiSum<T>::Advance(bool& done) {
  done = false;
  for (;;) {
    if (request_ != MPI_REQUEST_NULL) {
      int arrived = 0;
      const int error = MPI_Test(&request_, &arrived, MPI_STATUS_IGNORE);
      if (error != MPI_SUCCESS || arrived == 0) return error;
    }
    int error = MPI_SUCCESS;
    switch (phase_) {
      case Phase::kNextPiece:
        if (left_.empty()) {
          done = true;
          return MPI_SUCCESS;
        }
        error = StartPiece();
        break;
      case Phase::kGather:
        AddInRankOrder(piece_.size(), piece_.data());
        phase_ = Phase::kNextPiece;
        break;
      case Phase::kExchange:
        AddInRankOrder(static_cast<size_t>(counts_[rank_]), piece_.data() + starts_[rank_]);
        error = SpreadShares();
        break;
      case Phase::kSpread:
        phase_ = Phase::kNextPiece;
        break;
    }
    if (error != MPI_SUCCESS) return error;
  }
}

template <typename T>
int MpiSum<T>::StartPiece() {
  piece_ = left_.first(std::min(largest_piece_, left_.size()));
  left_ = left_.subspan(piece_.size());
  const MPI_Datatype type = TypeOf<T>();
  if (piece_.size_bytes() <= kSmallSumBytes) {
    phase_ = Phase::kGather;
    const int count = static_cast<int>(piece_.size());
    return MPI_Iallgather(piece_.data(), count, type, parts(), count, type, comm_, &request_);
  }
  phase_ = Phase::kExchange;
  for (size_t r = 0; r < ranks_; ++r) {
    starts_[r] = static_cast<int>(piece_.size() * r / ranks_);
    counts_[r] = static_cast<int>(piece_.size() * (r + 1) / ranks_) - starts_[r];
  }
  for (size_t r = 0; r < ranks_; ++r) {
    my_counts_[r] = counts_[rank_];
    my_starts_[r] = static_cast<int>(r) * counts_[rank_];
  }
  return MPI_Ialltoallv(piece_.data(), counts_.data(), starts_.data(), type, parts(),
                        my_counts_.data(), my_starts_.data(), type, comm_, &request_);
}

template <typename T>
int MpiSum<T>::SpreadShares() {
  phase_ = Phase::kSpread;
  return MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, piece_.data(), counts_.data(),
                         starts_.data(), TypeOf<T>(), comm_, &request_);
}

template <typename T>
void MpiSum<T>::AddInRankOrder(size_t count, T* sum) const {
  const T* parts = reinterpret_cast<const T*>(scratch_.data());
  for (size_t from = 0; from < count; from += kBlock) {
    const size_t block = std::min(kBlock, count - from);
    std::array<decltype(Widen(T())), kBlock> total;
    for (size_t i = 0; i < block; ++i) total[i] = Widen(parts[from + i]);
    for (size_t r = 1; r < ranks_; ++r) {
      const T* part = parts + r * count + from;
      for (size_t i = 0; i < block; ++i) total[i] += Widen(part[i]);
    }
    for (size_t i = 0; i < block; ++i) Narrow(total[i], sum[from + i]);
  }
}

template class MpiSum<float>;
template class MpiSum<double>;
template class MpiSum<Bfloat16>;

}  // namespace vizsla
