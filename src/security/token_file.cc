#include "src/security/token_file.h"

#include <sys/stat.h>

#include "src/base/log.h"
#include "src/security/credentials_folder.h"

namespace vizsla {

absl::StatusOr<std::unique_ptr<TokenFile>> TokenFile::Open(const std::string& path,
                                                           std::chrono::milliseconds look_every) {
  std::unique_ptr<TokenFile> file(new TokenFile(path, look_every));
  file->mark_ = file->MarkNow();  // before reading: a change meanwhile is seen later
  VIZSLA_ASSIGN_OR_RETURN(TokenTable table, ReadTokens(path));
  file->table_ = std::make_shared<const TokenTable>(std::move(table));
  return file;
}

std::optional<Principal> TokenFile::Find(std::string_view token,
                                         std::chrono::steady_clock::time_point now) {
  auto due = next_look_.load();
  // Whoever moves the time on looks; the others use what is there.
  if (now >= due && next_look_.compare_exchange_strong(due, now + look_every_)) Look();
  std::shared_ptr<const TokenTable> table;
  {
    std::lock_guard lock(mutex_);
    table = table_;
  }
  const Principal* found = table->Find(token);
  if (found == nullptr) return std::nullopt;
  return *found;
}

TokenFile::Mark TokenFile::MarkNow() const {
  struct stat info {};
  if (::stat(path_.c_str(), &info) != 0) return {};
  return {info.st_ino, info.st_size,
          static_cast<int64_t>(info.st_ctim.tv_sec) * 1'000'000'000 + info.st_ctim.tv_nsec};
}

void TokenFile::Look() {
  std::unique_lock looking(look_mutex_, std::try_to_lock);
  if (!looking) return;
  const Mark mark = MarkNow();
  if (mark == mark_) return;
  mark_ = mark;
  absl::StatusOr<TokenTable> table = ReadTokens(path_);
  if (!table.ok()) {
    log::error("the tokens stay as they were: {}", std::string(table.status().message()));
    return;
  }
  log::info("read {} again: {} tokens", path_, table->size());
  auto fresh = std::make_shared<const TokenTable>(*std::move(table));
  std::lock_guard lock(mutex_);
  table_ = std::move(fresh);
}

}  // namespace vizsla
