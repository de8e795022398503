// Families of metrics written down one after another. Names and units follow
// prometheus.io/docs/practices/naming: base units, _total for counters.
#pragma once

#include <prometheus/metric_family.h>

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "src/base/histogram.h"

namespace vizsla {

using MetricLabels = std::initializer_list<std::pair<const char*, std::string>>;

// A family that grows by a series with each call.
class Family {
 public:
  Family(std::vector<prometheus::MetricFamily>& families, prometheus::MetricType type,
         std::string name, std::string help);
  void Counter(double value, MetricLabels labels = {});
  void Gauge(double value, MetricLabels labels = {});
  void Histogram(const HistogramSnapshot& snapshot, MetricLabels labels = {});

 private:
  prometheus::ClientMetric& Add(MetricLabels labels);
  std::vector<prometheus::MetricFamily>& families_;
  const size_t place_;  // others may be added meanwhile
};

// A family of one series.
void AddCounter(std::vector<prometheus::MetricFamily>& families, std::string name, std::string help,
                double value);
void AddGauge(std::vector<prometheus::MetricFamily>& families, std::string name, std::string help,
              double value);

}  // namespace vizsla
