// The coordinator's command line, parsed once.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "src/scheduling/scheduler.h"
#include "src/security/quota.h"

namespace vizsla {

struct CoordinatorOptions {
  std::string database = "vizsla.db";
  std::string artifacts;  // never empty after parsing
  std::string listen = "127.0.0.1:0";
  std::string credentials;  // folder that `init` made; empty: neither TLS nor tokens
  bool client_certificates = true;
  bool insecure = false;
  QuotaTable quotas = DefaultQuotas();
  std::optional<std::chrono::seconds> exit_when_idle;
  SchedulerOptions scheduling;
  std::string log_level = "info";
  std::string log_format = "text";  // or "json"
  std::string metrics;              // HOST:PORT of the metrics page; empty: none
};

// Where checkpoints lie unless the user says otherwise: "runs/a.db" -> "runs/a.artifacts".
std::string DefaultArtifacts(const std::string& database);

// "30s", "500ms", "10m", "1h", or a number of seconds. Nullopt when it is none of these, or not
// positive.
std::optional<std::chrono::milliseconds> ParseDuration(const std::string& text);

// "50GiB", "1.5TiB", "500MB", or a number of bytes. Nullopt when it is none of these, or not
// positive.
std::optional<int64_t> ParseBytes(const std::string& text);

struct ParsedCommandLine {
  CoordinatorOptions options;
  std::optional<int>
      exit_code;  // set when there is nothing to run: 0 after --help, 2 after an error
};
// Prints help and errors itself.
ParsedCommandLine ParseCommandLine(int argc, char** argv);

}  // namespace vizsla
