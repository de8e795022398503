#include "src/image/tool/pictures.h"

#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "src/base/file.h"

extern char** environ;

namespace vizsla {
namespace {

std::string Replaced(std::string text, char from, std::string_view to) {
  std::string result;
  for (const char c : text) c == from ? result += to : result += c;
  return result;
}

// In gnuplot's single quotes nothing but the quote itself is special.
std::string SingleQuoted(const std::string& text) {
  return StrCat("'", Replaced(text, '\'', "''"), "'");
}

std::string ChartScript(const NamedCounts& rows, const std::string& title,
                        const std::string& terminal, const std::string& output) {
  uint64_t largest = 1;
  std::string data;
  size_t longest_name = 4;
  for (size_t i = 0; i < rows.size(); ++i) {
    // Double quotes cannot be escaped inside inline data.
    const std::string name = Replaced(Replaced(rows[i].first, '"', "'"), '\n', " ");
    data += StrCat(rows.size() - i, " ", rows[i].second, " \"", name, "\"\n");
    largest = std::max(largest, rows[i].second);
    longest_name = std::max(longest_name, name.size());
  }
  return StrCat(
      "set terminal ", terminal, "\nset output ", SingleQuoted(output), "\n$rows << END_OF_ROWS\n",
      data, "END_OF_ROWS\nset title ", SingleQuoted(title),
      " noenhanced\nunset key\nset border 1\n",
      "set style fill solid 0.9 noborder\nset tics nomirror scale 0.5\nset ytics noenhanced\n",
      "set grid xtics lc rgb '#dddddd' lt 1\nset xrange [0:", static_cast<double>(largest) * 1.08,
      "]\nset yrange [0.3:", static_cast<double>(rows.size()) + 0.7, "]\nset lmargin ",
      longest_name + 2, "\nset xlabel 'photos'\n",
      "plot $rows using ($2/2.0):1:($2/2.0):(0.38):ytic(3) with boxxyerrorbars lc rgb '#2a7f9e', "
      "\\\n",
      "  $rows using 2:1:(sprintf('%d', $2)) with labels left offset 0.5,0 noenhanced font ',8'\n");
}

absl::Status RunGnuplot(const std::string& script_path) {
  std::string program = "gnuplot";
  std::string argument = script_path;
  char* arguments[] = {program.data(), argument.data(), nullptr};
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, "gnuplot", nullptr, nullptr, arguments, environ);
  if (error != 0) {
    return absl::FailedPreconditionError(error == ENOENT
                                             ? "gnuplot is not installed (Debian: gnuplot-nox)"
                                             : "gnuplot cannot be started");
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError("gnuplot failed; its own words are above");
}

constexpr int kTile = 160;
constexpr int kCaption = 18;
constexpr int kGap = 8;
constexpr double kFontScale = 0.38;

// What fits under a tile. OpenCV's font has ASCII only.
std::string Caption(const std::string& label) {
  std::string text;
  for (const char c : label) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) != 0x80) text += byte < 0x80 ? c : '?';
  }
  const auto width = [](const std::string& words) {
    return cv::getTextSize(words, cv::FONT_HERSHEY_SIMPLEX, kFontScale, 1, nullptr).width;
  };
  if (width(text) <= kTile) return text;
  while (!text.empty() && width(text + "...") > kTile) text.pop_back();
  return text + "...";
}

}  // namespace

absl::StatusOr<std::vector<std::string>> WriteClassChart(const NamedCounts& rows,
                                                         const std::string& title,
                                                         const std::string& folder) {
  VIZSLA_ASSIGN_OR_RETURN(const TemporaryDirectory scripts,
                          TemporaryDirectory::Create("vizsla-gnuplot"));
  const size_t height = 110 + rows.size() * 16;
  const std::string size = StrCat("size 900,", height);
  const std::pair<std::string, std::string> formats[] = {
      {StrCat("pngcairo ", size, " font 'sans,9'"), "classes.png"},
      {StrCat("svg ", size, " font 'sans,11' background '#ffffff'"), "classes.svg"}};
  std::vector<std::string> written;
  for (const auto& [terminal, name] : formats) {
    const std::string output = StrCat(folder, "/", name);
    const std::string script = StrCat(scripts.path(), "/", name, ".gnuplot");
    VIZSLA_RETURN_IF_ERROR(WriteFileAtomically(script, ChartScript(rows, title, terminal, output)));
    VIZSLA_RETURN_IF_ERROR(RunGnuplot(script));
    written.push_back(output);
  }
  return written;
}

cv::Mat ContactSheet(const std::vector<SheetPhoto>& photos, int columns) {
  const int count = static_cast<int>(photos.size());
  columns = std::min(columns, count);
  const int rows = (count + columns - 1) / columns;
  cv::Mat sheet(kGap + rows * (kTile + kCaption + kGap), kGap + columns * (kTile + kGap), CV_8UC3,
                cv::Scalar::all(255));
  for (int i = 0; i < count; ++i) {
    const cv::Mat& picture = photos[static_cast<size_t>(i)].picture;
    const double scale = static_cast<double>(kTile) / std::max(picture.cols, picture.rows);
    const cv::Size size(std::max(1, static_cast<int>(picture.cols * scale)),
                        std::max(1, static_cast<int>(picture.rows * scale)));
    cv::Mat small;
    cv::resize(picture, small, size, 0, 0, scale < 1 ? cv::INTER_AREA : cv::INTER_CUBIC);
    const int left = kGap + i % columns * (kTile + kGap);
    const int top = kGap + i / columns * (kTile + kCaption + kGap);
    small.copyTo(sheet(cv::Rect(left + (kTile - size.width) / 2, top + (kTile - size.height) / 2,
                                size.width, size.height)));
    cv::putText(sheet, Caption(photos[static_cast<size_t>(i)].label),
                cv::Point(left, top + kTile + kCaption - 5), cv::FONT_HERSHEY_SIMPLEX, kFontScale,
                cv::Scalar::all(30), 1, cv::LINE_AA);
  }
  return sheet;
}

absl::Status WritePng(const cv::Mat& rgb, const std::string& path) {
  cv::Mat bgr;
  cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
  std::vector<uint8_t> bytes;
  try {
    cv::imencode(".png", bgr, bytes);
  } catch (const cv::Exception& error) {
    return absl::InternalError(StrCat(path, ": ", error.what()));
  }
  return WriteFileAtomically(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace vizsla
