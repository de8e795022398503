#include "worker/command_line.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "src/study/closest_word.h"

namespace vizsla {
namespace {

// The option names that may follow what was parsed so far.
std::vector<std::string> KnownNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const CLI::App* command : app.get_subcommands()) {
    for (std::string& name : KnownNames(*command)) names.push_back(std::move(name));
  }
  return names;
}

absl::Status Unknown(const CLI::App& app, const std::string& word) {
  if (word.rfind("-", 0) != 0) {
    return absl::InvalidArgumentError(StrCat("'", word, "' was not expected here"));
  }
  const std::string name = word.substr(0, word.find('='));
  const std::vector<std::string> known = KnownNames(app);
  const std::optional<std::string> closest = ClosestWord(name, known);
  return absl::InvalidArgumentError(StrCat(
      "unknown option '", name, "'", closest ? StrCat("; did you mean '", *closest, "'?") : "",
      closest ? "" : "; --help lists the options"));
}

}  // namespace

absl::Status ParseCommandLine(CLI::App& app, int argc, const char* const* argv,
                              std::string* print) {
  app.set_version_flag("--version", std::string("vizsla ") + VIZSLA_VERSION,
                       "Print the version and exit");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    *print = app.help();
    return absl::OkStatus();
  } catch (const CLI::CallForAllHelp&) {
    *print = app.help("", CLI::AppFormatMode::All);
    return absl::OkStatus();
  } catch (const CLI::CallForVersion&) {
    *print = app.version() + "\n";
    return absl::OkStatus();
  } catch (const CLI::ExtrasError&) {
    std::vector<std::string> extras = app.remaining(true);
    const auto option = std::find_if(extras.begin(), extras.end(), [](const std::string& word) {
      return word.rfind("-", 0) == 0;
    });
    return Unknown(app, option != extras.end() ? *option
                        : extras.empty()       ? std::string("?")
                                               : extras.front());
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(error.what());
  }
  return absl::OkStatus();
}

}  // namespace vizsla
