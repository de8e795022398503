#include "src/dataset/layout.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "src/dataset/csv.h"
#include "src/dataset/text.h"

namespace vizsla {
namespace {

constexpr std::string_view kLabels = "labels.csv";
constexpr std::string_view kSubmission = "sample_submission.csv";
constexpr int kMaxWrappingFolders = 3;
// What the class's column is called; the first that is there.
constexpr const char* kClassColumns[] = {"breed", "label", "class", "species", "category"};

std::string_view FirstPart(std::string_view path) { return path.substr(0, path.find('/')); }
bool HasFolder(std::string_view path) { return path.find('/') != std::string_view::npos; }
std::string_view WithoutFirstPart(std::string_view path) { return path.substr(path.find('/') + 1); }

std::optional<Side> SideOfFolder(std::string_view folder) {
  std::string name(folder);
  absl::AsciiStrToLower(&name);
  if (name == "train" || name == "training") return Side::kTrain;
  if (name == "val" || name == "validation" || name == "valid") return Side::kValidation;
  if (name == "test" || name == "testing") return Side::kTest;
  return std::nullopt;
}

// Entries whose names could not be stored or shown are left out, with a word.
std::vector<ContainerEntry> NameableEntries(std::vector<ContainerEntry> entries,
                                            std::vector<Problem>& problems) {
  std::erase_if(entries, [&](const ContainerEntry& entry) {
    if (IsUtf8(entry.path)) return false;
    problems.push_back({Printable(entry.path), "its name is not UTF-8; it is left out"});
    return true;
  });
  return entries;
}

// The folders, each with its '/', that hold labels.csv and train/: Kaggle's layout, at the root
// ("") or in a few folders made by whoever packed it. `entries` are sorted by path.
std::vector<std::string> KaggleFolders(const std::vector<ContainerEntry>& entries) {
  std::vector<std::string> folders;
  for (const ContainerEntry& entry : entries) {
    const std::string folder = entry.path.substr(0, entry.path.rfind('/') + 1);
    if (entry.path.substr(folder.size()) != kLabels) continue;
    if (std::count(folder.begin(), folder.end(), '/') > kMaxWrappingFolders) continue;
    const std::string train = StrCat(folder, "train/");
    const auto first = std::lower_bound(
        entries.begin(), entries.end(), train,
        [](const ContainerEntry& a, const std::string& path) { return a.path < path; });
    if (first != entries.end() && first->path.starts_with(train)) folders.push_back(folder);
  }
  return folders;
}

// The folder that all photos sit in, with its '/', when an archive was made of one folder: "dogs/".
// Empty when the data set begins at the root.
std::string WrappingFolder(const std::vector<ContainerEntry>& entries) {
  std::vector<std::string_view> paths;  // a README beside the folder is no part of the data
  for (const ContainerEntry& entry : entries) {
    const std::string_view path = entry.path;
    if (HasPhotoEnding(path) || path.substr(path.rfind('/') + 1) == kLabels) paths.push_back(path);
  }
  std::string prefix;
  for (int i = 0; i < kMaxWrappingFolders && !paths.empty(); ++i) {
    const std::string_view first = FirstPart(paths.front());
    const bool all_in_one = std::all_of(paths.begin(), paths.end(), [&](std::string_view path) {
      return HasFolder(path) && FirstPart(path) == first;
    });
    if (!all_in_one || SideOfFolder(first)) break;
    for (std::string_view& path : paths) path = WithoutFirstPart(path);
    // A folder that holds photos itself is a class, not a wrapping.
    const bool holds_photos = std::any_of(paths.begin(), paths.end(), [](std::string_view path) {
      return !HasFolder(path) && HasPhotoEnding(path);
    });
    if (holds_photos) break;
    prefix += StrCat(first, "/");
  }
  return prefix;
}

// One data set seen from inside its wrapping folder.
class Recognizer {
 public:
  Recognizer(const Container& container, std::string root, std::string group_column)
      : container_(container), root_(std::move(root)), group_column_(std::move(group_column)) {}

  absl::StatusOr<Layout> Recognize() {
    VIZSLA_ASSIGN_OR_RETURN(std::vector<ContainerEntry> entries, container_.List());
    entries_ = NameableEntries(std::move(entries), layout_.problems);
    VIZSLA_ASSIGN_OR_RETURN(prefix_, FindPrefix());
    LeaveOutOtherFolders();
    if (FindEntry(kLabels) != nullptr) {
      VIZSLA_RETURN_IF_ERROR(RecognizeKaggle());
    } else {
      VIZSLA_RETURN_IF_ERROR(RecognizeImageFolder());
    }
    VIZSLA_RETURN_IF_ERROR(ReadSubmission());
    SortAndDropRepeatedIds(layout_.labelled);
    SortAndDropRepeatedIds(layout_.unlabelled);
    return std::move(layout_);
  }

 private:
  struct LabelRow {
    size_t line = 0;
    std::string label;
    std::string group;
    bool used = false;
  };
  using Labels = std::map<std::string, LabelRow>;

  // Where the data set begins. A root that is one itself is meant, whatever lies further down.
  absl::StatusOr<std::string> FindPrefix() const {
    const std::vector<std::string> folders = KaggleFolders(entries_);
    if (std::find(folders.begin(), folders.end(), "") != folders.end()) return std::string();
    if (folders.size() > 1) {
      return absl::InvalidArgumentError(
          StrCat(root_, ": there are ", folders.size(), " data sets in it, in the folders ",
                 Printable(absl::StrJoin(folders, ", ")), "; name one of them, or pack it alone"));
    }
    return folders.empty() ? WrappingFolder(entries_) : folders.front();
  }

  void LeaveOutOtherFolders() {
    std::erase_if(entries_, [&](const ContainerEntry& entry) {
      if (entry.path.starts_with(prefix_)) return false;
      if (HasPhotoEnding(entry.path)) {
        AddProblem(entry.path, StrCat("lies outside ", Printable(prefix_),
                                      ", where the data set is; it is left out"));
      }
      return true;
    });
  }

  std::string_view Inside(const ContainerEntry& entry) const {
    return std::string_view(entry.path).substr(prefix_.size());
  }

  const ContainerEntry* FindEntry(std::string_view inside) const {
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const auto& entry) { return Inside(entry) == inside; });
    return found == entries_.end() ? nullptr : &*found;
  }

  void AddProblem(std::string_view place, std::string reason) {
    layout_.problems.push_back({Printable(place), std::move(reason)});
  }

  static std::string LineOf(std::string_view file, size_t line) {
    return StrCat(file, ": line ", line);
  }

  CandidatePhoto MakeCandidate(const ContainerEntry& entry, std::string_view id) const {
    CandidatePhoto candidate;
    candidate.photo.id = std::string(id);
    candidate.photo.path = entry.path;
    candidate.photo.bytes = entry.bytes;
    candidate.entry = entry;
    return candidate;
  }

  // --- Kaggle ---

  absl::Status RecognizeKaggle() {
    layout_.kind = DatasetLayout::kKaggle;
    VIZSLA_ASSIGN_OR_RETURN(Labels labels, ReadLabels());
    for (const ContainerEntry& entry : entries_) {
      const std::string_view inside = Inside(entry);
      const bool train = inside.starts_with("train/");
      if (!train && !inside.starts_with("test/")) {
        if (HasPhotoEnding(inside)) {
          AddProblem(entry.path, "lies in neither train/ nor test/; it is left out");
        }
        continue;
      }
      const std::string_view name = WithoutFirstPart(inside);
      if (!HasPhotoEnding(name)) {
        AddProblem(entry.path, "is no photo by its ending (.jpg, .jpeg or .png); it is left out");
      } else if (HasFolder(name)) {
        AddProblem(entry.path, StrCat("lies in a folder below ", FirstPart(inside),
                                      "/, where Kaggle's layout has none; it is left out"));
      } else if (train) {
        AddLabelled(entry, WithoutPhotoEnding(name), labels);
      } else {
        layout_.unlabelled.push_back(MakeCandidate(entry, WithoutPhotoEnding(name)));
      }
    }
    for (const auto& [id, row] : labels) {
      if (row.used) continue;
      AddProblem(LineOf(kLabels, row.line),
                 StrCat("there is no photo train/", Printable(id), " (.jpg, .jpeg or .png)"));
    }
    if (layout_.labelled.empty()) {
      return absl::InvalidArgumentError(
          StrCat(root_, ": labels.csv names ", labels.size(),
                 " ids, but the folder train/ has a photo of none of them; Kaggle's layout "
                 "is train/ID.jpg"));
    }
    return absl::OkStatus();
  }

  void AddLabelled(const ContainerEntry& entry, std::string_view id, Labels& labels) {
    const auto row = labels.find(std::string(id));
    if (row == labels.end()) {
      AddProblem(entry.path,
                 StrCat("labels.csv has no row with its id '", id, "'; it is left out"));
      return;
    }
    row->second.used = true;
    CandidatePhoto candidate = MakeCandidate(entry, id);
    candidate.label = row->second.label;
    candidate.photo.group = row->second.group;
    layout_.labelled.push_back(std::move(candidate));
  }

  // The rows of a CSV file of the data set; at least the header.
  absl::StatusOr<std::vector<CsvRow>> ReadTable(std::string_view name) const {
    VIZSLA_ASSIGN_OR_RETURN(const std::string text, container_.Read(StrCat(prefix_, name)));
    VIZSLA_ASSIGN_OR_RETURN(std::vector<CsvRow> rows, ParseCsv(text, name));
    if (rows.empty()) return absl::InvalidArgumentError(StrCat(name, ": the file is empty"));
    return rows;
  }

  // Never looks at the group column: only `submit` knows it, and all must find the same classes.
  absl::StatusOr<int> LabelColumn(const CsvRow& header, int id_column) const {
    for (const char* name : kClassColumns) {
      if (const int column = FindColumn(header, name); column >= 0) return column;
    }
    if (header.fields.size() == 2) return 1 - id_column;
    return absl::InvalidArgumentError(StrCat(
        LineOf(kLabels, header.line), ": which column is the class? It must be called ",
        absl::StrJoin(kClassColumns, ", "), ", or be the only one beside 'id'; the columns are: ",
        Printable(absl::StrJoin(header.fields, ", "))));
  }

  absl::StatusOr<Labels> ReadLabels() {
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<CsvRow> rows, ReadTable(kLabels));
    const CsvRow& header = rows.front();
    const std::string columns = Printable(absl::StrJoin(header.fields, ", "));
    const int id_column = FindColumn(header, "id");
    if (id_column < 0) {
      return absl::InvalidArgumentError(StrCat(
          LineOf(kLabels, header.line), ": there is no column 'id'; the columns are: ", columns));
    }
    int group_column = -1;
    if (!group_column_.empty()) {
      group_column = FindColumn(header, group_column_);
      if (group_column < 0) {
        return absl::InvalidArgumentError(StrCat(LineOf(kLabels, header.line),
                                                 ": there is no group column '", group_column_,
                                                 "'; the columns are: ", columns));
      }
    }
    VIZSLA_ASSIGN_OR_RETURN(const int label_column, LabelColumn(header, id_column));
    if (group_column == label_column) {
      return absl::InvalidArgumentError(
          StrCat(LineOf(kLabels, header.line), ": the group column '", Printable(group_column_),
                 "' is the class's; photos of one group stay on one side of the split, so it must "
                 "be another"));
    }
    Labels labels;
    for (size_t i = 1; i < rows.size(); ++i) {
      const CsvRow& row = rows[i];
      const std::string place = LineOf(kLabels, row.line);
      if (row.fields.size() != header.fields.size()) {
        AddProblem(place, StrCat("has ", row.fields.size(), " fields where the header has ",
                                 header.fields.size(), "; the row is left out"));
        continue;
      }
      LabelRow read{row.line, row.fields[static_cast<size_t>(label_column)],
                    group_column < 0 ? "" : row.fields[static_cast<size_t>(group_column)]};
      const std::string id(WithoutPhotoEnding(row.fields[static_cast<size_t>(id_column)]));
      if (id.empty() || read.label.empty()) {
        AddProblem(place,
                   StrCat("the ", id.empty() ? "id" : "class", " is empty; the row is left out"));
        continue;
      }
      const auto [first, inserted] = labels.emplace(id, read);
      if (inserted) continue;
      if (first->second.label != read.label) {
        return absl::InvalidArgumentError(StrCat(place, ": the id '", Printable(id),
                                                 "' is labelled '", Printable(read.label),
                                                 "', but line ", first->second.line, " labels it '",
                                                 Printable(first->second.label), "'"));
      }
      AddProblem(place, StrCat("the id '", Printable(id), "' stands in line ", first->second.line,
                               " already, with the same class"));
    }
    if (labels.empty()) {
      return absl::InvalidArgumentError("labels.csv: there are no rows below the header");
    }
    return labels;
  }

  absl::Status ReadSubmission() {
    if (FindEntry(kSubmission) == nullptr) return absl::OkStatus();
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<CsvRow> rows, ReadTable(kSubmission));
    const CsvRow& header = rows.front();
    layout_.submission_id_column = header.fields.front();
    std::set<std::string_view> classes;
    for (const CandidatePhoto& candidate : layout_.labelled) classes.insert(candidate.label);
    std::set<std::string_view> columns;
    for (size_t i = 1; i < header.fields.size(); ++i) {
      const std::string& column = header.fields[i];
      if (!columns.insert(column).second) {
        return absl::InvalidArgumentError(StrCat(LineOf(kSubmission, header.line), ": the column '",
                                                 Printable(column), "' stands there twice"));
      }
      layout_.submission_columns.push_back(column);
      if (!classes.contains(column)) {
        AddProblem(LineOf(kSubmission, header.line),
                   StrCat("no photo has the class of the column '", Printable(column), "'"));
      }
    }
    for (const std::string_view name : classes) {
      if (!columns.contains(name)) {
        AddProblem(LineOf(kSubmission, header.line),
                   StrCat("there is no column for the class '", Printable(name), "'"));
      }
    }
    std::set<std::string_view> photos;
    for (const CandidatePhoto& candidate : layout_.unlabelled) photos.insert(candidate.photo.id);
    for (size_t i = 1; i < rows.size(); ++i) {
      layout_.submission_ids.push_back(rows[i].fields.front());
      const std::string_view id = WithoutPhotoEnding(rows[i].fields.front());
      if (!photos.contains(id)) {
        AddProblem(LineOf(kSubmission, rows[i].line),
                   StrCat("there is no photo test/", Printable(id), " (.jpg, .jpeg or .png)"));
      }
    }
    return absl::OkStatus();
  }

  // --- ImageFolder ---

  absl::Status RecognizeImageFolder() {
    layout_.kind = DatasetLayout::kImageFolder;
    if (!group_column_.empty()) {
      return absl::InvalidArgumentError(StrCat(
          root_, ": there is no labels.csv, so there is no group column '", group_column_, "'"));
    }
    const bool sides = HasSideFolders();
    size_t loose = 0;
    for (const ContainerEntry& entry : entries_) {
      const std::string_view inside = Inside(entry);
      const bool outside = sides && !SideOfFolder(FirstPart(inside));
      if (outside || !HasFolder(inside)) {
        if (HasPhotoEnding(inside)) {
          AddProblem(entry.path, sides ? "lies outside train/, val/ and test/; it is left out"
                                       : "lies in no class's folder; it is left out");
          ++loose;
        }
        continue;  // a README beside the folders is no part of the data
      }
      AddClassPhoto(entry, sides, loose);
    }
    if (!layout_.labelled.empty()) return absl::OkStatus();
    if (loose > 0) {
      return absl::InvalidArgumentError(
          StrCat(root_, ": there are ", loose,
                 " photos but neither labels.csv beside the folder train/ "
                 "(Kaggle's layout) nor one folder a class (ImageFolder's)"));
    }
    return absl::InvalidArgumentError(StrCat(
        root_,
        ": no data set is recognized; expected labels.csv and train/ID.jpg (Kaggle's layout), "
        "or CLASS/x.jpg, or train|val|test/CLASS/x.jpg (ImageFolder's)"));
  }

  // The user's own split: train/CLASS/photo, and val/ or test/ beside it. A train/ that is alone is
  // one too; a train/ beside other folders only is a class, as in bus/, ship/, train/.
  bool HasSideFolders() const {
    bool train = false;
    bool held_out = false;
    bool others = false;
    for (const ContainerEntry& entry : entries_) {
      const std::string_view inside = Inside(entry);
      if (!HasFolder(inside) || !HasPhotoEnding(inside)) continue;
      const std::optional<Side> side = SideOfFolder(FirstPart(inside));
      others |= !side;
      train |= side == Side::kTrain && HasFolder(WithoutFirstPart(inside));
      held_out |= side == Side::kValidation || side == Side::kTest;
    }
    return train && (held_out || !others);
  }

  void AddClassPhoto(const ContainerEntry& entry, bool sides, size_t& loose) {
    const std::string_view inside = Inside(entry);
    if (!HasPhotoEnding(inside)) {
      AddProblem(entry.path, "is no photo by its ending (.jpg, .jpeg or .png); it is left out");
      return;
    }
    CandidatePhoto candidate = MakeCandidate(entry, WithoutPhotoEnding(inside));
    std::string_view in_side = inside;
    if (sides) {
      candidate.photo.side = *SideOfFolder(FirstPart(inside));
      in_side = WithoutFirstPart(inside);
      if (!HasFolder(in_side)) {
        if (candidate.photo.side == Side::kTest) {
          candidate.photo.id = std::string(WithoutPhotoEnding(in_side));
          candidate.photo.side = Side::kUnassigned;
          layout_.unlabelled.push_back(std::move(candidate));
        } else {
          AddProblem(entry.path, "lies in no class's folder; it is left out");
          ++loose;
        }
        return;
      }
    }
    candidate.label = std::string(FirstPart(in_side));
    layout_.labelled.push_back(std::move(candidate));
  }

  // "a.jpg" and "a.png" have one id: the first by its path stays.
  void SortAndDropRepeatedIds(std::vector<CandidatePhoto>& photos) {
    std::stable_sort(photos.begin(), photos.end(),
                     [](const auto& a, const auto& b) { return a.photo.id < b.photo.id; });
    std::vector<CandidatePhoto> unique;
    for (CandidatePhoto& candidate : photos) {
      if (!unique.empty() && unique.back().photo.id == candidate.photo.id) {
        AddProblem(candidate.photo.path,
                   StrCat("has the same id as ", Printable(unique.back().photo.path),
                          " (only the ending differs); it is left out"));
      } else {
        unique.push_back(std::move(candidate));
      }
    }
    photos = std::move(unique);
  }

  const Container& container_;
  std::string root_;
  std::string group_column_;
  std::vector<ContainerEntry> entries_;
  std::string prefix_;
  Layout layout_;
};

}  // namespace

absl::StatusOr<Layout> RecognizeLayout(const Container& container, const std::string& root,
                                       const std::string& group_column) {
  return Recognizer(container, root, group_column).Recognize();
}

}  // namespace vizsla
