#include "src/base/log_json.h"

#include <gmock/gmock.h>

#include "src/base/histogram.h"
#include "src/base/log.h"

namespace vizsla {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

LogLine Line(std::string_view message) {
  LogLine line;
  line.time = FromUnixMillis(1'764'000'000'007);  // date -u -d @1764000000
  line.level = "warning";
  line.program = "worker 3";
  line.pid = 42;
  line.message = message;
  return line;
}

std::string MessageOf(std::string_view message) {
  const std::string json = ToJson(Line(message));
  const size_t start = json.find("\"message\":") + 10;
  return json.substr(start, json.size() - start - 1);
}

TEST(LogJson, TheFieldsInTheirOrder) {
  EXPECT_EQ(ToJson(Line("hello")),
            R"({"time":"2025-11-24T16:00:00.007Z","level":"warning","program":"worker 3",)"
            R"("pid":42,"message":"hello"})");
}

TEST(LogJson, WhatIsKnownOfTheTrial) {
  LogLine line = Line("hello");
  const LogFields all{"dogs", 7, 2};
  line.fields = &all;
  EXPECT_THAT(ToJson(line),
              HasSubstr(R"("message":"hello","study":"dogs","trial":7,"attempt":2})"));
  const LogFields only_study{"dogs", 0, 0};
  line.fields = &only_study;
  EXPECT_THAT(ToJson(line), HasSubstr(R"("message":"hello","study":"dogs"})"));
}

TEST(LogJson, NothingBreaksTheLine) {
  EXPECT_EQ(MessageOf("a\nb\t\"c\" \\ \x01\x7f"), R"("a\nb\t\"c\" \\ \u0001\u007f")");
  EXPECT_EQ(MessageOf("M\xC3\xBCller \xE2\x82\xAC \xF0\x9F\x90\x95"),
            "\"M\xC3\xBCller \xE2\x82\xAC \xF0\x9F\x90\x95\"");
}

TEST(LogJson, WhatIsNoUtf8IsReplacedByteByByte) {
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(MessageOf("a\xFF"), "\"a" + bad + "\"");
  EXPECT_EQ(MessageOf("\xC3"), "\"" + bad + "\"");                      // cut short
  EXPECT_EQ(MessageOf("\xC0\xAF"), "\"" + bad + bad + "\"");            // overlong
  EXPECT_EQ(MessageOf("\xED\xA0\x80"), "\"" + bad + bad + bad + "\"");  // a surrogate
}

TEST(LogJson, TimesBeforeTheEpochToo) {
  EXPECT_EQ(ToIso8601(FromUnixMillis(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(ToIso8601(FromUnixMillis(-1)), "1969-12-31T23:59:59.999Z");
}

TEST(LogScope, TheInnermostCountsAndEndsWithItsBlock) {
  EXPECT_EQ(LogScope::Current(), nullptr);
  {
    const LogScope outer({"dogs", 1, 1});
    {
      const LogScope inner({"cats", 2, 1});
      EXPECT_EQ(LogScope::Current()->study, "cats");
    }
    EXPECT_EQ(LogScope::Current()->study, "dogs");
  }
  EXPECT_EQ(LogScope::Current(), nullptr);
}

TEST(Log, JsonLinesCarryTheScopeOfTheirThread) {
  ASSERT_TRUE(InitLogging("json test", "info", "json").ok());
  ::testing::internal::CaptureStderr();
  {
    const LogScope scope({"dogs", 7, 2});
    log::warn("lost\nlease");
  }
  log::info("bare");
  log::debug("hidden");
  const std::string err = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(err,
              ::testing::MatchesRegex(
                  R"(\{"time":"[-0-9]+T[:.0-9]+Z","level":"warning","program":"json test",)"
                  R"("pid":[0-9]+,"message":"lost\\nlease","study":"dogs","trial":7,"attempt":2\})"
                  "\n"
                  R"(\{"time":"[-0-9]+T[:.0-9]+Z","level":"info","program":"json test",)"
                  R"("pid":[0-9]+,"message":"bare"\})"
                  "\n"));
  EXPECT_THAT(std::string(InitLogging("other", "info", "xml").message()),
              HasSubstr("unknown log format 'xml'; known: text, json"));
}

TEST(Histogram, BoundsAreInclusiveAndCountsCumulative) {
  const double bounds[] = {1, 2, 4};
  Histogram histogram(bounds);
  for (const double value : {0.5, 1.0, 1.5, 4.0, 100.0}) histogram.Observe(value);
  const HistogramSnapshot snapshot = histogram.Snapshot();
  EXPECT_THAT(snapshot.bounds, ElementsAre(1, 2, 4));
  EXPECT_THAT(snapshot.cumulative, ElementsAre(2, 3, 4));
  EXPECT_EQ(snapshot.count, 5U);
  EXPECT_EQ(snapshot.sum, 107.0);
}

TEST(Histogram, DurationsAreSeconds) {
  Histogram histogram(LatencyBounds());
  histogram.Observe(std::chrono::milliseconds(3));
  EXPECT_DOUBLE_EQ(histogram.Snapshot().sum, 0.003);
}

}  // namespace
}  // namespace vizsla
