#include "src/train/foreign_errors.h"

#include <torch/torch.h>

#include <exception>
#include <new>
#include <string>

#include "src/nn/batch_norm.h"

namespace vizsla {
namespace {

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

// LibTorch has a class for CUDA's out-of-memory errors only; the CPU's allocator says it in words.
bool IsOutOfMemory(const std::string& text) {
  return text.find("can't allocate memory") != std::string::npos ||
         text.find("not enough memory") != std::string::npos ||
         text.find("out of memory") != std::string::npos ||
         text.find("STATUS_ALLOC_FAILED") != std::string::npos;  // cuBLAS' and cuDNN's own
}

// A GPU that faulted stays unusable for this process, whatever trial comes next.
bool IsSickDevice(const std::string& text) {
  for (const char* word : {"CUDA error", "cuDNN error", "CUBLAS_STATUS", "CUDNN_STATUS"}) {
    if (text.find(word) != std::string::npos) return true;
  }
  return false;
}

absl::Status FromText(const std::string& text) {
  if (IsOutOfMemory(text)) {
    return absl::ResourceExhaustedError(StrCat("out of memory: ", FirstLine(text)));
  }
  if (IsSickDevice(text)) {
    return absl::AbortedError(StrCat("the device is unusable: ", FirstLine(text)));
  }
  return absl::InternalError(FirstLine(text));
}

}  // namespace

absl::Status StatusFromCurrentException() {
  try {
    throw;
  } catch (const ReductionError& error) {
    return error.status();
  } catch (const c10::Error& error) {
    return FromText(error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of memory");
  } catch (const std::exception& error) {
    return FromText(error.what());
  } catch (...) {
    return absl::InternalError("an exception of an unknown kind");
  }
}

}  // namespace vizsla
