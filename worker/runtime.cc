#include "worker/runtime.h"

#include <dlfcn.h>
#include <malloc.h>
#include <sched.h>
#include <torch/cuda.h>
#include <torch/utils.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <opencv2/core/utility.hpp>

namespace vizsla {

void KeepFreedMemory() {
  // LibTorch allocates and frees its activations in every step. glibc would map and unmap the large
  // ones each time, and the kernel would zero their pages again: page faults were half of the
  // training time measured (forward 100 -> 220 images/s, training 35 -> 50).
  ::mallopt(M_MMAP_MAX, 0);
  ::mallopt(M_TRIM_THRESHOLD, 2147483647);
  ::mallopt(M_TOP_PAD, 256 << 20);
}

int ThreadsPerRank(int asked, int cores, int local_ranks) {
  if (asked > 0) return asked;
  return std::max(1, cores / std::max(1, local_ranks));
}

int TrialsAtOnce(int asked, int threads, int ranks_per_trial) {
  constexpr int kMostUnasked = 8;
  if (asked > 0) return asked;
  return ranks_per_trial == 1 ? std::clamp(threads, 1, kMostUnasked) : 1;
}

namespace {

cpu_set_t AllCores() {
  cpu_set_t all;
  CPU_ZERO(&all);
  for (int core = 0; core < CPU_SETSIZE; ++core) CPU_SET(core, &all);
  return all;
}

}  // namespace

int UsableCores() {
  cpu_set_t before, usable;
  if (::sched_getaffinity(0, sizeof before, &before) != 0) return 1;
  // The kernel cuts the set down to the cpuset; reading it back tells how many there are.
  const cpu_set_t all = AllCores();
  int cores = CPU_COUNT(&before);
  if (::sched_setaffinity(0, sizeof all, &all) == 0 &&
      ::sched_getaffinity(0, sizeof usable, &usable) == 0) {
    cores = CPU_COUNT(&usable);
    ::sched_setaffinity(0, sizeof before, &before);
  }
  return std::max(1, cores);
}

void WidenAffinity(bool bound_by_user) {
  if (bound_by_user) return;
  // By default mpirun binds rank i of every job to core i: two jobs on a node would share a core
  // and leave the others idle, and the threads of one rank would share a single one.
  const cpu_set_t all = AllCores();
  ::sched_setaffinity(0, sizeof all, &all);
}

void SetBlasThreads(int threads) {
  // LibTorch's matrix products run in OpenBLAS, whose pthread build has a pool of its own. Absent
  // when LibTorch brings another BLAS.
  using SetNumThreads = void (*)(int);
  if (void* symbol = ::dlsym(RTLD_DEFAULT, "openblas_set_num_threads")) {
    reinterpret_cast<SetNumThreads>(symbol)(threads);
  }
}

void SetThreads(int threads) {
  at::set_num_threads(threads);  // OpenMP too
  // A thread that first asks LibTorch for its number later gets what others have set meanwhile:
  // heads beside each other set 1, and a whole network after them would train on that.
  (void)at::get_num_threads();
  cv::setNumThreads(threads);
  SetBlasThreads(threads);
  const std::string text = std::to_string(threads);
  ::setenv("OMP_NUM_THREADS", text.c_str(), 1);
  ::setenv("OPENBLAS_NUM_THREADS", text.c_str(), 1);
}

absl::StatusOr<std::string> ChooseDevice(DeviceChoice choice, int local_rank) {
  // For the CPU no driver is asked.
  const bool may_have_gpus = choice != DeviceChoice::kCpu && torch::cuda::is_available();
  return ChooseDevice(choice, local_rank,
                      may_have_gpus ? static_cast<int>(torch::cuda::device_count()) : 0);
}

absl::StatusOr<std::string> ChooseDevice(DeviceChoice choice, int local_rank, int gpus) {
  if (choice == DeviceChoice::kCpu) return std::string("cpu");
  if (gpus > 0) return StrCat("cuda:", local_rank % gpus);
  if (choice == DeviceChoice::kCuda) {
    return absl::UnavailableError("--device cuda: this machine or this LibTorch offers no GPU");
  }
  return std::string("cpu");
}

bool ProcessorHasBfloat16() {
  std::ifstream processors("/proc/cpuinfo");
  for (std::string word; processors >> word;) {
    if (word == "avx512_bf16" || word == "amx_bf16") return true;
    if (word == "bugs") break;  // behind the first one's flags
  }
  return false;
}

}  // namespace vizsla
