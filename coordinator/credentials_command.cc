#include "coordinator/credentials_command.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "src/base/clock.h"
#include "src/security/credentials_folder.h"

namespace vizsla {
namespace {

constexpr char kExamples[] =
    "Examples:\n"
    "  vizsla-coordinator init secrets --host gpu1.lab --host 10.0.0.7\n"
    "  vizsla-coordinator --db dogs.db --listen 0.0.0.0:4711 --credentials secrets\n"
    "  vizsla leaderboard --coordinator gpu1.lab:4711 --credentials secrets/viewer\n"
    "  vizsla-coordinator issue secrets eva --role viewer\n"
    "  vizsla-coordinator renew secrets";

struct Arguments {
  std::string folder;
  std::string name;
  std::string role;
  std::vector<std::string> hosts;
  int days = 825;
};

void AddFolder(CLI::App* command, Arguments& arguments, const std::string& what) {
  command->add_option("DIR", arguments.folder, what)->required();
}

void AddDays(CLI::App* command, Arguments& arguments) {
  command->add_option("--days", arguments.days, "So long a certificate is valid")
      ->capture_default_str()
      ->check(CLI::Range(1, 3650));
}

void AddHosts(CLI::App* command, Arguments& arguments) {
  command
      ->add_option("--host", arguments.hosts,
                   "A name or IP address by which clients reach the coordinator; may be repeated. "
                   "localhost is always among them")
      ->type_name("HOST");
}

void SayWhatInitMade(const std::string& folder) {
  std::printf(
      "%s/ca           signs certificates; keep it to yourself, offline if you can\n"
      "%s/coordinator  for vizsla-coordinator --credentials %s\n"
      "%s/admin, %s/worker, %s/viewer\n"
      "    one folder a role: carry it to where the client runs, and name it by --credentials or "
      "VIZSLA_CREDENTIALS\n",
      folder.c_str(), folder.c_str(), folder.c_str(), folder.c_str(), folder.c_str(),
      folder.c_str());
}

absl::Status Run(const CLI::App& init, const CLI::App& issue, const Arguments& given) {
  const Timestamp now = SystemClock().Now();
  const std::chrono::days days(given.days);
  if (init.parsed()) {
    InitOptions options;
    options.folder = given.folder;
    options.hosts = given.hosts;
    options.certificate_lifetime = days;
    VIZSLA_RETURN_IF_ERROR(InitCredentials(options, now));
    SayWhatInitMade(given.folder);
    return absl::OkStatus();
  }
  if (issue.parsed()) {
    VIZSLA_ASSIGN_OR_RETURN(const Role role, ParseRole(given.role));
    VIZSLA_RETURN_IF_ERROR(IssueClient(given.folder, {given.name, role}, days, now));
    std::printf("%s/%s\n", given.folder.c_str(), given.name.c_str());
    return absl::OkStatus();
  }
  VIZSLA_RETURN_IF_ERROR(RenewServer(given.folder, given.hosts, days, now));
  std::printf("%s/coordinator/identity.pem\n", given.folder.c_str());
  return absl::OkStatus();
}

}  // namespace

std::optional<int> RunCredentialsCommand(int argc, char** argv) {
  const std::string first = argc > 1 ? argv[1] : "";
  if (first != "init" && first != "issue" && first != "renew") return std::nullopt;
  CLI::App app{"Makes the certificates and tokens of a coordinator that others may reach."};
  app.name("vizsla-coordinator");
  app.footer(kExamples);
  app.require_subcommand(1);
  Arguments arguments;
  CLI::App* init = app.add_subcommand(
      "init", "Makes a certificate authority, and certificates and tokens signed by it");
  AddFolder(init, arguments, "The folder to make; it must not be there");
  AddHosts(init, arguments);
  AddDays(init, arguments);
  CLI::App* issue = app.add_subcommand("issue", "Makes a further client's certificate and token");
  AddFolder(issue, arguments, "The folder that init made");
  issue->add_option("NAME", arguments.name, "The client's name; its folder is DIR/NAME")
      ->required();
  issue->add_option("--role", arguments.role, "viewer, worker or admin")->required();
  AddDays(issue, arguments);
  CLI::App* renew = app.add_subcommand(
      "renew", "Replaces the coordinator's certificate; a running one takes it within seconds");
  AddFolder(renew, arguments, "The folder that init made");
  AddHosts(renew, arguments);
  AddDays(renew, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error, std::cout, std::cerr) == 0 ? 0 : 2;
  }
  const absl::Status status = Run(*init, *issue, arguments);
  if (status.ok()) return 0;
  std::fprintf(stderr, "vizsla-coordinator %s: %s\n", first.c_str(),
               std::string(status.message()).c_str());
  return 1;
}

}  // namespace vizsla
