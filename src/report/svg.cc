#include "src/report/svg.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "src/base/str_cat.h"
#include "src/report/text.h"

namespace vizsla {
namespace {

constexpr char kFont[] =
    "font-family=\"system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif\"";
constexpr size_t kLineColors = 7;

std::string StrokeAttributes(const Stroke& stroke) {
  std::string text = StrCat(" stroke=\"", EscapeMarkup(stroke.color), "\" stroke-width=\"",
                            SvgNumber(stroke.width), "\"");
  if (stroke.opacity < 1) {
    absl::StrAppend(&text, " stroke-opacity=\"", SvgNumber(stroke.opacity), "\"");
  }
  if (!stroke.dash.empty()) {
    absl::StrAppend(&text, " stroke-dasharray=\"", EscapeMarkup(stroke.dash), "\"");
  }
  return text;
}

// The end of an element that may have a tooltip.
std::string Close(std::string_view element, std::string_view tooltip) {
  if (tooltip.empty()) return "/>\n";
  return StrCat("><title>", EscapeMarkup(tooltip), "</title></", element, ">\n");
}

struct Rgb {
  double red, green, blue;
};

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 0;
}

Rgb ParseColor(std::string_view color) {
  if (color.size() != 7) return {0, 0, 0};
  const auto channel = [&](size_t at) -> double {
    return 16 * HexDigit(color[at]) + HexDigit(color[at + 1]);
  };
  return {channel(1), channel(3), channel(5)};
}

std::string ColorText(const Rgb& color) {
  const auto byte = [](double value) {
    return static_cast<int>(std::lround(std::clamp(value, 0.0, 255.0)));
  };
  return absl::StrFormat("#%02x%02x%02x", byte(color.red), byte(color.green), byte(color.blue));
}

}  // namespace

std::string EscapeMarkup(std::string_view text) {
  std::string escaped;
  for (const char c : SafeText(text)) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string SvgNumber(double value) {
  if (!std::isfinite(value)) return "0";
  std::string text = absl::StrFormat("%.2f", value);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

double TextWidth(std::string_view text, double font_size) {
  // The mean advance of digits and lower-case letters in common sans-serif fonts.
  return 0.56 * font_size * DisplayWidth(text);
}

Stroke LineStyle(size_t index) {
  static constexpr std::array<const char*, kLineColors> kColors = {
      "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#3d3d3d"};
  Stroke stroke{kColors[index % kLineColors], 1.8, 1, ""};
  if (index / kLineColors % 3 == 1) stroke.dash = "6 3";
  if (index / kLineColors % 3 == 2) stroke.dash = "2 2";
  return stroke;
}

std::string MixColors(std::string_view from, std::string_view to, double fraction) {
  const Rgb a = ParseColor(from);
  const Rgb b = ParseColor(to);
  const double t = std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) : 0.0;
  return ColorText({a.red + t * (b.red - a.red), a.green + t * (b.green - a.green),
                    a.blue + t * (b.blue - a.blue)});
}

std::string Viridis(double fraction) {
  // matplotlib's map at ninths; linear in between stays within 3 of 255.
  static constexpr std::array<const char*, 10> kAnchors = {
      "#440154", "#482878", "#3e4989", "#31688e", "#26828e",
      "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"};
  const double t = std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) : 0.0;
  const double place = t * (kAnchors.size() - 1);
  const size_t below = std::min(static_cast<size_t>(place), kAnchors.size() - 2);
  return MixColors(kAnchors[below], kAnchors[below + 1], place - static_cast<double>(below));
}

Svg::Svg(double width, double height, std::string_view title)
    : width_(width), height_(height), title_(title) {}

void Svg::Line(Point from, Point to, const Stroke& stroke) {
  absl::StrAppend(&body_, "<line x1=\"", SvgNumber(from.x), "\" y1=\"", SvgNumber(from.y),
                  "\" x2=\"", SvgNumber(to.x), "\" y2=\"", SvgNumber(to.y), "\"",
                  StrokeAttributes(stroke), "/>\n");
}

void Svg::Polyline(const std::vector<Point>& points, const Stroke& stroke,
                   std::string_view tooltip) {
  if (points.size() < 2) return;
  body_ += "<polyline points=\"";
  for (size_t i = 0; i < points.size(); ++i) {
    absl::StrAppend(&body_, i == 0 ? "" : " ", SvgNumber(points[i].x), ",", SvgNumber(points[i].y));
  }
  absl::StrAppend(&body_, "\" fill=\"none\" stroke-linejoin=\"round\" stroke-linecap=\"round\"",
                  StrokeAttributes(stroke), Close("polyline", tooltip));
}

void Svg::Circle(Point center, double radius, std::string_view fill, std::string_view tooltip,
                 double opacity) {
  body_ += StrCat("<circle cx=\"", SvgNumber(center.x), "\" cy=\"", SvgNumber(center.y), "\" r=\"",
                  SvgNumber(radius), "\" fill=\"", EscapeMarkup(fill), "\"");
  if (opacity < 1) absl::StrAppend(&body_, " fill-opacity=\"", SvgNumber(opacity), "\"");
  body_ += Close("circle", tooltip);
}

void Svg::Rectangle(Point top_left, double width, double height, std::string_view fill,
                    std::string_view tooltip) {
  body_ +=
      StrCat("<rect x=\"", SvgNumber(top_left.x), "\" y=\"", SvgNumber(top_left.y), "\" width=\"",
             SvgNumber(std::max(width, 0.0)), "\" height=\"", SvgNumber(std::max(height, 0.0)),
             "\" fill=\"", EscapeMarkup(fill), "\"", Close("rect", tooltip));
}

void Svg::Text(Point at, std::string_view text, const TextStyle& style) {
  body_ += StrCat("<text x=\"", SvgNumber(at.x), "\" y=\"", SvgNumber(at.y), "\" font-size=\"",
                  SvgNumber(style.size), "\" fill=\"",
                  style.color.empty() ? std::string(kInk) : EscapeMarkup(style.color), "\"");
  if (style.anchor == TextAnchor::kMiddle) body_ += " text-anchor=\"middle\"";
  if (style.anchor == TextAnchor::kEnd) body_ += " text-anchor=\"end\"";
  if (style.bold) body_ += " font-weight=\"600\"";
  if (style.rotate != 0) {
    absl::StrAppend(&body_, " transform=\"rotate(", SvgNumber(style.rotate), " ", SvgNumber(at.x),
                    " ", SvgNumber(at.y), ")\"");
  }
  absl::StrAppend(&body_, ">", EscapeMarkup(text), "</text>\n");
}

std::string Svg::Render(std::string_view extra_attributes, std::string_view before_body) const {
  return StrCat("<svg", extra_attributes, " viewBox=\"0 0 ", SvgNumber(width_), " ",
                SvgNumber(height_), "\" width=\"", SvgNumber(width_), "\" height=\"",
                SvgNumber(height_), "\" role=\"img\" aria-label=\"", EscapeMarkup(title_), "\" ",
                kFont, ">\n", before_body, body_, "</svg>\n");
}

std::string Svg::Inline() const { return Render("", ""); }

std::string Svg::Standalone() const {
  return StrCat(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
      Render(" xmlns=\"http://www.w3.org/2000/svg\"",
             StrCat("<title>", EscapeMarkup(title_),
                    "</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n")));
}

}  // namespace vizsla
