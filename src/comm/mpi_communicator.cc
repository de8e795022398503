#include "src/comm/mpi_communicator.h"

#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include "src/base/log.h"
#include "src/comm/wait.h"

namespace vizsla {
namespace {

// MPI counts are ints; longer messages travel in pieces.
constexpr size_t kMaxPiece = size_t{1} << 30;
// Up to here every rank gets everything and sums for itself (one round); above, each rank sums its
// share (two rounds, but no rank receives more than twice the data).
constexpr size_t kSmallSumBytes = 16 << 10;

absl::Status MpiStatus(int error, const char* what) {
  if (error == MPI_SUCCESS) return absl::OkStatus();
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(error, text, &length);
  return absl::UnavailableError(StrCat(what, ": ", std::string_view(text, length)));
}

class MpiCommunicator : public Communicator {
 public:
  // Owns `comm`.
  MpiCommunicator(MPI_Comm comm, const MpiOptions& options) : comm_(comm), options_(options) {
    MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN);
    MPI_Comm_rank(comm_, &rank_);
    MPI_Comm_size(comm_, &size_);
  }

  ~MpiCommunicator() override {
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (finalized == 0 && broken_.ok()) MPI_Comm_free(&comm_);
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  absl::Status Barrier() override {
    return Run("barrier", [&](MPI_Request* request) { return MPI_Ibarrier(comm_, request); });
  }

  absl::Status Broadcast(std::span<std::byte> bytes, int root) override {
    VIZSLA_RETURN_IF_ERROR(CheckBroadcastRoot(root, size_));
    for (size_t from = 0; from < bytes.size(); from += kMaxPiece) {
      const int count = static_cast<int>(std::min(kMaxPiece, bytes.size() - from));
      VIZSLA_RETURN_IF_ERROR(Run("broadcast", [&](MPI_Request* request) {
        return MPI_Ibcast(bytes.data() + from, count, MPI_BYTE, root, comm_, request);
      }));
    }
    return broken_;
  }

  absl::Status AllReduceSum(std::span<float> values) override { return Sum(values); }
  absl::Status AllReduceSum(std::span<double> values) override { return Sum(values); }

  absl::Status AllReduceMax(std::span<int64_t> values) override {
    const size_t piece = kMaxPiece / sizeof(int64_t);
    for (size_t from = 0; from < values.size(); from += piece) {
      const int count = static_cast<int>(std::min(piece, values.size() - from));
      VIZSLA_RETURN_IF_ERROR(Run("all-reduce (max)", [&](MPI_Request* request) {
        return MPI_Iallreduce(MPI_IN_PLACE, values.data() + from, count, MPI_INT64_T, MPI_MAX,
                              comm_, request);
      }));
    }
    return broken_;
  }

  absl::Status AllGather(std::span<const std::byte> mine, std::span<std::byte> all) override {
    VIZSLA_RETURN_IF_ERROR(CheckAllGatherSizes(mine.size(), all.size(), size_));
    if (mine.empty()) return broken_;
    if (all.size() <= kMaxPiece) {
      return Run("all-gather", [&](MPI_Request* request) {
        return MPI_Iallgather(mine.data(), static_cast<int>(mine.size()), MPI_BYTE, all.data(),
                              static_cast<int>(mine.size()), MPI_BYTE, comm_, request);
      });
    }
    std::memmove(all.data() + mine.size() * static_cast<size_t>(rank_), mine.data(), mine.size());
    for (int root = 0; root < size_; ++root) {
      VIZSLA_RETURN_IF_ERROR(
          Broadcast(all.subspan(mine.size() * static_cast<size_t>(root), mine.size()), root));
    }
    return broken_;
  }

 private:
  // Starts a collective and polls until it is done. The deadline is the watchdog of the job: a rank
  // that died or hangs cannot be told from a slow one in any other way, and MPI offers no way back.
  absl::Status Run(const char* what, const std::function<int(MPI_Request*)>& start) {
    if (!broken_.ok()) return broken_;
    MPI_Request request = MPI_REQUEST_NULL;
    int error = start(&request);
    int done = 0;
    PoliteWait wait;
    while (error == MPI_SUCCESS) {
      error = MPI_Test(&request, &done, MPI_STATUS_IGNORE);
      if (error != MPI_SUCCESS || done != 0) break;
      if (options_.collective_deadline.count() > 0 &&
          wait.elapsed() > options_.collective_deadline) {
        log::error(
            "rank {} of {}: a {} was not finished within {} ms: another rank is dead or hangs; "
            "this "
            "process ends so that its job ends and its trials are requeued",
            rank_, size_, what, options_.collective_deadline.count());
        spdlog::default_logger()->flush();
        ::_exit(kMpiTimeoutExitCode);
      }
      wait.Pause();
    }
    broken_ = MpiStatus(error, what);
    return broken_;
  }

  // Always adds rank 0's value, then rank 1's, and so on: MPI's own reductions may choose another
  // order for another message size.
  template <typename T>
  absl::Status Sum(std::span<T> values) {
    if (size_ == 1) return broken_;
    const size_t piece = kMaxPiece / sizeof(T) / static_cast<size_t>(size_);
    for (size_t from = 0; from < values.size(); from += piece) {
      std::span<T> part = values.subspan(from, std::min(piece, values.size() - from));
      VIZSLA_RETURN_IF_ERROR(part.size_bytes() <= kSmallSumBytes ? SumSmall(part)
                                                                 : SumShares(part));
    }
    return broken_;
  }

  template <typename T>
  static MPI_Datatype TypeOf() {
    return std::is_same_v<T, float> ? MPI_FLOAT : MPI_DOUBLE;
  }

  // sum[i] = parts[0][i] + parts[1][i] + ..., in rank order.
  template <typename T>
  void AddInRankOrder(const T* parts, size_t count, T* sum) const {
    std::copy(parts, parts + count, sum);
    for (int r = 1; r < size_; ++r) {
      const T* part = parts + static_cast<size_t>(r) * count;
      for (size_t i = 0; i < count; ++i) sum[i] += part[i];
    }
  }

  template <typename T>
  T* Scratch(size_t count) {
    if (scratch_.size() * sizeof(double) < count * sizeof(T)) {
      scratch_.resize((count * sizeof(T) + sizeof(double) - 1) / sizeof(double));
    }
    return reinterpret_cast<T*>(scratch_.data());
  }

  template <typename T>
  absl::Status SumSmall(std::span<T> values) {
    const int count = static_cast<int>(values.size());
    T* all = Scratch<T>(values.size() * static_cast<size_t>(size_));
    VIZSLA_RETURN_IF_ERROR(Run("all-reduce (sum)", [&](MPI_Request* request) {
      return MPI_Iallgather(values.data(), count, TypeOf<T>(), all, count, TypeOf<T>(), comm_,
                            request);
    }));
    AddInRankOrder(all, values.size(), values.data());
    return absl::OkStatus();
  }

  template <typename T>
  absl::Status SumShares(std::span<T> values) {
    const size_t ranks = static_cast<size_t>(size_);
    std::vector<int> counts(ranks), starts(ranks), my_counts(ranks), my_starts(ranks);
    for (size_t r = 0; r < ranks; ++r) {
      starts[r] = static_cast<int>(values.size() * r / ranks);
      counts[r] = static_cast<int>(values.size() * (r + 1) / ranks) - starts[r];
    }
    const size_t mine = static_cast<size_t>(counts[static_cast<size_t>(rank_)]);
    for (size_t r = 0; r < ranks; ++r) {
      my_counts[r] = static_cast<int>(mine);
      my_starts[r] = static_cast<int>(mine * r);
    }
    T* parts = Scratch<T>(mine * ranks);
    VIZSLA_RETURN_IF_ERROR(Run("all-reduce (sum)", [&](MPI_Request* request) {
      return MPI_Ialltoallv(values.data(), counts.data(), starts.data(), TypeOf<T>(), parts,
                            my_counts.data(), my_starts.data(), TypeOf<T>(), comm_, request);
    }));
    AddInRankOrder(parts, mine, values.data() + starts[static_cast<size_t>(rank_)]);
    return Run("all-reduce (sum)", [&](MPI_Request* request) {
      return MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, values.data(), counts.data(),
                             starts.data(), TypeOf<T>(), comm_, request);
    });
  }

  MPI_Comm comm_;
  MpiOptions options_;
  int rank_ = 0;
  int size_ = 1;
  absl::Status broken_;
  std::vector<double> scratch_;  // of AllReduceSum; doubles for their alignment
};

}  // namespace

absl::StatusOr<std::unique_ptr<MpiWorld>> MpiWorld::Init(int* argc, char*** argv) {
  int initialized = 0;
  MPI_Initialized(&initialized);
  if (initialized != 0) return absl::FailedPreconditionError("MPI is already initialized");
  int provided = MPI_THREAD_SINGLE;
  VIZSLA_RETURN_IF_ERROR(
      MpiStatus(MPI_Init_thread(argc, argv, MPI_THREAD_SERIALIZED, &provided), "MPI_Init_thread"));
  if (provided < MPI_THREAD_SERIALIZED) {
    MPI_Finalize();
    return absl::FailedPreconditionError(
        "this MPI offers no MPI_THREAD_SERIALIZED: a process with threads cannot use it");
  }
  std::unique_ptr<MpiWorld> world(new MpiWorld());
  MPI_Comm_rank(MPI_COMM_WORLD, &world->rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &world->size_);
  MPI_Comm host = MPI_COMM_NULL;
  VIZSLA_RETURN_IF_ERROR(MpiStatus(
      MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, world->rank_, MPI_INFO_NULL, &host),
      "MPI_Comm_split_type"));
  MPI_Comm_rank(host, &world->local_rank_);
  MPI_Comm_size(host, &world->local_size_);
  MPI_Comm_free(&host);
  return world;
}

MpiWorld::~MpiWorld() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (finalized == 0) MPI_Finalize();
}

int MpiWorld::rank() const { return rank_; }
int MpiWorld::size() const { return size_; }
int MpiWorld::local_rank() const { return local_rank_; }
int MpiWorld::local_size() const { return local_size_; }

absl::StatusOr<std::unique_ptr<Communicator>> MpiWorld::SplitGroups(int ranks_per_group,
                                                                    const MpiOptions& options) {
  if (ranks_per_group < 1) {
    return absl::InvalidArgumentError(
        StrCat("ranks per trial: ", ranks_per_group, " is less than 1"));
  }
  if (size_ % ranks_per_group != 0) {
    return absl::InvalidArgumentError(StrCat("ranks per trial: a world of ", size_,
                                             " ranks does not divide into groups of ",
                                             ranks_per_group));
  }
  MPI_Comm group = MPI_COMM_NULL;
  VIZSLA_RETURN_IF_ERROR(MpiStatus(
      MPI_Comm_split(MPI_COMM_WORLD, rank_ / ranks_per_group, rank_, &group), "MPI_Comm_split"));
  return std::make_unique<MpiCommunicator>(group, options);
}

std::unique_ptr<Communicator> MpiWorld::World(const MpiOptions& options) {
  MPI_Comm world = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &world);  // MPI_COMM_WORLD's errors are fatal
  return std::make_unique<MpiCommunicator>(world, options);
}

}  // namespace vizsla
