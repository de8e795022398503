// Exits 77 (skipped) without a GPU.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstdio>

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (!torch::cuda::is_available()) {
    std::fprintf(stderr, "skipped: LibTorch sees no GPU\n");
    return 77;
  }
  return RUN_ALL_TESTS();
}
