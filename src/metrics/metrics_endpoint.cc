#include "src/metrics/metrics_endpoint.h"

#include <prometheus/exposer.h>

#include <exception>

#include "src/rpc/address.h"
#include "src/rpc/try_bind.h"

namespace vizsla {
namespace {

constexpr char kPath[] = "/metrics";

class Endpoint final : public MetricsEndpoint {
 public:
  Endpoint(const HostPort& address, const MetricsSources& sources)
      : metrics_(std::make_shared<CoordinatorMetrics>(sources)),
        // Two scrapers at once; the third waits.
        exposer_(ToText(address), /*num_threads=*/2) {
    exposer_.RegisterCollectable(metrics_, kPath);
    const std::vector<int> ports = exposer_.GetListeningPorts();
    url_ = StrCat("http://", ToText({address.host, ports.empty() ? address.port : ports.front()}),
                  kPath);
  }
  std::string url() const override { return url_; }

 private:
  const std::shared_ptr<CoordinatorMetrics> metrics_;
  prometheus::Exposer exposer_;  // ends before what it collects
  std::string url_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsEndpoint>> MetricsEndpoint::Start(
    const std::string& listen, const MetricsSources& sources) {
  VIZSLA_ASSIGN_OR_RETURN(HostPort address, ParseHostPort(listen));
  if (!IsLoopback(address.host)) {
    return absl::InvalidArgumentError(
        StrCat("refusing to serve metrics at ", listen,
               ": they are neither encrypted nor authenticated, so only loopback addresses are "
               "accepted (127.0.0.1, ::1, localhost); let a Prometheus agent or a reverse proxy "
               "on this machine read them"));
  }
  if (address.host == "localhost") address.host = "127.0.0.1";
  // The library only says that it failed.
  if (absl::Status bound = TryBind(address); !bound.ok()) return Annotate(bound, "--metrics");
  try {
    return std::unique_ptr<MetricsEndpoint>(std::make_unique<Endpoint>(address, sources));
  } catch (const std::exception& error) {
    return absl::FailedPreconditionError(
        StrCat("cannot serve metrics at ", listen, ": ", error.what()));
  }
}

}  // namespace vizsla
