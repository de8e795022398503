#include "src/report/table.h"

#include <gtest/gtest.h>

#include "src/report/text.h"

namespace vizsla {
namespace {

Table SmallTable() {
  Table table;
  table.columns = {{"n", Align::kRight}, {"name", Align::kLeft, true}, {"value", Align::kRight}};
  table.rows = {{{"1"}, {"柴犬"}, {"0.5"}}, {{"12"}, {"beagle"}, {"10"}}};
  return table;
}

int LongestLine(const std::string& text) {
  int longest = 0;
  size_t begin = 0;
  for (size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    longest = std::max(longest, DisplayWidth(text.substr(begin, end - begin)));
  }
  return longest;
}

TEST(RenderTable, AlignsByDisplayWidth) {
  EXPECT_EQ(RenderTable(SmallTable(), {}),
            " n  name    value\n"
            " 1  柴犬      0.5\n"
            "12  beagle     10\n");
  EXPECT_EQ(TableWidth(SmallTable()), 17);
}

TEST(RenderTable, HasNoBlanksAtLineEnds) {
  Table table;
  table.columns = {{"a"}, {"b"}};
  table.rows = {{{"x"}, {""}}, {{"long"}, {"y"}}};
  EXPECT_EQ(RenderTable(table, {}), "a     b\nx\nlong  y\n");
}

TEST(RenderTable, ColorsOnlyWhenAsked) {
  Table table;
  table.columns = {{"state"}};
  table.rows = {{{"failed", Tint::kBad}}};
  EXPECT_EQ(RenderTable(table, {}).find('\x1b'), std::string::npos);
  EXPECT_NE(RenderTable(table, {.color = true}).find("\x1b[31mfailed\x1b[0m"), std::string::npos);
}

TEST(RenderTable, CutsTheColumnsThatShrinkFirst) {
  Table table = SmallTable();
  table.rows[1][1].text = "a very long name of a dog";
  const std::string text = RenderTable(table, {.width = 24});
  EXPECT_EQ(LongestLine(text), 24);
  EXPECT_NE(text.find("a very long …"), std::string::npos) << text;
  EXPECT_NE(text.find("10"), std::string::npos);
}

TEST(RenderTable, NeverLeavesANarrowTerminal) {
  EXPECT_LE(LongestLine(RenderTable(SmallTable(), {.width = 7})), 7);
}

TEST(RenderTable, AnswersControlCharactersWithQuestionMarks) {
  Table table;
  table.columns = {{"name"}};
  table.rows = {{{"\x1b]0;title\x07"}}};
  EXPECT_EQ(RenderTable(table, {}), "name\n?]0;title?\n");
}

}  // namespace
}  // namespace vizsla
