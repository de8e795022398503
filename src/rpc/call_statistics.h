// Calls of the services by method: how many ended with which code, how long they took, how many
// run. Every method has its record from the start: a call finds it in a table that never changes
// and counts without a lock.
#pragma once

#include <grpcpp/support/status_code_enum.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/histogram.h"

namespace google::protobuf {
class ServiceDescriptor;
}

namespace vizsla {

inline constexpr int kCallCodes = grpc::StatusCode::UNAUTHENTICATED + 1;  // 0 to 16

struct MethodStatistics {
  std::string service;  // "vizsla.v1.WorkerService"
  std::string method;   // "ReportEpoch"
  int64_t running = 0;
  std::array<uint64_t, kCallCodes> ended{};  // by code
  HistogramSnapshot seconds;                 // from the headers of a call to its end
};

// "OK", "NOT_FOUND", ...; "UNKNOWN" for a number that is no code of gRPC's.
std::string_view CodeName(int code);

// Thread-safe.
class CallStatistics {
 public:
  // Makes the records of all methods of proto/, and of gRPC's health service.
  CallStatistics();

  class Record {
   public:
    Record(std::string service, std::string method);
    void Started() { running_.fetch_add(1, std::memory_order_relaxed); }
    void Ended(int code, std::chrono::steady_clock::duration duration);
    MethodStatistics Snapshot() const;

   private:
    const std::string service_;
    const std::string method_;
    std::atomic<int64_t> running_{0};
    std::array<std::atomic<uint64_t>, kCallCodes> ended_{};
    Histogram seconds_{LatencyBounds()};
  };

  // Of "/vizsla.v1.WorkerService/ReportEpoch". Methods without a record share one, service and
  // method "other", so that nobody can fill the memory with names.
  Record& Of(std::string_view full_method);

  std::vector<MethodStatistics> Snapshot() const;  // by name; without methods never called

 private:
  void AddService(const google::protobuf::ServiceDescriptor& service);

  std::map<std::string, std::unique_ptr<Record>, std::less<>> records_;  // fixed once constructed
  Record other_{"other", "other"};
};

}  // namespace vizsla
