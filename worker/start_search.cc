#include "worker/start_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>

#include "src/base/log.h"
#include "src/base/sha256.h"
#include "src/cli/terminal.h"
#include "src/cli/wire_views.h"
#include "src/report/leaderboard.h"
#include "src/report/text.h"
#include "src/spec/parse_study.h"
#include "src/submission/submit.h"

namespace vizsla {
namespace {

constexpr size_t kProblemsShown = 5;
constexpr int kRowsShown = 10;

std::string Short(const std::string& hash) { return hash.substr(0, 12) + "..."; }

std::string Classes(size_t count) { return fmt::format("{} classes", count); }  // at least two

// Every few seconds of long work a line, and a call by which the coordinator knows that somebody is
// there: an idle one leaves.
class HashingProgress {
 public:
  explicit HashingProgress(CoordinatorClient& client) : client_(client) {}
  void operator()(size_t done, size_t total) {
    const auto now = std::chrono::steady_clock::now();
    if (total == 0 || now - last_ < std::chrono::seconds(3)) return;
    last_ = now;
    log::info("photos hashed: {} of {} ({} %)", done, total, 100 * done / total);
    // Whatever it answers; the call that needs an answer comes later.
    (void)client_.GetStudy({});
  }

 private:
  CoordinatorClient& client_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

absl::Status CheckExists(const std::string& path, std::string_view option) {
  std::error_code error;
  if (path.empty() || std::filesystem::exists(path, error)) return absl::OkStatus();
  return absl::NotFoundError(StrCat(option, " ", path, ": no such file or folder"));
}

void PrintProblems(const std::vector<Problem>& problems) {
  if (problems.empty()) return;
  Print(fmt::format("{} with the data, which the search goes on without:\n",
                    Count(static_cast<int64_t>(problems.size()), "problem")));
  for (size_t i = 0; i < std::min(problems.size(), kProblemsShown); ++i) {
    Print(fmt::format("  {}: {}\n", SafeText(problems[i].place), SafeText(problems[i].reason)));
  }
  if (problems.size() > kProblemsShown) {
    Print(fmt::format("  and {} more; vizsla dataset inspect shows all\n",
                      problems.size() - kProblemsShown));
  }
}

void PrintPinned(const PreparedStudy& prepared, const SubmittedStudy& submitted,
                 const WorkerOptions& options) {
  Print(fmt::format("study '{}' {}\n", SafeText(submitted.study.name()),
                    submitted.created ? "created" : "resumed"));
  Print(fmt::format("data {}: {} of {}; {} train, {} validate, {} are sealed for the test\n",
                    SafeText(options.data),
                    Count(static_cast<int64_t>(prepared.index.photos.size()), "photo"),
                    Classes(prepared.index.classes.size()), prepared.split.train.size(),
                    prepared.split.validation.size(), prepared.split.test.size()));
  if (!prepared.inputs.weights_hash.empty()) {
    Print(fmt::format("weights {}: {}\n", SafeText(options.weights),
                      Short(prepared.inputs.weights_hash)));
  }
  PrintProblems(prepared.problems);
  (void)FlushStdout();
}

}  // namespace

absl::StatusOr<StudySpec> CheckInputs(const WorkerOptions& options) {
  VIZSLA_RETURN_IF_ERROR(CheckExists(options.data, "--data"));
  VIZSLA_RETURN_IF_ERROR(CheckExists(options.weights, "--weights"));
  if (options.search.empty()) return StudySpec();
  return ParseStudyFile(options.search);
}

absl::Status PrintBoard(CoordinatorClient& client, const std::string& study) {
  v1::GetLeaderboardRequest request;
  request.set_study(study);
  VIZSLA_ASSIGN_OR_RETURN(const v1::GetLeaderboardResponse response,
                          client.GetLeaderboard(request));
  VIZSLA_ASSIGN_OR_RETURN(const LeaderboardView board, ToView(response.leaderboard()));
  Print(RenderLeaderboard(board, StdoutOptions(), kRowsShown));
  return FlushStdout();
}

absl::StatusOr<Start> StartSearch(CoordinatorClient& client, const WorkerOptions& options,
                                  const StudySpec& spec) {
  HashingProgress progress(client);
  VIZSLA_ASSIGN_OR_RETURN(
      PreparedStudy prepared,
      PrepareStudy({.spec = spec, .data = options.data, .weights = options.weights},
                   [&](size_t done, size_t total) { progress(done, total); }));
  VIZSLA_ASSIGN_OR_RETURN(const SubmittedStudy submitted,
                          SubmitStudy(client, prepared, options.weights));
  PrintPinned(prepared, submitted, options);
  Start start;
  start.study = submitted.study.name();
  start.index = std::move(prepared.index);
  if (submitted.study.state() == v1::STUDY_STATE_FINISHED) {
    VIZSLA_RETURN_IF_ERROR(PrintBoard(client, start.study));
    Print(
        "The study is finished. Raise its budget in the search space to go on, or pull the best: "
        "vizsla pull -o best/\n");
    start.nothing_to_do = true;
  }
  return start;
}

absl::Status CheckStudiesFit(const v1::ListStudiesResponse& studies, const WorkerOptions& options,
                             const std::string& address, const std::string& fingerprint,
                             const std::string& weights_hash) {
  const auto named = [&](const v1::Study& study) {
    return options.study.empty() || study.name() == options.study;
  };
  const v1::Study* any = nullptr;
  const v1::Study* same_data = nullptr;
  for (const v1::Study& study : studies.studies()) {
    if (!named(study)) continue;
    any = &study;
    if (study.inputs().dataset_fingerprint() != fingerprint) continue;
    same_data = &study;
    const std::string& wanted = study.inputs().weights_hash();
    if (wanted.empty() || weights_hash.empty() || wanted == weights_hash) return absl::OkStatus();
  }
  if (any == nullptr) {
    return absl::FailedPreconditionError(
        options.study.empty()
            ? StrCat("the coordinator at ", address,
                     " has no study; submit one with vizsla submit, or wait with --wait")
            : StrCat("the coordinator at ", address, " has no study '", options.study, "'"));
  }
  if (same_data == nullptr) {
    return absl::FailedPreconditionError(
        StrCat(options.data, " is not the data of any study at ", address, ": its fingerprint is ",
               Short(fingerprint), ", study '", any->name(), "' is pinned to ",
               Short(any->inputs().dataset_fingerprint())));
  }
  return absl::FailedPreconditionError(
      StrCat(options.weights, " are not the weights of any study of this data at ", address,
             ": their SHA-256 is ", Short(weights_hash), ", study '", same_data->name(),
             "' is pinned to ", Short(same_data->inputs().weights_hash()),
             "; without --weights the coordinator's copy is fetched"));
}

absl::StatusOr<Start> JoinCoordinator(CoordinatorClient& client, const WorkerOptions& options) {
  Start start;
  start.study = options.study;
  HashingProgress progress(client);
  IndexOptions index_options;
  index_options.progress = [&](size_t done, size_t total) { progress(done, total); };
  VIZSLA_ASSIGN_OR_RETURN(start.index, IndexDataset(options.data, index_options));
  std::string weights_hash;
  if (!options.weights.empty()) {
    VIZSLA_ASSIGN_OR_RETURN(weights_hash, Sha256HexOfFile(options.weights));
  }
  VIZSLA_ASSIGN_OR_RETURN(const v1::ListStudiesResponse studies, client.ListStudies({}));
  const absl::Status fits =
      CheckStudiesFit(studies, options, client.address(), start.index.fingerprint, weights_hash);
  if (!fits.ok() && !options.wait) return fits;
  if (!fits.ok()) log::info("{}", std::string(fits.message()));
  Print(fmt::format("data {}: {} of {}\n", SafeText(options.data),
                    Count(static_cast<int64_t>(start.index.photos.size()), "photo"),
                    Classes(start.index.classes.size())));
  PrintProblems(start.index.problems);
  (void)FlushStdout();
  return start;
}

}  // namespace vizsla
