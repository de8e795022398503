// Which pretrained weights a study needs. Pure.
#pragma once

#include <set>
#include <string>

#include "src/study/study.h"

namespace vizsla {

// The networks that some trial of the study may start at pretrained weights, all stages and sources
// considered. What the specification says is not checked here: a name may be unknown.
std::set<std::string> PretrainedNetworks(const StudySpec& spec);

}  // namespace vizsla
