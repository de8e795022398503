// The hashes of a data set's files, remembered in the user's cache folder
// (${XDG_CACHE_HOME:-~/.cache}/vizsla), so that a data set is read once and not at every command.
// A remembered hash counts only while the file's stamp (size, modification time; in a zip also the
// checksum) is the same. A cache that cannot be read, or was damaged, is as good as none.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "src/dataset/container.h"
#include "src/dataset/text.h"

namespace vizsla {

struct FileDigest {
  std::string sha256;
  PhotoKind kind = PhotoKind::kOther;
  std::string detail;  // of kOther: what it is instead
};

// Not thread-safe.
class HashCache {
 public:
  // Reads what is remembered of the data set at `root`.
  static HashCache Load(const std::string& root);

  const FileDigest* Find(const ContainerEntry& entry) const;
  void Remember(const ContainerEntry& entry, const FileDigest& digest);
  // Writes what was remembered since Load, if anything was. A failure is logged at debug level
  // only.
  void Store() const;

 private:
  struct Row {
    std::string stamp;
    FileDigest digest;
  };

  explicit HashCache(std::string file) : file_(std::move(file)) {}
  void Parse(std::string_view text);

  std::string file_;  // empty: there is no cache folder
  std::unordered_map<std::string, Row> rows_;
  bool changed_ = false;
};

}  // namespace vizsla
