#include "src/study/value.h"

#include <gmock/gmock.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "src/study/closest_word.h"
#include "src/study/configuration.h"

namespace vizsla {
namespace {

using ::testing::HasSubstr;

TEST(ParameterValue, PrintsForPeople) {
  EXPECT_EQ(ToText(ParameterValue(true)), "true");
  EXPECT_EQ(ToText(ParameterValue(int64_t{-3})), "-3");
  EXPECT_EQ(ToText(ParameterValue(0.001)), "0.001");
  EXPECT_EQ(ToText(ParameterValue(1.0)), "1");
  EXPECT_EQ(ToText(ParameterValue(std::string("avg"))), "avg");
  EXPECT_EQ(ToText(ParameterValue(IntList{})), "[]");
  EXPECT_EQ(ToText(ParameterValue(IntList{128, 64})), "[128, 64]");
}

TEST(ParameterValue, FloatsPrintTheShortestDigitsThatReadBack) {
  for (const double value : {0.0, 0.1, 1.0 / 3, 1e-7, 123456.789, 5e-324, -1e300, 1e15, 1e100}) {
    EXPECT_EQ(std::strtod(ToText(ParameterValue(value)).c_str(), nullptr), value);
  }
  EXPECT_EQ(ToText(ParameterValue(1e-4)), "0.0001");
  EXPECT_EQ(ToText(ParameterValue(1e-5)), "1e-5");
  EXPECT_EQ(ToText(ParameterValue(2.5e-7)), "2.5e-7");
  EXPECT_EQ(ToText(ParameterValue(1e100)), "1e+100");
  EXPECT_EQ(ToText(ParameterValue(0.1)), "0.1");
}

TEST(ParameterValue, JsonKeepsKindAndValue) {
  const std::vector<ParameterValue> values = {
      true,      false,         int64_t{0}, std::numeric_limits<int64_t>::max(),
      0.0,       1.0,           1.0 / 3,    std::string("a \"quoted\" word"),
      IntList{}, IntList{1, -2}};
  for (const ParameterValue& value : values) {
    const auto back = ParameterValueFromJson(nlohmann::json::parse(ToJson(value).dump()));
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(*back, value) << ToText(value);
  }
}

TEST(ParameterValue, RefusesWhatIsNoValue) {
  for (const char* text : {"null", "{}", "[1, 2.5]", "[\"a\"]", "[[1]]", "9223372036854775808"}) {
    const auto value = ParameterValueFromJson(nlohmann::json::parse(text));
    EXPECT_EQ(value.status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(Configuration, EqualConfigurationsHaveEqualText) {
  Configuration a;
  a["pooling"] = std::string("avg");
  a["dense"] = IntList{128, 128};
  a["dropout"] = 0.5;
  Configuration b;
  b["dropout"] = 0.5;
  b["dense"] = IntList{128, 128};
  b["pooling"] = std::string("avg");
  EXPECT_EQ(ToJsonText(a), R"({"dense":[128,128],"dropout":0.5,"pooling":"avg"})");
  EXPECT_EQ(ToJsonText(a), ToJsonText(b));
  EXPECT_EQ(*ConfigurationFromJsonText(ToJsonText(a)), a);
  EXPECT_EQ(*ConfigurationFromJsonText("{}"), Configuration());
}

TEST(Configuration, IntegersAndFloatsAreDifferent) {
  EXPECT_NE(ToJsonText({{"x", int64_t{1}}}), ToJsonText({{"x", 1.0}}));
}

TEST(Configuration, BadTextIsASentence) {
  EXPECT_THAT(ConfigurationFromJsonText("{\"a\":").status().ToString(), HasSubstr("not JSON"));
  EXPECT_THAT(ConfigurationFromJsonText("[1]").status().ToString(), HasSubstr("must be an object"));
  EXPECT_THAT(ConfigurationFromJsonText("{\"a\": null}").status().ToString(),
              HasSubstr("configuration: a: "));
}

TEST(Configuration, TextThatIsNoUtf8DoesNotThrow) {
  const Configuration odd = {{"x", std::string("\xff")}};
  EXPECT_FALSE(ToJsonText(odd).empty());
}

TEST(ClosestWord, FindsTypos) {
  const std::vector<std::string> known = {"dropout", "dropout_hidden", "dense", "pooling"};
  EXPECT_EQ(ClosestWord("droput", known), "dropout");
  EXPECT_EQ(ClosestWord("poolnig", known), "pooling");
  EXPECT_EQ(ClosestWord("Dense", known), "dense");
  EXPECT_EQ(ClosestWord("learning_rate", known), std::nullopt);
  EXPECT_EQ(ClosestWord(std::string(100000, 'x'), known), std::nullopt);
  EXPECT_EQ(Suggestion("droput", known), "; did you mean 'dropout'?");
  EXPECT_EQ(Suggestion("zzz", known), "; known are: dropout, dropout_hidden, dense, pooling");
}

}  // namespace
}  // namespace vizsla
