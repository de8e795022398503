// Loops over floats that the compiler vectorises for each generation of processors; the one that
// runs is chosen when the program starts. Not under ThreadSanitizer, which starts too late for it.
#pragma once

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
#define VIZSLA_FOR_EACH_CPU __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define VIZSLA_FOR_EACH_CPU
#endif

// The same bits on every processor: AVX2 without its fused multiply-add, which rounds once where
// two operations round twice.
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
#define VIZSLA_FOR_EACH_CPU_UNFUSED __attribute__((target_clones("default", "avx2")))
#else
#define VIZSLA_FOR_EACH_CPU_UNFUSED
#endif
