#include "src/cli/doctor/doctor_command.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "src/base/str_cat.h"
#include "src/cli/doctor/gather.h"
#include "src/cli/terminal.h"
#include "src/report/text.h"

namespace vizsla {
namespace {

int64_t CountOf(const std::vector<Finding>& findings, Verdict verdict) {
  return std::count_if(findings.begin(), findings.end(),
                       [&](const Finding& finding) { return finding.verdict == verdict; });
}

}  // namespace

std::string DoctorText(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    std::string verdict(ToText(finding.verdict));
    verdict.resize(std::max<size_t>(verdict.size(), 8), ' ');
    std::string check = finding.check;
    check.resize(std::max<size_t>(check.size(), 14), ' ');
    text += StrCat(verdict, " ", check, " ", SafeText(finding.message));
    if (!finding.mend.empty()) text += StrCat(". To mend: ", finding.mend);
    text += '\n';
  }
  return StrCat(text, Count(CountOf(findings, Verdict::kProblem), "problem"), ", ",
                Count(CountOf(findings, Verdict::kWarning), "warning"), "\n");
}

std::string DoctorJson(const std::vector<Finding>& findings) {
  nlohmann::ordered_json checks = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    checks.push_back({{"check", finding.check},
                      {"verdict", std::string(ToText(finding.verdict))},
                      {"message", finding.message},
                      {"mend", finding.mend}});
  }
  const nlohmann::ordered_json all = {{"verdict", std::string(ToText(Worst(findings)))},
                                      {"checks", std::move(checks)}};
  return all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

absl::Status RunDoctor(const ConnectionOptions& connection, const DoctorCommand& command) {
  const std::vector<Finding> findings = Diagnose(GatherFacts({connection, command.data}));
  Print(command.json ? DoctorJson(findings) : DoctorText(findings));
  if (Worst(findings) != Verdict::kProblem) return absl::OkStatus();
  return absl::FailedPreconditionError("this set-up has problems; the lines above say which");
}

}  // namespace vizsla
