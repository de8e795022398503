#include "src/report/study_report.h"

#include "absl/strings/str_format.h"
#include "src/base/str_cat.h"
#include "src/report/front_chart.h"
#include "src/report/html.h"
#include "src/report/report_sections.h"

namespace vizsla {

std::vector<ReportFile> RenderStudyReport(const StudyReport& report) {
  std::vector<HtmlSection> sections = {
      OverviewSection(report),   LeaderboardSection(report), CurvesSection(report),
      ParametersSection(report), ImportanceSection(report),  OverfittingSection(report),
      StrategiesSection(report),
  };
  if (!report.board.study.study.spec.objective.further.empty()) {
    sections.insert(sections.begin() + 2, FrontSection(report.board));
  }
  for (HtmlSection& section : PredictionSections(report)) sections.push_back(std::move(section));
  sections.push_back(TestUsesSection(report));

  const std::string& name = report.board.study.study.spec.name;
  std::vector<ReportFile> files = {
      {kReportPage, PageHtml(StrCat(name, " - Vizsla"), HeaderHtml(report), sections,
                             StrCat("Made by vizsla ", VIZSLA_VERSION,
                                    ". Times are UTC; losses are mean cross-entropy in nats."))}};
  for (const HtmlSection& section : sections) {
    for (const Picture& picture : section.pictures) {
      files.push_back({StrCat(picture.name, ".svg"), picture.svg.Standalone()});
    }
  }
  if (report.predictions.has_value()) {
    int count = 0;
    for (const size_t place : MostWrong(report.predictions->photos, kShownMistakes)) {
      const std::string& thumbnail = report.predictions->photos[place].thumbnail;
      if (thumbnail.empty()) continue;
      files.push_back({absl::StrFormat("mistake-%02d.jpg", ++count), thumbnail});
    }
  }
  return files;
}

}  // namespace vizsla
