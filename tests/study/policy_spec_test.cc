#include "src/study/policy_spec.h"

#include <gmock/gmock.h>

namespace vizsla {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

template <typename Spec, typename Read>
Spec RoundTrip(const Spec& spec, const Read& read) {
  const json stored = {{"policy", ToJson(spec)}};
  JsonFields fields(stored, "study");
  Spec back = read(fields, "policy");
  EXPECT_TRUE(fields.Finish().ok()) << stored;
  return back;
}

// Studies store these words.
TEST(PolicySpec, NamesAreFixed) {
  std::vector<std::string> names;
  for (const SamplerSpec& spec : AllSamplers()) names.emplace_back(ToText(KindOf(spec)));
  for (const PrunerSpec& spec : AllPruners()) names.emplace_back(ToText(KindOf(spec)));
  EXPECT_THAT(names, ::testing::ElementsAre("random", "grid", "sobol", "halton", "tpe", "gp",
                                            "cma_es", "nsga2", "none", "median", "percentile",
                                            "threshold", "patience", "successive_halving",
                                            "hyperband", "asha", "population"));
}

TEST(PolicySpec, DefaultsAreAWordAlone) {
  for (const SamplerSpec& spec : AllSamplers()) {
    EXPECT_EQ(ToJson(spec), json(ToText(KindOf(spec))));
    EXPECT_EQ(Describe(spec), ToText(KindOf(spec)));
    EXPECT_EQ(RoundTrip(spec, SamplerFromJson), spec);
  }
  for (const PrunerSpec& spec : AllPruners()) {
    EXPECT_EQ(ToJson(spec), json(ToText(KindOf(spec))));
    EXPECT_EQ(RoundTrip(spec, PrunerFromJson), spec);
  }
}

TEST(PolicySpec, ChosenOptionsComeBack) {
  const std::vector<SamplerSpec> samplers = {SobolOptions{{.scramble = false}},
                                             TpeOptions{20, 48, false}, GaussianProcessOptions{5},
                                             CmaEsOptions{8, 0.5}};
  for (const SamplerSpec& spec : samplers) EXPECT_EQ(RoundTrip(spec, SamplerFromJson), spec);
  const std::vector<PrunerSpec> pruners = {
      MedianOptions{1, 2, 3, 4},        PercentileOptions{10, 1, 2, 3, 4},
      ThresholdOptions{0.1, 0.9, 2, 3}, ThresholdOptions{.upper = 2.5},
      PatienceOptions{3, 0.01, 2},      SuccessiveHalvingOptions{2, 4, 16},
      HyperbandOptions{2, 4},           AshaOptions{AshaOptions::Variant::kStop, 2, 3}};
  for (const PrunerSpec& spec : pruners) EXPECT_EQ(RoundTrip(spec, PrunerFromJson), spec);
  EXPECT_EQ(ToJson(PrunerSpec(AshaOptions{AshaOptions::Variant::kStop, 1, 3})),
            json({{"kind", "asha"}, {"variant", "stop"}, {"eta", 3}}));
  EXPECT_EQ(Describe(SamplerSpec(TpeOptions{.startup_trials = 20})), "tpe (startup_trials 20)");
}

TEST(PolicySpec, RefusesWhatItDoesNotKnow) {
  const std::pair<json, const char*> cases[] = {
      {"astra", "'astra' is none of none, median"},
      {{{"kind", "asha"}, {"etta", 3}}, "etta"},
      {{{"kind", "asha"}, {"eta", 1}}, "eta"},
      {{{"kind", "asha"}, {"variant", "both"}}, "variant"},
      {{{"kind", "percentile"}, {"percentile", 101}}, "percentile"},
      {{{"eta", 3}}, "kind"},
  };
  for (const auto& [value, message] : cases) {
    const json stored = {{"pruner", value}};
    JsonFields fields(stored, "study");
    PrunerFromJson(fields, "pruner");
    EXPECT_THAT(fields.Finish().ToString(), HasSubstr(message)) << value;
  }
}

TEST(PolicySpec, ChecksOptionsTogether) {
  EXPECT_TRUE(CheckOptions(PrunerSpec(HyperbandOptions{1, 3}), 9).ok());
  EXPECT_THAT(CheckOptions(PrunerSpec(HyperbandOptions{4, 3}), 9).ToString(),
              HasSubstr("eta: 3 times min_epochs is more than the 9 epochs"));
  EXPECT_THAT(CheckOptions(PrunerSpec(AshaOptions{.min_epochs = 9}), 9).ToString(),
              HasSubstr("min_epochs: 9, but trials have only 9 epochs"));
  EXPECT_THAT(CheckOptions(PrunerSpec(ThresholdOptions{}), 9).ToString(),
              HasSubstr("lower: missing"));
}

}  // namespace
}  // namespace vizsla
