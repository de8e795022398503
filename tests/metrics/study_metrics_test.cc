// The studies' series follow the database: they change, appear and go.
#include "src/metrics/study_metrics.h"

#include <gmock/gmock.h>

#include <map>

#include "tests/scheduling/harness.h"

namespace vizsla {
namespace {

class StudyMetricsTest : public Harness {
 protected:
  // "NAME label=value label=value" -> number.
  std::map<std::string, double> Scrape(StudyMetrics& metrics) {
    std::vector<prometheus::MetricFamily> families;
    metrics.Add(families);
    std::map<std::string, double> series;
    for (const prometheus::MetricFamily& family : families) {
      for (const prometheus::ClientMetric& metric : family.metric) {
        std::string name = family.name;
        for (const auto& label : metric.label) name += " " + label.name + "=" + label.value;
        series[name] = metric.gauge.value;
      }
    }
    return series;
  }
  double Value(StudyMetrics& metrics, const std::string& name) {
    const auto series = Scrape(metrics);
    const auto found = series.find(name);
    return found == series.end() ? -1 : found->second;
  }
};

TEST_F(StudyMetricsTest, FollowTheStudyFromItsFirstTrialToItsDeletion) {
  StudyMetrics metrics(*scheduler_, store_);
  EXPECT_EQ(Value(metrics, "vizsla_database_readable"), 1);
  Create(SmallSpec("dogs", 2, 2));
  EXPECT_EQ(Value(metrics, "vizsla_study_state study=dogs state=active"), 1);
  const WorkerId worker = Register("w");
  for (const double accuracy : {0.75, 0.5}) {
    const LeaseGrant lease = Acquire(worker);
    EXPECT_EQ(Value(metrics, "vizsla_trials study=dogs state=running"), 1);
    ASSERT_TRUE(Report(lease, 1, accuracy - 0.25).ok());
    ASSERT_TRUE(Report(lease, 2, accuracy).ok());
    ASSERT_TRUE(Complete(lease).ok());
  }
  EXPECT_EQ(Value(metrics, "vizsla_trials study=dogs state=completed"), 2);
  EXPECT_EQ(Value(metrics, "vizsla_trials study=dogs state=running"), -1);
  EXPECT_EQ(Value(metrics, "vizsla_study_best_score study=dogs metric=val_accuracy"), 0.75);
  EXPECT_EQ(Value(metrics, "vizsla_study_state study=dogs state=finished"), 1);
  ASSERT_TRUE(scheduler_->RenameStudy("dogs", "cats").ok());
  EXPECT_EQ(Value(metrics, "vizsla_study_best_score study=cats metric=val_accuracy"), 0.75);
  ASSERT_TRUE(scheduler_->DeleteStudy("cats", false).ok());
  for (const auto& [name, value] : Scrape(metrics)) {
    EXPECT_EQ(name.find("study="), std::string::npos) << name;
  }
}

TEST_F(StudyMetricsTest, OnlyTheNewestHaveSeries) {
  StudyMetrics metrics(*scheduler_, store_);
  for (int i = 1; i <= kStudiesWithSeries + 2; ++i) Create(SmallSpec(StrCat("study-", i), 1, 1));
  const auto series = Scrape(metrics);
  EXPECT_EQ(series.at("vizsla_studies_without_series"), 2);
  EXPECT_TRUE(series.contains(
      StrCat("vizsla_study_state study=study-", kStudiesWithSeries + 2, " state=active")));
  EXPECT_TRUE(series.contains("vizsla_study_state study=study-3 state=active"));
  EXPECT_FALSE(series.contains("vizsla_study_state study=study-2 state=active"));
}

TEST(BestScore, LooksAtTrialsThatMayWinAndInTheObjectivesDirection) {
  const std::vector<StateSummary> states = {{TrialState::kQueued, 3, {}, {}},
                                            {TrialState::kCompleted, 2, 0.25, 0.5},
                                            {TrialState::kPruned, 2, 0.125, 0.375},
                                            {TrialState::kDiverged, 1, 0.0, 0.875}};
  Objective objective;
  objective.direction = Direction::kMaximize;
  EXPECT_EQ(BestScore(objective, states), 0.5);
  objective.direction = Direction::kMinimize;
  EXPECT_EQ(BestScore(objective, states), 0.125);
  EXPECT_EQ(BestScore(objective, {}), std::nullopt);
}

}  // namespace
}  // namespace vizsla
