#include "src/metrics/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "src/base/file.h"
#include "src/metrics/families.h"

namespace vizsla {
namespace {

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

// proc(5): fields 22 to 24 of /proc/self/stat are the start in clock ticks after boot, the virtual
// size in bytes and the resident set in pages. The name, field 2, may hold spaces and brackets.
struct ProcessStat {
  double start_ticks = 0;
  double virtual_bytes = 0;
  double resident_pages = 0;
};

bool ReadStat(ProcessStat* stat) {
  const auto text = ReadFile("/proc/self/stat");
  if (!text.ok()) return false;
  const size_t name_end = text->rfind(')');
  if (name_end == std::string::npos) return false;
  std::istringstream fields(text->substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) fields >> skipped;
  return static_cast<bool>(fields >> stat->start_ticks >> stat->virtual_bytes >>
                           stat->resident_pages);
}

// When the machine started, in seconds since the epoch; 0 when it is not told.
double BootTime() {
  std::ifstream stat("/proc/stat");
  for (std::string line; std::getline(stat, line);) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  return 0;
}

}  // namespace

void AddProcessMetrics(std::vector<prometheus::MetricFamily>& families) {
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    AddCounter(families, "process_cpu_seconds_total", "User and system CPU time.",
               Seconds(usage.ru_utime) + Seconds(usage.ru_stime));
  }
  if (ProcessStat stat; ReadStat(&stat)) {
    AddGauge(families, "process_resident_memory_bytes", "Resident memory.",
             stat.resident_pages * static_cast<double>(::sysconf(_SC_PAGESIZE)));
    AddGauge(families, "process_virtual_memory_bytes", "Virtual memory.", stat.virtual_bytes);
    if (const double boot = BootTime(); boot > 0) {
      AddGauge(families, "process_start_time_seconds", "Start of the process since the epoch.",
               boot + stat.start_ticks / static_cast<double>(::sysconf(_SC_CLK_TCK)));
    }
  }
  std::error_code error;
  int64_t open = 0;
  for (std::filesystem::directory_iterator entry("/proc/self/fd", error), end;
       !error && entry != end; entry.increment(error)) {
    ++open;
  }
  if (!error) {
    AddGauge(families, "process_open_fds", "Open file descriptors.", static_cast<double>(open));
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    AddGauge(families, "process_max_fds", "Limit of open file descriptors.",
             static_cast<double>(limit.rlim_cur));
  }
}

}  // namespace vizsla
