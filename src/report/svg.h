// A picture as SVG text: the few elements that our charts are made of. Pure; no font is measured,
// so TextWidth estimates. The look is fixed and light: white ground, dark ink, colours that people
// with any common colour blindness tell apart (Okabe and Ito 2008; viridis for quantities).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace vizsla {

// For element content and attribute values of HTML and XML. Control characters and broken UTF-8
// become ?, as SafeText says, so that the result is well-formed whatever a name holds.
std::string EscapeMarkup(std::string_view text);

// A length or coordinate: at most two decimals, no exponent, "0" for what is not finite.
std::string SvgNumber(double value);

// Estimated width in pixels of text in a sans-serif font.
double TextWidth(std::string_view text, double font_size);

struct Point {
  double x = 0;
  double y = 0;
};

// How a line or a shape's edge is drawn.
struct Stroke {
  std::string color;
  double width = 1;
  double opacity = 1;
  std::string dash;  // "5 3": lengths of dashes and gaps; empty: solid
};

enum class TextAnchor { kStart, kMiddle, kEnd };

struct TextStyle {
  double size = 12;
  std::string color;  // empty: kInk
  TextAnchor anchor = TextAnchor::kStart;
  bool bold = false;
  double rotate = 0;  // degrees clockwise about the anchor
};

inline constexpr char kInk[] = "#1f2933";
inline constexpr char kMutedInk[] = "#66727f";
inline constexpr char kGridInk[] = "#e3e7eb";
inline constexpr char kTrainColor[] = "#e69f00";       // train, in every chart
inline constexpr char kValidationColor[] = "#0072b2";  // validation, in every chart
inline constexpr char kWarningColor[] = "#d55e00";

// Of the i-th of several lines that stand together: seven colours, then the same ones dashed.
Stroke LineStyle(size_t index);

// Viridis: 0 is dark violet, 1 is yellow; what is outside is clamped. "#rrggbb".
std::string Viridis(double fraction);

// Between two colours "#rrggbb", fraction in [0, 1].
std::string MixColors(std::string_view from, std::string_view to, double fraction);

class Svg {
 public:
  // Pixels. The title says what the picture shows, also to those who cannot see it.
  Svg(double width, double height, std::string_view title);

  void Line(Point from, Point to, const Stroke& stroke);
  // `tooltip` (may be empty) appears under the pointer. Fewer than two points draw nothing.
  void Polyline(const std::vector<Point>& points, const Stroke& stroke,
                std::string_view tooltip = "");
  void Circle(Point center, double radius, std::string_view fill, std::string_view tooltip = "",
              double opacity = 1);
  void Rectangle(Point top_left, double width, double height, std::string_view fill,
                 std::string_view tooltip = "");
  // `at` is on the baseline.
  void Text(Point at, std::string_view text, const TextStyle& style);

  double width() const { return width_; }
  double height() const { return height_; }
  const std::string& title() const { return title_; }

  // For a page's body: no namespace, no XML declaration.
  std::string Inline() const;
  // A file of its own.
  std::string Standalone() const;

 private:
  std::string Render(std::string_view extra_attributes, std::string_view before_body) const;
  double width_;
  double height_;
  std::string title_;
  std::string body_;
};

// One chart of the report.
struct Picture {
  std::string name;  // of its file, without .svg
  Svg svg;
};

}  // namespace vizsla
