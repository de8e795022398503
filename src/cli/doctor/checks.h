// The judgements of `vizsla doctor`: each a pure function from facts to findings.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/cli/doctor/facts.h"

namespace vizsla {

enum class Verdict { kOk, kWarning, kProblem };
std::string_view ToText(Verdict verdict);  // "ok", "warning", "problem"

struct Finding {
  std::string check;  // "mpi"
  Verdict verdict = Verdict::kOk;
  std::string message;  // one sentence, without a full stop
  std::string mend;     // what to do; empty when all is well
};

Finding CheckProgram(const ProgramFacts& program, const std::string& our_version);
Finding CheckTorch(const LibraryFacts& libraries);
Finding CheckBlas(const LibraryFacts& libraries);
Finding CheckGpus(const GpuFacts& gpu, const LibraryFacts& libraries);
Finding CheckNccl(const GpuFacts& gpu, const LibraryFacts& libraries);
Finding CheckMpi(const MpiFacts& mpi);
Finding CheckPorts(const MachineFacts& machine);
Finding CheckCoordinator(const CoordinatorFacts& coordinator, const std::string& our_version);
Finding CheckClock(const CoordinatorFacts& coordinator, const MachineFacts& machine);
Finding CheckPlace(const PlaceFacts& place);
Finding CheckFreeSpace(const PlaceFacts& place);
Finding CheckMemory(const MachineFacts& machine);
Finding CheckSharedMemory(const MachineFacts& machine);
Finding CheckOpenFiles(const MachineFacts& machine);

// All of them, in the order in which they are shown.
std::vector<Finding> Diagnose(const DoctorFacts& facts);
Verdict Worst(const std::vector<Finding>& findings);

}  // namespace vizsla
