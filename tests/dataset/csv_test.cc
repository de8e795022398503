#include "src/dataset/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vizsla {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::vector<std::string>> Fields(std::string_view text) {
  const auto rows = ParseCsv(text, "x.csv");
  EXPECT_TRUE(rows.ok()) << rows.status();
  std::vector<std::vector<std::string>> fields;
  for (const CsvRow& row : *rows) fields.push_back(row.fields);
  return fields;
}

std::string ErrorOf(std::string_view text) {
  const auto rows = ParseCsv(text, "x.csv");
  return rows.ok() ? "no error" : std::string(rows.status().message());
}

TEST(CsvTest, ReadsPlainRowsWithAndWithoutLastLineBreak) {
  EXPECT_THAT(Fields("id,breed\n1,pug\n"),
              ElementsAre(ElementsAre("id", "breed"), ElementsAre("1", "pug")));
  EXPECT_THAT(Fields("id,breed\n1,pug"),
              ElementsAre(ElementsAre("id", "breed"), ElementsAre("1", "pug")));
}

TEST(CsvTest, ReadsQuotesCarriageReturnsAndByteOrderMark) {
  EXPECT_THAT(
      Fields(
          "\xEF\xBB\xBF\"id\",breed\r\n1,\"St. Bernard, \"\"big\"\"\"\r\n\r\n2,\"two\nlines\"\r\n"),
      ElementsAre(ElementsAre("id", "breed"), ElementsAre("1", "St. Bernard, \"big\""),
                  ElementsAre("2", "two\nlines")));
}

TEST(CsvTest, KeepsEmptyFieldsAndSkipsEmptyLines) {
  EXPECT_THAT(Fields("a,b,c\n\n,,\n"),
              ElementsAre(ElementsAre("a", "b", "c"), ElementsAre("", "", "")));
}

TEST(CsvTest, CountsLinesThroughQuotedLineBreaksAndEmptyLines) {
  const auto rows = ParseCsv("id\n\"a\nb\"\n\nc\n", "x.csv");
  ASSERT_TRUE(rows.ok());
  ASSERT_EQ(rows->size(), 3u);
  EXPECT_EQ((*rows)[1].line, 2u);
  EXPECT_EQ((*rows)[2].line, 5u);
}

TEST(CsvTest, NamesTheLineOfAnOpenQuote) {
  EXPECT_EQ(ErrorOf("id\na\n\"b\nc\n"), "x.csv: line 3: a quote is opened and never closed");
}

TEST(CsvTest, RefusesTextAfterAClosingQuote) {
  EXPECT_THAT(ErrorOf("id\n\"a\"b\n"),
              HasSubstr("x.csv: line 2: there is text between a closing quote"));
}

TEST(CsvTest, RefusesBytesThatAreNotUtf8) {
  EXPECT_THAT(ErrorOf("id\nkuvasz \xE9\n"), HasSubstr("x.csv: line 2: is not UTF-8"));
}

}  // namespace
}  // namespace vizsla
