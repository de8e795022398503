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

// As many heads on cached features as a rank trains beside each other: what was asked for; else,
// where there are bundles (lease_bundle.h) at all, one a thread, up to 8, for samplers that learn
// suggest blindly for all but the first.
int TrialsAtOnce(int asked, int threads, int ranks_per_trial);

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
// The same on a node of so many GPUs.
absl::StatusOr<std::string> ChooseDevice(DeviceChoice choice, int local_rank, int gpus);

// Whether this processor has instructions for bfloat16 products (AVX512_BF16 or AMX). Without them
// LibTorch's are right and many times slower than float32's.
bool ProcessorHasBfloat16();

}  // namespace vizsla
