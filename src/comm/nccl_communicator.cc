#include "src/comm/nccl_communicator.h"

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <array>
#include <cstring>
#include <functional>
#include <vector>

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
    if (staging_.data != nullptr) cudaFree(staging_.data);
    for (const Started& sum : sums_) cudaFree(sum.staging.data);
    for (const Staging& staging : spare_staging_) cudaFree(staging.data);
    for (Channel* channel : {&own_, &sums_channel_}) Close(*channel);
  }

  absl::Status Connect(const ncclUniqueId& id, const ncclUniqueId& id_of_sums) {
    VIZSLA_RETURN_IF_ERROR(CudaStatus(cudaSetDevice(options_.device), "choose the GPU"));
    broken_ = Open(id, own_);
    if (broken_.ok()) broken_ = Open(id_of_sums, sums_channel_);
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
      return ncclBroadcast(buffer, buffer, bytes.size(), ncclUint8, root, own_.comm, own_.stream);
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
                           own_.comm, own_.stream);
    });
  }

  absl::Status StartAllReduceSum(std::span<float> values) override {
    if (!broken_.ok() || values.empty()) return broken_;
    broken_ = StartOnDevice(values);
    return broken_;
  }

  void PollSums() override {}  // the GPU moves them on

  absl::Status FinishSums() override {
    if (!broken_.ok() || sums_.empty()) return broken_;
    broken_ = FinishOnDevice();
    return broken_;
  }

 private:
  // A communicator of NCCL's with the stream that its kernels run in.
  struct Channel {
    ncclComm_t comm = nullptr;
    cudaStream_t stream = nullptr;
  };
  // Device memory that host buffers travel through.
  struct Staging {
    void* data = nullptr;
    size_t bytes = 0;
  };
  struct Started {
    std::span<float> values;
    Staging staging;
  };

  absl::Status Open(const ncclUniqueId& id, Channel& channel) {
    VIZSLA_RETURN_IF_ERROR(CudaStatus(
        cudaStreamCreateWithFlags(&channel.stream, cudaStreamNonBlocking), "create a stream"));
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;  // so that a missing rank is a deadline here and not a hang
    VIZSLA_RETURN_IF_ERROR(
        NcclStatus(ncclCommInitRankConfig(&channel.comm, size_, id, rank_, &config), "connect"));
    return AwaitState("connect", channel);
  }

  void Close(Channel& channel) {
    if (channel.comm != nullptr) {
      // A broken communicator cannot be destroyed in order: its peers may be gone.
      if (broken_.ok()) {
        ncclCommFinalize(channel.comm);
        broken_ = AwaitState("finalize", channel);
      }
      if (channel.comm != nullptr) {
        broken_.ok() ? ncclCommDestroy(channel.comm) : ncclCommAbort(channel.comm);
      }
    }
    if (channel.stream != nullptr) cudaStreamDestroy(channel.stream);
  }

  absl::Status Reserve(size_t bytes, const char* what, Staging& staging) {
    if (staging.bytes >= bytes) return absl::OkStatus();
    if (staging.data != nullptr) cudaFree(staging.data);
    staging = {};
    VIZSLA_RETURN_IF_ERROR(CudaStatus(cudaMalloc(&staging.data, bytes), what));
    staging.bytes = bytes;
    return absl::OkStatus();
  }

  absl::Status StartOnDevice(std::span<float> values) {
    const char* what = "all-reduce (sum)";
    VIZSLA_RETURN_IF_ERROR(CudaStatus(cudaSetDevice(options_.device), what));
    sums_.push_back({values, {}});
    Staging& staging = sums_.back().staging;
    if (!spare_staging_.empty()) {
      staging = spare_staging_.back();
      spare_staging_.pop_back();
    }
    VIZSLA_RETURN_IF_ERROR(Reserve(values.size_bytes(), what, staging));
    const cudaStream_t stream = sums_channel_.stream;
    VIZSLA_RETURN_IF_ERROR(
        CudaStatus(cudaMemcpyAsync(staging.data, values.data(), values.size_bytes(),
                                   cudaMemcpyHostToDevice, stream),
                   what));
    VIZSLA_RETURN_IF_ERROR(
        NcclStatus(ncclAllReduce(staging.data, staging.data, values.size(), ncclFloat32, ncclSum,
                                 sums_channel_.comm, stream),
                   what));
    return AwaitState(what, sums_channel_);
  }

  absl::Status FinishOnDevice() {
    const char* what = "all-reduce (sum)";
    VIZSLA_RETURN_IF_ERROR(CudaStatus(cudaSetDevice(options_.device), what));
    VIZSLA_RETURN_IF_ERROR(AwaitStream(what, sums_channel_));
    for (const Started& sum : sums_) {
      VIZSLA_RETURN_IF_ERROR(
          CudaStatus(cudaMemcpyAsync(sum.values.data(), sum.staging.data, sum.values.size_bytes(),
                                     cudaMemcpyDeviceToHost, sums_channel_.stream),
                     what));
    }
    VIZSLA_RETURN_IF_ERROR(CudaStatus(cudaStreamSynchronize(sums_channel_.stream), what));
    // The first in line gets the first one's memory again: the buckets of a step have their sizes.
    for (size_t i = sums_.size(); i-- > 0;) spare_staging_.push_back(sums_[i].staging);
    sums_.clear();
    return absl::OkStatus();
  }

  template <typename T>
  absl::Status Reduce(const char* what, std::span<T> values, ncclDataType_t type, ncclRedOp_t op) {
    return Run(what, std::as_writable_bytes(values), values.size_bytes(), [&](void* buffer) {
      return ncclAllReduce(buffer, buffer, values.size(), type, op, own_.comm, own_.stream);
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
    VIZSLA_RETURN_IF_ERROR(Reserve(bytes, what, staging_));
    const cudaStream_t stream = own_.stream;
    VIZSLA_RETURN_IF_ERROR(CudaStatus(
        cudaMemcpyAsync(staging_.data, host, bytes, cudaMemcpyHostToDevice, stream), what));
    VIZSLA_RETURN_IF_ERROR(NcclStatus(collective(staging_.data), what));
    VIZSLA_RETURN_IF_ERROR(AwaitState(what, own_));
    // Before the copy back: a copy from pageable memory blocks, and would outlive the deadline.
    VIZSLA_RETURN_IF_ERROR(AwaitStream(what, own_));
    VIZSLA_RETURN_IF_ERROR(CudaStatus(
        cudaMemcpyAsync(host, staging_.data, bytes, cudaMemcpyDeviceToHost, stream), what));
    return CudaStatus(cudaStreamSynchronize(stream), what);
  }

  // Until NCCL has accepted the last call.
  absl::Status AwaitState(const char* what, const Channel& channel) {
    PoliteWait wait;
    for (;;) {
      ncclResult_t state = ncclSuccess;
      VIZSLA_RETURN_IF_ERROR(NcclStatus(ncclCommGetAsyncError(channel.comm, &state), what));
      if (state != ncclInProgress) return NcclStatus(state, what);
      VIZSLA_RETURN_IF_ERROR(CheckDeadline(what, wait));
      wait.Pause();
    }
  }

  // Until the stream has run dry.
  absl::Status AwaitStream(const char* what, const Channel& channel) {
    PoliteWait wait;
    for (;;) {
      const cudaError_t ready = cudaStreamQuery(channel.stream);
      if (ready != cudaErrorNotReady) return CudaStatus(ready, what);
      ncclResult_t state = ncclSuccess;
      VIZSLA_RETURN_IF_ERROR(NcclStatus(ncclCommGetAsyncError(channel.comm, &state), what));
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
    for (Channel* channel : {&own_, &sums_channel_}) {
      if (channel->comm != nullptr) ncclCommAbort(channel->comm);  // also ends a waiting kernel
      channel->comm = nullptr;
    }
    return absl::DeadlineExceededError(message);
  }

  int rank_;
  int size_;
  NcclOptions options_;
  Channel own_;
  Channel sums_channel_;  // of started sums
  Staging staging_;       // of collectives that block
  std::vector<Started> sums_;
  std::vector<Staging> spare_staging_;
  absl::Status broken_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Communicator>> MakeNcclCommunicator(Communicator& bootstrap,
                                                                   const NcclOptions& options) {
  std::array<ncclUniqueId, 2> ids{};
  absl::Status created;
  if (bootstrap.rank() == 0) {
    for (ncclUniqueId& id : ids) {
      created.Update(NcclStatus(ncclGetUniqueId(&id), "create NCCL's id"));
    }
  }
  VIZSLA_RETURN_IF_ERROR(Vote(bootstrap, created));
  VIZSLA_RETURN_IF_ERROR(bootstrap.Broadcast(std::as_writable_bytes(std::span(ids)), 0));
  auto communicator =
      std::make_unique<NcclCommunicator>(bootstrap.rank(), bootstrap.size(), options);
  VIZSLA_RETURN_IF_ERROR(communicator->Connect(ids[0], ids[1]));
  return communicator;
}

}  // namespace vizsla
