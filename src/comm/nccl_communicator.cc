#include "src/comm/nccl_communicator.h"

#include <cuda_runtime_api.h>
#include <nccl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "src/base/log.h"
#include "src/comm/nccl_errors.h"
#include "src/comm/stream_watch.h"
#include "src/comm/wait.h"

namespace vizsla {
namespace {

constexpr std::chrono::milliseconds kLongestConnect{std::chrono::minutes(1)};  // or leave
constexpr char kSum[] = "all-reduce (sum)";

class NcclCommunicator : public Communicator {
 public:
  NcclCommunicator(Communicator& control, const NcclOptions& options)
      : control_(control), options_(options) {}

  ~NcclCommunicator() override {
    watch_.reset();
    if (comm_ != nullptr && broken_.ok()) {
      ncclCommFinalize(comm_);
      broken_ = AwaitAccepted("finalize", kLongestConnect);
    }
    // A broken communicator cannot be destroyed in order: its peers may be gone.
    if (comm_ != nullptr) broken_.ok() ? ncclCommDestroy(comm_) : ncclCommAbort(comm_);
    if (written_ != nullptr) cudaEventDestroy(written_);
    if (stream_ != nullptr) cudaStreamDestroy(stream_);
  }

  absl::Status Connect(const ncclUniqueId& id) {
    const std::lock_guard lock(mutex_);
    broken_ = TryToConnect(id);
    return broken_;
  }

  // After the vote on what Connect has returned.
  void Begin(const absl::Status& all_connected) {
    if (!all_connected.ok()) {
      const std::lock_guard lock(mutex_);
      broken_ = all_connected;
      return;
    }
    watch_.emplace(StreamWatch::Options{.device = options_.device,
                                        .deadline = options_.collective_deadline,
                                        .check = [this] { return CheckPeers(); },
                                        .give_up =
                                            [this](const absl::Status& why) {
                                              const std::lock_guard lock(mutex_);
                                              Abandon(why);
                                            }});
  }

  int rank() const override { return control_.rank(); }
  int size() const override { return control_.size(); }

  absl::Status Barrier() override {
    return OverControl([&] { return control_.Barrier(); });
  }
  absl::Status Broadcast(std::span<std::byte> bytes, int root) override {
    return OverControl([&] { return control_.Broadcast(bytes, root); });
  }
  absl::Status AllReduceSum(std::span<float> values) override {
    return OverControl([&] { return control_.AllReduceSum(values); });
  }
  absl::Status AllReduceSum(std::span<double> values) override {
    return OverControl([&] { return control_.AllReduceSum(values); });
  }
  absl::Status StartAllReduceSum(std::span<float> values) override {
    return OverControl([&] { return control_.StartAllReduceSum(values); });
  }
  absl::Status StartAllReduceSum(std::span<Bfloat16> values) override {
    return OverControl([&] { return control_.StartAllReduceSum(values); });
  }
  absl::Status AllReduceMax(std::span<int64_t> values) override {
    return OverControl([&] { return control_.AllReduceMax(values); });
  }
  absl::Status AllGather(std::span<const std::byte> mine, std::span<std::byte> all) override {
    return OverControl([&] { return control_.AllGather(mine, all); });
  }

  bool device_sums() const override { return true; }

  absl::Status StartDeviceSum(const DeviceValues& values) override {
    const std::lock_guard lock(mutex_);
    if (!broken_.ok() || values.count == 0) return broken_;
    if (const absl::Status status = Enqueue(values); !status.ok()) Abandon(status);
    return broken_;
  }

  void PollSums() override { control_.PollSums(); }  // the GPU moves its own on

  absl::Status FinishSums() override {
    VIZSLA_RETURN_IF_ERROR(OverControl([&] { return control_.FinishSums(); }));
    const std::lock_guard lock(mutex_);
    if (!broken_.ok() || users_.empty()) return broken_;
    const absl::Status status = LetUsersWait();
    users_.clear();
    if (!status.ok()) Abandon(status);
    return broken_;
  }

 private:
  // Nothing of a broken group is to be believed: what the ranks exchange after a sum may rest on
  // it, and is told only while all that was summed before holds.
  template <typename Call>
  absl::Status OverControl(const Call& call) {
    VIZSLA_RETURN_IF_ERROR(broken());
    VIZSLA_RETURN_IF_ERROR(call());
    return broken();
  }
  absl::Status broken() {
    const std::lock_guard lock(mutex_);
    return broken_;
  }

  // ---- With mutex_ held

  absl::Status TryToConnect(const ncclUniqueId& id) {
    // Connections are made here, within this deadline, and not by the first sum of each size, which
    // would wait for the other ranks. (NCCL 2.22 and later; a user's own setting stays.)
    ::setenv("NCCL_RUNTIME_CONNECT", "0", 0);
    VIZSLA_RETURN_IF_ERROR(CudaStatus(cudaSetDevice(options_.device), "choose the GPU"));
    VIZSLA_RETURN_IF_ERROR(
        CudaStatus(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "create a stream"));
    VIZSLA_RETURN_IF_ERROR(
        CudaStatus(cudaEventCreateWithFlags(&written_, cudaEventDisableTiming), "create an event"));
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;  // so that a missing rank is a deadline here and not a hang
    VIZSLA_RETURN_IF_ERROR(
        NcclStatus(ncclCommInitRankConfig(&comm_, size(), id, rank(), &config), "connect"));
    // A rank whose NCCL refuses at once waits for the others in a collective, which has a deadline.
    const auto half = options_.collective_deadline / 2;
    return AwaitAccepted("connect",
                         half.count() == 0 ? kLongestConnect : std::min(kLongestConnect, half));
  }

  absl::Status Enqueue(const DeviceValues& values) {
    VIZSLA_RETURN_IF_ERROR(CudaStatus(cudaSetDevice(options_.device), kSum));
    const auto user = static_cast<cudaStream_t>(values.stream);
    VIZSLA_RETURN_IF_ERROR(CudaStatus(cudaEventRecord(written_, user), kSum));
    VIZSLA_RETURN_IF_ERROR(CudaStatus(cudaStreamWaitEvent(stream_, written_, 0), kSum));
    const bool is_float = values.type == DeviceValues::Type::kFloat32;
    VIZSLA_RETURN_IF_ERROR(
        NcclStatus(ncclAllReduce(values.data, values.data, values.count,
                                 is_float ? ncclFloat32 : ncclBfloat16, ncclSum, comm_, stream_),
                   kSum));
    const bool is_first = users_.empty();
    if (std::find(users_.begin(), users_.end(), user) == users_.end()) users_.push_back(user);
    VIZSLA_RETURN_IF_ERROR(AwaitAccepted(kSum, options_.collective_deadline));
    // Watched from now on: a rank that waits for its GPU in the middle of a pass, for the sum that
    // a hanging one never joins, does not come to FinishSums.
    return is_first ? watch_->Mark(stream_, {}) : absl::OkStatus();
  }

  absl::Status LetUsersWait() {
    VIZSLA_RETURN_IF_ERROR(CudaStatus(cudaSetDevice(options_.device), kSum));
    return watch_->Mark(stream_, users_);
  }

  // Until NCCL has accepted the last call.
  absl::Status AwaitAccepted(const char* what, std::chrono::milliseconds deadline) {
    PoliteWait wait;
    for (;;) {
      ncclResult_t state = ncclSuccess;
      VIZSLA_RETURN_IF_ERROR(NcclStatus(ncclCommGetAsyncError(comm_, &state), what));
      if (state != ncclInProgress) return NcclStatus(state, what);
      if (deadline.count() > 0 && wait.elapsed() > deadline) {
        return absl::DeadlineExceededError(StrCat("NCCL did not ", what, " within ",
                                                  deadline.count(),
                                                  " ms: another rank is dead or hangs"));
      }
      wait.Pause();
    }
  }

  // The process is expected to end in order, with last words; but neither NCCL's abort nor whoever
  // waits for this GPU is trusted to let it.
  void Abandon(const absl::Status& why) {
    if (!broken_.ok()) return;
    broken_ = why;
    log::error("rank {} of {}: {}", rank(), size(), std::string(why.message()));
    std::thread([grace = options_.grace] {
      std::this_thread::sleep_for(grace);
      log::error("the process did not end by itself after NCCL had failed");
      log::default_logger()->flush();
      ::_exit(kCollectiveTimeoutExitCode);
    }).detach();
    ncclCommAbort(std::exchange(comm_, nullptr));  // also ends a waiting kernel
  }

  // ---- On the watch's thread

  absl::Status CheckPeers() {
    const std::lock_guard lock(mutex_);
    if (!broken_.ok()) return broken_;
    ncclResult_t state = ncclSuccess;
    VIZSLA_RETURN_IF_ERROR(NcclStatus(ncclCommGetAsyncError(comm_, &state), kSum));
    return NcclStatus(state, kSum);
  }

  Communicator& control_;
  const NcclOptions options_;
  std::mutex mutex_;                  // guards what follows; held while NCCL accepts a call
  absl::Status broken_;               // why later calls fail
  ncclComm_t comm_ = nullptr;         // null once it is aborted
  cudaStream_t stream_ = nullptr;     // NCCL's kernels run in it
  cudaEvent_t written_ = nullptr;     // the values of a sum that is being started
  std::vector<cudaStream_t> users_;   // of the sums since the last FinishSums
  std::optional<StreamWatch> watch_;  // has a lock of its own
};

}  // namespace

bool HasNccl() { return true; }

absl::StatusOr<GpuUuid> UuidOfGpu(int ordinal) {
  cudaDeviceProp properties{};
  VIZSLA_RETURN_IF_ERROR(
      CudaStatus(cudaGetDeviceProperties(&properties, ordinal), "the GPU's identity"));
  GpuUuid uuid;
  static_assert(sizeof properties.uuid == sizeof uuid);
  std::memcpy(uuid.data(), &properties.uuid, sizeof uuid);
  return uuid;
}

absl::StatusOr<std::unique_ptr<Communicator>> MakeNcclCommunicator(Communicator& control,
                                                                   const NcclOptions& options) {
  ncclUniqueId id{};
  absl::Status created;
  if (control.rank() == 0) created = NcclStatus(ncclGetUniqueId(&id), "create NCCL's id");
  VIZSLA_RETURN_IF_ERROR(Vote(control, created));
  VIZSLA_RETURN_IF_ERROR(control.Broadcast(std::as_writable_bytes(std::span(&id, 1)), 0));
  auto communicator = std::make_unique<NcclCommunicator>(control, options);
  const absl::Status connected = Vote(control, communicator->Connect(id));
  communicator->Begin(connected);
  VIZSLA_RETURN_IF_ERROR(connected);
  return communicator;
}

}  // namespace vizsla
