// Metrics over HTTP in Prometheus' text format (version 0.0.4) at /metrics, by prometheus-cpp.
#pragma once

#include <memory>
#include <string>

#include "src/base/status.h"
#include "src/metrics/coordinator_metrics.h"

namespace vizsla {

class MetricsEndpoint {
 public:
  // Listens at once, on threads of its own. Port 0 takes any free one. InvalidArgument for what is
  // no HOST:PORT, or no loopback address; FailedPrecondition "port 9464 of 127.0.0.1 is in use".
  static absl::StatusOr<std::unique_ptr<MetricsEndpoint>> Start(const std::string& listen,
                                                                const MetricsSources& sources);
  virtual ~MetricsEndpoint() = default;  // ends running answers, then closes the port
  virtual std::string url() const = 0;   // "http://127.0.0.1:9464/metrics"
};

}  // namespace vizsla
