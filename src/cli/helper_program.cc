#include "src/cli/helper_program.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>

#include "src/base/file.h"
#include "src/base/str_cat.h"

namespace vizsla {
namespace {

struct Helper {
  std::string_view subcommand;
  std::string_view program;
  bool keeps_word;  // the program has subcommands of its own and wants to know which
};

constexpr std::array<Helper, 3> kHelpers = {{
    {"evaluate", "vizsla-evaluate", true},
    {"predict", "vizsla-evaluate", true},
    {"dataset", "vizsla-dataset", false},
}};

constexpr std::array<std::string_view, 4> kOptionsWithValue = {"--db", "--coordinator",
                                                               "--artifacts", "--log-format"};

// The program beside this one.
absl::StatusOr<std::string> FindProgram(const std::string& name) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return ErrnoStatus(error.value(), "/proc/self/exe", "read");
  std::string path = (self.parent_path() / name).string();
  if (!std::filesystem::exists(path, error)) {
    return absl::NotFoundError(StrCat("this command needs the program ", name,
                                      ", which does not lie beside ", self.string(),
                                      "; build it or install Vizsla whole"));
  }
  return path;
}

// Points into `path` and `call`.
std::vector<char*> MakeArgv(const std::string& path, const HelperCall& call) {
  std::vector<char*> argv = {const_cast<char*>(path.c_str())};
  for (const std::string& argument : call.arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  return argv;
}

}  // namespace

std::optional<HelperCall> FindHelperCall(const std::vector<std::string>& arguments) {
  size_t word = 0;
  while (word < arguments.size() && arguments[word].starts_with("-")) {
    const bool takes_next = std::find(kOptionsWithValue.begin(), kOptionsWithValue.end(),
                                      arguments[word]) != kOptionsWithValue.end();
    word += takes_next ? 2 : 1;
  }
  if (word >= arguments.size()) return std::nullopt;
  const auto helper = std::find_if(kHelpers.begin(), kHelpers.end(), [&](const Helper& candidate) {
    return candidate.subcommand == arguments[word];
  });
  if (helper == kHelpers.end()) return std::nullopt;
  HelperCall call;
  call.program = std::string(helper->program);
  if (helper->keeps_word) call.arguments.push_back(arguments[word]);
  call.arguments.insert(call.arguments.end(), arguments.begin() + word + 1, arguments.end());
  call.arguments.insert(call.arguments.end(), arguments.begin(), arguments.begin() + word);
  return call;
}

absl::Status ExecHelper(const HelperCall& call) {
  VIZSLA_ASSIGN_OR_RETURN(const std::string path, FindProgram(call.program));
  execv(path.c_str(), MakeArgv(path, call).data());
  return ErrnoStatus(errno, path, "run");
}

absl::Status RunHelper(const HelperCall& call) {
  VIZSLA_ASSIGN_OR_RETURN(const std::string path, FindProgram(call.program));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int error =
      posix_spawn(&child, path.c_str(), &actions, nullptr, MakeArgv(path, call).data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return ErrnoStatus(error, path, "run");
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return ErrnoStatus(errno, path, "wait for");
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  if (WIFSIGNALED(status)) {
    return absl::InternalError(StrCat(call.program, " was ended by signal ", WTERMSIG(status)));
  }
  return absl::InternalError(StrCat(call.program, " failed; its own words are above"));
}

}  // namespace vizsla
