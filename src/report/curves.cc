#include "src/report/curves.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/base/str_cat.h"
#include "src/report/axis.h"
#include "src/report/table.h"
#include "src/report/text.h"

namespace vizsla {
namespace {

constexpr int kLabelColumns = 9;  // values at the left, with the axis
constexpr int kMinWidth = 30;
constexpr int kMinHeight = 3;
constexpr double kLogFactor = 30;
constexpr Tint kTrainTint = Tint::kWarning;
constexpr Tint kValidationTint = Tint::kBusy;

struct Sample {
  int epoch = 0;
  double value = 0;
};

// The finite values of a metric, by epoch.
std::vector<Sample> SamplesOf(std::span<const EpochReport> epochs, const std::string& metric) {
  std::vector<Sample> samples;
  for (const EpochReport& report : epochs) {
    const auto it = report.metrics.find(metric);
    if (it != report.metrics.end() && std::isfinite(it->second)) {
      samples.push_back({report.epoch, it->second});
    }
  }
  return samples;
}

// Dots in characters: braille has 2 x 4 of them in each, ASCII one.
class Canvas {
 public:
  Canvas(int columns, int rows, bool unicode)
      : columns_(columns), rows_(rows), unicode_(unicode), cells_(columns * rows) {}

  int dots_across() const { return unicode_ ? 2 * columns_ : columns_; }
  int dots_down() const { return unicode_ ? 4 * rows_ : rows_; }

  void Set(int x, int y, bool validation) {
    if (x < 0 || y < 0 || x >= dots_across() || y >= dots_down()) return;
    // U+2800's bits: the dots of the left column 0, 1, 2, 6, of the right one 3, 4, 5, 7.
    static constexpr int kBits[4][2] = {{0, 3}, {1, 4}, {2, 5}, {6, 7}};
    Cell& cell = cells_[(unicode_ ? y / 4 : y) * columns_ + (unicode_ ? x / 2 : x)];
    (validation ? cell.validation : cell.train) |= unicode_ ? 1 << kBits[y % 4][x % 2] : 1;
  }

  // With each stretch of one curve in its tint, no blanks at the end.
  std::string Row(int row, bool color) const {
    std::string text;
    std::string blanks;
    for (int column = 0; column < columns_; ++column) {
      const Cell& cell = cells_[row * columns_ + column];
      if (cell.train == 0 && cell.validation == 0) {
        blanks += ' ';
        continue;
      }
      const Tint tint = cell.validation != 0 ? kValidationTint : kTrainTint;
      text += std::exchange(blanks, "") + Paint(Character(cell), tint, color);
    }
    return text;
  }

 private:
  struct Cell {
    int train = 0;
    int validation = 0;
  };

  std::string Character(const Cell& cell) const {
    if (!unicode_) return cell.train != 0 && cell.validation != 0 ? "@" : cell.train ? "o" : "*";
    const int code = 0x2800 + (cell.train | cell.validation);
    return {static_cast<char>(0xE0 | (code >> 12)), static_cast<char>(0x80 | ((code >> 6) & 0x3F)),
            static_cast<char>(0x80 | (code & 0x3F))};
  }

  int columns_;
  int rows_;
  bool unicode_;
  std::vector<Cell> cells_;
};

void DrawCurve(Canvas& canvas, const std::vector<Sample>& samples, const Axis& x, const Axis& y,
               bool validation, bool dotted) {
  const auto column = [&](const Sample& sample) {
    return static_cast<int>(std::lround(x.Map(sample.epoch)));
  };
  const auto row = [&](const Sample& sample) {
    return static_cast<int>(std::lround(y.Map(sample.value)));
  };
  for (size_t i = 0; i < samples.size(); ++i) {
    canvas.Set(column(samples[i]), row(samples[i]), validation);
    if (i == 0) continue;
    const int from_x = column(samples[i - 1]);
    const int from_y = row(samples[i - 1]);
    const int across = column(samples[i]) - from_x;
    const int down = row(samples[i]) - from_y;
    const int steps = std::max(std::abs(across), std::abs(down));
    for (int step = 1; step < steps; ++step) {
      if (dotted && step % 3 != 0) continue;
      const double share = static_cast<double>(step) / steps;
      canvas.Set(from_x + static_cast<int>(std::lround(share * across)),
                 from_y + static_cast<int>(std::lround(share * down)), validation);
    }
  }
}

std::string Padded(std::string_view text, int width) {
  const int missing = std::max(0, width - DisplayWidth(text));
  return StrCat(std::string(missing, ' '), text);
}

struct Glyphs {
  std::string vertical, tick, corner, horizontal, mark, validation, train;
};

Glyphs GlyphsOf(const CurveOptions& options) {
  if (!options.unicode) return {"|", "+", "+", "-", "^", "*", "o"};
  return {"│", "┤", "└", "─", "▲", "⠤⠤", options.color ? "⠤⠤" : "⠄⠠"};
}

std::string Plot(const std::string& what, std::span<const EpochReport> epochs, int best_epoch,
                 const CurveOptions& options) {
  const std::vector<Sample> validation = SamplesOf(epochs, StrCat("val_", what));
  const std::vector<Sample> train = SamplesOf(epochs, StrCat("train_", what));
  std::vector<double> values;
  std::vector<double> numbers;  // epochs of every report: both plots have the same axis
  for (const auto* samples : {&validation, &train}) {
    for (const Sample& sample : *samples) values.push_back(sample.value);
  }
  if (values.empty()) return "";
  for (const EpochReport& report : epochs) numbers.push_back(report.epoch);

  const Glyphs glyphs = GlyphsOf(options);
  const int columns = std::max(options.width, kMinWidth) - kLabelColumns;
  const int rows = std::max(options.height, kMinHeight);
  Canvas canvas(columns, rows, options.unicode);
  const Range range = RangeOf(values);
  const bool log = range.low > 0 && range.high > kLogFactor * range.low;
  const Axis y(range.low, range.high, canvas.dots_down() - 1, 0, log);
  const Range epoch_range = RangeOf(numbers);
  const Axis x(epoch_range.low, epoch_range.high, 0, canvas.dots_across() - 1);
  DrawCurve(canvas, train, x, y, /*validation=*/false, /*dotted=*/!options.color);
  DrawCurve(canvas, validation, x, y, /*validation=*/true, /*dotted=*/false);

  std::string text = Paint(what, Tint::kBold, options.color);
  if (log) text += " (logarithmic)";
  if (!validation.empty()) {
    absl::StrAppend(&text, "   ", Paint(glyphs.validation, kValidationTint, options.color),
                    " validation");
  }
  if (!train.empty()) {
    absl::StrAppend(&text, "   ", Paint(glyphs.train, kTrainTint, options.color), " train");
  }
  text += "\n";

  std::vector<std::string> labels(rows);
  const double dots_a_row = static_cast<double>(canvas.dots_down()) / rows;
  for (const Tick& tick : y.Ticks(std::clamp(rows / 2, 2, 5))) {
    const int row = static_cast<int>((y.Map(tick.value) + 0.5) / dots_a_row);
    if (row >= 0 && row < rows) labels[row] = Truncate(tick.text, kLabelColumns - 2);
  }
  for (int row = 0; row < rows; ++row) {
    absl::StrAppend(&text, Padded(labels[row], kLabelColumns - 2), " ",
                    labels[row].empty() ? glyphs.vertical : glyphs.tick,
                    canvas.Row(row, options.color), "\n");
  }

  // The axis with the selected epoch, then the epochs' numbers below.
  const auto column_of = [&](double epoch) {
    const double dots = canvas.dots_across() / static_cast<double>(columns);
    return std::clamp(static_cast<int>(x.Map(epoch) / dots), 0, columns - 1);
  };
  const int marked =
      best_epoch >= epoch_range.low && best_epoch <= epoch_range.high ? column_of(best_epoch) : -1;
  absl::StrAppend(&text, std::string(kLabelColumns - 1, ' '), glyphs.corner);
  for (int column = 0; column < columns; ++column) {
    text += column == marked ? Paint(glyphs.mark, Tint::kGood, options.color) : glyphs.horizontal;
  }
  std::string numbers_line(columns + 1, ' ');
  int free_from = 0;
  for (const Tick& tick : x.Ticks(std::max(2, columns / 12))) {
    if (tick.value != std::floor(tick.value) || tick.value < epoch_range.low ||
        tick.value > epoch_range.high) {
      continue;
    }
    const int length = static_cast<int>(tick.text.size());
    const int at = std::clamp(column_of(tick.value) - length / 2, 0, columns - length);
    if (at < free_from) continue;
    numbers_line.replace(at, length, tick.text);
    free_from = at + length + 1;
  }
  numbers_line.erase(numbers_line.find_last_not_of(' ') + 1);
  absl::StrAppend(&text, "\n", std::string(kLabelColumns, ' '), numbers_line, "\n");
  return text;
}

}  // namespace

std::string RenderCurves(std::span<const EpochReport> epochs, int best_epoch,
                         const CurveOptions& options) {
  std::string text;
  for (const char* what : {"loss", "accuracy"}) {
    const std::string plot = Plot(what, epochs, best_epoch, options);
    if (plot.empty()) continue;
    absl::StrAppend(&text, text.empty() ? "" : "\n", plot);
  }
  if (text.empty()) {
    return epochs.empty() ? "No epoch has been reported yet.\n"
                          : "No finite loss or accuracy has been reported.\n";
  }
  if (best_epoch > 0) {
    absl::StrAppend(&text, "\n", GlyphsOf(options).mark, " epoch ", best_epoch,
                    " is the best, whose weights are kept\n");
  }
  return text;
}

}  // namespace vizsla
