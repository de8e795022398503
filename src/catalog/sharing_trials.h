// How many trials are still to come that could read the features of this one. Pure; an estimate,
// on which nothing but the time of a trial depends.
#pragma once

#include "src/study/study.h"

namespace vizsla {

// This trial included, so at least 1: what the study's stages up to this one have planned beyond
// trial `number` (counted from 0), spread evenly over the values of the parameters that decide what
// is frozen. A study without an end is expected to go on for as long again as it has.
double ExpectedSharingTrials(const StudySpec& spec, int stage, int64_t number);

}  // namespace vizsla
