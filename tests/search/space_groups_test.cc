#include "src/search/space_groups.h"

#include <gmock/gmock.h>

namespace vizsla {
namespace {

using ::testing::ElementsAre;

ParameterValue Word(const char* word) { return std::string(word); }
Domain Words(const std::vector<const char*>& words) {
  CategoricalDomain domain;
  for (const char* word : words) domain.choices.push_back(Word(word));
  return domain;
}
Domain Unit() { return FloatDomain{0, 1}; }

// The groups of a valid space, as names.
std::vector<std::vector<std::string>> Groups(const std::vector<Parameter>& parameters) {
  const SearchSpace space{parameters};
  EXPECT_TRUE(Validate(space).ok()) << Validate(space);
  std::vector<std::vector<std::string>> names;
  for (const SpaceGroup& group : DecomposeSpace(space)) {
    names.emplace_back();
    for (const int i : group) {
      names.back().push_back(space.parameters[static_cast<size_t>(i)].name);
    }
  }
  return names;
}

TEST(SpaceGroups, WithoutConditionsEverythingIsTogether) {
  EXPECT_THAT(Groups({{"a", Unit(), {}}, {"b", Words({"x", "y"}), {}}}),
              ElementsAre(ElementsAre("a", "b")));
}

TEST(SpaceGroups, EachBranchIsAGroup) {
  EXPECT_THAT(Groups({{"kind", Words({"x", "y", "z"}), {}},
                      {"x1", Unit(), {{"kind", {Word("x")}}}},
                      {"y1", Unit(), {{"kind", {Word("y")}}}},
                      {"rate", Unit(), {}},
                      {"x2", Unit(), {{"kind", {Word("x")}}}},
                      {"xy", Unit(), {{"kind", {Word("x"), Word("y")}}}}}),
              ElementsAre(ElementsAre("kind", "rate"), ElementsAre("x1", "x2"), ElementsAre("y1"),
                          ElementsAre("xy")));
}

TEST(SpaceGroups, GrandchildrenDependOnAllAncestors) {
  const Condition on_x{"kind", {Word("x")}};
  const Condition deep{"depth", {int64_t{2}, int64_t{3}}};
  EXPECT_THAT(Groups({{"kind", Words({"x", "y"}), {}},
                      {"depth", IntDomain{1, 3}, {on_x}},
                      {"width2", Unit(), {deep}},
                      {"same_as_width2", Unit(), {on_x, deep}},
                      {"also_on_x", Unit(), {on_x}}}),
              ElementsAre(ElementsAre("kind"), ElementsAre("depth", "also_on_x"),
                          ElementsAre("width2", "same_as_width2")));
}

TEST(SpaceGroups, AConditionThatAlwaysHoldsSeparatesNothing) {
  EXPECT_THAT(Groups({{"kind", Words({"x", "y"}), {}},
                      {"always", Unit(), {{"kind", {Word("y"), Word("x")}}}},
                      {"n", IntDomain{1, 2}, {{"kind", {Word("x")}}}},
                      {"with_n", Unit(), {{"n", {int64_t{1}, int64_t{2}}}}}}),
              ElementsAre(ElementsAre("kind", "always"), ElementsAre("n", "with_n")));
}

TEST(SpaceGroups, TwoConditionsOnOneParentMeanWhatTheyShare) {
  EXPECT_THAT(
      Groups(
          {{"kind", Words({"x", "y", "z"}), {}},
           {"both", Unit(), {{"kind", {Word("x"), Word("y")}}, {"kind", {Word("y"), Word("z")}}}},
           {"y_only", Unit(), {{"kind", {Word("y")}}}}}),
      ElementsAre(ElementsAre("kind"), ElementsAre("both", "y_only")));
}

}  // namespace
}  // namespace vizsla
