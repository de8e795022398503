// The process's settings: memory, processor cores, threads, device. Each is set once at start.
#pragma once

#include <string>

#include "src/base/status.h"
#include "worker/options.h"

namespace vizsla {

// To be called early in main: tells glibc to keep freed memory.
void KeepFreedMemory();

// cores / ranks on the node, at least 1, unless the user named a number.
int ThreadsPerRank(int asked, int cores, int local_ranks);

// Cores that this process may run on if nobody binds it: the cpuset of the machine or container.
int UsableCores();

// Undoes mpirun's default binding, unless the user asked for one. Call before threads start.
void WidenAffinity(bool bound_by_user);

// LibTorch, OpenMP, OpenBLAS and OpenCV, now and in threads that start later.
void SetThreads(int threads);

// OpenBLAS alone, for the whole process; nothing may be computing in it meanwhile.
void SetBlasThreads(int threads);

// "cpu" or "cuda:N" (local rank modulo the GPUs of the node). Unavailable: cuda was asked for and
// there is none.
absl::StatusOr<std::string> ChooseDevice(DeviceChoice choice, int local_rank);

}  // namespace vizsla
