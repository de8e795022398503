#include "src/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "src/base/file.h"
#include "src/base/log.h"
#include "src/report/text.h"

namespace vizsla {
namespace {

std::atomic<bool> messages_to_log{false};

winsize StdoutSize() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return {};
  return size;
}

}  // namespace

bool StdoutIsTerminal() { return isatty(STDOUT_FILENO) == 1; }
bool StderrIsTerminal() { return isatty(STDERR_FILENO) == 1; }

RenderOptions StdoutOptions() {
  if (!StdoutIsTerminal()) return {};
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  RenderOptions options;
  options.color = (no_color == nullptr || *no_color == '\0') &&
                  (term == nullptr || std::strcmp(term, "dumb") != 0);
  options.width = StdoutSize().ws_col;
  return options;
}

bool LocaleIsUtf8() {
  // setlocale is not asked: a program that has not called it is in the C locale.
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    std::string locale = value;
    std::transform(locale.begin(), locale.end(), locale.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
  }
  return false;
}

CurveOptions StdoutCurves() {
  constexpr int kPipeWidth = 80;
  constexpr int kMaxWidth = 120;
  const RenderOptions table = StdoutOptions();
  CurveOptions options;
  options.width = table.width > 0 ? std::min(table.width, kMaxWidth) : kPipeWidth;
  options.unicode = LocaleIsUtf8();
  options.color = table.color;
  return options;
}

int StdoutHeight() { return StdoutIsTerminal() ? StdoutSize().ws_row : 0; }

void Print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void MessagesToLog(bool to_log) { messages_to_log = to_log; }

void Message(std::string_view text, std::string_view program) {
  if (messages_to_log) {
    log::warn("{}", std::string(text));
    return;
  }
  std::string safe = StrCat(program, ": ");
  for (size_t end; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1)) {
    safe += SafeText(text.substr(0, end)) + "\n";
  }
  safe += SafeText(text) + "\n";
  std::fwrite(safe.data(), 1, safe.size(), stderr);
}

absl::Status FlushStdout() {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return absl::OkStatus();
  if (errno == EPIPE) return absl::OkStatus();
  return ErrnoStatus(errno == 0 ? EIO : errno, "standard output", "write");
}

ProgressLine::ProgressLine(std::string what)
    : what_(std::move(what)), enabled_(StderrIsTerminal()) {}

ProgressLine::~ProgressLine() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
}

void ProgressLine::Show(uint64_t done, uint64_t total) {
  if (!enabled_ || total == 0) return;
  const int percent = static_cast<int>(100.0 * static_cast<double>(done) / total);
  if (percent == percent_) return;
  percent_ = percent;
  shown_ = true;
  std::fprintf(stderr, "\r\x1b[K%s  %d%%", what_.c_str(), percent);
}

}  // namespace vizsla
