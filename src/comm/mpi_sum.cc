#include "src/comm/mpi_sum.h"

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

namespace vizsla {
namespace {

constexpr size_t kSmallSumBytes = 16 << 10;
// Large enough for the transport, small enough for the second cache together with what it is added
// to.
constexpr size_t kChunkBytes = 256 << 10;
constexpr size_t kLeastRounds = 4;  // one that is added, one that leaves, two that arrive
// What is added at once stays in the first cache.
constexpr size_t kBlock = 2048;
// Rounds under way have tags of their own; MPI keeps the order of messages with one tag.
constexpr size_t kTags = 1024;

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

int Test(std::vector<MPI_Request>& requests, bool& all_done) {
  int flag = 0;
  const int error =
      MPI_Testall(static_cast<int>(requests.size()), requests.data(), &flag, MPI_STATUSES_IGNORE);
  all_done = flag != 0;
  return error;
}

}  // namespace

template <typename T>
MpiSum<T>::MpiSum(MPI_Comm comm, std::span<T> values, Watched watched, std::vector<double> scratch)
    : comm_(comm), values_(values), scratch_(std::move(scratch)) {
  int rank = 0, size = 1;
  MPI_Comm_rank(comm_, &rank);
  MPI_Comm_size(comm_, &size);
  rank_ = static_cast<size_t>(rank);
  ranks_ = static_cast<size_t>(size);
  is_small_ = values_.size_bytes() <= kSmallSumBytes;
  size_t bytes = values_.size_bytes() * ranks_;
  if (!is_small_) {
    const size_t largest_share = (values_.size() + ranks_ - 1) / ranks_;
    chunk_ = std::min(kChunkBytes / sizeof(T), largest_share);
    round_count_ = (largest_share + chunk_ - 1) / chunk_;
    const size_t round_bytes = chunk_ * sizeof(T) * ranks_;
    const size_t most = static_cast<size_t>(watched) / round_bytes;
    rounds_.resize(std::min(round_count_, std::clamp(most, kLeastRounds, kTags)));
    for (Round& round : rounds_) {
      for (auto* requests : {&round.given, &round.parts, &round.results, &round.arriving}) {
        requests->resize(ranks_, MPI_REQUEST_NULL);
      }
    }
    bytes = round_bytes * rounds_.size();
  }
  scratch_.resize(std::max(scratch_.size(), (bytes + sizeof(double) - 1) / sizeof(double)));
}

template <typename T>
int MpiSum<T>::Advance(bool& done) {
  done = false;
  return is_small_ ? AdvanceSmall(done) : AdvanceLarge(done);
}

template <typename T>
int MpiSum<T>::AdvanceSmall(bool& done) {
  const int count = static_cast<int>(values_.size());
  T* const all = reinterpret_cast<T*>(scratch_.data());
  if (!gathering_) {
    gathering_ = true;
    ++steps_;
    const int error = MPI_Iallgather(values_.data(), count, TypeOf<T>(), all, count, TypeOf<T>(),
                                     comm_, &gather_);
    if (error != MPI_SUCCESS) return error;
  }
  int arrived = 0;
  const int error = MPI_Test(&gather_, &arrived, MPI_STATUS_IGNORE);
  if (error != MPI_SUCCESS || arrived == 0) return error;
  std::vector<const T*> parts;
  for (size_t r = 0; r < ranks_; ++r) parts.push_back(all + r * values_.size());
  AddInRankOrder(parts, values_);
  ++steps_;
  done = true;
  return MPI_SUCCESS;
}

template <typename T>
int MpiSum<T>::AdvanceLarge(bool& done) {
  for (uint64_t before = steps_ - 1; before != steps_;) {
    before = steps_;
    for (Round& round : rounds_) {
      const bool begins = round.phase == Round::Phase::kIdle && begun_ < round_count_;
      if (round.phase == Round::Phase::kIdle && !begins) continue;
      const int error = begins ? Begin(round) : Step(round);
      if (error != MPI_SUCCESS) return error;
    }
  }
  done = finished_ == round_count_;
  return MPI_SUCCESS;
}

template <typename T>
std::span<T> MpiSum<T>::Chunk(size_t rank, size_t number) const {
  const size_t begin = values_.size() * rank / ranks_;
  const size_t end = values_.size() * (rank + 1) / ranks_;
  const size_t from = std::min(begin + number * chunk_, end);
  return values_.subspan(from, std::min(chunk_, end - from));
}

template <typename T>
T* MpiSum<T>::Part(const Round& round, size_t rank) {
  const auto place = static_cast<size_t>(&round - rounds_.data());
  return reinterpret_cast<T*>(scratch_.data()) + (place * ranks_ + rank) * chunk_;
}

namespace {

int TagOfParts(size_t round) { return static_cast<int>(2 * (round % kTags)); }
int TagOfResults(size_t round) { return TagOfParts(round) + 1; }

}  // namespace

template <typename T>
int MpiSum<T>::Begin(Round& round) {
  round.number = begun_++;
  round.phase = Round::Phase::kParts;
  round.gave = false;
  ++steps_;
  const int tag = TagOfParts(round.number);
  const int own = static_cast<int>(Chunk(rank_, round.number).size());
  for (size_t r = 0; r < ranks_; ++r) {
    if (r == rank_) continue;
    const int peer = static_cast<int>(r);
    if (own > 0) {
      const int error =
          MPI_Irecv(Part(round, r), own, TypeOf<T>(), peer, tag, comm_, &round.parts[r]);
      if (error != MPI_SUCCESS) return error;
    }
    const std::span<T> theirs = Chunk(r, round.number);
    if (theirs.empty()) continue;
    const int error = MPI_Isend(theirs.data(), static_cast<int>(theirs.size()), TypeOf<T>(), peer,
                                tag, comm_, &round.given[r]);
    if (error != MPI_SUCCESS) return error;
  }
  return MPI_SUCCESS;
}

template <typename T>
int MpiSum<T>::Step(Round& round) {
  const int tag = TagOfResults(round.number);
  bool all_done = false;
  if (!round.gave) {
    int error = Test(round.given, all_done);
    if (error != MPI_SUCCESS) return error;
    if (all_done) {
      round.gave = true;
      ++steps_;
      // Not before: their memory was being sent.
      for (size_t r = 0; r < ranks_; ++r) {
        const std::span<T> theirs = Chunk(r, round.number);
        if (r == rank_ || theirs.empty()) continue;
        error = MPI_Irecv(theirs.data(), static_cast<int>(theirs.size()), TypeOf<T>(),
                          static_cast<int>(r), tag, comm_, &round.arriving[r]);
        if (error != MPI_SUCCESS) return error;
      }
    }
  }
  if (round.phase == Round::Phase::kParts) {
    int error = Test(round.parts, all_done);
    if (error != MPI_SUCCESS || !all_done) return error;
    round.phase = Round::Phase::kResult;
    ++steps_;
    const std::span<T> own = Chunk(rank_, round.number);
    if (own.empty()) return MPI_SUCCESS;
    std::vector<const T*> parts;
    for (size_t r = 0; r < ranks_; ++r) parts.push_back(r == rank_ ? own.data() : Part(round, r));
    AddInRankOrder(parts, own);
    for (size_t r = 0; r < ranks_; ++r) {
      if (r == rank_) continue;
      error = MPI_Isend(own.data(), static_cast<int>(own.size()), TypeOf<T>(), static_cast<int>(r),
                        tag, comm_, &round.results[r]);
      if (error != MPI_SUCCESS) return error;
    }
    return MPI_SUCCESS;
  }
  if (!round.gave) return MPI_SUCCESS;
  for (auto* requests : {&round.results, &round.arriving}) {
    const int error = Test(*requests, all_done);
    if (error != MPI_SUCCESS || !all_done) return error;
  }
  round.phase = Round::Phase::kIdle;
  ++finished_;
  ++steps_;
  return MPI_SUCCESS;
}

template <typename T>
void MpiSum<T>::AddInRankOrder(const std::vector<const T*>& parts, std::span<T> sum) const {
  if (ranks_ == 2) {
    for (size_t i = 0; i < sum.size(); ++i) Narrow(Widen(parts[0][i]) + Widen(parts[1][i]), sum[i]);
    return;
  }
  for (size_t from = 0; from < sum.size(); from += kBlock) {
    const size_t block = std::min(kBlock, sum.size() - from);
    std::array<decltype(Widen(T())), kBlock> total;
    for (size_t i = 0; i < block; ++i) total[i] = Widen(parts[0][from + i]);
    for (size_t r = 1; r < ranks_; ++r) {
      const T* part = parts[r] + from;
      for (size_t i = 0; i < block; ++i) total[i] += Widen(part[i]);
    }
    for (size_t i = 0; i < block; ++i) Narrow(total[i], sum[from + i]);
  }
}

template class MpiSum<float>;
template class MpiSum<double>;
template class MpiSum<Bfloat16>;

}  // namespace vizsla
