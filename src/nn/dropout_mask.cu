#include "src/nn/dropout_mask.h"

namespace vizsla {
namespace {

// Philox4x32-10: src/base/random.h, random_fill.cc.
__device__ uint4 Philox(uint4 c, uint32_t k0, uint32_t k1) {
#pragma unroll
  for (int round = 0; round < 10; ++round) {
    const uint32_t low0 = 0xD2511F53u * c.x, high0 = __umulhi(0xD2511F53u, c.x);
    const uint32_t low1 = 0xCD9E8D57u * c.z, high1 = __umulhi(0xCD9E8D57u, c.z);
    c = make_uint4(high1 ^ c.y ^ k0, low1, high0 ^ c.w ^ k1, low0);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c;
}

// A thread draws a block, which decides on eight numbers of a row, 16 bits each.
__global__ void DrawMask(DropoutMaskCall call, int64_t blocks_a_row) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= call.rows * blocks_a_row) return;
  const int64_t row = i / blocks_a_row, block = i % blocks_a_row;
  const uint64_t key = call.key != nullptr ? *call.key : call.key_value;
  const uint64_t number = call.first_row + static_cast<uint64_t>(row);
  const uint4 drawn =
      Philox(make_uint4(static_cast<uint32_t>(block), 0, static_cast<uint32_t>(number),
                        static_cast<uint32_t>(number >> 32)),
             static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32));
  const uint32_t words[4] = {drawn.x, drawn.y, drawn.z, drawn.w};
  float* const out = call.mask + row * call.row_size;
#pragma unroll
  for (int half = 0; half < 8; ++half) {
    const int64_t element = block * 8 + half;
    if (element >= call.row_size) return;
    const uint32_t bits = (words[half / 2] >> (16 * (half % 2))) & 0xFFFF;
    out[element] = bits < call.threshold ? 0.0f : call.kept;
  }
}

}  // namespace

cudaError_t LaunchDropoutMask(const DropoutMaskCall& call) {
  constexpr int kThreads = 256;
  const int64_t blocks_a_row = (call.row_size + 7) / 8;
  const int64_t threads = call.rows * blocks_a_row;
  if (threads == 0) return cudaSuccess;
  const auto grid = static_cast<unsigned>((threads + kThreads - 1) / kThreads);
  DrawMask<<<grid, kThreads, 0, call.stream>>>(call, blocks_a_row);
  return cudaGetLastError();
}

}  // namespace vizsla
