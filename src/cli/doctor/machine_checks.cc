// Judgements of what every program needs: clock, disk, memory, limits.
#include <algorithm>
#include <cstdlib>

#include "src/base/str_cat.h"
#include "src/cli/doctor/checks.h"

namespace vizsla {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int64_t kMiB = int64_t{1} << 20;
constexpr int64_t kGiB = int64_t{1} << 30;

std::string Size(int64_t bytes) {
  return bytes >= 10 * kGiB ? StrCat(bytes / kGiB, " GiB") : StrCat(bytes / kMiB, " MiB");
}

}  // namespace

Finding CheckClock(const CoordinatorFacts& coordinator, const MachineFacts& machine) {
  using std::chrono::sys_days;
  using namespace std::chrono_literals;
  const std::string mend = "set the clock, for instance by systemd-timesyncd or chrony";
  if (machine.now < sys_days{2024y / 1 / 1}) {
    return {"clock", Verdict::kProblem, "the clock stands before 2024", mend};
  }
  if (!coordinator.clock_ahead) {
    return {"clock", Verdict::kOk, "plausible; no coordinator to compare it with", ""};
  }
  // The answer was on its way for part of the round trip: so much cannot be known.
  const milliseconds off = std::max(
      milliseconds(0), std::chrono::abs(*coordinator.clock_ahead) - coordinator.round_trip / 2);
  const std::string text =
      StrCat(coordinator.clock_ahead->count() < 0 ? "ahead of" : "behind", " the coordinator's by ",
             std::chrono::abs(*coordinator.clock_ahead).count(), " ms");
  if (off > seconds(300)) {
    return {"clock", Verdict::kProblem, StrCat(text, ": certificates may be refused"), mend};
  }
  if (off > seconds(2)) {
    return {"clock", Verdict::kWarning, StrCat(text, ": logs of the two do not fit together"),
            mend};
  }
  return {"clock", Verdict::kOk, text, ""};
}

Finding CheckPlace(const PlaceFacts& place) {
  const std::string name = StrCat(place.what, " ", place.path);
  const bool only_read = place.what == "data";
  if (only_read) {
    if (!place.exists) {
      return {"data", Verdict::kProblem, StrCat(name, " is not there"), "correct --data"};
    }
    if (!place.readable) {
      return {"data", Verdict::kProblem, StrCat(name, " cannot be read by this user"),
              "change its permissions or run as its owner"};
    }
    return {"data", Verdict::kOk, StrCat(name, " can be read"), ""};
  }
  if (!place.network.empty()) {
    if (place.what == "database") {
      return {place.what, Verdict::kProblem,
              StrCat(name, " is on a network file system (", place.network,
                     "), where SQLite's locks do not hold"),
              "choose a local folder with --db"};
    }
    return {place.what, Verdict::kWarning,
            StrCat(name, " is on a network file system (", place.network, ")"),
            "a local folder is faster and fails less: --artifacts"};
  }
  if (!place.writable) {
    return {place.what, Verdict::kProblem, StrCat(name, " cannot be written by this user"),
            "change its permissions, run as its owner, or name another place"};
  }
  return {place.what, Verdict::kOk,
          StrCat(name, place.exists ? " can be written" : " is not there yet; it can be made"), ""};
}

Finding CheckFreeSpace(const PlaceFacts& place) {
  if (!place.free_bytes) {
    return {"disk", Verdict::kWarning,
            StrCat("nobody knows how much is free for the ", place.what, " at ", place.path),
            "see df"};
  }
  const std::string text = StrCat(Size(*place.free_bytes), " free for the ", place.what);
  const std::string mend = "delete studies that are not needed, or use a larger disk";
  if (*place.free_bytes < kGiB) return {"disk", Verdict::kProblem, text, mend};
  if (*place.free_bytes < 10 * kGiB) return {"disk", Verdict::kWarning, text, mend};
  return {"disk", Verdict::kOk, text, ""};
}

Finding CheckMemory(const MachineFacts& machine) {
  const std::string text =
      StrCat(Size(machine.available_bytes), " of ", Size(machine.memory_bytes), " available, ",
             machine.cores, machine.cores == 1 ? " core" : " cores");
  const std::string mend = "end other programs, or run fewer ranks here";
  if (machine.available_bytes < kGiB) return {"memory", Verdict::kProblem, text, mend};
  if (machine.available_bytes < 4 * kGiB) return {"memory", Verdict::kWarning, text, mend};
  return {"memory", Verdict::kOk, text, ""};
}

Finding CheckSharedMemory(const MachineFacts& machine) {
  const std::string mend = "mount a larger one: docker run --shm-size=1g, or a bigger tmpfs";
  if (!machine.shm_bytes) {
    return {"shared memory", Verdict::kWarning,
            "there is no /dev/shm: ranks of one machine exchange slowly", mend};
  }
  const std::string text = StrCat("/dev/shm holds ", Size(*machine.shm_bytes));
  // Docker's default is 64 MiB: Open MPI's and LibTorch's segments do not fit.
  if (*machine.shm_bytes < 256 * kMiB) {
    return {"shared memory", Verdict::kWarning, text, mend};
  }
  return {"shared memory", Verdict::kOk, text, ""};
}

Finding CheckOpenFiles(const MachineFacts& machine) {
  const std::string text = StrCat("up to ", machine.open_files, " open files");
  if (machine.open_files < 1024) {
    return {"open files", Verdict::kWarning, text,
            machine.open_files_hard >= 4096 ? "ulimit -n 4096"
                                            : "raise nofile in /etc/security/limits.conf"};
  }
  return {"open files", Verdict::kOk, text, ""};
}

std::vector<Finding> Diagnose(const DoctorFacts& facts) {
  std::vector<Finding> findings;
  for (const ProgramFacts& program : facts.programs) {
    findings.push_back(CheckProgram(program, facts.version));
  }
  findings.push_back(CheckTorch(facts.libraries));
  findings.push_back(CheckBlas(facts.libraries));
  findings.push_back(CheckGpus(facts.gpu, facts.libraries));
  findings.push_back(CheckNccl(facts.gpu, facts.libraries));
  findings.push_back(CheckMpi(facts.mpi));
  findings.push_back(CheckPorts(facts.machine));
  findings.push_back(CheckCoordinator(facts.coordinator, facts.version));
  findings.push_back(CheckClock(facts.coordinator, facts.machine));
  for (const PlaceFacts& place : facts.places) {
    findings.push_back(CheckPlace(place));
    if (place.what != "data") findings.push_back(CheckFreeSpace(place));
  }
  findings.push_back(CheckMemory(facts.machine));
  findings.push_back(CheckSharedMemory(facts.machine));
  findings.push_back(CheckOpenFiles(facts.machine));
  return findings;
}

Verdict Worst(const std::vector<Finding>& findings) {
  Verdict worst = Verdict::kOk;
  for (const Finding& finding : findings) worst = std::max(worst, finding.verdict);
  return worst;
}

}  // namespace vizsla
