#include "src/cli/doctor/checks.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "src/base/str_cat.h"

namespace vizsla {

std::string_view ToText(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kWarning:
      return "warning";
    case Verdict::kProblem:
      return "problem";
  }
  return "problem";
}

Finding CheckProgram(const ProgramFacts& program, const std::string& our_version) {
  const std::string& name = program.name;
  if (!program.present) {
    return {"programs", Verdict::kWarning, StrCat(name, " does not lie beside vizsla"),
            "build it or install Vizsla whole, unless this machine is not to do its work"};
  }
  if (program.version.empty()) {
    return {"programs", Verdict::kProblem, StrCat(name, " does not run: ", program.error),
            "see what it says by itself; a shared library may be missing"};
  }
  if (program.version != our_version) {
    return {"programs", Verdict::kProblem,
            StrCat(name, " is version ", program.version, ", vizsla is ", our_version),
            "install all programs of one version"};
  }
  return {"programs", Verdict::kOk, StrCat(name, " ", program.version), ""};
}

Finding CheckTorch(const LibraryFacts& libraries) {
  if (!libraries.known) {
    return {"libtorch", Verdict::kWarning, "no program that trains is here to look at",
            "build with VIZSLA_WITH_TORCH=ON, unless this machine is not to train"};
  }
  if (!libraries.missing.empty()) {
    return {"libtorch", Verdict::kProblem,
            StrCat("shared libraries are missing: ", absl::StrJoin(libraries.missing, ", ")),
            "run deploy/install-deps.sh, or set LD_LIBRARY_PATH to LibTorch's lib folder"};
  }
  if (libraries.torch.empty()) {
    return {"libtorch", Verdict::kProblem, "the programs do not link LibTorch",
            "build Vizsla with VIZSLA_WITH_TORCH=ON"};
  }
  return {"libtorch", Verdict::kOk,
          StrCat(libraries.torch, libraries.cuda ? ", with CUDA" : ", CPU only"), ""};
}

Finding CheckBlas(const LibraryFacts& libraries) {
  if (!libraries.known) return {"blas", Verdict::kOk, "not looked at", ""};
  if (libraries.blas.empty()) return {"blas", Verdict::kOk, "LibTorch brings its own", ""};
  const bool fast = libraries.blas.find("openblas") != std::string::npos ||
                    libraries.blas.find("mkl") != std::string::npos ||
                    libraries.blas.find("blis") != std::string::npos;
  if (!fast) {
    return {
        "blas", Verdict::kWarning,
        StrCat("LibTorch multiplies with the reference BLAS, many times slower: ", libraries.blas),
        "apt-get install libopenblas0-pthread"};
  }
  return {"blas", Verdict::kOk, libraries.blas, ""};
}

Finding CheckGpus(const GpuFacts& gpu, const LibraryFacts& libraries) {
  if (gpu.gpus.empty()) {
    if (!gpu.error.empty()) {
      return {"gpu", Verdict::kProblem, StrCat("nvidia-smi fails: ", gpu.error),
              "the driver's kernel and user parts may differ: restart the machine, or install "
              "them from one version"};
    }
    if (gpu.driver_loaded) {
      return {"gpu", Verdict::kWarning, "the NVIDIA driver is loaded, but no GPU can be seen",
              "give the container its GPUs (docker run --gpus all), and install nvidia-smi"};
    }
    return {"gpu", Verdict::kOk, "no NVIDIA GPU: training runs on the CPU", ""};
  }
  std::vector<std::string> names;
  for (const GpuFacts::Gpu& each : gpu.gpus) {
    names.push_back(StrCat(each.name, " (", each.memory_mib, " MiB)"));
  }
  const std::string list = StrCat(absl::StrJoin(names, ", "), "; driver ", gpu.gpus.front().driver);
  if (libraries.known && !libraries.cuda) {
    return {"gpu", Verdict::kWarning, StrCat(list, "; but this LibTorch is for the CPU only"),
            "build against a CUDA LibTorch: deploy/gpu.md"};
  }
  return {"gpu", Verdict::kOk, list, ""};
}

Finding CheckNccl(const GpuFacts& gpu, const LibraryFacts& libraries) {
  if (!libraries.nccl.empty()) return {"nccl", Verdict::kOk, libraries.nccl, ""};
  if (gpu.gpus.size() > 1) {
    return {"nccl", Verdict::kWarning,
            StrCat(gpu.gpus.size(),
                   " GPUs, but the worker does not link NCCL: ranks of one trial "
                   "exchange gradients through host memory"),
            "build with VIZSLA_WITH_CUDA=ON: deploy/gpu.md"};
  }
  return {"nccl", Verdict::kOk, "not needed: there is at most one GPU", ""};
}

Finding CheckMpi(const MpiFacts& mpi) {
  if (!mpi.mpirun) {
    return {"mpi", Verdict::kProblem, "there is no mpirun on the PATH",
            "apt-get install openmpi-bin"};
  }
  if (mpi.version.empty()) {
    return {"mpi", Verdict::kWarning, "mpirun is not Open MPI's",
            "put the Open MPI that Vizsla was built with first on the PATH"};
  }
  if (mpi.version[0] < '4' && mpi.version.find('.') == 1) {
    return {"mpi", Verdict::kWarning, StrCat("Open MPI ", mpi.version, " is older than 4.0"),
            "install Open MPI 4 or newer"};
  }
  if (mpi.is_root && !mpi.root_allowed) {
    return {"mpi", Verdict::kWarning, StrCat("Open MPI ", mpi.version, " refuses to run as root"),
            "set OMPI_ALLOW_RUN_AS_ROOT=1 and OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1, or use another "
            "user"};
  }
  return {"mpi", Verdict::kOk, StrCat("Open MPI ", mpi.version), ""};
}

Finding CheckPorts(const MachineFacts& machine) {
  if (!machine.bind_error.empty()) {
    return {"ports", Verdict::kProblem, machine.bind_error,
            "bring the loopback interface up (ip link set lo up), and let Vizsla listen on it"};
  }
  return {"ports", Verdict::kOk, "loopback ports can be bound", ""};
}

Finding CheckCoordinator(const CoordinatorFacts& coordinator, const std::string& our_version) {
  if (!coordinator.looked_for) {
    return {"coordinator", Verdict::kOk, "none runs for this database", ""};
  }
  if (!coordinator.error.empty()) {
    return {"coordinator", Verdict::kProblem, coordinator.error,
            "start it, or correct --coordinator"};
  }
  const std::string who = StrCat(coordinator.address, ", version ", coordinator.version,
                                 ", protocol ", coordinator.protocol);
  if (coordinator.has_health && !coordinator.serving) {
    return {"coordinator", Verdict::kProblem, StrCat(who, ", does not serve now"),
            "it is ending, or cannot write its database: see its log"};
  }
  if (coordinator.version != our_version) {
    return {"coordinator", Verdict::kWarning, StrCat(who, "; vizsla is ", our_version),
            "they can talk; install one version on all machines when you can"};
  }
  return {"coordinator", Verdict::kOk, StrCat(who, ", serves"), ""};
}

}  // namespace vizsla
