#include "src/metrics/families.h"

#include <limits>

#include "src/base/check.h"

namespace vizsla {

Family::Family(std::vector<prometheus::MetricFamily>& families, prometheus::MetricType type,
               std::string name, std::string help)
    : families_(families), place_(families.size()) {
  prometheus::MetricFamily& family = families_.emplace_back();
  family.type = type;
  family.name = std::move(name);
  family.help = std::move(help);
}

prometheus::ClientMetric& Family::Add(MetricLabels labels) {
  prometheus::ClientMetric& metric = families_[place_].metric.emplace_back();
  for (const auto& [name, value] : labels) metric.label.push_back({name, value});
  return metric;
}

void Family::Counter(double value, MetricLabels labels) {
  VIZSLA_CHECK(families_[place_].type == prometheus::MetricType::Counter);
  Add(labels).counter.value = value;
}

void Family::Gauge(double value, MetricLabels labels) {
  VIZSLA_CHECK(families_[place_].type == prometheus::MetricType::Gauge);
  Add(labels).gauge.value = value;
}

void Family::Histogram(const HistogramSnapshot& snapshot, MetricLabels labels) {
  VIZSLA_CHECK(families_[place_].type == prometheus::MetricType::Histogram);
  prometheus::ClientMetric::Histogram& histogram = Add(labels).histogram;
  histogram.sample_count = snapshot.count;
  histogram.sample_sum = snapshot.sum;
  for (size_t i = 0; i < snapshot.bounds.size(); ++i) {
    histogram.bucket.push_back({snapshot.cumulative[i], snapshot.bounds[i]});
  }
  histogram.bucket.push_back({snapshot.count, std::numeric_limits<double>::infinity()});
}

void AddCounter(std::vector<prometheus::MetricFamily>& families, std::string name, std::string help,
                double value) {
  Family(families, prometheus::MetricType::Counter, std::move(name), std::move(help))
      .Counter(value);
}

void AddGauge(std::vector<prometheus::MetricFamily>& families, std::string name, std::string help,
              double value) {
  Family(families, prometheus::MetricType::Gauge, std::move(name), std::move(help)).Gauge(value);
}

}  // namespace vizsla
