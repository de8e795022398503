#include "src/dataset/index.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <unordered_map>

#include "src/base/sha256.h"
#include "src/dataset/container.h"
#include "src/dataset/hash_cache.h"
#include "src/dataset/layout.h"
#include "src/dataset/parallel.h"
#include "src/dataset/text.h"

namespace vizsla {
namespace {

constexpr int kMaxHashingThreads = 4;

// Reading and hashing one file; a failure is that file's, not the data set's.
absl::StatusOr<FileDigest> DigestFile(const Container& container, const std::string& path) {
  VIZSLA_ASSIGN_OR_RETURN(const std::string bytes, container.Read(path));
  FileDigest digest{Sha256Hex(bytes), PhotoKindOf(bytes), ""};
  if (digest.kind == PhotoKind::kOther) digest.detail = DescribeForeignBytes(bytes);
  return digest;
}

// The digest of each file, in order. Empty files are not read; nor is what is left when `cancelled`
// says so.
std::vector<absl::StatusOr<FileDigest>> DigestAll(
    const Container& container, const std::vector<ContainerEntry>& files, HashCache& cache,
    const std::function<void(size_t, size_t)>& progress, const std::function<bool()>& cancelled) {
  std::vector<absl::StatusOr<FileDigest>> digests(files.size(), FileDigest{});
  std::vector<size_t> unknown;
  for (size_t i = 0; i < files.size(); ++i) {
    if (files[i].bytes == 0) continue;
    if (const FileDigest* known = cache.Find(files[i])) {
      digests[i] = *known;
    } else {
      unknown.push_back(i);
    }
  }
  std::mutex mutex;
  size_t done = files.size() - unknown.size();
  const int threads =
      std::min<int>(kMaxHashingThreads, static_cast<int>(std::thread::hardware_concurrency()));
  ParallelFor(unknown.size(), threads, [&](size_t i) {
    const size_t at = unknown[i];
    if (cancelled && cancelled()) {
      digests[at] = absl::CancelledError("hashing was interrupted");
      return;
    }
    digests[at] = DigestFile(container, files[at].path);
    if (!progress) return;
    const std::lock_guard lock(mutex);
    progress(++done, files.size());
  });
  for (const size_t at : unknown) {
    if (digests[at].ok()) cache.Remember(files[at], *digests[at]);
  }
  return digests;
}

// Why a file cannot be a photo, or nullopt when it can as far as its first bytes tell.
std::optional<std::string> WhyUnusable(const ContainerEntry& file,
                                       const absl::StatusOr<FileDigest>& digest) {
  if (file.bytes == 0) return "the file is empty (zero bytes); it is left out";
  if (!digest.ok()) {
    return StrCat("cannot be read (", Printable(std::string(digest.status().message())),
                  "); it is left out");
  }
  if (digest->kind != PhotoKind::kOther) return std::nullopt;
  return StrCat("is neither JPEG nor PNG: ", digest->detail, "; it is left out");
}

void AddUsablePhotos(std::vector<CandidatePhoto>& candidates,
                     const std::vector<absl::StatusOr<FileDigest>>& digests,
                     std::vector<std::string>& labels, DatasetIndex& index) {
  for (size_t i = 0; i < candidates.size(); ++i) {
    CandidatePhoto& candidate = candidates[i];
    if (std::optional<std::string> reason = WhyUnusable(candidate.entry, digests[i])) {
      index.problems.push_back({Printable(candidate.photo.path), std::move(*reason)});
      continue;
    }
    candidate.photo.sha256 = digests[i]->sha256;
    labels.push_back(candidate.label);
    index.photos.push_back(std::move(candidate.photo));
  }
}

// Numbers the classes in sorted order and names those that are too poor to learn.
absl::Status NumberClasses(const std::set<std::string>& named_classes,
                           const std::vector<std::string>& labels, DatasetIndex& index) {
  std::map<std::string, int> counts;
  for (const std::string& label : labels) ++counts[label];
  for (const std::string& name : named_classes) {
    if (counts.contains(name)) continue;
    index.problems.push_back(
        {StrCat("class ", Printable(name)), "has no usable photo; it is left out"});
  }
  std::map<std::string, int> numbers;
  for (const auto& [name, count] : counts) {
    numbers[name] = static_cast<int>(index.classes.size());
    index.classes.push_back(name);
    if (count == 1) {
      index.problems.push_back(
          {StrCat("class ", Printable(name)),
           "has only one photo: it can be trained on, but neither validated nor tested"});
    }
  }
  if (index.classes.size() < 2) {
    return absl::InvalidArgumentError(StrCat(
        index.root, ": there are photos of ", index.classes.size(),
        index.classes.size() == 1 ? " class" : " classes", "; a classifier needs at least two"));
  }
  for (size_t i = 0; i < labels.size(); ++i) index.photos[i].label = numbers[labels[i]];
  return absl::OkStatus();
}

void NameIdenticalFiles(DatasetIndex& index) {
  std::unordered_map<std::string, const Photo*> first_of;
  for (const Photo& photo : index.photos) {
    const auto [first, inserted] = first_of.emplace(photo.sha256, &photo);
    if (inserted) continue;
    std::string reason = StrCat("has the same bytes as ", Printable(first->second->path));
    if (first->second->label != photo.label) {
      absl::StrAppend(&reason, ", which is labelled '",
                      Printable(index.classes[static_cast<size_t>(first->second->label)]),
                      "' and not '", Printable(index.classes[static_cast<size_t>(photo.label)]),
                      "'");
    }
    index.problems.push_back({Printable(photo.path), std::move(reason)});
  }
}

// Length before bytes, so that no two data sets run together to the same text.
void UpdateWithText(Sha256& hash, std::string_view text) {
  hash.Update(StrCat(text.size(), ":"));
  hash.Update(text);
}

std::string Fingerprint(const DatasetIndex& index) {
  Sha256 hash;
  hash.Update("vizsla-dataset-1\n");
  UpdateWithText(hash, StrCat(index.classes.size()));
  for (const std::string& name : index.classes) UpdateWithText(hash, name);
  for (const Photo& photo : index.photos) {
    UpdateWithText(hash, photo.id);
    UpdateWithText(hash, StrCat(photo.label));
    UpdateWithText(hash, StrCat(photo.bytes));
    UpdateWithText(hash, photo.sha256);
  }
  return hash.FinishHex();
}

class ContainerPhotoReader : public PhotoReader {
 public:
  explicit ContainerPhotoReader(std::unique_ptr<Container> container)
      : container_(std::move(container)) {}

  absl::StatusOr<std::string> Read(const Photo& photo) const override {
    return container_->Read(photo.path);
  }

 private:
  std::unique_ptr<Container> container_;
};

}  // namespace

std::string_view ToText(DatasetLayout layout) {
  return layout == DatasetLayout::kKaggle ? "kaggle" : "image_folder";
}

absl::StatusOr<DatasetIndex> IndexDataset(const std::string& path, const IndexOptions& options) {
  VIZSLA_ASSIGN_OR_RETURN(const std::unique_ptr<Container> container, OpenContainer(path));
  VIZSLA_ASSIGN_OR_RETURN(Layout layout, RecognizeLayout(*container, path, options.group_column));
  DatasetIndex index;
  index.root = path;
  index.layout = layout.kind;
  index.submission_columns = std::move(layout.submission_columns);
  index.submission_ids = std::move(layout.submission_ids);
  index.submission_id_column = std::move(layout.submission_id_column);
  index.problems = std::move(layout.problems);

  HashCache cache = HashCache::Load(path);
  std::vector<ContainerEntry> files;
  for (const CandidatePhoto& candidate : layout.labelled) files.push_back(candidate.entry);
  const auto digests = DigestAll(*container, files, cache, options.progress, {});
  cache.Store();

  std::set<std::string> named_classes;
  for (const CandidatePhoto& candidate : layout.labelled) named_classes.insert(candidate.label);
  std::vector<std::string> labels;
  AddUsablePhotos(layout.labelled, digests, labels, index);
  VIZSLA_RETURN_IF_ERROR(NumberClasses(named_classes, labels, index));
  NameIdenticalFiles(index);
  for (CandidatePhoto& candidate : layout.unlabelled) {
    if (candidate.entry.bytes == 0) {
      index.problems.push_back(
          {Printable(candidate.photo.path),
           "the file is empty (zero bytes), so nothing can be predicted for it"});
    }
    index.unlabelled.push_back(std::move(candidate.photo));
  }
  index.fingerprint = Fingerprint(index);
  return index;
}

absl::StatusOr<std::vector<Problem>> HashUnlabelled(DatasetIndex& index,
                                                    const std::function<bool()>& cancelled) {
  VIZSLA_ASSIGN_OR_RETURN(const std::unique_ptr<Container> container, OpenContainer(index.root));
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<ContainerEntry> listed, container->List());
  std::unordered_map<std::string, const ContainerEntry*> by_path;
  for (const ContainerEntry& entry : listed) by_path[entry.path] = &entry;
  std::vector<ContainerEntry> files;
  for (const Photo& photo : index.unlabelled) {
    const auto found = by_path.find(photo.path);
    // One that has gone since fails when it is read.
    files.push_back(found != by_path.end() ? *found->second
                                           : ContainerEntry{photo.path, photo.bytes, "", false});
  }
  HashCache cache = HashCache::Load(index.root);
  const auto digests = DigestAll(*container, files, cache, {}, cancelled);
  cache.Store();
  if (cancelled && cancelled()) return absl::CancelledError("hashing was interrupted");
  std::vector<Problem> problems;
  for (size_t i = 0; i < files.size(); ++i) {
    Photo& photo = index.unlabelled[i];
    std::optional<std::string> reason = WhyUnusable(files[i], digests[i]);
    photo.sha256 = reason ? "" : digests[i]->sha256;
    if (reason) problems.push_back({Printable(photo.path), std::move(*reason)});
  }
  return problems;
}

absl::StatusOr<std::unique_ptr<PhotoReader>> OpenPhotos(const std::string& path) {
  VIZSLA_ASSIGN_OR_RETURN(std::unique_ptr<Container> container, OpenContainer(path));
  return std::make_unique<ContainerPhotoReader>(std::move(container));
}

}  // namespace vizsla
