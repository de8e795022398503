#include "src/study/canonical_json.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "src/base/random.h"
#include "src/study/json_fields.h"

namespace vizsla {
namespace {

// By the long way.
std::optional<Configuration> Parsed(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) return std::nullopt;
  auto configuration = ConfigurationFromJson(json);
  if (!configuration.ok()) return std::nullopt;
  return *std::move(configuration);
}

TEST(ReadCanonicalConfiguration, ReadsWhatIsWritten) {
  const Configuration configuration = {
      {"a", true},
      {"b", false},
      {"c", std::numeric_limits<int64_t>::min()},
      {"d", std::numeric_limits<int64_t>::max()},
      {"e", 0.1},
      {"f", 5e-324},
      {"g", -std::numeric_limits<double>::max()},
      {"h", 3.0},
      {"i", std::string("avg, [max] {1:2}")},
      {"j", std::string()},
      {"k", IntList{}},
      {"l", IntList{128, -64}},
  };
  EXPECT_EQ(ReadCanonicalConfiguration(ToJsonText(configuration)), configuration);
  EXPECT_EQ(ReadCanonicalConfiguration("{}"), Configuration());
}

TEST(ReadCanonicalConfiguration, ReadsEveryNumberToTheBit) {
  RandomStream stream{StreamKey(1)};
  for (int i = 0; i < 20000; ++i) {
    const auto number = std::bit_cast<double>(stream.NextU64());
    if (!std::isfinite(number)) continue;
    const auto read = ReadCanonicalConfiguration(ToJsonText(Configuration{{"x", number}}));
    ASSERT_TRUE(read.has_value()) << number;
    EXPECT_EQ(std::bit_cast<uint64_t>(std::get<double>(read->at("x"))),
              std::bit_cast<uint64_t>(number));
  }
}

// By the long way.
std::string Dumped(const Configuration& configuration) { return DumpJson(ToJson(configuration)); }

TEST(WriteCanonicalConfiguration, WritesTheSameBytesAsTheLongWay) {
  for (const Configuration& configuration :
       {Configuration{}, Configuration{{"a", true}, {"b", false}},
        Configuration{{"a", std::numeric_limits<int64_t>::min()}, {"b", int64_t{0}}},
        Configuration{{"a", 0.0}, {"b", -0.0}, {"c", 3.0}, {"d", 1e15}, {"e", 1e-5}, {"f", 1e300}},
        Configuration{{"a", std::string("avg, [max] {1:2}~ ")}, {"b", std::string()}},
        Configuration{{"a", IntList{}}, {"b", IntList{1}}, {"c", IntList{128, -64, 3}}}}) {
    EXPECT_EQ(WriteCanonicalConfiguration(configuration), Dumped(configuration));
  }
  RandomStream stream{StreamKey(2)};
  for (int i = 0; i < 20000; ++i) {
    const auto any = std::bit_cast<double>(stream.NextU64());
    const Configuration configuration = {{"x", std::isfinite(any) ? any : 0.5},
                                         {"y", stream.Uniform()},
                                         {"z", static_cast<int64_t>(stream.NextU64())}};
    ASSERT_EQ(WriteCanonicalConfiguration(configuration), Dumped(configuration));
  }
}

TEST(WriteCanonicalConfiguration, LeavesEscapesAndNoNumbersToTheLongWay) {
  for (const Configuration& configuration :
       {Configuration{{"a\"b", true}}, Configuration{{"a", std::string("back\\slash")}},
        Configuration{{"a", std::string("line\n")}}, Configuration{{"a", std::string("\xc3\xa4")}},
        Configuration{{"a", std::string("\xff")}}, Configuration{{"\x7f", int64_t{1}}},
        Configuration{{"a", std::nan("")}},
        Configuration{{"a", std::numeric_limits<double>::infinity()}}}) {
    EXPECT_EQ(WriteCanonicalConfiguration(configuration), std::nullopt);
    EXPECT_EQ(ToJsonText(configuration), Dumped(configuration));
  }
}

// Left to the long way: valid JSON in another form, and what is no configuration at all.
TEST(ReadCanonicalConfiguration, LeavesTheRestAlone) {
  for (const std::string text : {"",
                                 "{",
                                 "}",
                                 "null",
                                 "[]",
                                 "{}x",
                                 "{} ",
                                 " {}",
                                 "{\"a\":1,}",
                                 "{,}",
                                 "{\"a\"}",
                                 "{\"a\":}",
                                 "{\"a\":1 }",
                                 "{\"a\": 1}",
                                 "{\"b\":1,\"a\":2}",
                                 "{\"a\":1,\"a\":2}",
                                 "{\"a\":null}",
                                 "{\"a\":{}}",
                                 "{\"a\":[1.5]}",
                                 "{\"a\":[1,]}",
                                 "{\"a\":[[1]]}",
                                 "{\"a\":tru}",
                                 "{\"a\":truex}",
                                 "{\"a\":\"x}",
                                 "{\"a\":\"\\n\"}",
                                 "{\"a\":\"\xc3\xa4\"}",
                                 "{\"a\":01}",
                                 "{\"a\":.5}",
                                 "{\"a\":5.}",
                                 "{\"a\":+5}",
                                 "{\"a\":-}",
                                 "{\"a\":1e}",
                                 "{\"a\":1e999}",
                                 "{\"a\":-0}",
                                 "{\"a\":9223372036854775808}",
                                 "{\"a\":nan}",
                                 "{\"a\":inf}",
                                 "{\"a\":0x10}",
                                 "{a:1}"}) {
    EXPECT_EQ(ReadCanonicalConfiguration(text), std::nullopt) << text;
  }
}

// Texts that differ from a canonical one in a few bytes: what is read is what the long way reads.
TEST(ReadCanonicalConfiguration, AgreesWithTheLongWayOnDamagedTexts) {
  const std::string whole =
      R"({"dense":[128,-64],"mode":"avg","on":true,"rate":1.25e-05,"size":-12,"x":0.5})";
  const std::string letters = "{}[]\",:.-+eE019truefals\\ ";
  RandomStream stream{StreamKey(2)};
  int read = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text = whole;
    for (uint64_t changes = 1 + stream.UniformInt(2); changes > 0; --changes) {
      const size_t place = stream.UniformInt(text.size());
      if (stream.Bernoulli(0.3)) {
        text.erase(place, 1);
      } else {
        text[place] = letters[stream.UniformInt(letters.size())];
      }
    }
    const auto quick = ReadCanonicalConfiguration(text);
    if (!quick) continue;
    ++read;
    EXPECT_EQ(quick, Parsed(text)) << text;
  }
  EXPECT_GT(read, 500);
}

}  // namespace
}  // namespace vizsla
