// Densities against those of Optuna 5.0.0, optuna.samplers._tpe.parzen_estimator._ParzenEstimator
// (uniform weights, prior weight 1, magic clip with 1 + n_kernels raised to 1.4, no end points),
// whose densities are per unit of the parameter or of its logarithm instead of the unit interval's.
#include "src/search/parzen_estimator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace vizsla {
namespace {

const FloatDomain kFloat{-5, 10};
const FloatDomain kLogFloat{1e-5, 1e-1, true, std::nullopt};
const IntDomain kStepped{1, 9, false, 2};
const IntDomain kLogInt{8, 1024, true, 1};
const FloatDomain kSteppedFloat{0, 0.6, false, 0.2};
const CategoricalDomain kWords{{std::string("a"), std::string("b"), std::string("c")}};

// An estimator over whole points of a space, and what it stands on.
class Model {
 public:
  Model(const std::vector<Domain>& domains,
        const std::vector<std::vector<ParameterValue>>& observations) {
    std::vector<int> dimensions;
    for (const Domain& domain : domains) {
      dimensions.push_back(static_cast<int>(axes_.size()));
      axes_.emplace_back(domain);
    }
    for (const auto& values : observations) points_.push_back(Point(values));
    WeightedPoints weighted;
    for (const ParzenPoint& point : points_) {
      weighted.numbers.push_back(std::ssize(weighted.points) + 1);
      weighted.points.push_back(&point);
      weighted.weights.push_back(1);
    }
    estimator_.emplace(axes_, dimensions, weighted, memory_);
  }

  ParzenPoint Point(const std::vector<ParameterValue>& values) const {
    ParzenPoint point;
    for (size_t i = 0; i < values.size(); ++i) point.push_back(axes_[i].Coordinate(values[i]));
    return point;
  }
  double LogDensity(const std::vector<ParameterValue>& values) const {
    return estimator_->LogDensity(Point(values));
  }
  const ParzenEstimator& estimator() const { return *estimator_; }
  const std::vector<ParzenAxis>& axes() const { return axes_; }

 private:
  std::vector<ParzenAxis> axes_;
  std::vector<ParzenPoint> points_;
  ParzenMemory memory_;
  std::optional<ParzenEstimator> estimator_;
};

ParameterValue Word(const char* word) { return std::string(word); }
ParameterValue Int(int64_t value) { return value; }

TEST(ParzenEstimator, FloatsHaveOptunasDensity) {
  const Model linear({kFloat}, {{-4.0}, {3.0}, {9.5}});
  EXPECT_NEAR(linear.LogDensity({-4.5}), -2.876620752474944 + std::log(15.0), 1e-9);
  EXPECT_NEAR(linear.LogDensity({5.0}), -2.641535500831597 + std::log(15.0), 1e-9);
  const Model logarithmic({kLogFloat}, {{1e-4}, {2e-4}, {5e-2}});
  const double range = std::log(std::log(1e4));
  EXPECT_NEAR(logarithmic.LogDensity({1e-5}), -2.6678732165309924 + range, 1e-9);
  EXPECT_NEAR(logarithmic.LogDensity({1e-3}), -2.372713089594199 + range, 1e-9);
}

TEST(ParzenEstimator, StepsAndIntegersHaveOptunasMass) {
  const Model stepped({kStepped}, {{Int(1)}, {Int(5)}, {Int(5)}});
  EXPECT_NEAR(stepped.LogDensity({Int(1)}), -1.7657731901883658, 1e-9);
  EXPECT_NEAR(stepped.LogDensity({Int(7)}), -1.7349217638939738, 1e-9);
  // Optuna puts a kernel of the value 8 at log 8; so does the middle of a cell here.
  const Model logarithmic({kLogInt}, {{Int(8)}, {Int(100)}, {Int(1000)}});
  EXPECT_NEAR(logarithmic.LogDensity({Int(9)}), -3.9240271442247106, 1e-9);
  EXPECT_NEAR(logarithmic.LogDensity({Int(512)}), -7.828792252259927, 1e-9);
  const Model floats({kSteppedFloat}, {{0.0}, {0.2}, {0.6}});
  EXPECT_NEAR(floats.LogDensity({0.4}), -1.4700236737385006, 1e-9);
  EXPECT_NEAR(floats.LogDensity({0.6}), -1.6278142842652485, 1e-9);
}

TEST(ParzenEstimator, ChoicesHaveOptunasProbability) {
  const Model model({kWords}, {{Word("a")}, {Word("c")}, {Word("c")}});
  EXPECT_NEAR(model.LogDensity({Word("b")}), -1.6582280766035324, 1e-12);
  EXPECT_NEAR(model.LogDensity({Word("c")}), -0.7419373447293772, 1e-12);
}

TEST(ParzenEstimator, JointDensityIsAMixtureOfProducts) {
  const Model model({kFloat, kLogFloat, kStepped, kLogInt, kSteppedFloat, kWords},
                    {{-4.0, 1e-4, Int(1), Int(8), 0.0, Word("a")},
                     {3.0, 2e-4, Int(5), Int(100), 0.2, Word("c")},
                     {9.5, 5e-2, Int(5), Int(1000), 0.6, Word("c")}});
  const double units = std::log(15.0) + std::log(std::log(1e4));
  EXPECT_NEAR(model.LogDensity({-4.5, 1e-5, Int(1), Int(9), 0.4, Word("b")}),
              -14.091053542787707 + units, 1e-8);
  EXPECT_NEAR(model.LogDensity({5.0, 1e-3, Int(7), Int(512), 0.6, Word("c")}),
              -15.996044491827371 + units, 1e-8);
}

TEST(ParzenEstimator, MagicClipWithManyObservations) {
  std::vector<std::vector<ParameterValue>> observations;
  for (int i = 0; i < 30; ++i) observations.push_back({(i * 7 % 30 + 0.5) / 30});
  const Model model({FloatDomain{0, 1}}, observations);
  EXPECT_NEAR(model.LogDensity({0.1}), 0.01651882934406812, 1e-9);
  EXPECT_NEAR(model.LogDensity({0.62}), 0.001107608244355518, 1e-9);
}

TEST(ParzenEstimator, IntegratesToOne) {
  const Model model({kLogFloat}, {{1e-5}, {3e-5}, {1e-1}, {9e-2}, {9e-2}});
  constexpr int kSlices = 20000;
  double integral = 0;
  for (int i = 0; i < kSlices; ++i) {
    integral += std::exp(model.estimator().LogDensity({(i + 0.5) / kSlices})) / kSlices;
  }
  EXPECT_NEAR(integral, 1, 1e-6);
}

TEST(ParzenEstimator, SumsToOneOverFiniteDomains) {
  const CategoricalDomain sizes{{Int(16), Int(32), Int(64), Int(128)}};
  for (const Domain& domain :
       std::vector<Domain>{kStepped, kLogInt, kSteppedFloat, kWords, sizes}) {
    const int64_t count = *CountValues(domain);
    const Model model({domain}, {{ValueAt(domain, 0)},
                                 {ValueAt(domain, count - 1)},
                                 {ValueAt(domain, count / 2)},
                                 {ValueAt(domain, count / 2)}});
    double sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += std::exp(model.LogDensity({ValueAt(domain, i)}));
    EXPECT_NEAR(sum, 1, 1e-9) << ToText(domain);
  }
}

TEST(ParzenEstimator, NeighboursOfAGoodOrderedCategoryAreLikelyToo) {
  const CategoricalDomain sizes{{Int(8), Int(16), Int(32), Int(64), Int(128)}};
  const Model ordered({sizes}, {{Int(16)}, {Int(16)}, {Int(16)}});
  EXPECT_GT(ordered.LogDensity({Int(16)}), ordered.LogDensity({Int(32)}));
  EXPECT_GT(ordered.LogDensity({Int(32)}), ordered.LogDensity({Int(64)}));
  EXPECT_GT(ordered.LogDensity({Int(64)}), ordered.LogDensity({Int(128)}));
  const Model unordered({kWords}, {{Word("a")}, {Word("a")}});
  EXPECT_DOUBLE_EQ(unordered.LogDensity({Word("b")}), unordered.LogDensity({Word("c")}));
}

TEST(ParzenEstimator, WithoutObservationsIsThePrior) {
  const Model model({kWords, kStepped}, {});
  double sum = 0;
  for (const char* word : {"a", "b", "c"}) {
    for (int64_t i = 1; i <= 9; i += 2) {
      const double mass = std::exp(model.LogDensity({Word(word), Int(i)}));
      EXPECT_NEAR(mass, 1.0 / 15, 0.02);
      sum += mass;
    }
  }
  EXPECT_NEAR(sum, 1, 1e-9);
}

TEST(ParzenEstimator, DrawsFollowTheDensity) {
  const Model model({kStepped, kWords}, {{Int(1), Word("a")}, {Int(9), Word("c")}});
  RandomStream stream(StreamKey(7));
  constexpr int kDraws = 40000;
  std::map<ParzenPoint, int> counts;
  for (int i = 0; i < kDraws; ++i) ++counts[model.estimator().Draw(stream)];
  EXPECT_EQ(counts.size(), 15u);
  for (const auto& [point, count] : counts) {
    const double expected = std::exp(model.estimator().LogDensity(point)) * kDraws;
    EXPECT_NEAR(count, expected, 4.5 * std::sqrt(expected));
  }
}

TEST(ParzenEstimator, DrawsOfFloatsFollowTheDensity) {
  const Model model({kFloat}, {{-5.0}, {-4.9}, {10.0}});
  RandomStream stream(StreamKey(7));
  constexpr int kDraws = 40000;
  constexpr int kBins = 20;
  std::vector<int> counts(kBins);
  for (int i = 0; i < kDraws; ++i) {
    const double place = model.estimator().Draw(stream)[0];
    ASSERT_GE(place, 0);
    ASSERT_LE(place, 1);
    ++counts[std::min(kBins - 1, static_cast<int>(place * kBins))];
  }
  for (int bin = 0; bin < kBins; ++bin) {
    double expected = 0;
    constexpr int kSlices = 500;
    for (int i = 0; i < kSlices; ++i) {
      const double place = (bin + (i + 0.5) / kSlices) / kBins;
      expected += std::exp(model.estimator().LogDensity({place})) * kDraws / kBins / kSlices;
    }
    EXPECT_NEAR(counts[bin], expected, 4.5 * std::sqrt(expected)) << bin;
  }
}

// Cells too narrow for a difference of distribution functions must not give 0 / 0.
TEST(ParzenEstimator, HugeIntegerRangesAreFinite) {
  for (const bool log : {false, true}) {
    const IntDomain huge{1, int64_t{1} << 52, log, 1};
    const Model model({huge}, {{Int(1)}, {Int(int64_t{1} << 40)}, {Int(int64_t{1} << 52)}});
    RandomStream stream(StreamKey(3));
    for (int i = 0; i < 200; ++i) {
      const ParzenPoint point = model.estimator().Draw(stream);
      EXPECT_TRUE(std::isfinite(model.estimator().LogDensity(point)));
      EXPECT_TRUE(Contains(huge, model.axes()[0].Value(point[0])));
    }
  }
}

}  // namespace
}  // namespace vizsla
