// What `vizsla doctor` has found out about a machine, before anybody judges it. Plain values: tests
// make them up.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vizsla {

struct ProgramFacts {
  std::string name;      // "vizsla-worker"
  bool present = false;  // beside this program
  std::string version;   // "0.1.0"; empty: it did not tell
  std::string error;     // why it did not
};

// The shared libraries of the program that trains, as ldd resolves them.
struct LibraryFacts {
  bool known = false;  // false: there is no such program here, or ldd failed
  std::vector<std::string> missing;
  std::string torch;  // resolved path of libtorch_cpu; empty: not linked
  std::string blas;   // resolved path of libblas or libopenblas; empty: LibTorch brings its own
  std::string nccl;   // resolved path; empty: not linked
  bool cuda = false;  // libtorch_cuda is linked
};

struct MpiFacts {
  bool mpirun = false;
  std::string version{};  // "4.1.4"; empty: not Open MPI, or it did not tell
  bool is_root = false;
  bool root_allowed = false;  // both OMPI_ALLOW_RUN_AS_ROOT variables
};

struct GpuFacts {
  struct Gpu {
    std::string name;
    std::string driver;
    int64_t memory_mib = 0;
  };
  bool driver_loaded = false;  // the kernel's part
  bool nvidia_smi = false;     // the program is there
  std::string error;           // of nvidia-smi
  std::vector<Gpu> gpus;
};

struct CoordinatorFacts {
  bool looked_for = false;  // named by the user, or found by the database
  std::string address;
  std::string error;  // empty: it answered
  std::string version;
  int protocol = 0;
  bool has_health = false;
  bool serving = false;
  std::optional<std::chrono::milliseconds> clock_ahead;  // its clock minus ours
  std::chrono::milliseconds round_trip{0};
};

// A folder or file that Vizsla reads or writes.
struct PlaceFacts {
  std::string what;  // "database", "artifacts", "data"
  std::string path;
  bool exists = false;
  bool readable = false;
  bool writable = false;  // it, or the folder it will be made in
  std::optional<int64_t> free_bytes;
  std::string network;  // "nfs" for a network file system; empty: local
};

struct MachineFacts {
  int cores = 0;
  int64_t memory_bytes = 0;
  int64_t available_bytes = 0;
  std::optional<int64_t> shm_bytes;  // size of /dev/shm; nullopt: there is none
  uint64_t open_files = 0;           // the soft limit
  uint64_t open_files_hard = 0;
  std::string bind_error;  // of a free loopback port; empty: it can be bound
  std::chrono::sys_seconds now{};
};

struct DoctorFacts {
  std::string version;  // of this program
  int protocol = 0;
  std::vector<ProgramFacts> programs;
  LibraryFacts libraries;
  MpiFacts mpi;
  GpuFacts gpu;
  CoordinatorFacts coordinator;
  std::vector<PlaceFacts> places;
  MachineFacts machine;
};

}  // namespace vizsla
