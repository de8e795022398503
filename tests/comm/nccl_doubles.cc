#include "tests/comm/nccl_doubles.h"

#include <cuda_runtime_api.h>

#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

namespace vizsla {

void NcclDoubles::Note(const std::string& call) {
  const std::lock_guard lock(mutex_);
  calls_.push_back(call);
}

std::vector<std::string> NcclDoubles::TakeCalls() {
  const std::lock_guard lock(mutex_);
  return std::exchange(calls_, {});
}

NcclDoubles& Doubles() {
  static NcclDoubles doubles;
  return doubles;
}

}  // namespace vizsla

using vizsla::Doubles;

// The opaque types of the libraries. A stream or an event hangs when a sum before it does.
struct CUstream_st {
  std::atomic<bool> hangs{false};
};
struct CUevent_st {
  std::atomic<bool> hangs{false};
};
struct ncclComm {
  std::vector<cudaStream_t> streams;
};

namespace {
std::atomic<bool> aborted{false};  // wakes what hangs
std::string NameOf(cudaStream_t stream) { return stream == nullptr ? "user" : "nccl"; }
}  // namespace

cudaError_t cudaGetLastError() { return cudaSuccess; }
cudaError_t cudaSetDevice(int) { return cudaSuccess; }
const char* cudaGetErrorString(cudaError_t) { return "an error"; }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new CUstream_st;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new CUevent_st;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  Doubles().Note("record " + NameOf(stream));
  event->hangs = stream != nullptr && stream->hangs;
  return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t, unsigned) {
  Doubles().Note(NameOf(stream) + " waits");
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  return event->hangs && !aborted ? cudaErrorNotReady : cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int ordinal) {
  std::memset(properties, ordinal + 1, sizeof *properties);
  return ordinal < 2 ? cudaSuccess : cudaErrorInvalidDevice;
}

const char* ncclGetErrorString(ncclResult_t result) {
  return result == ncclRemoteError ? "remote error" : "another error";
}
ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  std::memset(id, 1, sizeof *id);
  return ncclSuccess;
}
ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int, ncclUniqueId, int, ncclConfig_t*) {
  if (Doubles().connecting != ncclSuccess) return Doubles().connecting;
  aborted = false;
  *comm = new ncclComm;
  Doubles().Note("connect");
  return ncclSuccess;
}
ncclResult_t ncclCommGetAsyncError(ncclComm_t, ncclResult_t* state) {
  *state = Doubles().asynchronous;
  return ncclSuccess;
}
ncclResult_t ncclAllReduce(const void* from, void* to, size_t count, ncclDataType_t type,
                           ncclRedOp_t, ncclComm_t, cudaStream_t stream) {
  if (Doubles().summing != ncclSuccess) return Doubles().summing;
  Doubles().Note(type == ncclFloat32 ? "sum of float32" : "sum of bfloat16");
  if (Doubles().sums_hang) {
    stream->hangs = true;
  } else if (type == ncclFloat32) {
    const auto* values = static_cast<const float*>(from);
    for (size_t i = 0; i < count; ++i) static_cast<float*>(to)[i] = 2 * values[i];
  }
  return ncclSuccess;
}
ncclResult_t ncclCommFinalize(ncclComm_t) {
  Doubles().Note("finalize");
  return ncclSuccess;
}
ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  Doubles().Note("destroy");
  delete comm;
  return ncclSuccess;
}
ncclResult_t ncclCommAbort(ncclComm_t comm) {
  Doubles().Note("abort");
  while (Doubles().abort_hangs) std::this_thread::sleep_for(std::chrono::seconds(1));
  aborted = true;
  delete comm;
  return ncclSuccess;
}
