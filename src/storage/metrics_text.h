// How a report's metrics stand in the database: compact JSON, an object of numbers, with "nan",
// "inf" and "-inf" for what JSON has no number for. Pure.
#pragma once

#include <string>
#include <string_view>

#include "src/base/status.h"
#include "src/study/trial.h"

namespace vizsla {

std::string MetricsToText(const Metrics& metrics);
absl::StatusOr<Metrics> MetricsFromText(std::string_view text);  // DataLoss, InvalidArgument

// One of them, NaN when it is not there: at a tenth of the price, for walks over millions of
// reports. It hardly looks at the other metrics, so that damage there may go unnoticed.
absl::StatusOr<double> MetricFromText(std::string_view text, const std::string& name);

}  // namespace vizsla
