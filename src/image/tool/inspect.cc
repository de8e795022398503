#include "src/image/tool/inspect.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <nlohmann/json.hpp>
#include <numeric>
#include <opencv2/core/utility.hpp>
#include <optional>
#include <unordered_map>

#include "src/base/random.h"
#include "src/dataset/parallel.h"
#include "src/dataset/split.h"
#include "src/dataset/text.h"
#include "src/image/decode.h"
#include "src/image/tool/terminal.h"

namespace vizsla {
namespace {

constexpr size_t kShownProblems = 20;

struct DecodedSize {
  uint64_t width = 0;
  uint64_t height = 0;
  std::string broken;  // why, or empty
};

Spread SpreadOf(std::vector<uint64_t> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  return {values.front(), values[values.size() / 2], values.back()};
}

NamedCounts CountClasses(const DatasetIndex& index) {
  NamedCounts counts;
  for (const std::string& name : index.classes) counts.emplace_back(name, 0);
  for (const Photo& photo : index.photos) ++counts[static_cast<size_t>(photo.label)].second;
  std::stable_sort(counts.begin(), counts.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return counts;
}

std::vector<std::pair<std::string, std::string>> FindDuplicates(const DatasetIndex& index) {
  std::vector<std::pair<std::string, std::string>> duplicates;
  std::unordered_map<std::string_view, const Photo*> first_of;
  for (const Photo& photo : index.photos) {
    const auto [first, inserted] = first_of.emplace(photo.sha256, &photo);
    if (!inserted) duplicates.emplace_back(Printable(photo.path), Printable(first->second->path));
  }
  return duplicates;
}

DecodedSize MeasureOne(const PhotoReader& reader, const Photo& photo) {
  const absl::StatusOr<cv::Mat> picture = LoadPhoto(reader, photo);
  if (!picture.ok()) return {0, 0, std::string(picture.status().message())};
  return {static_cast<uint64_t>(picture->cols), static_cast<uint64_t>(picture->rows), ""};
}

void MeasureAll(const InspectOptions& options, const PhotoReader& reader, Inspection& inspection) {
  std::vector<const Photo*> photos;
  for (const Photo& photo : inspection.index.photos) photos.push_back(&photo);
  for (const Photo& photo : inspection.index.unlabelled) photos.push_back(&photo);
  std::vector<DecodedSize> sizes(photos.size());
  std::mutex mutex;
  size_t done = 0;
  ParallelFor(photos.size(), options.threads, [&](size_t i) {
    sizes[i] = MeasureOne(reader, *photos[i]);
    if (!options.on_decode) return;
    const std::lock_guard lock(mutex);
    options.on_decode(++done, photos.size());
  });
  std::vector<uint64_t> widths;
  std::vector<uint64_t> heights;
  std::vector<uint64_t> bytes;
  for (size_t i = 0; i < photos.size(); ++i) {
    if (!sizes[i].broken.empty()) {
      inspection.broken.push_back({Printable(photos[i]->path), Printable(sizes[i].broken)});
      continue;
    }
    widths.push_back(sizes[i].width);
    heights.push_back(sizes[i].height);
    bytes.push_back(photos[i]->bytes);
  }
  inspection.width = SpreadOf(std::move(widths));
  inspection.height = SpreadOf(std::move(heights));
  inspection.bytes = SpreadOf(std::move(bytes));
}

void DrawSheet(const InspectOptions& options, const PhotoReader& reader, Inspection& inspection) {
  const DatasetIndex& index = inspection.index;
  std::vector<uint32_t> order(index.photos.size());
  std::iota(order.begin(), order.end(), uint32_t{0});
  RandomStream stream(StreamKey(options.seed).With("contact sheet"));
  stream.Shuffle(order);
  for (const uint32_t position : order) {
    if (inspection.sheet.size() == options.sheet_photos) break;
    const Photo& photo = index.photos[position];
    absl::StatusOr<cv::Mat> picture = LoadPhoto(reader, photo);
    if (!picture.ok()) continue;  // counted among the broken
    inspection.sheet.push_back(
        {*std::move(picture), index.classes[static_cast<size_t>(photo.label)]});
  }
}

SideSize SizeOf(const DatasetIndex& index, const std::vector<std::string>& ids) {
  std::unordered_map<std::string_view, int> label_of;
  for (const Photo& photo : index.photos) label_of.emplace(photo.id, photo.label);
  std::vector<size_t> counts(index.classes.size());
  for (const std::string& id : ids) ++counts[static_cast<size_t>(label_of.at(id))];
  if (counts.empty()) return {};
  const auto [fewest, most] = std::minmax_element(counts.begin(), counts.end());
  return {ids.size(), *fewest, *most};
}

nlohmann::json ToJson(const SideSize& side) {
  return {{"fewest", side.fewest}, {"most", side.most}};
}

nlohmann::json ToJson(const Spread& spread) {
  return {{"min", spread.min}, {"median", spread.median}, {"max", spread.max}};
}

nlohmann::json ToJson(const std::vector<Problem>& problems) {
  nlohmann::json list = nlohmann::json::array();
  for (const Problem& problem : problems) {
    list.push_back({{"place", problem.place}, {"reason", problem.reason}});
  }
  return list;
}

void AppendProblems(std::string_view title, const std::vector<Problem>& problems,
                    std::string& text) {
  text += StrCat(title, ": ", WithThousands(problems.size()), "\n");
  for (size_t i = 0; i < std::min(problems.size(), kShownProblems); ++i) {
    text += StrCat("  ", Printable(problems[i].place), ": ", Printable(problems[i].reason), "\n");
  }
  if (problems.size() > kShownProblems) {
    text += StrCat("  and ", WithThousands(problems.size() - kShownProblems),
                   " more (--json lists them all)\n");
  }
}

std::string Cell(uint64_t number) {
  const std::string text = WithThousands(number);
  return StrCat(std::string(text.size() < 12 ? 12 - text.size() : 0, ' '), text);
}

void AppendSide(std::string_view name, const SideSize& side, std::string& text) {
  text += StrCat("  ", name, std::string(10 - name.size(), ' '), Cell(side.photos).substr(1), "  ",
                 side.fewest == side.most
                     ? WithThousands(side.fewest)
                     : StrCat(WithThousands(side.fewest), " to ", WithThousands(side.most)),
                 "\n");
}

std::string SplitText(const SplitSpec& split) {
  std::string text = StrCat("test ", split.test * 100, " % of the photos, validation ",
                            split.validation * 100, " % of the rest, seed ", split.seed);
  if (!split.group_column.empty()) {
    text += StrCat(", whole groups of ", Printable(split.group_column));
  }
  return text;
}

void AppendSpread(std::string_view name, const Spread& spread, std::string& text) {
  text += StrCat("  ", name, std::string(8 - name.size(), ' '), Cell(spread.min),
                 Cell(spread.median), Cell(spread.max), "\n");
}

}  // namespace

absl::StatusOr<cv::Mat> LoadPhoto(const PhotoReader& reader, const Photo& photo) {
  try {
    VIZSLA_ASSIGN_OR_RETURN(const std::string bytes, reader.Read(photo));
    return DecodePhoto(bytes);
  } catch (const std::exception& error) {
    return absl::ResourceExhaustedError(StrCat("it cannot be decoded: ", error.what()));
  }
}

absl::StatusOr<Inspection> Inspect(const InspectOptions& options) {
  cv::setNumThreads(1);
  Inspection inspection;
  inspection.split = options.split;
  VIZSLA_ASSIGN_OR_RETURN(inspection.index,
                          IndexDataset(options.data, {.group_column = options.split.group_column,
                                                      .progress = options.on_index}));
  VIZSLA_ASSIGN_OR_RETURN(const auto reader, OpenPhotos(options.data));
  inspection.class_counts = CountClasses(inspection.index);
  inspection.duplicates = FindDuplicates(inspection.index);
  MeasureAll(options, *reader, inspection);
  DrawSheet(options, *reader, inspection);
  const absl::StatusOr<Split> split =
      MakeSplit(inspection.index, options.split, &inspection.split_problems);
  if (split.ok()) {
    inspection.train = SizeOf(inspection.index, split->train);
    inspection.validation = SizeOf(inspection.index, split->validation);
    inspection.test = SizeOf(inspection.index, split->test);
  } else {
    inspection.split_error = std::string(split.status().message());
  }
  return inspection;
}

nlohmann::json ToJson(const Inspection& inspection, const std::vector<std::string>& files) {
  const DatasetIndex& index = inspection.index;
  nlohmann::json classes = nlohmann::json::array();
  for (const auto& [name, count] : inspection.class_counts) {
    classes.push_back({{"name", name}, {"photos", count}});
  }
  nlohmann::json duplicates = nlohmann::json::array();
  for (const auto& [path, first] : inspection.duplicates) {
    duplicates.push_back({{"path", path}, {"same_as", first}});
  }
  nlohmann::json split;
  if (inspection.split_error.empty()) {
    split = {{"train", inspection.train.photos},
             {"validation", inspection.validation.photos},
             {"test", inspection.test.photos},
             {"per_class",
              {{"train", ToJson(inspection.train)},
               {"validation", ToJson(inspection.validation)},
               {"test", ToJson(inspection.test)}}},
             {"problems", ToJson(inspection.split_problems)}};
  } else {
    split = {{"error", inspection.split_error}};
  }
  return {{"data", Printable(index.root)},         {"layout", std::string(ToText(index.layout))},
          {"fingerprint", index.fingerprint},      {"photos", index.photos.size()},
          {"unlabelled", index.unlabelled.size()}, {"classes", classes},
          {"width", ToJson(inspection.width)},     {"height", ToJson(inspection.height)},
          {"bytes", ToJson(inspection.bytes)},     {"split", split},
          {"broken", ToJson(inspection.broken)},   {"duplicates", duplicates},
          {"problems", ToJson(index.problems)},    {"files", files}};
}

std::string ToText(const Inspection& inspection, int width, bool colour) {
  const DatasetIndex& index = inspection.index;
  std::string text = StrCat(
      Printable(index.root), ": ",
      index.layout == DatasetLayout::kKaggle ? "Kaggle's layout" : "ImageFolder's layout",
      ", fingerprint ", index.fingerprint.substr(0, 16), "\n", WithThousands(index.photos.size()),
      " labelled photos of ", WithThousands(index.classes.size()), " classes, ",
      WithThousands(index.unlabelled.size()), " unlabelled\n\nphotos per class\n",
      BarChart(inspection.class_counts, width, colour), "\n");
  text += StrCat(std::string(19, ' '), "min      median         max\n");
  AppendSpread("width", inspection.width, text);
  AppendSpread("height", inspection.height, text);
  AppendSpread("bytes", inspection.bytes, text);
  text += "\n";
  if (inspection.split_error.empty()) {
    text += StrCat("split", std::string(12, ' '), "photos  of one class\n");
    AppendSide("train", inspection.train, text);
    AppendSide("validation", inspection.validation, text);
    AppendSide("test", inspection.test, text);
    text += StrCat("  (", SplitText(inspection.split), ")\n");
    if (!inspection.split_problems.empty()) {
      AppendProblems("problems of the split", inspection.split_problems, text);
    }
  } else {
    text += StrCat("split: none (", Printable(inspection.split_error), ")\n");
  }
  AppendProblems("broken photos", inspection.broken, text);
  text += StrCat("duplicate files: ", WithThousands(inspection.duplicates.size()), "\n");
  AppendProblems("problems of files and labels", index.problems, text);
  return text;
}

}  // namespace vizsla
