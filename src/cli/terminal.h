// What the terminal can do, and the few things that are written to it.
#pragma once

#include <string>
#include <string_view>

#include "src/base/status.h"
#include "src/report/curves.h"
#include "src/report/table.h"

namespace vizsla {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

bool StdoutIsTerminal();
bool StderrIsTerminal();

// Colour only on a terminal, and not with NO_COLOR (no-color.org) or TERM=dumb; on a pipe tables
// are as wide as they get.
RenderOptions StdoutOptions();
// As wide as the terminal, up to 120 columns, and 80 on a pipe; braille dots where the locale is
// UTF-8.
CurveOptions StdoutCurves();
// Whether LC_ALL, LC_CTYPE or LANG (the first that is set) names UTF-8.
bool LocaleIsUtf8();
// Lines of the terminal; 0 when standard output is none.
int StdoutHeight();

void Print(std::string_view text);  // to standard output
// To standard error: "PROGRAM: TEXT". Names from files and remote messages end here: line feeds
// stay, whatever else could move the cursor is replaced by ?.
void Message(std::string_view text, std::string_view program = "vizsla");
// From now on messages are lines of the log: whoever wants JSON wants nothing else.
void MessagesToLog(bool to_log);

// Flushes standard output. An error (full disk) is a status; a reader that went away is none.
absl::Status FlushStdout();

// One line on standard error that is redrawn: "what  45%". Silent when that is no terminal.
class ProgressLine {
 public:
  explicit ProgressLine(std::string what);
  ~ProgressLine();
  void Show(uint64_t done, uint64_t total);

 private:
  std::string what_;
  bool enabled_;
  bool shown_ = false;
  int percent_ = -1;
};

}  // namespace vizsla
