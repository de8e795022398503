// How a trial of a later stage, or one with `init_from:`, gets its configuration: its source's, in
// which its own parameters replace what they name. Pure.
#pragma once

#include "src/study/study.h"

namespace vizsla {

// The stage's space as a sampler sees it on one source. Parameters that conditions name and the
// stage does not vary are there with the source's value; parameters whose conditions no value of
// this source meets are left out. Sound (Validate) when the stage's own part is.
SearchSpace SpaceOn(const SearchSpace& stage, const Configuration& source);

// The stage's space with each outer parent added, able to take every value that conditions name: to
// be checked (Validate, NeverActive) and counted when no source is known yet.
SearchSpace ClosedSpace(const SearchSpace& stage);

// The part of a configuration that SpaceOn's sampler has drawn: what the space names and its
// conditions keep active. For counting which draws are taken.
Configuration DrawnPart(const SearchSpace& space, const Configuration& configuration);

// `own` over `source`. A value of the source that the study's spaces tie to a condition goes when
// the source met it and the result does not: `step_size` when `schedule` is no longer `step`.
// `stage` is the one that the new trial belongs to; only declarations of it and of earlier stages
// count. A later stage has a budget of its own: how many epochs the source ran is not taken over.
Configuration TakeOver(const StudySpec& spec, int stage, const Configuration& source,
                       const Configuration& own);

// The whole configuration of a sampled trial of the stage: `drawn` is of SpaceOn.
Configuration Vary(const StudySpec& spec, int stage, const Configuration& source,
                   const Configuration& drawn);

}  // namespace vizsla
