#include "src/cli/helper_program.h"

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

constexpr std::array<std::string_view, 3> kOptionsWithValue = {"--db", "--coordinator",
                                                               "--artifacts"};

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
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return ErrnoStatus(error.value(), "/proc/self/exe", "read");
  const std::string path = (self.parent_path() / call.program).string();
  if (!std::filesystem::exists(path, error)) {
    return absl::NotFoundError(StrCat("this command needs the program ", call.program,
                                      ", which does not lie beside ", self.string(),
                                      "; build it or install Vizsla whole"));
  }
  std::vector<char*> argv = {const_cast<char*>(path.c_str())};
  for (const std::string& argument : call.arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  execv(path.c_str(), argv.data());
  return ErrnoStatus(errno, path, "run");
}

}  // namespace vizsla
