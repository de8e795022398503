#include "src/rpc/call_statistics.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <utility>

#include "grpc_health/health_service.pb.h"
#include "src/base/check.h"
#include "src/base/str_cat.h"
#include "vizsla/v1/artifact_service.pb.h"
#include "vizsla/v1/study_service.pb.h"
#include "vizsla/v1/system_service.pb.h"
#include "vizsla/v1/worker_service.pb.h"

namespace vizsla {

std::string_view CodeName(int code) {
  static constexpr std::string_view kNames[kCallCodes] = {
      "OK",
      "CANCELLED",
      "UNKNOWN",
      "INVALID_ARGUMENT",
      "DEADLINE_EXCEEDED",
      "NOT_FOUND",
      "ALREADY_EXISTS",
      "PERMISSION_DENIED",
      "RESOURCE_EXHAUSTED",
      "FAILED_PRECONDITION",
      "ABORTED",
      "OUT_OF_RANGE",
      "UNIMPLEMENTED",
      "INTERNAL",
      "UNAVAILABLE",
      "DATA_LOSS",
      "UNAUTHENTICATED",
  };
  return code >= 0 && code < kCallCodes ? kNames[code] : kNames[grpc::StatusCode::UNKNOWN];
}

CallStatistics::Record::Record(std::string service, std::string method)
    : service_(std::move(service)), method_(std::move(method)) {}

void CallStatistics::Record::Ended(int code, std::chrono::steady_clock::duration duration) {
  if (code < 0 || code >= kCallCodes) code = grpc::StatusCode::UNKNOWN;
  running_.fetch_sub(1, std::memory_order_relaxed);
  ended_[static_cast<size_t>(code)].fetch_add(1, std::memory_order_relaxed);
  seconds_.Observe(duration);
}

MethodStatistics CallStatistics::Record::Snapshot() const {
  MethodStatistics statistics;
  statistics.service = service_;
  statistics.method = method_;
  statistics.running = running_.load(std::memory_order_relaxed);
  for (size_t code = 0; code < ended_.size(); ++code) {
    statistics.ended[code] = ended_[code].load(std::memory_order_relaxed);
  }
  statistics.seconds = seconds_.Snapshot();
  return statistics;
}

CallStatistics::CallStatistics() {
  // Touches the generated code, so that the linker keeps its descriptors.
  for (const google::protobuf::FileDescriptor* file :
       {v1::HandshakeRequest::descriptor()->file(), v1::CreateStudyRequest::descriptor()->file(),
        v1::RegisterWorkerRequest::descriptor()->file(),
        v1::DownloadArtifactRequest::descriptor()->file(),
        grpc::health::v1::HealthCheckRequest::descriptor()->file()}) {
    VIZSLA_CHECK(file->service_count() > 0);
    for (int i = 0; i < file->service_count(); ++i) AddService(*file->service(i));
  }
}

void CallStatistics::AddService(const google::protobuf::ServiceDescriptor& service) {
  for (int i = 0; i < service.method_count(); ++i) {
    const std::string& method = service.method(i)->name();
    records_[StrCat("/", service.full_name(), "/", method)] =
        std::make_unique<Record>(service.full_name(), method);
  }
}

CallStatistics::Record& CallStatistics::Of(std::string_view full_method) {
  const auto found = records_.find(full_method);
  return found == records_.end() ? other_ : *found->second;
}

std::vector<MethodStatistics> CallStatistics::Snapshot() const {
  std::vector<MethodStatistics> all;
  const auto add = [&](const Record& record) {
    MethodStatistics statistics = record.Snapshot();
    if (statistics.seconds.count > 0 || statistics.running != 0) {
      all.push_back(std::move(statistics));
    }
  };
  for (const auto& [name, record] : records_) add(*record);
  add(other_);
  return all;
}

}  // namespace vizsla
