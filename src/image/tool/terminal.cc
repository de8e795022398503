#include "src/image/tool/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "src/base/str_cat.h"
#include "src/dataset/text.h"

namespace vizsla {
namespace {

// Columns that UTF-8 text takes, one a character: good for names of most alphabets.
size_t Columns(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

}  // namespace

std::string WithThousands(uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

int TerminalWidth() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

bool WantsColour() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0') &&
         (terminal == nullptr || std::string_view(terminal) != "dumb");
}

std::string BarChart(const std::vector<std::pair<std::string, uint64_t>>& rows, int width,
                     bool colour) {
  constexpr std::string_view kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  std::vector<std::string> names;
  size_t name_width = 0;
  size_t count_width = 0;
  uint64_t largest = 1;
  for (const auto& [name, count] : rows) {
    names.push_back(Printable(name));
    name_width = std::max(name_width, Columns(names.back()));
    count_width = std::max(count_width, WithThousands(count).size());
    largest = std::max(largest, count);
  }
  const size_t taken = 2 + name_width + 2 + count_width + 1;
  const size_t room = std::max<size_t>(
      10, static_cast<size_t>(std::max(width, 0)) > taken ? static_cast<size_t>(width) - taken : 0);
  std::string chart;
  for (size_t row = 0; row < rows.size(); ++row) {
    const uint64_t count = rows[row].second;
    const std::string number = WithThousands(count);
    const size_t eighths = count * room * 8 / largest;
    std::string bar;
    for (size_t i = 0; i < eighths / 8; ++i) bar += "█";
    bar += kEighths[eighths % 8];
    if (colour) bar = StrCat("\x1b[36m", bar, "\x1b[0m");
    chart += StrCat("  ", names[row], std::string(name_width - Columns(names[row]) + 2, ' '),
                    std::string(count_width - number.size(), ' '), number, " ", bar, "\n");
  }
  return chart;
}

ProgressLine::ProgressLine(std::string_view what)
    : what_(what), shown_(::isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
}

void ProgressLine::Update(size_t done, size_t total) {
  if (!shown_ || total == 0) return;
  const auto now = std::chrono::steady_clock::now();
  if (done < total && now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  constexpr size_t kBar = 30;
  const size_t filled = done * kBar / total;
  std::string bar;
  for (size_t i = 0; i < kBar; ++i) bar += i < filled ? "█" : "░";
  std::fprintf(stderr, "\r\x1b[K%s %s %s / %s", what_.c_str(), bar.c_str(),
               WithThousands(done).c_str(), WithThousands(total).c_str());
  std::fflush(stderr);
}

}  // namespace vizsla
