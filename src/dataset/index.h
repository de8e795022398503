// What photos there are: Kaggle's layout (train/ID.jpg, test/ID.jpg, labels.csv,
// sample_submission.csv) from a folder or straight from its zip, and ImageFolder's (CLASS/x.jpg, or
// train|val|test/CLASS/x.jpg). All may lie in one sub-folder of it. Nothing is decoded here.
// Thread-safe after construction.
//
// Left out, each with a Problem: photos without a label and labels without a photo, files that are
// empty or begin like neither JPEG nor PNG, files with another ending, photos in folders that the
// layout does not know, what cannot be read. Kept, with a Problem: a class with one photo, files
// with the same bytes as another.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/status.h"

namespace vizsla {

// The user's own folders, when ImageFolder has train/ (or training/), val/ (validation/, valid/)
// and test/ (testing/), in any case of letters.
enum class Side { kUnassigned, kTrain, kValidation, kTest };

struct Photo {
  std::string id;     // Kaggle: the id; ImageFolder: the path without its ending
  std::string path;   // inside the folder or zip
  int label = -1;     // index into DatasetIndex::classes; -1: unlabelled (Kaggle's test/)
  std::string group;  // of the group column, or empty
  Side side = Side::kUnassigned;
  uint64_t bytes = 0;
  std::string sha256;  // of the file's bytes; of an unlabelled photo empty until HashUnlabelled
};

// Something that is wrong with the data set but does not end the study: counted and shown.
struct Problem {
  std::string place;   // "labels.csv: line 7" or "train/x.jpg"
  std::string reason;  // one sentence
};

enum class DatasetLayout { kKaggle, kImageFolder };
std::string_view ToText(DatasetLayout layout);  // "kaggle", "image_folder"

struct DatasetIndex {
  std::string root;  // as given
  DatasetLayout layout = DatasetLayout::kKaggle;
  std::vector<std::string> classes;  // sorted; a photo's label is its position here
  std::vector<Photo> photos;         // labelled, sorted by id
  std::vector<Photo> unlabelled;     // Kaggle's test/, sorted by id
  // sample_submission.csv's, as it spells them: the classes and ids in its order (empty when there
  // is no such file), and what its first column is called.
  std::vector<std::string> submission_columns;
  std::vector<std::string> submission_ids;
  std::string submission_id_column = "id";
  std::vector<Problem> problems;  // missing photos, unknown ids, duplicates, zero-byte files, ...
  // SHA-256 over classes and, of each labelled photo, id, label, size and hash: the identity that a
  // study is pinned to. Does not depend on the layout's container (folder or zip) or on `root`.
  std::string fingerprint;
};

struct IndexOptions {
  // Of labels.csv; unknown or the class's: InvalidArgument. Fills Photo::group and changes nothing
  // else: with and without it an index has the same classes and fingerprint.
  std::string group_column;
  // Called with (done, total) photos while hashing; may be empty.
  std::function<void(size_t, size_t)> progress;
};

// Reads and hashes every labelled file once (the hashes are remembered in the user's cache folder
// by path, size and modification time, so that a second call takes milliseconds; a cache that
// cannot be read or written is ignored). Errors: NotFound (no such folder or zip), DataLoss (zip
// cut short), InvalidArgument (no layout recognized, labels.csv without its columns, duplicate id
// with different labels, fewer than two classes): each names file and line.
absl::StatusOr<DatasetIndex> IndexDataset(const std::string& path,
                                          const IndexOptions& options = {});

// Fills in the hashes of index.unlabelled, which only those need who cache these photos' pixels.
// Remembers them as IndexDataset does. The problems are of photos that stay without a hash, because
// they are empty, cannot be read or begin like no photo. Blocks while it reads. Cancelled when
// `cancelled`, asked between files from any thread, says so; what was read till then is remembered.
// NotFound, DataLoss: the data set is no longer what was indexed.
absl::StatusOr<std::vector<Problem>> HashUnlabelled(DatasetIndex& index,
                                                    const std::function<bool()>& cancelled = {});

// Reads the bytes of photos from a folder or a zip. Thread-safe; each call opens what it needs from
// a small pool. Create one a process.
class PhotoReader {
 public:
  virtual ~PhotoReader() = default;
  virtual absl::StatusOr<std::string> Read(const Photo& photo) const = 0;
};
absl::StatusOr<std::unique_ptr<PhotoReader>> OpenPhotos(const std::string& path);

}  // namespace vizsla
