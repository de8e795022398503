#include "absl/strings/str_cat.h"
#include "src/base/str_cat.h"
#include "src/report/classification_report.h"
#include "src/report/leaderboard.h"
#include "src/report/text.h"

namespace vizsla {
namespace {

using Json = nlohmann::ordered_json;

Json ScoresToJson(const ClassScores& scores) {
  return {{"precision", scores.precision},
          {"recall", scores.recall},
          {"f1", scores.f1},
          {"support", scores.support}};
}

std::vector<Cell> ScoresRow(const ClassScores& scores, Tint tint) {
  return {{scores.name, tint},
          {FormatMetric(scores.precision)},
          {FormatMetric(scores.recall)},
          {FormatMetric(scores.f1), tint},
          {StrCat(scores.support)}};
}

// Colour for the eye only: a class that is more often wrong than right is worth a look.
Tint TintOfF1(const ClassScores& scores) {
  if (scores.support == 0) return Tint::kDim;
  return scores.f1 < 0.5 ? Tint::kBad : Tint::kPlain;
}

}  // namespace

std::string RenderEvaluation(const EvaluationView& view, const RenderOptions& options) {
  const ClassificationReport& report = view.report;
  std::string text = StrCat(
      Paint(StrCat("Trial ", view.trial, " of ", SafeText(view.study)), Tint::kBold, options.color),
      view.trial_name.empty() ? "" : StrCat(" (", SafeText(view.trial_name), ")"), ", epoch ",
      view.epoch, ", on the ", view.split, " split: ", Count(report.photos, "photo"), "\n\n");
  Table table;
  table.columns = {{"class", Align::kLeft, true},
                   {"precision", Align::kRight},
                   {"recall", Align::kRight},
                   {"F1", Align::kRight},
                   {"photos", Align::kRight}};
  for (const ClassScores& scores : report.classes) {
    table.rows.push_back(ScoresRow(scores, TintOfF1(scores)));
  }
  table.rows.push_back(ScoresRow(report.macro_average, Tint::kBold));
  table.rows.push_back(ScoresRow(report.weighted_average, Tint::kBold));
  text += RenderTable(table, options);

  absl::StrAppend(&text, "\nloss            ", FormatMetric(report.loss), "\naccuracy        ",
                  Paint(FormatMetric(report.accuracy), Tint::kGood, options.color),
                  "\ntop-5 accuracy  ", FormatMetric(report.top5_accuracy), "\n");
  if (view.search_score.has_value()) {
    absl::StrAppend(&text, "the search reported ", view.objective, " ",
                    FormatMetric(*view.search_score), "\n");
  }
  if (view.unreadable_photos > 0) {
    absl::StrAppend(&text, Count(view.unreadable_photos, "photo"),
                    " of the split could not be read and ",
                    view.unreadable_photos == 1 ? "is" : "are", " not counted\n");
  }
  if (view.test_uses.has_value()) {
    absl::StrAppend(&text, "recorded: the test split of this study has been used ",
                    *view.test_uses == 1 ? std::string("once") : StrCat(*view.test_uses, " times"),
                    "\n");
  }
  return text;
}

Json EvaluationToJson(const EvaluationView& view) {
  const ClassificationReport& report = view.report;
  Json json;
  json["study"] = view.study;
  json["trial"] = view.trial;
  json["epoch"] = view.epoch;
  json["split"] = view.split;
  json["photos"] = report.photos;
  json["unreadable_photos"] = view.unreadable_photos;
  json["loss"] = NumberToJson(report.loss);
  json["accuracy"] = report.accuracy;
  json["top5_accuracy"] = report.top5_accuracy;
  json["classes"] = Json::array();
  for (const ClassScores& scores : report.classes) {
    Json row = {{"name", scores.name}};
    row.update(ScoresToJson(scores));
    json["classes"].push_back(std::move(row));
  }
  json["macro_average"] = ScoresToJson(report.macro_average);
  json["weighted_average"] = ScoresToJson(report.weighted_average);
  json["model_hash"] = view.model_hash;
  json["test_uses"] = view.test_uses.has_value() ? Json(*view.test_uses) : Json(nullptr);
  json["search"] = {
      {"metric", view.objective},
      {"score", view.search_score.has_value() ? NumberToJson(*view.search_score) : Json(nullptr)}};
  return json;
}

}  // namespace vizsla
