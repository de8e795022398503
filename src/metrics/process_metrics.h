// What this process uses, under the names that all Prometheus clients give it.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

namespace vizsla {

// Reads /proc/self; what cannot be read is left out.
void AddProcessMetrics(std::vector<prometheus::MetricFamily>& families);

}  // namespace vizsla
