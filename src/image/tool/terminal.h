// What the tool shows on a terminal: bars, numbers and progress. Results go to standard output,
// progress to standard error and only when that is a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vizsla {

// 10222 -> "10,222".
std::string WithThousands(uint64_t number);

// Columns of standard output; 80 when it is no terminal.
int TerminalWidth();

// True when standard output is a terminal, without NO_COLOR (no-color.org: an empty one is none)
// and TERM=dumb.
bool WantsColour();

// One line a row: name, count and a bar whose longest fills `width`; blocks of an eighth of a
// column. Control characters in names are shown as ?.
std::string BarChart(const std::vector<std::pair<std::string, uint64_t>>& rows, int width,
                     bool colour);

// "decoding  1,234 / 10,222", rewritten in place at most ten times a second. Cleared when
// destroyed.
class ProgressLine {
 public:
  explicit ProgressLine(std::string_view what);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  void Update(size_t done, size_t total);

 private:
  std::string what_;
  bool shown_;
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace vizsla
