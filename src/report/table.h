// Tables as text. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vizsla {

enum class Tint { kPlain, kBold, kDim, kGood, kBusy, kWarning, kBad };

struct RenderOptions {
  bool color = false;
  int width = 0;  // columns of the terminal; 0: as wide as it gets
};

// The text in its tint when `color`; the same text otherwise.
std::string Paint(std::string_view text, Tint tint, bool color);

struct Cell {
  std::string text;
  Tint tint = Tint::kPlain;
};

enum class Align { kLeft, kRight };

struct Column {
  std::string title;
  Align align = Align::kLeft;
  bool shrinks = false;  // is cut first when the table is too wide
};

struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;  // each as long as `columns`
};

// Two spaces between columns, a title line, no blanks at line ends; cells go through SafeText. When
// the table is wider than options.width, the columns that shrink are cut (to 8 at least), and lines
// that are still too wide are cut at the edge.
std::string RenderTable(const Table& table, const RenderOptions& options);
// Columns that RenderTable needs without cutting.
int TableWidth(const Table& table);

}  // namespace vizsla
