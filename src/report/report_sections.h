// The sections of the study's page; see study_report.h.
#pragma once

#include <optional>
#include <string>

#include "src/report/charts.h"
#include "src/report/html.h"
#include "src/report/study_report.h"

namespace vizsla {

// What every section asks of a row.
std::string TrialLabel(const Trial& trial);  // "7 (the final one)"
std::optional<double> MetricOf(const LeaderboardRowView& row, const std::string& name);
// Train minus validation accuracy at the chosen epoch.
std::optional<double> GapOf(const LeaderboardRowView& row);
// Trials that stand on the parameter charts: with a finite score, and not failed.
std::vector<TrialPoint> ScoredTrials(const LeaderboardView& board);

std::string StateHtml(std::string_view state);
// "val_accuracy, higher is better; of the epoch with the best val_loss" or "; of the last epoch".
std::string ObjectiveText(const Objective& objective);

std::string HeaderHtml(const StudyReport& report);
HtmlSection OverviewSection(const StudyReport& report);
HtmlSection LeaderboardSection(const StudyReport& report);
HtmlSection CurvesSection(const StudyReport& report);
HtmlSection ParametersSection(const StudyReport& report);
HtmlSection ImportanceSection(const StudyReport& report);
HtmlSection OverfittingSection(const StudyReport& report);
HtmlSection StrategiesSection(const StudyReport& report);
HtmlSection TestUsesSection(const StudyReport& report);
// With predictions; without them one section that says how to get them.
std::vector<HtmlSection> PredictionSections(const StudyReport& report);

}  // namespace vizsla
