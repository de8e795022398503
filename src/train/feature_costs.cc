#include "src/train/feature_costs.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <limits>
#include <vector>

#include "src/base/file.h"
#include "src/base/quantity.h"

namespace vizsla {
namespace {

constexpr size_t kReadBytes = size_t{1} << 20;

absl::StatusOr<double> ReadBytesPerSecond(const FileDescriptor& file, const std::string& path) {
  std::vector<char> buffer(kReadBytes);
  const auto start = std::chrono::steady_clock::now();
  off_t at = 0;
  for (;;) {
    const ssize_t count = ::pread(file.get(), buffer.data(), buffer.size(), at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, path, "read");
    if (count == 0) break;
    at += count;
  }
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  return static_cast<double>(at) / std::max(time.count(), 1e-9);
}

std::string SecondsText(double seconds) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f s", seconds < 10 ? 1 : 0, seconds);
  return text;
}

}  // namespace

FeatureChoice ChooseFeatures(const FeatureCosts& costs) {
  const double reads = static_cast<double>(costs.rows_an_epoch) * costs.epochs;
  FeatureChoice choice;
  choice.stored_seconds =
      static_cast<double>(costs.missing_rows) * (costs.compute_seconds + costs.write_seconds) +
      reads * costs.read_seconds;
  choice.recomputed_seconds = reads * costs.compute_seconds;
  choice.store = choice.stored_seconds <= choice.recomputed_seconds;
  return choice;
}

std::string DescribeChoice(std::string_view content, uint64_t bytes, uint64_t rows,
                           const FeatureCosts& costs, const FeatureChoice& choice) {
  char numbers[256];
  std::snprintf(numbers, sizeof(numbers),
                "%llu rows; %.2f ms a row to compute, %.2f to write, %.2f to read, "
                "%.0f epochs: ",
                static_cast<unsigned long long>(rows), 1e3 * costs.compute_seconds,
                1e3 * costs.write_seconds, 1e3 * costs.read_seconds, costs.epochs);
  return StrCat("features ", std::string(content), ": ", BytesText(bytes), " for ", numbers,
                choice.store ? "stored" : "computed for every batch", " (",
                SecondsText(choice.store ? choice.stored_seconds : choice.recomputed_seconds), ", ",
                choice.store ? "recomputed " : "stored ",
                SecondsText(choice.store ? choice.recomputed_seconds : choice.stored_seconds), ")");
}

double ReadSeconds(uint64_t row_bytes, uint64_t all_bytes, uint64_t available_memory,
                   const ReadRates& rates) {
  const double rate =
      all_bytes <= available_memory ? rates.memory_bytes_per_second : rates.disk_bytes_per_second;
  return static_cast<double>(row_bytes) / rate;
}

absl::StatusOr<ReadRates> MeasureReadRates(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return ErrnoStatus(errno, path, "open");
  // Where a file system cannot do it (tmpfs), its pages are its disk.
  (void)::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
  ReadRates rates;
  VIZSLA_ASSIGN_OR_RETURN(rates.disk_bytes_per_second, ReadBytesPerSecond(file, path));
  VIZSLA_ASSIGN_OR_RETURN(rates.memory_bytes_per_second, ReadBytesPerSecond(file, path));
  return rates;
}

uint64_t AvailableMemory() {
  uint64_t available = std::numeric_limits<uint64_t>::max();
  std::ifstream machine("/proc/meminfo");
  std::string word;
  while (machine >> word) {
    uint64_t kilobytes = 0;
    if (word == "MemAvailable:" && machine >> kilobytes) available = kilobytes * 1024;
  }
  uint64_t limit = 0;
  std::ifstream group("/sys/fs/cgroup/memory.max");  // "max" without a limit
  if (group >> limit) available = std::min(available, limit);
  return available;
}

}  // namespace vizsla
