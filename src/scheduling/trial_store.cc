#include "src/scheduling/trial_store.h"

#include <limits>

namespace vizsla {

std::vector<ReportedValue> ValuesOf(const std::vector<EpochReport>& reports,
                                    const std::string& metric) {
  std::vector<ReportedValue> values;
  values.reserve(reports.size());
  for (const EpochReport& report : reports) {
    const auto found = report.metrics.find(metric);
    values.push_back(
        {report.epoch, report.attempt,
         found != report.metrics.end() ? found->second : std::numeric_limits<double>::quiet_NaN()});
  }
  return values;
}

}  // namespace vizsla
