#include "src/train/feature_cache.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <list>
#include <mutex>
#include <utility>

#include "src/base/check.h"
#include "src/base/log.h"
#include "src/base/sha256.h"
#include "src/train/cache_budget.h"
#include "src/train/half_floats.h"

namespace vizsla {
namespace {

constexpr size_t kHeaderBytes = 512;  // text, padded with spaces; keeps the rows aligned
constexpr size_t kComputeBatch = 32;

// None for float32, as in files that know no other type.
std::string_view TypeLine(FeatureType type) {
  return type == FeatureType::kFloat32
             ? ""
             : "\ntype float16: relative error up to 2^-11, absolute up to 2^-25 below 2^-14";
}

template <typename Number>
std::string_view BytesOf(const std::vector<Number>& rows) {
  return {reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(Number)};
}

bool IsPlainName(const std::string& name) {
  return !name.empty() && name.size() < 200 &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; });
}

}  // namespace

absl::StatusOr<std::unique_ptr<FeatureCache>> FeatureCache::Open(const std::string& folder,
                                                                 const FeatureLayout& layout) {
  if (!IsPlainName(layout.name)) {
    return absl::InvalidArgumentError(
        StrCat("feature cache: '", layout.name, "' cannot name a folder"));
  }
  if (layout.row_floats == 0 || layout.view_count < 1) {
    return absl::InvalidArgumentError(StrCat("feature cache ", layout.name, ": ", layout.view_count,
                                             " views of ", layout.row_floats,
                                             " numbers make no cache"));
  }
  const std::string own = StrCat(folder, "/", layout.name);
  VIZSLA_ASSIGN_OR_RETURN(FolderUse use, FolderUse::Hold(own));
  RemoveTemporaryFiles(own);
  return std::unique_ptr<FeatureCache>(new FeatureCache(own, layout, std::move(use)));
}

FeatureCache::FeatureCache(std::string folder, FeatureLayout layout, FolderUse use)
    : folder_(std::move(folder)),
      layout_(std::move(layout)),
      use_(std::move(use)),
      shards_(static_cast<size_t>(layout_.view_count)) {}

std::vector<FeatureCache::Shard>& FeatureCache::ShardsOf(int view) {
  std::vector<Shard>& shards = shards_[static_cast<size_t>(view)];
  if (!shards.empty()) return shards;
  for (size_t i = 0; i * kPhotosPerShard < layout_.photo_count; ++i) {
    Shard shard;
    shard.view = view;
    shard.first_photo = i * kPhotosPerShard;
    shard.photo_count = std::min(kPhotosPerShard, layout_.photo_count - shard.first_photo);
    shard.path = StrCat(folder_, "/shard-", view, "-", absl::Dec(i, absl::kZeroPad5));
    shards.push_back(std::move(shard));
  }
  return shards;
}

std::string FeatureCache::Header(const Shard& shard, const std::string& checksum) const {
  std::string header =
      StrCat("vizsla features 1\nname ", layout_.name, "\nview ", shard.view, "\nphotos ",
             shard.first_photo, " ", shard.photo_count, "\nfloats ", layout_.row_floats,
             TypeLine(layout_.type), "\nsha256 ", checksum, "\n");
  VIZSLA_CHECK(header.size() < kHeaderBytes);
  header.resize(kHeaderBytes - 1, ' ');
  header.push_back('\n');
  return header;
}

bool FeatureCache::Load(Shard& shard) {
  if (shard.file) return true;
  const std::string path = shard.path + ".features";
  std::error_code absent;
  const auto written_at = std::filesystem::last_write_time(path, absent);
  if (absent || shard.rejected == written_at) return false;
  absl::StatusOr<MappedFile> file = MappedFile::Open(path);
  if (!file.ok()) {
    log::warn("{}", file.status().ToString());
    shard.rejected = written_at;
    return false;
  }
  const size_t payload = shard.photo_count * row_bytes();
  if (file->size() != kHeaderBytes + payload) {
    log::warn("{}: {} bytes instead of {}: it is computed again", path, file->size(),
              kHeaderBytes + payload);
    shard.rejected = written_at;
    return false;
  }
  if (file->view().substr(0, kHeaderBytes) !=
      Header(shard, Sha256Hex(file->view().substr(kHeaderBytes)))) {
    log::warn("{}: damaged, or of other contents: it is computed again", path);
    shard.rejected = written_at;
    return false;
  }
  shard.file = std::move(*file);
  return true;
}

uint64_t FeatureCache::BytesWhenFull(int view_count) const {
  const uint64_t shards = (layout_.photo_count + kPhotosPerShard - 1) / kPhotosPerShard;
  const uint64_t a_view = shards * kHeaderBytes + layout_.photo_count * row_bytes();
  return a_view * static_cast<uint64_t>(view_count);
}

size_t FeatureCache::ReadyRows(int view_count) {
  size_t rows = 0;
  for (int view = 0; view < view_count; ++view) {
    for (Shard& shard : ShardsOf(view)) rows += Load(shard) ? shard.photo_count : 0;
  }
  return rows;
}

absl::StatusOr<FeatureCache::Fill> FeatureCache::FillOne(int view_count, const Compute& compute) {
  bool complete = true;
  for (int view = 0; view < view_count; ++view) {
    for (Shard& shard : ShardsOf(view)) {
      if (Load(shard)) continue;
      VIZSLA_ASSIGN_OR_RETURN(const std::optional<FileLock> lock,
                              FileLock::TryAcquire(shard.path + ".lock"));
      if (!lock) {
        complete = false;
        continue;
      }
      if (Load(shard)) continue;  // finished between our look and our lock
      VIZSLA_RETURN_IF_ERROR(FillShard(shard, compute));
      return Fill::kFilled;
    }
  }
  return complete ? Fill::kComplete : Fill::kBusy;
}

absl::Status FeatureCache::FillShard(Shard& shard, const Compute& compute) {
  const std::string path = shard.path + ".features";
  std::vector<float> values(shard.photo_count * layout_.row_floats);
  for (size_t from = 0; from < shard.photo_count; from += kComputeBatch) {
    std::vector<FeatureRow> rows(std::min(kComputeBatch, shard.photo_count - from));
    for (size_t i = 0; i < rows.size(); ++i) {
      rows[i] = {.photo = static_cast<uint32_t>(shard.first_photo + from + i), .view = shard.view};
    }
    VIZSLA_RETURN_IF_ERROR(compute(rows, values.data() + from * layout_.row_floats));
  }
  std::vector<uint16_t> halves;
  if (layout_.type == FeatureType::kFloat16) {
    halves.resize(values.size());
    if (!ToHalfFloats(values, halves.data())) {
      return absl::OutOfRangeError(StrCat("features of photos ", shard.first_photo, " to ",
                                          shard.first_photo + shard.photo_count - 1,
                                          " are beyond the range of float16"));
    }
  }
  const std::string_view payload = halves.empty() ? BytesOf(values) : BytesOf(halves);
  VIZSLA_ASSIGN_OR_RETURN(auto writer, AtomicFileWriter::Create(path));
  VIZSLA_RETURN_IF_ERROR(writer->Append(Header(shard, Sha256Hex(payload))));
  VIZSLA_RETURN_IF_ERROR(writer->Append(payload));
  VIZSLA_RETURN_IF_ERROR(writer->Commit());
  // What was just written needs no second look.
  VIZSLA_ASSIGN_OR_RETURN(MappedFile file, MappedFile::Open(path));
  if (file.size() != kHeaderBytes + payload.size()) {
    return absl::DataLossError(StrCat(path, ": changed while it was written"));
  }
  shard.file = std::move(file);
  last_filled_ = path;
  return absl::OkStatus();
}

void FeatureCache::ReadRow(uint32_t photo, int view, size_t first, size_t count,
                           float* values) const {
  const auto& shards = shards_[static_cast<size_t>(view)];
  VIZSLA_CHECK(photo / kPhotosPerShard < shards.size());  // none of a view that nobody has filled
  const Shard& shard = shards[photo / kPhotosPerShard];
  VIZSLA_CHECK(shard.file.has_value());
  VIZSLA_CHECK(first + count <= layout_.row_floats);
  const std::byte* row = shard.file->data() + kHeaderBytes + photo % kPhotosPerShard * row_bytes();
  if (layout_.type == FeatureType::kFloat16) {
    FromHalfFloats(reinterpret_cast<const uint16_t*>(row) + first, count, values);
  } else {
    std::memcpy(values, row + first * sizeof(float), count * sizeof(float));
  }
}

namespace {

struct KeptCache {
  std::string key;
  std::shared_ptr<FeatureCache> cache;
  std::chrono::steady_clock::time_point given_out;
};

struct KeptCaches {
  std::mutex mutex;
  std::list<KeptCache> caches;  // newest first; guarded by mutex
};

KeptCaches& Kept() {
  static auto& kept = *new KeptCaches;  // outlives every thread
  return kept;
}

}  // namespace

absl::StatusOr<std::shared_ptr<FeatureCache>> SharedFeatureCache(const std::string& folder,
                                                                 const FeatureLayout& layout) {
  constexpr size_t kKept = 8;  // train and validation of a few image sizes or poolings
  const std::string key = StrCat(folder, "/", layout.name, ":", layout.photo_count, ":",
                                 layout.view_count, ":", layout.row_floats, TypeLine(layout.type));
  KeptCaches& kept = Kept();
  std::shared_ptr<FeatureCache> opened;
  for (;;) {
    {
      std::lock_guard lock(kept.mutex);
      for (auto it = kept.caches.begin(); it != kept.caches.end(); ++it) {
        if (it->key != key) continue;
        kept.caches.splice(kept.caches.begin(), kept.caches, it);
        it->given_out = std::chrono::steady_clock::now();
        it->cache->use().Touch();
        return it->cache;
      }
      if (opened != nullptr) {
        kept.caches.push_front({key, opened, std::chrono::steady_clock::now()});
        if (kept.caches.size() > kKept) kept.caches.pop_back();
        return opened;
      }
    }
    VIZSLA_ASSIGN_OR_RETURN(opened, FeatureCache::Open(folder, layout));
  }
}

void CloseIdleFeatureCaches(std::chrono::steady_clock::duration unused_for) {
  const auto until = std::chrono::steady_clock::now() - unused_for;
  std::list<KeptCache> idle;  // closed without the lock
  KeptCaches& kept = Kept();
  std::lock_guard lock(kept.mutex);
  for (auto it = kept.caches.begin(); it != kept.caches.end();) {
    const auto next = std::next(it);
    if (it->cache.use_count() == 1 && it->given_out <= until)
      idle.splice(idle.begin(), kept.caches, it);
    it = next;
  }
}

}  // namespace vizsla
