#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "src/base/str_cat.h"
#include "src/report/report_sections.h"
#include "src/report/text.h"

namespace vizsla {
namespace {

constexpr size_t kConfusedPairs = 25;

HtmlSection ConfusionSection(const Predictions& predictions,
                             const std::vector<std::string>& classes) {
  const std::vector<std::vector<int64_t>> matrix =
      ConfusionMatrix(predictions.photos, classes.size());
  HtmlSection section = {"confusion", "Confusion matrix", "", {}};
  section.pictures.push_back(
      {"confusion", DrawConfusion(classes, matrix, "Confusion matrix, validation split")});
  HtmlTable table;
  table.columns = {{"true class", false, ""},
                   {"taken for", false, ""},
                   {"photos", true, ""},
                   {"of the class", true, "share of the true class's photos"}};
  for (const ConfusedPair& pair : MostConfused(matrix, kConfusedPairs)) {
    table.rows.push_back({TextCell(classes[static_cast<size_t>(pair.label)]),
                          TextCell(classes[static_cast<size_t>(pair.predicted)]),
                          TextCell(StrCat(pair.photos)), TextCell(PercentText(pair.share))});
  }
  section.html = StrCat(
      ParagraphHtml("A row is a true class; blue squares are right, orange ones wrong, the "
                    "darker the larger the share of the row.",
                    "muted small"),
      FigureHtml(section.pictures.back()), "<h3>Most confused pairs</h3>\n",
      table.rows.empty() ? ParagraphHtml("No photo was taken for another class.") : ToHtml(table));
  return section;
}

HtmlSection ClassesSection(const ClassificationReport& report) {
  HtmlTable table;
  table.columns = {{"class", false, ""},
                   {"precision", true, "share of the photos taken for it that are of it"},
                   {"recall", true, "share of its photos that were recognised"},
                   {"F1", true, "harmonic mean of precision and recall"},
                   {"support", true, "its photos in the split"}};
  const auto add = [&](const ClassScores& scores, bool strong) {
    const std::string name = EscapeMarkup(scores.name);
    table.rows.push_back({{strong ? StrCat("<strong>", name, "</strong>") : name, ""},
                          NumberCell(scores.precision),
                          NumberCell(scores.recall),
                          NumberCell(scores.f1),
                          TextCell(StrCat(scores.support))});
  };
  for (const ClassScores& scores : report.classes) add(scores, false);
  add(report.macro_average, true);
  add(report.weighted_average, true);
  return {"classes",
          "Per class",
          StrCat(ParagraphHtml(StrCat("All photos: accuracy ", FormatMetric(report.accuracy),
                                      ", top-5 accuracy ", FormatMetric(report.top5_accuracy),
                                      ", loss ", FormatMetric(report.loss), ".")),
                 ToHtml(table)),
          {}};
}

std::string PhotoHtml(const PhotoPrediction& photo, const std::vector<std::string>& classes) {
  const std::string picture =
      photo.thumbnail.empty()
          ? MutedHtml("no thumbnail")
          : StrCat("<img src=\"data:image/jpeg;base64,", absl::Base64Escape(photo.thumbnail),
                   "\" alt=\"", EscapeMarkup(photo.photo), "\"/>");
  return StrCat("<div class=\"photo\"><div class=\"frame\">", picture,
                "</div><div class=\"words\"><div class=\"right\">is ",
                EscapeMarkup(classes[static_cast<size_t>(photo.label)]), " (",
                PercentText(photo.label_probability), ")</div><div class=\"wrong\">said ",
                EscapeMarkup(classes[static_cast<size_t>(photo.predicted)]), " (",
                PercentText(photo.predicted_probability), ")</div><div class=\"muted\">",
                EscapeMarkup(photo.photo), "</div></div></div>\n");
}

HtmlSection MistakesSection(const Predictions& predictions,
                            const std::vector<std::string>& classes) {
  HtmlSection section = {"mistakes", "Photos it gets most wrong", "", {}};
  const std::vector<size_t> worst = MostWrong(predictions.photos, kShownMistakes);
  if (worst.empty()) {
    section.html = ParagraphHtml("Every photo was recognised.");
    return section;
  }
  section.html =
      StrCat(ParagraphHtml("Highest loss first: the true class was given the least probability. "
                           "Some are mistakes of the labels.",
                           "muted small"),
             "<div class=\"photos\">\n");
  for (const size_t place : worst) section.html += PhotoHtml(predictions.photos[place], classes);
  section.html += "</div>\n";
  return section;
}

}  // namespace

std::vector<HtmlSection> PredictionSections(const StudyReport& report) {
  if (!report.predictions.has_value()) {
    const std::string why =
        report.no_predictions.empty()
            ? "Run `vizsla report` with --data and the study's photos to add the best trial's "
              "confusion matrix, its figures per class and the photos it gets most wrong."
            : StrCat("There is no confusion matrix: ", report.no_predictions, ".");
    return {{"predictions", "Confusion matrix", ParagraphHtml(why, "aside"), {}}};
  }
  const Predictions& predictions = *report.predictions;
  std::vector<std::string> classes;
  for (const ClassScores& scores : predictions.evaluation.report.classes) {
    classes.push_back(scores.name);
  }
  std::vector<HtmlSection> sections = {ConfusionSection(predictions, classes),
                                       ClassesSection(predictions.evaluation.report),
                                       MistakesSection(predictions, classes)};
  const EvaluationView& evaluation = predictions.evaluation;
  std::string of = StrCat("Trial ", evaluation.trial, " at epoch ", evaluation.epoch, " on the ",
                          evaluation.split, " split, ", Count(evaluation.report.photos, "photo"));
  if (evaluation.unreadable_photos > 0) {
    absl::StrAppend(&of, "; ", Count(evaluation.unreadable_photos, "more photo"),
                    " could not be read");
  }
  for (HtmlSection& section : sections) {
    section.html = ParagraphHtml(StrCat(of, "."), "muted small") + section.html;
  }
  return sections;
}

}  // namespace vizsla
