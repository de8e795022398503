#include "src/cli/doctor/parse.h"

#include <charconv>
#include <sstream>

namespace vizsla {
namespace {

std::string Trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

}  // namespace

std::string FindVersion(std::string_view text) {
  std::istringstream words{std::string(text)};
  for (std::string word; words >> word;) {
    const size_t dot = word.find('.');
    if (dot == 0 || dot == std::string::npos || dot + 1 == word.size()) continue;
    if (word.find_first_not_of("0123456789") == dot && word[dot + 1] >= '0' &&
        word[dot + 1] <= '9') {
      return word;
    }
  }
  return "";
}

LibraryFacts ParseLdd(std::string_view text) {
  LibraryFacts facts;
  facts.known = true;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    const size_t arrow = line.find(" => ");
    if (arrow == std::string::npos) continue;
    const std::string name = Trimmed(line.substr(0, arrow));
    const std::string target = Trimmed(line.substr(arrow + 4));
    if (target == "not found") {
      facts.missing.push_back(name);
      continue;
    }
    const std::string path = target.substr(0, target.rfind(" (0x"));
    if (name.starts_with("libtorch_cpu.so")) facts.torch = path;
    if (name.starts_with("libtorch_cuda.so")) facts.cuda = true;
    if (name.starts_with("libnccl.so")) facts.nccl = path;
    const bool blas = name.starts_with("libblas.so") || name.starts_with("libopenblas") ||
                      name.starts_with("libmkl_rt");
    if (blas && facts.blas.empty()) facts.blas = path;
  }
  return facts;
}

std::vector<GpuFacts::Gpu> ParseNvidiaSmi(std::string_view text) {
  std::vector<GpuFacts::Gpu> gpus;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    // The name may hold a comma; driver and memory are the last two fields.
    const size_t last = line.rfind(',');
    if (last == std::string::npos || last == 0) continue;
    const size_t middle = line.rfind(',', last - 1);
    if (middle == std::string::npos) continue;
    GpuFacts::Gpu gpu;
    gpu.name = Trimmed(line.substr(0, middle));
    gpu.driver = Trimmed(line.substr(middle + 1, last - middle - 1));
    const std::string memory = Trimmed(line.substr(last + 1));
    const auto [end, error] =
        std::from_chars(memory.data(), memory.data() + memory.size(), gpu.memory_mib);
    if (error != std::errc() || end != memory.data() + memory.size()) continue;
    gpus.push_back(std::move(gpu));
  }
  return gpus;
}

}  // namespace vizsla
