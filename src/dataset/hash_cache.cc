#include "src/dataset/hash_cache.h"

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "src/base/file.h"
#include "src/base/log.h"
#include "src/base/sha256.h"

namespace vizsla {
namespace {

// The first line; a change of the format changes the number.
constexpr std::string_view kHeader = "vizsla-hashes 1\n";
constexpr std::string_view kChecksum = "sha256 ";

std::string CacheFolder() {
  if (const char* folder = std::getenv("XDG_CACHE_HOME"); folder != nullptr && *folder != '\0') {
    return StrCat(folder, "/vizsla");
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    return StrCat(home, "/.cache/vizsla");
  }
  return "";
}

std::vector<std::string_view> SplitAt(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

HashCache HashCache::Load(const std::string& root) {
  const std::string folder = CacheFolder();
  std::error_code error;
  const std::string absolute = std::filesystem::weakly_canonical(root, error).string();
  if (folder.empty() || error) return HashCache("");
  HashCache cache(StrCat(folder, "/hashes-", Sha256Hex(absolute).substr(0, 32)));
  const absl::StatusOr<std::string> text = ReadFile(cache.file_);
  if (text.ok()) cache.Parse(*text);
  return cache;
}

void HashCache::Parse(std::string_view text) {
  if (text.substr(0, kHeader.size()) != kHeader) return;
  const size_t end = text.rfind(kChecksum);
  if (end == std::string_view::npos ||
      text.substr(end) != StrCat(kChecksum, Sha256Hex(text.substr(0, end)), "\n")) {
    return;
  }
  const std::string_view body = text.substr(kHeader.size(), end - kHeader.size());
  for (const std::string_view line : SplitAt(body, '\n')) {
    const std::vector<std::string_view> fields = SplitAt(line, '\t');
    if (fields.size() != 5 || fields[2].size() != 1) continue;
    rows_[std::string(fields[0])] = {
        std::string(fields[1]),
        {std::string(fields[3]), static_cast<PhotoKind>(fields[2][0]), std::string(fields[4])}};
  }
}

const FileDigest* HashCache::Find(const ContainerEntry& entry) const {
  const auto found = rows_.find(entry.path);
  return found != rows_.end() && found->second.stamp == entry.stamp ? &found->second.digest
                                                                    : nullptr;
}

void HashCache::Remember(const ContainerEntry& entry, const FileDigest& digest) {
  if (!entry.settled || entry.path.find_first_of("\t\n") != std::string::npos) return;
  rows_[entry.path] = {entry.stamp, digest};
  changed_ = true;
}

void HashCache::Store() const {
  if (!changed_ || file_.empty()) return;
  std::string text(kHeader);
  for (const auto& [path, row] : rows_) {
    absl::StrAppend(&text, path, "\t", row.stamp, "\t",
                    std::string(1, static_cast<char>(row.digest.kind)), "\t", row.digest.sha256,
                    "\t", row.digest.detail, "\n");
  }
  text += StrCat(kChecksum, Sha256Hex(text), "\n");
  absl::Status status = CreateDirectories(std::filesystem::path(file_).parent_path().string());
  if (status.ok()) status = WriteFileAtomically(file_, text);
  if (!status.ok()) log::debug("hashes are not remembered: {}", std::string(status.message()));
}

}  // namespace vizsla
