// One rank on the first GPU, or, under mpirun, a GPU a rank. Exits 77 (skipped) without a GPU.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "src/comm/nccl_communicator.h"
#include "tests/comm/conformance.h"
#ifdef VIZSLA_TEST_WITH_MPI
#include "src/comm/mpi_communicator.h"
#endif

namespace vizsla {
namespace {

Communicator* communicator = nullptr;

void Must(cudaError_t error) {
  if (error == cudaSuccess) return;
  std::fprintf(stderr, "CUDA: %s\n", cudaGetErrorString(error));
  std::abort();
}

class Gpu : public DeviceUnderTest {
 public:
  Gpu() { Must(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking)); }
  void* stream() override { return stream_; }
  void* Upload(std::span<const std::byte> bytes) override {
    void* memory = nullptr;
    Must(cudaMalloc(&memory, std::max<size_t>(bytes.size(), 1)));
    Upload(bytes, memory);
    return memory;
  }
  void Upload(std::span<const std::byte> bytes, void* to) override {
    Must(cudaMemcpyAsync(to, bytes.data(), bytes.size(), cudaMemcpyHostToDevice, stream_));
  }
  void Download(const void* from, std::span<std::byte> bytes) override {
    Must(cudaMemcpyAsync(bytes.data(), from, bytes.size(), cudaMemcpyDeviceToHost, stream_));
    Must(cudaStreamSynchronize(stream_));
  }

 private:
  cudaStream_t stream_ = nullptr;
};

TEST(NcclTest, TellsGpusApart) {
  int devices = 0;
  Must(cudaGetDeviceCount(&devices));
  std::set<GpuUuid> uuids;
  for (int device = 0; device < devices; ++device) {
    const auto uuid = UuidOfGpu(device);
    ASSERT_TRUE(uuid.ok()) << uuid.status();
    EXPECT_TRUE(uuids.insert(*uuid).second);
    EXPECT_EQ(*UuidOfGpu(device), *uuid);
  }
  EXPECT_EQ(UuidOfGpu(devices).status().code(), absl::StatusCode::kInternal);
}

}  // namespace

Communicator& CommunicatorUnderTest() { return *communicator; }
DeviceUnderTest* GpuUnderTest() {
  static Gpu gpu;
  return &gpu;
}

}  // namespace vizsla

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  int devices = 0;
  cudaGetDeviceCount(&devices);
  int local_rank = 0, local_size = 1;
#ifdef VIZSLA_TEST_WITH_MPI
  auto world = vizsla::MpiWorld::Init(&argc, &argv);
  if (!world.ok()) return 1;
  local_rank = (*world)->local_rank();
  local_size = (*world)->local_size();
  auto bootstrap = (*world)->World();
#else
  auto bootstrap = vizsla::MakeLocalCommunicator();
#endif
  if (devices < local_size) {
    if (local_rank == 0)
      std::fprintf(stderr, "skipped: %d GPUs for %d ranks\n", devices, local_size);
    return 77;
  }
  cudaSetDevice(local_rank);
  auto communicator = vizsla::MakeNcclCommunicator(*bootstrap, {.device = local_rank});
  if (!communicator.ok()) {
    std::fprintf(stderr, "%s\n", communicator.status().ToString().c_str());
    return 1;
  }
  vizsla::communicator = communicator->get();
  return RUN_ALL_TESTS();
}
