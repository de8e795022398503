#include "src/report/table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "src/base/str_cat.h"
#include "src/report/text.h"

namespace vizsla {
namespace {

constexpr std::string_view kGap = "  ";
constexpr int kNarrowest = 8;

std::string_view EscapeOf(Tint tint) {
  switch (tint) {
    case Tint::kPlain:
      return "";
    case Tint::kBold:
      return "\x1b[1m";
    case Tint::kDim:
      return "\x1b[2m";
    case Tint::kGood:
      return "\x1b[32m";
    case Tint::kBusy:
      return "\x1b[36m";
    case Tint::kWarning:
      return "\x1b[33m";
    case Tint::kBad:
      return "\x1b[31m";
  }
  return "";
}

std::vector<int> NaturalWidths(const Table& table) {
  std::vector<int> widths;
  for (const Column& column : table.columns) widths.push_back(DisplayWidth(column.title));
  for (const std::vector<Cell>& row : table.rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], DisplayWidth(SafeText(row[i].text)));
    }
  }
  return widths;
}

int TotalWidth(const std::vector<int>& widths) {
  int total = 0;
  for (int width : widths) total += width;
  return widths.empty() ? 0 : total + static_cast<int>(kGap.size() * (widths.size() - 1));
}

// Takes columns away from the widest column that shrinks until the table fits.
void Shrink(const std::vector<Column>& columns, int limit, std::vector<int>& widths) {
  while (TotalWidth(widths) > limit) {
    int* widest = nullptr;
    for (size_t i = 0; i < widths.size(); ++i) {
      if (!columns[i].shrinks || widths[i] <= kNarrowest) continue;
      if (widest == nullptr || widths[i] > *widest) widest = &widths[i];
    }
    if (widest == nullptr) return;
    --*widest;
  }
}

std::string RenderLine(const std::vector<Cell>& cells, const std::vector<Column>& columns,
                       const std::vector<int>& widths, const RenderOptions& options) {
  std::string line;
  std::string pending;  // blanks that are written only when something follows
  int used = 0;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) {
      pending += kGap;
      used += static_cast<int>(kGap.size());
    }
    std::string text = SafeText(cells[i].text);
    int room = widths[i];
    if (options.width > 0) room = std::min(room, options.width - used);
    if (room < 1) break;
    text = Truncate(text, room);
    const int blanks = room - DisplayWidth(text);
    if (columns[i].align == Align::kRight) pending.append(blanks, ' ');
    if (!text.empty()) {
      absl::StrAppend(&line, pending, Paint(text, cells[i].tint, options.color));
      pending.clear();
    }
    if (columns[i].align == Align::kLeft) pending.append(blanks, ' ');
    used += room;
  }
  return line + "\n";
}

}  // namespace

std::string Paint(std::string_view text, Tint tint, bool color) {
  const std::string_view escape = EscapeOf(tint);
  if (!color || escape.empty() || text.empty()) return std::string(text);
  return StrCat(escape, text, "\x1b[0m");
}

int TableWidth(const Table& table) { return TotalWidth(NaturalWidths(table)); }

std::string RenderTable(const Table& table, const RenderOptions& options) {
  std::vector<int> widths = NaturalWidths(table);
  if (options.width > 0) Shrink(table.columns, options.width, widths);
  std::vector<Cell> titles;
  for (const Column& column : table.columns) titles.push_back({column.title, Tint::kDim});
  std::string text = RenderLine(titles, table.columns, widths, options);
  for (const std::vector<Cell>& row : table.rows) {
    text += RenderLine(row, table.columns, widths, options);
  }
  return text;
}

}  // namespace vizsla
