// Of the gradients that the ranks of a trial group exchange.
#pragma once

namespace vizsla {

// bfloat16: half the bytes. Each rank's gradient is rounded to 8 bits of precision before it is
// sent, and so is the sum (src/comm/communicator.h says what lies between), which every rank then
// has as float32: PyTorch's bf16_compress_hook. A trial on one rank sends nothing and rounds
// nothing.
enum class GradientType { kFloat32, kBfloat16 };

}  // namespace vizsla
