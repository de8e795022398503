#include "src/comm/nccl_communicator.h"

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <array>
#include <cstring>
#include <functional>

#include "src/base/log.h"
#include "src/comm/wait.h"

namespace vizsla {
namespace {

absl::Status CudaStatus(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return absl::OkStatus();
  const std::string message = StrCat(what, ": CUDA: ", cudaGetErrorString(error));
  return error == cudaErrorMemoryAllocation ? absl::ResourceExhaustedError(message)
                                            : absl::InternalError(message);
}

absl::Status NcclStatus(ncclResult_t result, const char* what) {
  if (result == ncclSuccess || result == ncclInProgress) return absl::OkStatus();
  return absl::UnavailableError(StrCat(what, ": NCCL: ", ncclGetErrorString(result)));
}

class NcclCommunicator : public Communicator {
 public:
  NcclCommunicator(int rank, int size, const NcclOptions& options)
      : rank_(rank), size_(size), options_(options) {}

  ~NcclCommunicator() override {
    if (staging_ != nullptr) cudaFree(staging_);
    if (comm_ != nullptr) {
      // A broken communicator cannot be destroyed in order: its peers may be gone.
      if (broken_.ok()) {
        ncclCommFinalize(comm_);
        broken_ = AwaitState("finalize");
      }
      if (comm_ != nullptr) broken_.ok() ? ncclCommDestroy(comm_) : ncclCommAbort(comm_);
    }
    if (stream_ != nullptr) cudaStreamDestroy(stream_);
  }

  absl::Status Connect(const ncclUniqueId& id) {
    VIZSLA_RETURN_IF_ERROR(CudaStatus(cudaSetDevice(options_.device), "choose the GPU"));
    VIZSLA_RETURN_IF_ERROR(
        CudaStatus(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "create a stream"));
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;  // so that a missing rank is a deadline here and not a hang
    broken_ = NcclStatus(ncclCommInitRankConfig(&comm_, size_, id, rank_, &config), "connect");
    if (broken_.ok()) broken_ = AwaitState("connect");
    return broken_;
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  absl::Status Barrier() override {
    std::array<int64_t, 1> nothing = {0};
    return AllReduceMax(nothing);
  }

  absl::Status Broadcast(std::span<std::byte> bytes, int root) override {
    VIZSLA_RETURN_IF_ERROR(CheckBroadcastRoot(root, size_));
    return Run("broadcast", bytes, bytes.size(), [&](void* buffer) {
      return ncclBroadcast(buffer, buffer, bytes.size(), ncclUint8, root, comm_, stream_);
    });
  }

  absl::Status AllReduceSum(std::span<float> values) override {
    return Reduce("all-reduce (sum)", values, ncclFloat32, ncclSum);
  }
  absl::Status AllReduceSum(std::span<double> values) override {
    return Reduce("all-reduce (sum)", values, ncclFloat64, ncclSum);
  }
  absl::Status AllReduceMax(std::span<int64_t> values) override {
    return Reduce("all-reduce (max)", values, ncclInt64, ncclMax);
  }

  absl::Status AllGather(std::span<const std::byte> mine, std::span<std::byte> all) override {
    VIZSLA_RETURN_IF_ERROR(CheckAllGatherSizes(mine.size(), all.size(), size_));
    const size_t offset = mine.size() * static_cast<size_t>(rank_);
    if (!mine.empty()) std::memmove(all.data() + offset, mine.data(), mine.size());
    return Run("all-gather", all, all.size(), [&](void* buffer) {
      return ncclAllGather(static_cast<std::byte*>(buffer) + offset, buffer, mine.size(), ncclUint8,
                           comm_, stream_);
    });
  }

 private:
  template <typename T>
  absl::Status Reduce(const char* what, std::span<T> values, ncclDataType_t type, ncclRedOp_t op) {
    return Run(what, std::as_writable_bytes(values), values.size_bytes(), [&](void* buffer) {
      return ncclAllReduce(buffer, buffer, values.size(), type, op, comm_, stream_);
    });
  }

  // Host to device, the collective in place, device to host; then waits for all of it.
  absl::Status Run(const char* what, std::span<std::byte> host, size_t bytes,
                   const std::function<ncclResult_t(void*)>& collective) {
    if (!broken_.ok() || bytes == 0) return broken_;
    broken_ = RunOnDevice(what, host.data(), bytes, collective);
    return broken_;
  }

  absl::Status RunOnDevice(const char* what, void* host, size_t bytes,
                           const std::function<ncclResult_t(void*)>& collective) {
    VIZSLA_RETURN_IF_ERROR(CudaStatus(cudaSetDevice(options_.device), what));
    if (staging_bytes_ < bytes) {
      if (staging_ != nullptr) cudaFree(staging_);
      staging_ = nullptr;
      staging_bytes_ = 0;
      VIZSLA_RETURN_IF_ERROR(CudaStatus(cudaMalloc(&staging_, bytes), what));
      staging_bytes_ = bytes;
    }
    VIZSLA_RETURN_IF_ERROR(
        CudaStatus(cudaMemcpyAsync(staging_, host, bytes, cudaMemcpyHostToDevice, stream_), what));
    VIZSLA_RETURN_IF_ERROR(NcclStatus(collective(staging_), what));
    VIZSLA_RETURN_IF_ERROR(AwaitState(what));
    // Before the copy back: a copy from pageable memory blocks, and would outlive the deadline.
    VIZSLA_RETURN_IF_ERROR(AwaitStream(what));
    VIZSLA_RETURN_IF_ERROR(
        CudaStatus(cudaMemcpyAsync(host, staging_, bytes, cudaMemcpyDeviceToHost, stream_), what));
    return CudaStatus(cudaStreamSynchronize(stream_), what);
  }

  // Until NCCL has accepted the last call.
  absl::Status AwaitState(const char* what) {
    PoliteWait wait;
    for (;;) {
      ncclResult_t state = ncclSuccess;
      VIZSLA_RETURN_IF_ERROR(NcclStatus(ncclCommGetAsyncError(comm_, &state), what));
      if (state != ncclInProgress) return NcclStatus(state, what);
      VIZSLA_RETURN_IF_ERROR(CheckDeadline(what, wait));
      wait.Pause();
    }
  }

  // Until the stream has run dry.
  absl::Status AwaitStream(const char* what) {
    PoliteWait wait;
    for (;;) {
      const cudaError_t ready = cudaStreamQuery(stream_);
      if (ready != cudaErrorNotReady) return CudaStatus(ready, what);
      ncclResult_t state = ncclSuccess;
      VIZSLA_RETURN_IF_ERROR(NcclStatus(ncclCommGetAsyncError(comm_, &state), what));
      VIZSLA_RETURN_IF_ERROR(NcclStatus(state, what));
      VIZSLA_RETURN_IF_ERROR(CheckDeadline(what, wait));
      wait.Pause();
    }
  }

  absl::Status CheckDeadline(const char* what, const PoliteWait& wait) {
    if (options_.collective_deadline.count() == 0 ||
        wait.elapsed() <= options_.collective_deadline) {
      return absl::OkStatus();
    }
    const std::string message =
        StrCat("rank ", rank_, " of ", size_, ": a ", what, " was not finished within ",
               options_.collective_deadline.count(), " ms: another rank is dead or hangs");
    log::error("{}", message);
    ncclCommAbort(comm_);  // also ends the kernel that waits on the GPU
    comm_ = nullptr;
    return absl::DeadlineExceededError(message);
  }

  int rank_;
  int size_;
  NcclOptions options_;
  ncclComm_t comm_ = nullptr;
  cudaStream_t stream_ = nullptr;
  void* staging_ = nullptr;
  size_t staging_bytes_ = 0;
  absl::Status broken_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Communicator>> MakeNcclCommunicator(Communicator& bootstrap,
                                                                   const NcclOptions& options) {
  ncclUniqueId id{};
  absl::Status created;
  if (bootstrap.rank() == 0) created = NcclStatus(ncclGetUniqueId(&id), "create NCCL's id");
  VIZSLA_RETURN_IF_ERROR(Vote(bootstrap, created));
  VIZSLA_RETURN_IF_ERROR(bootstrap.Broadcast(std::as_writable_bytes(std::span(&id, 1)), 0));
  auto communicator =
      std::make_unique<NcclCommunicator>(bootstrap.rank(), bootstrap.size(), options);
  VIZSLA_RETURN_IF_ERROR(communicator->Connect(id));
  return communicator;
}

}  // namespace vizsla
