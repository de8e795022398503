// What other programs' words say. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/cli/doctor/facts.h"

namespace vizsla {

// The first word that looks like a version: "mpirun (Open MPI) 4.1.4" -> "4.1.4". Empty: none.
std::string FindVersion(std::string_view text);

// From ldd's lines "libblas.so.3 => /usr/lib/.../libblas.so.3 (0x...)" and "... => not found".
LibraryFacts ParseLdd(std::string_view text);

// From the lines of `nvidia-smi --query-gpu=name,driver_version,memory.total
// --format=csv,noheader,nounits`. Lines of another shape are left out.
std::vector<GpuFacts::Gpu> ParseNvidiaSmi(std::string_view text);

}  // namespace vizsla
