#include "src/nn/autocast.h"

#include <ATen/autocast_mode.h>

namespace vizsla {
namespace {

namespace autocast = at::autocast;

// LibTorch 1.13 has one set of functions for each kind of device.
#if TORCH_VERSION_MAJOR >= 2
bool IsEnabled(torch::DeviceType device) { return autocast::is_autocast_enabled(device); }
void Enable(torch::DeviceType device, bool enabled) {
  autocast::set_autocast_enabled(device, enabled);
}
torch::ScalarType TypeOf(torch::DeviceType device) { return autocast::get_autocast_dtype(device); }
void SetType(torch::DeviceType device, torch::ScalarType type) {
  autocast::set_autocast_dtype(device, type);
}
#else
bool IsEnabled(torch::DeviceType device) {
  return device == torch::kCUDA ? autocast::is_enabled() : autocast::is_cpu_enabled();
}
void Enable(torch::DeviceType device, bool enabled) {
  device == torch::kCUDA ? autocast::set_enabled(enabled) : autocast::set_cpu_enabled(enabled);
}
torch::ScalarType TypeOf(torch::DeviceType device) {
  return device == torch::kCUDA ? autocast::get_autocast_gpu_dtype()
                                : autocast::get_autocast_cpu_dtype();
}
void SetType(torch::DeviceType device, torch::ScalarType type) {
  device == torch::kCUDA ? autocast::set_autocast_gpu_dtype(type)
                         : autocast::set_autocast_cpu_dtype(type);
}
#endif

void AllowTf32(bool convolutions, bool products) {
  at::globalContext().setAllowTF32CuDNN(convolutions);
  at::globalContext().setAllowTF32CuBLAS(products);
}

}  // namespace

absl::Status CheckPrecision(Precision precision, const torch::Device& device) {
  if (precision == Precision::kFloat16 && !device.is_cuda() && TORCH_VERSION_MAJOR < 2) {
    return absl::InvalidArgumentError(
        "precision: float16 needs a GPU or LibTorch 2; take bfloat16 on this machine");
  }
  return absl::OkStatus();
}

torch::ScalarType AutocastType(const torch::Device& device) {
  return IsEnabled(device.type()) ? TypeOf(device.type()) : torch::kFloat32;
}

bool IsLow(const torch::Tensor& x) {
  return x.scalar_type() == torch::kBFloat16 || x.scalar_type() == torch::kFloat16;
}

torch::Tensor Widened(const torch::Tensor& x) { return IsLow(x) ? x.to(torch::kFloat32) : x; }

Autocast::Autocast(Precision precision, const torch::Device& device)
    : device_(device.type()), was_enabled_(IsEnabled(device_)), former_type_(TypeOf(device_)) {
  const bool low = precision == Precision::kBfloat16 || precision == Precision::kFloat16;
  if (low) SetType(device_, precision == Precision::kFloat16 ? torch::kFloat16 : torch::kBFloat16);
  Enable(device_, low);
  autocast::increment_nesting();
}

Autocast::~Autocast() {
  if (autocast::decrement_nesting() == 0) autocast::clear_cache();
  Enable(device_, was_enabled_);
  SetType(device_, former_type_);
}

Tf32Scope::Tf32Scope(bool allowed)
    : former_convolutions_(at::globalContext().allowTF32CuDNN()),
      former_products_(at::globalContext().allowTF32CuBLAS()) {
  AllowTf32(allowed, allowed);
}

Tf32Scope::~Tf32Scope() { AllowTf32(former_convolutions_, former_products_); }

}  // namespace vizsla
