#include "src/report/predictions.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "absl/strings/escaping.h"
#include "src/base/check.h"
#include "src/base/str_cat.h"
#include "src/report/leaderboard.h"
#include "src/study/json_fields.h"

namespace vizsla {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kWhat[] = "predictions";

double NumberOrNaN(JsonFields& fields, const std::string& key) {
  const nlohmann::json* value = fields.Get(key);
  if (value == nullptr || value->is_null()) return std::numeric_limits<double>::quiet_NaN();
  return fields.Double(key);
}

ClassScores ScoresFromJson(const nlohmann::json& json, const std::string& what, bool named,
                           JsonFields& parent) {
  JsonFields fields(json, what);
  ClassScores scores;
  if (named) scores.name = fields.String("name");
  scores.precision = fields.Double("precision");
  scores.recall = fields.Double("recall");
  scores.f1 = fields.Double("f1");
  scores.support = fields.Int("support", 0, std::numeric_limits<int64_t>::max());
  parent.Note(fields.Finish());
  return scores;
}

// The inverse of EvaluationToJson.
absl::StatusOr<EvaluationView> EvaluationFromJson(const nlohmann::json& json) {
  JsonFields fields(json, "predictions: evaluation");
  EvaluationView view;
  ClassificationReport& report = view.report;
  view.study = fields.String("study");
  view.trial = fields.Int("trial");
  view.epoch = static_cast<int>(fields.Int("epoch", 0, std::numeric_limits<int>::max()));
  view.split = fields.String("split");
  view.model_hash = fields.String("model_hash");
  report.photos = fields.Int("photos", 0, std::numeric_limits<int64_t>::max());
  view.unreadable_photos = fields.Int("unreadable_photos", 0, std::numeric_limits<int64_t>::max());
  report.loss = NumberOrNaN(fields, "loss");
  report.accuracy = fields.Double("accuracy");
  report.top5_accuracy = fields.Double("top5_accuracy");
  if (const nlohmann::json* classes = fields.Get("classes"); classes != nullptr) {
    if (!classes->is_array()) fields.Fail("classes", "must be an array");
    for (const nlohmann::json& row : *classes) {
      report.classes.push_back(ScoresFromJson(row, "predictions: class", true, fields));
    }
  }
  for (auto [key, average] : {std::pair{"macro_average", &report.macro_average},
                              std::pair{"weighted_average", &report.weighted_average}}) {
    if (const nlohmann::json* scores = fields.Get(key); scores != nullptr) {
      *average = ScoresFromJson(*scores, "predictions: average", false, fields);
    }
  }
  report.macro_average.name = "macro average";
  report.weighted_average.name = "weighted average";
  if (const nlohmann::json* uses = fields.Get("test_uses"); uses != nullptr && !uses->is_null()) {
    view.test_uses = fields.Int("test_uses");
  }
  if (const nlohmann::json* search = fields.Get("search"); search != nullptr) {
    JsonFields search_fields(*search, "predictions: search");
    view.objective = search_fields.String("metric");
    const nlohmann::json* score = search_fields.Get("score");
    if (score != nullptr && !score->is_null()) view.search_score = search_fields.Double("score");
    fields.Note(search_fields.Finish());
  }
  VIZSLA_RETURN_IF_ERROR(fields.Finish());
  return view;
}

absl::StatusOr<PhotoPrediction> PhotoFromJson(const nlohmann::json& json, int64_t class_count) {
  JsonFields fields(json, "predictions: photo");
  PhotoPrediction photo;
  photo.photo = fields.String("photo");
  photo.label = static_cast<int>(fields.Int("label", 0, class_count - 1));
  photo.predicted = static_cast<int>(fields.Int("predicted", 0, class_count - 1));
  photo.label_probability = fields.Double("label_probability");
  photo.predicted_probability = fields.Double("predicted_probability");
  if (fields.Has("thumbnail") &&
      !absl::Base64Unescape(fields.String("thumbnail"), &photo.thumbnail)) {
    fields.Fail("thumbnail", "is not base64");
  }
  VIZSLA_RETURN_IF_ERROR(fields.Finish());
  return photo;
}

}  // namespace

std::vector<PhotoPrediction> PredictionsOf(std::span<const float> probabilities,
                                           std::span<const int> labels,
                                           const std::vector<std::string>& photo_ids,
                                           size_t class_count) {
  VIZSLA_CHECK(photo_ids.size() == labels.size() &&
               probabilities.size() == labels.size() * class_count);
  std::vector<PhotoPrediction> photos;
  for (size_t i = 0; i < labels.size(); ++i) {
    const std::span<const float> row = probabilities.subspan(i * class_count, class_count);
    const auto highest = std::max_element(row.begin(), row.end());
    photos.push_back({photo_ids[i], labels[i], static_cast<int>(highest - row.begin()),
                      row[static_cast<size_t>(labels[i])], *highest, ""});
  }
  return photos;
}

std::vector<size_t> MostWrong(const std::vector<PhotoPrediction>& photos, size_t count) {
  std::vector<size_t> order;
  for (size_t i = 0; i < photos.size(); ++i) {
    if (photos[i].label != photos[i].predicted) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (photos[a].label_probability != photos[b].label_probability) {
      return photos[a].label_probability < photos[b].label_probability;
    }
    return photos[a].predicted_probability > photos[b].predicted_probability;
  });
  if (order.size() > count) order.resize(count);
  return order;
}

std::vector<std::vector<int64_t>> ConfusionMatrix(const std::vector<PhotoPrediction>& photos,
                                                  size_t class_count) {
  std::vector<std::vector<int64_t>> rows(class_count, std::vector<int64_t>(class_count));
  for (const PhotoPrediction& photo : photos) {
    ++rows.at(static_cast<size_t>(photo.label)).at(static_cast<size_t>(photo.predicted));
  }
  return rows;
}

std::vector<ConfusedPair> MostConfused(const std::vector<std::vector<int64_t>>& confusion,
                                       size_t count) {
  std::vector<ConfusedPair> pairs;
  for (size_t label = 0; label < confusion.size(); ++label) {
    const std::vector<int64_t>& row = confusion[label];
    const int64_t total = std::accumulate(row.begin(), row.end(), int64_t{0});
    for (size_t predicted = 0; predicted < row.size(); ++predicted) {
      if (predicted == label || row[predicted] == 0) continue;
      pairs.push_back({static_cast<int>(label), static_cast<int>(predicted), row[predicted],
                       static_cast<double>(row[predicted]) / static_cast<double>(total)});
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(), [](const ConfusedPair& a, const ConfusedPair& b) {
    return a.photos != b.photos ? a.photos > b.photos : a.share > b.share;
  });
  if (pairs.size() > count) pairs.resize(count);
  return pairs;
}

std::string ToJsonText(const Predictions& predictions) {
  Json json;
  json["evaluation"] = EvaluationToJson(predictions.evaluation);
  json["photos"] = Json::array();
  for (const PhotoPrediction& photo : predictions.photos) {
    Json row = {{"photo", photo.photo},
                {"label", photo.label},
                {"predicted", photo.predicted},
                {"label_probability", photo.label_probability},
                {"predicted_probability", photo.predicted_probability}};
    if (!photo.thumbnail.empty()) row["thumbnail"] = absl::Base64Escape(photo.thumbnail);
    json["photos"].push_back(std::move(row));
  }
  return ToPrettyText(json);
}

absl::StatusOr<Predictions> PredictionsFromJsonText(std::string_view text) {
  VIZSLA_ASSIGN_OR_RETURN(const nlohmann::json json, ParseJson(text, kWhat));
  Predictions predictions;
  JsonFields fields(json, kWhat);
  if (const nlohmann::json* evaluation = fields.Get("evaluation"); evaluation != nullptr) {
    VIZSLA_ASSIGN_OR_RETURN(predictions.evaluation, EvaluationFromJson(*evaluation));
  }
  const auto class_count = static_cast<int64_t>(predictions.evaluation.report.classes.size());
  if (const nlohmann::json* photos = fields.Get("photos"); photos != nullptr) {
    if (!photos->is_array()) fields.Fail("photos", "must be an array");
    for (const nlohmann::json& row : *photos) {
      VIZSLA_ASSIGN_OR_RETURN(PhotoPrediction photo, PhotoFromJson(row, class_count));
      predictions.photos.push_back(std::move(photo));
    }
  }
  VIZSLA_RETURN_IF_ERROR(fields.Finish());
  return predictions;
}

}  // namespace vizsla
