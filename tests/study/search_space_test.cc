#include "src/study/search_space.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <set>

#include "src/base/random.h"

namespace vizsla {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ParameterValue Word(const char* word) { return std::string(word); }

CategoricalDomain Words(std::vector<std::string> words) {
  CategoricalDomain domain;
  for (std::string& word : words) domain.choices.emplace_back(std::move(word));
  return domain;
}

Parameter Make(std::string name, Domain domain, std::vector<Condition> conditions = {}) {
  return {std::move(name), std::move(domain), std::move(conditions)};
}

// The slow and obvious way: extend partial configurations parameter by parameter.
std::vector<Configuration> Enumerate(const SearchSpace& space) {
  std::vector<Configuration> partial = {{}};
  for (const Parameter& parameter : space.parameters) {
    std::vector<Configuration> extended;
    for (const Configuration& configuration : partial) {
      if (!IsActive(parameter, configuration)) {
        extended.push_back(configuration);
        continue;
      }
      for (int64_t i = 0; i < *CountValues(parameter.domain); ++i) {
        Configuration with = configuration;
        with[parameter.name] = ValueAt(parameter.domain, i);
        extended.push_back(with);
      }
    }
    partial = extended;
  }
  return partial;
}

// Random small spaces with random conditions, some of which can never hold.
SearchSpace RandomSpace(uint64_t seed) {
  RandomStream stream(StreamKey(seed).With("spaces"));
  SearchSpace space;
  const uint64_t count = 1 + stream.UniformInt(6);
  for (uint64_t i = 0; i < count; ++i) {
    Parameter parameter;
    parameter.name = StrCat("p", i);
    parameter.domain = IntDomain{0, static_cast<int64_t>(stream.UniformInt(4)), false, 1};
    const uint64_t conditions = i == 0 ? 0 : stream.UniformInt(3);
    for (uint64_t c = 0; c < conditions; ++c) {
      const Parameter& parent = space.parameters[stream.UniformInt(i)];
      Condition condition{parent.name, {}};
      for (int64_t v = 0; v < *CountValues(parent.domain); ++v) {
        if (stream.Bernoulli(0.6)) condition.values.push_back(ValueAt(parent.domain, v));
      }
      if (condition.values.empty()) condition.values.push_back(ValueAt(parent.domain, 0));
      parameter.conditions.push_back(condition);
    }
    space.parameters.push_back(parameter);
  }
  return space;
}

SearchSpace HeadSpace() {
  SearchSpace space;
  space.parameters = {
      Make("dense", CategoricalDomain{{IntList{}, IntList{128, 128}, IntList{512, 256}}}),
      Make("dropout", FloatDomain{0, 0.6, false, 0.1}),
      Make("dropout_hidden", FloatDomain{0, 0.6, false, 0.2},
           {{"dense", {IntList{128, 128}, IntList{512, 256}}}}),
  };
  return space;
}

TEST(Domain, CountsItsValues) {
  EXPECT_EQ(CountValues(FloatDomain{0, 0.6, false, 0.1}), 7);
  EXPECT_EQ(CountValues(FloatDomain{0, 1, false, 0.3}), 4);  // 0, .3, .6, .9
  EXPECT_EQ(CountValues(FloatDomain{0, 1}), std::nullopt);
  EXPECT_EQ(CountValues(FloatDomain{0.5, 0.5}), 1);
  EXPECT_EQ(CountValues(IntDomain{16, 64, false, 16}), 4);
  EXPECT_EQ(CountValues(IntDomain{16, 63, false, 16}), 3);
  EXPECT_EQ(CountValues(IntDomain{-1, 1, false, 1}), 3);
  EXPECT_EQ(CountValues(Words({"a", "b"})), 2);
}

TEST(Domain, StepsAreTidyDecimals) {
  const FloatDomain domain{0, 0.6, false, 0.1};
  std::vector<std::string> texts;
  for (int64_t i = 0; i < 7; ++i) texts.push_back(ToText(ValueAt(domain, i)));
  EXPECT_THAT(texts, ElementsAre("0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6"));
}

TEST(Domain, ContainsExactlyItsValues) {
  const Domain steps = FloatDomain{0.1, 0.5, false, 0.2};
  for (int64_t i = 0; i < *CountValues(steps); ++i) {
    EXPECT_TRUE(Contains(steps, ValueAt(steps, i)));
    EXPECT_EQ(IndexOf(steps, ValueAt(steps, i)), i);
  }
  EXPECT_TRUE(Contains(steps, 0.3 + 1e-12));
  EXPECT_FALSE(Contains(steps, 0.2));
  EXPECT_FALSE(Contains(steps, 0.7));
  EXPECT_FALSE(Contains(steps, int64_t{0}));
  EXPECT_FALSE(Contains(steps, std::nan("")));

  const Domain range = FloatDomain{1e-7, 1e-3, true, std::nullopt};
  EXPECT_TRUE(Contains(range, 1e-7));
  EXPECT_TRUE(Contains(range, 1e-3));
  EXPECT_FALSE(Contains(range, 0.5e-7));
  EXPECT_FALSE(Contains(range, 1.1e-3));

  const Domain integers = IntDomain{16, 64, false, 16};
  EXPECT_TRUE(Contains(integers, int64_t{48}));
  EXPECT_FALSE(Contains(integers, int64_t{50}));
  EXPECT_FALSE(Contains(integers, int64_t{80}));
  EXPECT_FALSE(Contains(integers, 48.0));
  EXPECT_EQ(IndexOf(integers, int64_t{48}), 2);

  EXPECT_TRUE(Contains(CategoricalDomain{{IntList{}}}, IntList{}));
  EXPECT_FALSE(Contains(CategoricalDomain{{IntList{}}}, IntList{1}));
}

TEST(Domain, PrintsAsYaml) {
  EXPECT_EQ(ToText(Domain(FloatDomain{0, 0.6, false, 0.1})), "{float: [0, 0.6], step: 0.1}");
  EXPECT_EQ(ToText(Domain(FloatDomain{1e-4, 1e-2, true, std::nullopt})),
            "{float: [0.0001, 0.01], log: true}");
  EXPECT_EQ(ToText(Domain(IntDomain{16, 64, false, 16})), "{int: [16, 64], step: 16}");
  EXPECT_EQ(ToText(Domain(Words({"avg", "max"}))), "{choices: [avg, max]}");
  EXPECT_EQ(ToText(Domain(Words({"avg"}))), "avg");
}

TEST(CountConfigurations, CountsConditionsExactly) {
  EXPECT_EQ(CountConfigurations({}), 1);
  // dropout 7 x (dense [] : 1, two others: 4 each)
  EXPECT_EQ(CountConfigurations(HeadSpace()), 7 * (1 + 2 * 4));
}

TEST(CountConfigurations, AgreesWithEnumerationOnRandomSpaces) {
  int conditional = 0;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const SearchSpace space = RandomSpace(seed);
    const std::vector<Configuration> all = Enumerate(space);
    EXPECT_EQ(CountConfigurations(space), static_cast<int64_t>(all.size())) << "seed " << seed;
    for (const Parameter& parameter : space.parameters) {
      const bool active = std::any_of(all.begin(), all.end(), [&](const Configuration& c) {
        return c.contains(parameter.name);
      });
      EXPECT_EQ(!active,
                ::testing::Matches(::testing::Contains(parameter.name))(NeverActive(space)))
          << "seed " << seed << " " << parameter.name;
      conditional += parameter.conditions.empty() ? 0 : 1;
    }
  }
  EXPECT_GT(conditional, 500);  // the spaces do test conditions
}

TEST(CountConfigurations, WalkVisitsEachConfigurationOnce) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const SearchSpace space = RandomSpace(seed);
    std::set<std::string> walked;
    std::optional<Configuration> configuration = FirstConfiguration(space);
    while (configuration) {
      EXPECT_TRUE(Validate(space, *configuration).ok());
      EXPECT_TRUE(walked.insert(ToJsonText(*configuration)).second) << "seed " << seed;
      configuration = NextConfiguration(space, *configuration);
    }
    std::set<std::string> expected;
    for (const Configuration& c : Enumerate(space)) expected.insert(ToJsonText(c));
    EXPECT_EQ(walked, expected) << "seed " << seed;
  }
}

TEST(CountConfigurations, ManyIndependentConditionsDoNotExplode) {
  // 30 parents, each with a child, and one child of them all: 30 parameters of one component.
  SearchSpace space;
  Parameter last = Make("last", IntDomain{0, 1, false, 1});
  for (int i = 0; i < 30; ++i) {
    const std::string parent = StrCat("parent", i);
    space.parameters.push_back(Make(parent, IntDomain{0, 1, false, 1}));
    last.conditions.push_back({parent, {int64_t{1}}});
  }
  for (int i = 0; i < 30; ++i) {
    space.parameters.push_back(
        Make(StrCat("child", i), IntDomain{0, 1, false, 1}, {{StrCat("parent", i), {int64_t{1}}}}));
  }
  space.parameters.push_back(last);
  // Each pair: 1 + 2 = 3; all parents at 1 (2^30 ways for the children) doubles once more.
  const int64_t pairs = 205891132094649;  // 3^30
  EXPECT_EQ(CountConfigurations(space), pairs + (int64_t{1} << 30));
}

TEST(CountConfigurations, InfiniteOrTooLargeIsNullopt) {
  SearchSpace space;
  space.parameters = {Make("x", FloatDomain{0, 1})};
  EXPECT_EQ(CountConfigurations(space), std::nullopt);
  space.parameters.clear();
  for (int i = 0; i < 3; ++i) {
    space.parameters.push_back(
        Make(StrCat("x", i), IntDomain{0, (int64_t{1} << 31) - 1, false, 1}));
  }
  EXPECT_EQ(CountConfigurations(space), std::nullopt);  // 2^93
  space.parameters.pop_back();
  EXPECT_EQ(CountConfigurations(space), int64_t{1} << 62);
  // A continuous parameter that is only sometimes active is infinite all the same.
  space.parameters = {Make("a", Words({"x", "y"})),
                      Make("b", FloatDomain{0, 1}, {{"a", {Word("x")}}})};
  EXPECT_EQ(CountConfigurations(space), std::nullopt);
}

TEST(ValidateSpace, NamesWhatIsWrong) {
  const auto message = [](std::vector<Parameter> parameters) {
    SearchSpace space;
    space.parameters = std::move(parameters);
    return Validate(space).ToString();
  };
  EXPECT_TRUE(Validate(HeadSpace()).ok());
  EXPECT_THAT(message({Make("x", FloatDomain{1, 0})}), HasSubstr("x: the range [1, 0] is empty"));
  EXPECT_THAT(message({Make("x", IntDomain{1, 0, false, 1})}),
              HasSubstr("x: the range [1, 0] is empty"));
  EXPECT_THAT(message({Make("x", FloatDomain{0, 1, true, std::nullopt})}),
              HasSubstr("x: log needs a range above 0"));
  EXPECT_THAT(message({Make("x", IntDomain{0, 1, true, 1})}),
              HasSubstr("log needs a range above 0"));
  EXPECT_THAT(message({Make("x", FloatDomain{1, 2, true, 0.1})}), HasSubstr("log and step"));
  EXPECT_THAT(message({Make("x", IntDomain{1, 9, true, 2})}), HasSubstr("log and step"));
  EXPECT_THAT(message({Make("x", FloatDomain{0, 1, false, 2.0})}),
              HasSubstr("step 2 exceeds the range"));
  EXPECT_THAT(message({Make("x", FloatDomain{0, 1, false, 0.0})}),
              HasSubstr("step must be above 0"));
  EXPECT_THAT(message({Make("x", IntDomain{0, 4, false, 5})}),
              HasSubstr("step 5 exceeds the range"));
  EXPECT_THAT(message({Make("x", IntDomain{0, 4, false, 0})}),
              HasSubstr("step must be at least 1"));
  EXPECT_THAT(message({Make("x", FloatDomain{0, INFINITY})}), HasSubstr("must be finite"));
  EXPECT_THAT(message({Make("x", CategoricalDomain{})}), HasSubstr("there are no choices"));
  EXPECT_THAT(message({Make("x", Words({"a", "b", "a"}))}), HasSubstr("choice a is there twice"));
  EXPECT_THAT(message({Make("x", Words({"a"})), Make("x", Words({"a"}))}),
              HasSubstr("x: is there twice"));
  EXPECT_THAT(message({Make("", Words({"a"}))}), HasSubstr("no name"));
  EXPECT_THAT(message({Make("x", Words({"a"}), {{"y", {Word("b")}}})}),
              HasSubstr("x: depends on y, which is unknown"));
  EXPECT_THAT(message({Make("x", Words({"a"}), {{"y", {Word("b")}}}), Make("y", Words({"b"}))}),
              HasSubstr("does not stand before it"));
  EXPECT_THAT(message({Make("y", Words({"b"})), Make("x", Words({"a"}), {{"y", {Word("c")}}})}),
              HasSubstr("depends on y being c, which it can never be"));
  EXPECT_THAT(message({Make("y", FloatDomain{0, 1}), Make("x", Words({"a"}), {{"y", {0.5}}})}),
              HasSubstr("continuous"));
  EXPECT_THAT(message({Make("y", Words({"b", "c"})),
                       Make("x", Words({"a"}), {{"y", {Word("b")}}, {"y", {Word("c")}}})}),
              HasSubstr("x: its conditions exclude each other"));
}

TEST(ValidateConfiguration, WantsExactlyTheActiveParameters) {
  const SearchSpace space = HeadSpace();
  const Configuration plain = {{"dense", IntList{}}, {"dropout", 0.3}};
  EXPECT_TRUE(Validate(space, plain).ok());
  Configuration hidden = {{"dense", IntList{128, 128}}, {"dropout", 0.3}, {"dropout_hidden", 0.2}};
  EXPECT_TRUE(Validate(space, hidden).ok());

  Configuration inactive = plain;
  inactive["dropout_hidden"] = 0.2;
  EXPECT_THAT(Validate(space, inactive).ToString(), HasSubstr("its condition does not hold"));
  hidden.erase("dropout_hidden");
  EXPECT_THAT(Validate(space, hidden).ToString(), HasSubstr("dropout_hidden: is missing"));
  Configuration outside = plain;
  outside["dropout"] = 0.35;
  EXPECT_THAT(Validate(space, outside).ToString(),
              HasSubstr("dropout: 0.35 is not in {float: [0, 0.6], step: 0.1}"));
  Configuration unknown = plain;
  unknown["colour"] = Word("red");
  EXPECT_THAT(Validate(space, unknown).ToString(), HasSubstr("colour: is not in the search space"));
}

TEST(SearchSpaceJson, RoundTrips) {
  SearchSpace space = HeadSpace();
  space.parameters.push_back(Make("batch", IntDomain{16, 64, false, 16}));
  space.parameters.push_back(Make("lr", FloatDomain{1e-4, 1e-2, true, std::nullopt}));
  const auto back = SearchSpaceFromJson(nlohmann::json::parse(ToJson(space).dump()));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, space);
}

TEST(SearchSpaceJson, RefusesUnknownFieldsAndUnsoundSpaces) {
  nlohmann::json json = ToJson(HeadSpace());
  json[0]["colour"] = "red";
  EXPECT_THAT(SearchSpaceFromJson(json).status().ToString(), HasSubstr("colour: unknown field"));
  json = ToJson(HeadSpace());
  json[1]["domain"]["type"] = "gaussian";
  EXPECT_THAT(SearchSpaceFromJson(json).status().ToString(), HasSubstr("gaussian"));
  json = ToJson(HeadSpace());
  json[1]["domain"]["low"] = 5;
  EXPECT_THAT(SearchSpaceFromJson(json).status().ToString(), HasSubstr("is empty"));
  json = ToJson(HeadSpace());
  json[1].erase("name");
  EXPECT_THAT(SearchSpaceFromJson(json).status().ToString(), HasSubstr("name: missing"));
  EXPECT_FALSE(SearchSpaceFromJson(nlohmann::json::object()).ok());
}

}  // namespace
}  // namespace vizsla
