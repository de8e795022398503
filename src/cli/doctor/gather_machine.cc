#include "src/cli/doctor/gather_machine.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "src/base/file.h"
#include "src/cli/doctor/gather.h"
#include "src/rpc/try_bind.h"
#include "src/storage/network_file_system.h"

namespace vizsla {
namespace {

namespace fs = std::filesystem;

// "MemAvailable:   123 kB" of /proc/meminfo, in bytes.
int64_t MemoryLine(const std::string& wanted) {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    int64_t kib = 0;
    if (words >> name >> kib && name == wanted) return kib * 1024;
  }
  return 0;
}

int64_t Times(uint64_t blocks, uint64_t size) { return static_cast<int64_t>(blocks * size); }

std::string NetworkTypeOf(const std::string& folder) {
  struct statfs info {};
  if (::statfs(folder.c_str(), &info) != 0) return "";
  std::error_code error;
  const fs::path absolute = fs::canonical(folder, error);
  const auto mounts = ReadFile("/proc/self/mountinfo");
  const std::string type =
      !error && mounts.ok() ? MountType(*mounts, absolute.string()) : std::string();
  return NetworkFileSystem(static_cast<uint32_t>(info.f_type), type).value_or("");
}

}  // namespace

MachineFacts LookAtMachine() {
  MachineFacts facts;
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  if (::sched_getaffinity(0, sizeof(cpus), &cpus) == 0) facts.cores = CPU_COUNT(&cpus);
  facts.memory_bytes = MemoryLine("MemTotal:");
  facts.available_bytes = MemoryLine("MemAvailable:");
  struct statvfs shm {};
  if (::statvfs("/dev/shm", &shm) == 0) facts.shm_bytes = Times(shm.f_blocks, shm.f_frsize);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    facts.open_files = limit.rlim_cur;
    facts.open_files_hard = limit.rlim_max;
  }
  const absl::Status bound = TryBind({"127.0.0.1", 0});
  facts.bind_error = std::string(bound.message());
  facts.now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  return facts;
}

PlaceFacts LookAtPlace(const std::string& what, const std::string& path) {
  PlaceFacts facts;
  facts.what = what;
  facts.path = path;
  std::error_code error;
  facts.exists = fs::exists(path, error);
  facts.readable = ::access(path.c_str(), R_OK) == 0;
  // What is not there yet will be made in the nearest folder above that is.
  fs::path folder = fs::absolute(path, error).lexically_normal();
  if (!fs::is_directory(folder, error)) folder = folder.parent_path();
  while (!fs::exists(folder, error) && folder.has_relative_path()) folder = folder.parent_path();
  facts.writable = ::access(folder.c_str(), W_OK | X_OK) == 0 &&
                   (!facts.exists || ::access(path.c_str(), W_OK) == 0);
  struct statvfs info {};
  if (::statvfs(folder.c_str(), &info) == 0) {
    if ((info.f_flag & ST_RDONLY) != 0) facts.writable = false;
    facts.free_bytes = Times(info.f_bavail, info.f_frsize);
  }
  facts.network = NetworkTypeOf(folder.string());
  return facts;
}

}  // namespace vizsla
