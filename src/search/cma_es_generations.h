// Cuts observed trials into generations and holds the distributions that they lead to. A function
// of the newest states of the trials, whatever order they came in. Internal to src/search.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "src/base/random.h"
#include "src/search/cma_es.h"
#include "src/search/observations.h"
#include "src/study/sampler_options.h"

namespace vizsla {

// Trials in the order of their numbers are cut into generations of `population`, one after another.
// A generation counts when all before it do and either all its trials are known or, so that a slow
// or resumed trial does not hold up the search, two generations' worth of later trials are known:
// then without those that are not. Once they are, it counts again with them, and so do the later
// ones.
//
// When the distribution collapses the search starts again from a random point with twice the
// population: Auger and Hansen, "A restart CMA evolution strategy with increasing population size",
// CEC 2005.
class CmaEsGenerations {
 public:
  // The coordinates are those parameters of the space, in order; at least one, each unconditional,
  // ordered and with more than one value; they must outlive this object. `options` as in
  // sampler_options.h with a population of 0 or at least 2.
  CmaEsGenerations(std::vector<const Parameter*> coordinates, CmaEsOptions options, StreamKey key);

  // Begins with the distribution that these observations of other studies suggest (see
  // cma_es_warm_start.h), in place of the wide one in the middle; restarts begin as ever.
  void StartFrom(const std::map<int64_t, Observation>& learned);

  // The observation of this trial is another one, new or gone.
  void Changed(int64_t trial_number);

  // The distribution after the newest generation that counts; learns from those that have come to
  // count since the last call. `all` by trial number. Valid until the next call of either.
  const CmaEs& Newest(const std::map<int64_t, Observation>& all);

 private:
  struct Generation {
    int64_t index;        // from 0: the start, before any trial
    int64_t end;          // the trials with lower numbers have been learnt from
    int64_t depends_end;  // only changes of trials with lower numbers make it another one
    int population;       // of the next one
    int restarts;
    CmaEs distribution;
  };
  using Member = std::pair<int64_t, const Observation*>;

  bool Advance(const std::map<int64_t, Observation>& all);
  void Learn(std::vector<Member> members, Generation& generation) const;
  Eigen::VectorXd PointOf(const Member& member, const CmaEs& distribution) const;
  Eigen::VectorXd MiddleOf(const Observation& observation) const;
  void KeepMargins(Generation& generation) const;
  void Keep(Generation generation);

  const std::vector<const Parameter*> coordinates_;
  const double sigma_;
  const StreamKey key_;
  // In order, never empty: the newest few and every so many of the older ones, to start from when
  // an old trial changes.
  std::vector<Generation> generations_;
};

}  // namespace vizsla
