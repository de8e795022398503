#include "coordinator/options.h"

#include <CLI/CLI.hpp>
#include <array>
#include <charconv>
#include <iostream>

namespace vizsla {
namespace {

constexpr char kExamples[] =
    "Examples:\n"
    "  vizsla-coordinator --db dogs.db --listen 127.0.0.1:4711\n"
    "  vizsla-coordinator init secrets --host gpu1.lab         # certificates and tokens; see "
    "docs/security.md\n"
    "  vizsla-coordinator --db dogs.db --listen 0.0.0.0:4711 --credentials secrets\n"
    "  vizsla-coordinator --db dogs.db --metrics 127.0.0.1:9464 --log-format json\n"
    "  vizsla-coordinator --db dogs.db --exit-when-idle 60     # ends a minute after the last "
    "work\n"
    "\n"
    "The address lies in DB.address while it runs; `vizsla` commands in the same folder find it "
    "there.\n"
    "SIGTERM or SIGINT ends it in order; any other end loses nothing that was acknowledged.";

// For CLI11: an empty string accepts.
std::string CheckDuration(const std::string& text) {
  if (ParseDuration(text)) return "";
  return "'" + text + "' is no duration; write for instance 500ms, 30s, 10m or 1h";
}

}  // namespace

std::string DefaultArtifacts(const std::string& database) {
  constexpr std::string_view kEnding = ".db";
  const bool ends = database.size() > kEnding.size() && database.ends_with(kEnding);
  return (ends ? database.substr(0, database.size() - kEnding.size()) : database) + ".artifacts";
}

std::optional<std::chrono::milliseconds> ParseDuration(const std::string& text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number <= 0 || number > 1'000'000'000) return std::nullopt;
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  if (unit == "ms") return std::chrono::milliseconds(number);
  if (unit.empty() || unit == "s") return std::chrono::seconds(number);
  if (unit == "m") return std::chrono::minutes(number);
  if (unit == "h") return std::chrono::hours(number);
  return std::nullopt;
}

std::optional<int64_t> ParseBytes(const std::string& text) {
  struct Unit {
    std::string_view name;
    double bytes;
  };
  constexpr std::array<Unit, 9> kUnits = {{{"", 1},
                                           {"KiB", 1024.0},
                                           {"MiB", 1048576.0},
                                           {"GiB", 1073741824.0},
                                           {"TiB", 1099511627776.0},
                                           {"kB", 1e3},
                                           {"MB", 1e6},
                                           {"GB", 1e9},
                                           {"TB", 1e12}}};
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view name(end, static_cast<size_t>(text.data() + text.size() - end));
  for (const Unit& unit : kUnits) {
    const double bytes = number * unit.bytes;
    if (error == std::errc() && name == unit.name && bytes >= 1 && bytes < 1e18) {
      return static_cast<int64_t>(bytes);
    }
  }
  return std::nullopt;
}

ParsedCommandLine ParseCommandLine(int argc, char** argv) {
  ParsedCommandLine parsed;
  CoordinatorOptions& options = parsed.options;
  CLI::App app{
      "Keeps the studies: queues trials, leases them to workers, stores what they report."};
  app.name("vizsla-coordinator");
  app.footer(kExamples);
  app.set_version_flag("--version", std::string("vizsla-coordinator ") + VIZSLA_VERSION);
  std::string idle;
  std::string lease = "30s";
  std::string heartbeat = "5s";
  app.add_option("--db", options.database, "The database file; made when it is not there")
      ->capture_default_str()
      ->check(CLI::Validator([](std::string& text) { return text.empty() ? "it is empty" : ""; },
                             "FILE"));
  app.add_option("--artifacts", options.artifacts,
                 "Folder of checkpoints, weights and splits [the database's name, .artifacts]");
  app.add_option("--listen", options.listen,
                 "HOST:PORT; beyond loopback only with --credentials; port 0 takes any free one")
      ->capture_default_str();
  std::string client_certificate = "required";
  std::vector<std::string> quotas;
  app.add_option("--credentials", options.credentials,
                 "Folder that vizsla-coordinator init made: TLS, and a token with each call")
      ->type_name("FOLDER");
  app.add_option("--client-certificate", client_certificate,
                 "With --credentials: required (mutual TLS), or ignored (a token is enough)")
      ->capture_default_str()
      ->check(CLI::IsMember({"required", "ignored"}));
  app.add_flag(
      "--insecure", options.insecure,
      "Listen beyond loopback in plain text: everybody who reaches the port may do everything");
  app.add_option(
         "--quota", quotas,
         "What one client may ask for, ROLE.LIMIT=NUMBER: LIMIT is calls (a second), streams "
         "(at once) or bytes (a second); may be repeated")
      ->type_name("QUOTA");
  auto* idle_option = app.add_option("--exit-when-idle", idle,
                                     "End when no worker is there and nobody calls for so long; "
                                     "30s when no time is given")
                          ->expected(0, 1);
  app.add_option("--lease", lease, "A lease without a heartbeat lasts so long")
      ->capture_default_str();
  app.add_option("--heartbeat", heartbeat, "How often workers beat")->capture_default_str();
  std::string budget;
  app.add_option("--artifact-budget", budget,
                 "How much checkpoints, weights and splits may take on disk, for instance 50GiB: "
                 "checkpoints of ended trials go, the worst first [no limit]")
      ->check(CLI::Validator(
          [](std::string& text) {
            return ParseBytes(text)
                       ? std::string()
                       : "'" + text + "' is no size; write for instance 50GiB or 500MB";
          },
          "SIZE"));
  app.add_option("--keep-best", options.scheduling.keep_best,
                 "How many of each study's best checkpoints the budget never takes")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000));
  app.add_option("--log-level", options.log_level, "trace, debug, info, warning, error, off")
      ->capture_default_str()
      ->check(CLI::IsMember({"trace", "debug", "info", "warning", "error", "off"}));
  app.add_option("--log-format", options.log_format, "text, or json: one object a line")
      ->capture_default_str()
      ->check(CLI::IsMember({"text", "json"}));
  app.add_option("--metrics", options.metrics,
                 "HOST:PORT of a page of Prometheus metrics (/metrics); only loopback addresses")
      ->type_name("HOST:PORT");
  for (const char* name : {"--exit-when-idle", "--lease", "--heartbeat"}) {
    app.get_option(name)->check(CLI::Validator(
        [](std::string& text) { return text.empty() ? std::string() : CheckDuration(text); },
        "DURATION"));
  }
  try {
    app.parse(argc, argv);
    options.client_certificates = client_certificate == "required";
    for (const std::string& quota : quotas) {
      const absl::Status status = SetQuota(quota, &options.quotas);
      if (!status.ok()) throw CLI::ValidationError("--quota", std::string(status.message()));
    }
    options.scheduling.lease = *ParseDuration(lease);
    options.scheduling.heartbeat = *ParseDuration(heartbeat);
    if (options.scheduling.heartbeat * 2 > options.scheduling.lease) {
      throw CLI::ValidationError("--heartbeat", "a lease must last at least two heartbeats");
    }
  } catch (const CLI::ParseError& error) {
    parsed.exit_code = app.exit(error, std::cout, std::cerr) == 0 ? 0 : 2;
    return parsed;
  }
  if (!budget.empty()) options.scheduling.artifact_budget_bytes = ParseBytes(budget);
  if (idle_option->count() > 0) {
    const auto time = ParseDuration(idle).value_or(std::chrono::seconds(30));
    options.exit_when_idle = std::chrono::ceil<std::chrono::seconds>(time);
  }
  if (options.artifacts.empty()) options.artifacts = DefaultArtifacts(options.database);
  return parsed;
}

}  // namespace vizsla
