// One rank on the first GPU, or, under mpirun, a GPU a rank. Exits 77 (skipped) without a GPU.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "src/comm/nccl_communicator.h"
#include "tests/comm/conformance.h"
#ifdef VIZSLA_TEST_WITH_MPI
#include "src/comm/mpi_communicator.h"
#endif

namespace vizsla {
namespace {
Communicator* communicator = nullptr;
}
Communicator& CommunicatorUnderTest() { return *communicator; }
}  // namespace vizsla

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  int devices = 0;
  cudaGetDeviceCount(&devices);
  int local_rank = 0;
#ifdef VIZSLA_TEST_WITH_MPI
  auto world = vizsla::MpiWorld::Init(&argc, &argv);
  if (!world.ok()) return 1;
  local_rank = (*world)->local_rank();
  auto bootstrap = (*world)->World();
#else
  auto bootstrap = vizsla::MakeLocalCommunicator();
#endif
  if (local_rank >= devices) {
    std::fprintf(stderr, "skipped: %d GPUs for rank %d\n", devices, local_rank);
    return 77;
  }
  auto communicator = vizsla::MakeNcclCommunicator(*bootstrap, {.device = local_rank});
  if (!communicator.ok()) {
    std::fprintf(stderr, "%s\n", communicator.status().ToString().c_str());
    return 1;
  }
  vizsla::communicator = communicator->get();
  return RUN_ALL_TESTS();
}
