#include "src/comm/mpi_communicator.h"

#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "src/base/log.h"
#include "src/comm/mpi_sum.h"
#include "src/comm/wait.h"

namespace vizsla {
namespace {

// MPI counts are ints; longer messages travel in pieces.
constexpr size_t kMaxPiece = size_t{1} << 30;

absl::Status MpiStatus(int error, const char* what) {
  if (error == MPI_SUCCESS) return absl::OkStatus();
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(error, text, &length);
  return absl::UnavailableError(StrCat(what, ": ", std::string_view(text, length)));
}

class MpiCommunicator : public Communicator {
 public:
  // Owns `comm`. Collective: started sums get a communicator of their own.
  MpiCommunicator(MPI_Comm comm, const MpiOptions& options) : comm_(comm), options_(options) {
    MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN);
    broken_ = MpiStatus(MPI_Comm_dup(comm_, &sums_comm_), "MPI_Comm_dup");
    if (broken_.ok()) MPI_Comm_set_errhandler(sums_comm_, MPI_ERRORS_RETURN);
    MPI_Comm_rank(comm_, &rank_);
    MPI_Comm_size(comm_, &size_);
  }

  ~MpiCommunicator() override {
    int finalized = 0;
    MPI_Finalized(&finalized);
    // Sums that are still under way write into memory that is about to go: their owner has to
    // finish them, or to end the process.
    if (finalized != 0 || !broken_.ok() || !sums_.empty()) return;
    MPI_Comm_free(&sums_comm_);
    MPI_Comm_free(&comm_);
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

  absl::Status StartAllReduceSum(std::span<float> values) override { return Start(values); }
  absl::Status StartAllReduceSum(std::span<Bfloat16> values) override { return Start(values); }

  // One at a time, in order: a sum has several MPI calls, which all ranks must make in one order.
  void PollSums() override {
    while (broken_.ok() && !sums_.empty()) {
      bool done = false;
      broken_ = MpiStatus(sums_.front()->Advance(done), "all-reduce (sum)");
      if (!broken_.ok() || !done) return;
      finished_steps_ += sums_.front()->steps();
      spare_scratch_.push_back(sums_.front()->TakeScratch());
      sums_.pop_front();
    }
  }

  absl::Status FinishSums() override {
    PoliteWait wait;
    uint64_t steps = 0;
    for (PollSums(); broken_.ok() && !sums_.empty(); PollSums()) {
      const uint64_t now = finished_steps_ + sums_.front()->steps();
      if (std::exchange(steps, now) != now) wait.Progressed();
      Wait("all-reduce (sum)", wait);
    }
    return broken_;
  }

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
  // Starts a collective and polls until it is done.
  absl::Status Run(const char* what, const std::function<int(MPI_Request*)>& start) {
    if (!broken_.ok()) return broken_;
    MPI_Request request = MPI_REQUEST_NULL;
    int error = start(&request);
    int done = 0;
    PoliteWait wait;
    while (error == MPI_SUCCESS) {
      error = MPI_Test(&request, &done, MPI_STATUS_IGNORE);
      if (error != MPI_SUCCESS || done != 0) break;
      PollSums();
      if (!broken_.ok()) return broken_;
      Wait(what, wait);
    }
    broken_ = MpiStatus(error, what);
    return broken_;
  }

  // The deadline is the watchdog of the job: a rank that died or hangs cannot be told from a slow
  // one in any other way, and MPI offers no way back.
  void Wait(const char* what, PoliteWait& wait) const {
    if (options_.collective_deadline.count() > 0 && wait.elapsed() > options_.collective_deadline) {
      log::error(
          "rank {} of {}: the {} was not finished within {} ms: another rank is dead or hangs; "
          "this "
          "process ends so that its job ends and its trials are requeued",
          rank_, size_, what, options_.collective_deadline.count());
      spdlog::default_logger()->flush();
      ::_exit(kCollectiveTimeoutExitCode);
    }
    wait.Pause();
  }

  template <typename T>
  absl::Status Start(std::span<T> values) {
    if (!broken_.ok() || size_ == 1 || values.empty()) return broken_;
    sums_.push_back(std::make_unique<MpiSum<T>>(sums_comm_, values, MpiSum<T>::Watched::kSometimes,
                                                SumScratch()));
    PollSums();
    return broken_;
  }

  template <typename T>
  absl::Status Sum(std::span<T> values) {
    if (!broken_.ok() || size_ == 1 || values.empty()) return broken_;
    MpiSum<T> sum(comm_, values, MpiSum<T>::Watched::kAlways, SumScratch());
    PoliteWait wait;
    for (uint64_t steps = 0;;) {
      bool done = false;
      broken_ = MpiStatus(sum.Advance(done), "all-reduce (sum)");
      if (!broken_.ok()) return broken_;
      if (done) break;
      if (std::exchange(steps, sum.steps()) != sum.steps()) wait.Progressed();
      PollSums();
      if (!broken_.ok()) return broken_;
      Wait("all-reduce (sum)", wait);
    }
    spare_scratch_.push_back(sum.TakeScratch());
    return absl::OkStatus();
  }

  // One that an earlier sum has left, so that memory is taken once.
  std::vector<double> SumScratch() {
    if (spare_scratch_.empty()) return {};
    std::vector<double> scratch = std::move(spare_scratch_.back());
    spare_scratch_.pop_back();
    return scratch;
  }

  MPI_Comm comm_;
  MPI_Comm sums_comm_ = MPI_COMM_NULL;
  MpiOptions options_;
  int rank_ = 0;
  int size_ = 1;
  absl::Status broken_;
  std::deque<std::unique_ptr<StartedMpiSum>> sums_;  // started; the first is under way
  uint64_t finished_steps_ = 0;                      // of started sums
  std::vector<std::vector<double>> spare_scratch_;
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
