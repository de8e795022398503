#include "src/report/html.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "src/base/str_cat.h"
#include "src/report/text.h"

namespace vizsla {
namespace {

constexpr size_t kScrollingRows = 25;

constexpr char kStyle[] = R"(
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #f3f5f7; color: #1f2933; line-height: 1.45; font-size: 14px;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
header.top { background: #12324a; color: #ffffff; padding: 26px 0 22px; }
.wrap { max-width: 1440px; margin: 0 auto; padding: 0 24px; }
header.top h1 { margin: 0 0 4px; font-size: 27px; font-weight: 650; overflow-wrap: anywhere; }
header.top .notes { color: #cfdde8; margin: 6px 0 0; max-width: 80ch; overflow-wrap: anywhere; }
nav { background: #ffffff; border-bottom: 1px solid #dde3e8; position: sticky; top: 0; z-index: 5; }
nav .wrap { display: flex; flex-wrap: wrap; gap: 2px 18px; padding-top: 9px; padding-bottom: 9px; }
nav a { color: #24587c; text-decoration: none; white-space: nowrap; }
nav a:hover { text-decoration: underline; }
section { background: #ffffff; border: 1px solid #dde3e8; border-radius: 8px; margin: 20px 0;
  padding: 18px 22px 22px; scroll-margin-top: 50px; }
section h2 { margin: 0 0 10px; font-size: 19px; font-weight: 650; }
section h3 { margin: 22px 0 8px; font-size: 15px; font-weight: 650; }
p { margin: 6px 0 10px; max-width: 100ch; }
.muted { color: #66727f; }
.small { font-size: 12px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 12px;
  margin-bottom: 16px; }
.tile { background: #f3f6f9; border-radius: 8px; padding: 11px 14px; }
.tile .value { font-size: 22px; font-weight: 650; overflow-wrap: anywhere; }
.tile .label { color: #66727f; font-size: 12px; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: 5px 18px; margin: 0; }
dl.facts dt { color: #66727f; }
dl.facts dd { margin: 0; overflow-wrap: anywhere; }
@media (min-width: 1250px) {
  dl.facts { grid-template-columns: max-content 1fr max-content 1fr; } }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 12px; }
.scroll { overflow: auto; border: 1px solid #e3e7eb; border-radius: 6px; }
.tall { max-height: 640px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th, td { padding: 6px 9px; text-align: left; border-bottom: 1px solid #edf0f3;
  vertical-align: top; }
tbody tr:last-child td { border-bottom: none; }
tbody tr:hover { background: #f6f9fb; }
th { position: sticky; top: 0; background: #f3f6f9; font-weight: 600; vertical-align: bottom;
  cursor: pointer; }
th:hover { background: #e6edf3; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.number { white-space: nowrap; }
td .note { color: #66727f; font-size: 12px; min-width: 120px; max-width: 46ch;
  overflow-wrap: anywhere; }
.state { display: inline-block; border-radius: 9px; padding: 0 8px; font-size: 12px;
  background: #e6eaee; color: #3b4752; font-weight: 500; }
.state.completed { background: #d9efe4; color: #0b5c3c; }
.state.running, .state.active { background: #d6e8f7; color: #104e7e; }
.state.failed, .state.diverged, .state.infeasible { background: #fbe0d2; color: #8a3500; }
.state.pruned, .state.paused, .state.stopped { background: #fdf0cc; color: #6d5000; }
.state.finished { background: #d9efe4; color: #0b5c3c; }
figure { margin: 12px 0; overflow-x: auto; }
figure svg { display: block; height: auto; }
figure.fits svg { max-width: 100%; }
figcaption { color: #66727f; font-size: 11px; margin-top: 2px; }
figcaption a { color: #66727f; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(340px, 1fr)); gap: 4px 18px; }
.grid figure { margin: 4px 0; }
.photos { display: grid; grid-template-columns: repeat(auto-fill, minmax(168px, 1fr)); gap: 14px; }
.photo { border: 1px solid #e3e7eb; border-radius: 8px; overflow: hidden; font-size: 12px; }
.photo .frame { height: 160px; background: #eef1f4; display: flex; align-items: center;
  justify-content: center; }
.photo img { max-width: 100%; max-height: 160px; display: block; }
.photo .words { padding: 7px 10px 9px; overflow-wrap: anywhere; }
.right { color: #0b5c3c; } .wrong { color: #a33d00; }
details summary { cursor: pointer; color: #24587c; margin: 10px 0; }
.aside { background: #f3f6f9; border-left: 3px solid #9db8cc; padding: 9px 14px;
  border-radius: 0 6px 6px 0; }
footer { color: #66727f; font-size: 12px; padding: 6px 0 40px; }
@media print { nav { display: none; } section { break-inside: avoid; border: none; }
  .tall { max-height: none; } }
)";

// Sorts a table by the clicked column. Without scripts the tables stay as they are. It avoids the
// characters that XML would want escaped.
constexpr char kScript[] = R"(
for (const head of document.querySelectorAll("th")) head.addEventListener("click", () => {
  const body = head.closest("table").tBodies[0];
  const column = head.cellIndex;
  const down = head.dataset.down !== "1";
  for (const other of head.parentNode.cells) other.dataset.down = "";
  head.dataset.down = down ? "1" : "0";
  const key = (row) => row.cells[column].dataset.key ?? row.cells[column].textContent;
  const compare = (a, b) => {
    const [x, y] = [key(a), key(b)];
    const [p, q] = [parseFloat(x), parseFloat(y)];
    if (isNaN(p) || isNaN(q)) return isNaN(p) === isNaN(q) ? x.localeCompare(y) : isNaN(p) ? 1 : -1;
    return p - q;
  };
  const rows = Array.from(body.rows).sort((a, b) => down ? compare(a, b) : compare(b, a));
  for (const row of rows) body.append(row);
});
)";

}  // namespace

HtmlCell TextCell(std::string_view text) { return {EscapeMarkup(text), ""}; }

HtmlCell NumberCell(const std::optional<double>& value) {
  if (!value.has_value()) return {"<span class=\"muted\">-</span>", "x"};
  return {EscapeMarkup(FormatMetric(*value)),
          std::isfinite(*value) ? StrCat(*value) : std::string("x")};
}

HtmlCell SignedCell(const std::optional<double>& value) {
  if (!value.has_value() || !std::isfinite(*value)) return NumberCell(value);
  return {absl::StrFormat("%+.4f", *value), StrCat(*value)};
}

std::string PercentText(double share) { return absl::StrFormat("%.1f\u00a0%%", 100 * share); }

std::string MutedHtml(std::string_view text) {
  return StrCat("<span class=\"muted\">", EscapeMarkup(text), "</span>");
}

std::string LinesHtml(std::string_view text) {
  std::string html;
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  for (size_t end; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1)) {
    absl::StrAppend(&html, EscapeMarkup(text.substr(0, end)), "<br/>");
  }
  return html + EscapeMarkup(text);
}

std::string ParagraphHtml(std::string_view text, std::string_view css_class) {
  return StrCat(css_class.empty() ? "<p>" : StrCat("<p class=\"", css_class, "\">"),
                LinesHtml(text), "</p>\n");
}

std::string ToHtml(const HtmlTable& table) {
  std::string html =
      StrCat("<div class=\"scroll", table.rows.size() > kScrollingRows ? " tall" : "",
             "\"><table><thead><tr>");
  for (const HtmlColumn& column : table.columns) {
    absl::StrAppend(&html, "<th", column.number ? " class=\"number\"" : "");
    if (!column.hint.empty()) {
      absl::StrAppend(&html, " title=\"", EscapeMarkup(column.hint), "\"");
    }
    absl::StrAppend(&html, ">", EscapeMarkup(column.title), "</th>");
  }
  html += "</tr></thead><tbody>\n";
  for (const std::vector<HtmlCell>& row : table.rows) {
    html += "<tr>";
    for (size_t i = 0; i < row.size(); ++i) {
      absl::StrAppend(&html, "<td", table.columns[i].number ? " class=\"number\"" : "");
      if (!row[i].sort_key.empty()) {
        absl::StrAppend(&html, " data-key=\"", EscapeMarkup(row[i].sort_key), "\"");
      }
      absl::StrAppend(&html, ">", row[i].html, "</td>");
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string FigureHtml(const Picture& picture) {
  // A very wide picture keeps its size and scrolls, so that its text stays readable.
  const bool fits = picture.svg.width() <= 1400;
  return StrCat("<figure", fits ? " class=\"fits\"" : "", ">\n", picture.svg.Inline(),
                "<figcaption><a href=\"", EscapeMarkup(picture.name), ".svg\">",
                EscapeMarkup(picture.name), ".svg</a></figcaption></figure>\n");
}

std::string PageHtml(std::string_view title, const std::string& header_html,
                     const std::vector<HtmlSection>& sections, std::string_view footer) {
  std::string html = StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<meta name=\"generator\" content=\"vizsla report\"/>\n<title>",
      EscapeMarkup(title), "</title>\n<style>", kStyle, "</style>\n</head>\n<body>\n", header_html,
      "<nav><div class=\"wrap\">");
  for (const HtmlSection& section : sections) {
    absl::StrAppend(&html, "<a href=\"#", section.id, "\">", EscapeMarkup(section.title), "</a>\n");
  }
  html += "</div></nav>\n<main class=\"wrap\">\n";
  for (const HtmlSection& section : sections) {
    absl::StrAppend(&html, "<section id=\"", section.id, "\">\n<h2>", EscapeMarkup(section.title),
                    "</h2>\n", section.html, "</section>\n");
  }
  absl::StrAppend(&html, "</main>\n<footer><div class=\"wrap\">", EscapeMarkup(footer),
                  "</div></footer>\n<script>", kScript, "</script>\n</body>\n</html>\n");
  return html;
}

}  // namespace vizsla
