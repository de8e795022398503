#include "src/nn/autocast.h"

#include <ATen/autocast_mode.h>

#include <mutex>
#include <vector>

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

// Other threads read these at any time: they are written only to change.
void AllowTf32(bool convolutions, bool products) {
  auto& context = at::globalContext();
  if (context.allowTF32CuDNN() != convolutions) context.setAllowTF32CuDNN(convolutions);
  if (context.allowTF32CuBLAS() != products) context.setAllowTF32CuBLAS(products);
}

struct Tf32Scopes {
  std::mutex mutex;
  // Guarded by mutex.
  std::vector<const Tf32Scope*> alive;                        // in the order in which they began
  bool former_convolutions = false, former_products = false;  // before the first of them
};

Tf32Scopes& AllTf32Scopes() {
  static auto& scopes = *new Tf32Scopes;  // outlives every thread
  return scopes;
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

Tf32Scope::Tf32Scope(bool allowed) : allowed_(allowed) {
  Tf32Scopes& scopes = AllTf32Scopes();
  const std::lock_guard lock(scopes.mutex);
  if (scopes.alive.empty()) {
    scopes.former_convolutions = at::globalContext().allowTF32CuDNN();
    scopes.former_products = at::globalContext().allowTF32CuBLAS();
  }
  scopes.alive.push_back(this);
  AllowTf32(allowed, allowed);
}

Tf32Scope::~Tf32Scope() {
  Tf32Scopes& scopes = AllTf32Scopes();
  const std::lock_guard lock(scopes.mutex);
  std::erase(scopes.alive, this);
  if (scopes.alive.empty()) {
    AllowTf32(scopes.former_convolutions, scopes.former_products);
  } else {
    AllowTf32(scopes.alive.back()->allowed_, scopes.alive.back()->allowed_);
  }
}

}  // namespace vizsla
