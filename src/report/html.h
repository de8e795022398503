// Pieces of an HTML page, well-formed as XML too. Pure. Arguments named `html` are markup already;
// all else is escaped.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/report/svg.h"

namespace vizsla {

struct HtmlColumn {
  std::string title;
  bool number = false;  // stands at the right
  std::string hint;     // under the pointer
};

struct HtmlCell {
  std::string html;
  std::string sort_key;  // what the column is sorted by; empty: the text
};

// A table whose columns sort when their titles are clicked; long ones scroll under their titles.
struct HtmlTable {
  std::vector<HtmlColumn> columns;
  std::vector<std::vector<HtmlCell>> rows;  // each as long as `columns`
};
std::string ToHtml(const HtmlTable& table);

// A plain cell, a number as FormatMetric shows it, and text that is small and grey.
HtmlCell TextCell(std::string_view text);
HtmlCell NumberCell(const std::optional<double>& value);
// A difference, with its sign.
HtmlCell SignedCell(const std::optional<double>& value);
// "12.5 %", kept on one line.
std::string PercentText(double share);
std::string MutedHtml(std::string_view text);

// Escaped, with line feeds kept as line breaks.
std::string LinesHtml(std::string_view text);
std::string ParagraphHtml(std::string_view text, std::string_view css_class = "");

// The picture in the page, with its file's name below as a link.
std::string FigureHtml(const Picture& picture);

struct HtmlSection {
  std::string id;
  std::string title;
  std::string html;
  std::vector<Picture> pictures;  // that `html` shows; each becomes a file
};

// The whole page: styles, navigation, sections.
std::string PageHtml(std::string_view title, const std::string& header_html,
                     const std::vector<HtmlSection>& sections, std::string_view footer);

}  // namespace vizsla
