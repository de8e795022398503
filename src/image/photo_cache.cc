#include "src/image/photo_cache.h"

#include <sys/stat.h>

#include <filesystem>
#include <mutex>
#include <opencv2/core/utility.hpp>
#include <utility>

#include "src/base/file.h"
#include "src/base/sha256.h"
#include "src/dataset/parallel.h"
#include "src/dataset/text.h"
#include "src/image/decode.h"
#include "src/image/decode_into.h"
#include "src/image/shard_filler.h"

namespace vizsla {
namespace {

namespace fs = std::filesystem;

std::string KeyOf(std::span<const Photo* const> photos, int image_size) {
  Sha256 hash;
  hash.Update(StrCat("vizsla-pixels ", kDecodeVersion, " ", image_size, "\n"));
  for (const Photo* photo : photos) hash.Update(StrCat(photo->sha256, "\n"));
  return hash.FinishHex();
}

// Makes room for the pixels. A file of another size was cut or is another version's: no mark beside
// it counts any more.
absl::StatusOr<MappedFile> MakeRoom(const std::string& folder, size_t bytes) {
  VIZSLA_RETURN_IF_ERROR(CreateDirectories(folder));
  VIZSLA_ASSIGN_OR_RETURN(const FileLock lock, FileLock::Acquire(StrCat(folder, "/room.lock")));
  const std::string path = StrCat(folder, "/pixels.u8");
  struct stat info {};
  const bool exists = ::stat(path.c_str(), &info) == 0;
  if (!exists || static_cast<size_t>(info.st_size) != bytes) {
    std::error_code error;
    for (const auto& file : fs::directory_iterator(folder, error)) {
      if (file.path().extension() == ".done") fs::remove(file.path(), error);
    }
    if (error) return ErrnoStatus(error.value(), folder, "clear");
  }
  absl::StatusOr<MappedFile> pixels = MappedFile::OpenWritable(path, bytes);
  if (!pixels.ok()) {
    std::error_code ignored;
    if (!exists) fs::remove(path, ignored);
    return Annotate(pixels.status(), "photo cache");
  }
  return pixels;
}

class CachedPhotos : public DecodedPhotos {
 public:
  static absl::StatusOr<std::unique_ptr<DecodedPhotos>> Open(std::span<const Photo* const> photos,
                                                             const PhotoReader& reader,
                                                             const DecodeOptions& options) {
    for (const Photo* photo : photos) {
      if (photo->sha256.empty()) {
        return absl::InvalidArgumentError(
            StrCat(Printable(photo->path), ": was not hashed, so it cannot be cached"));
      }
    }
    const std::string key = KeyOf(photos, options.image_size);
    const std::string folder = StrCat(options.cache_folder, "/pixels-", key.substr(0, 32));
    const size_t bytes = DecodedBytes(photos.size(), options.image_size);
    VIZSLA_ASSIGN_OR_RETURN(MappedFile writable, MakeRoom(folder, bytes));
    auto cached = std::unique_ptr<CachedPhotos>(
        new CachedPhotos(photos, options.image_size, std::move(writable)));
    ShardFiller filler({folder, key, photos, &reader, options.image_size,
                        std::span(reinterpret_cast<uint8_t*>(cached->file_.mutable_data()), bytes),
                        &options.progress, &options.cancelled});
    VIZSLA_ASSIGN_OR_RETURN(cached->broken_, filler.Run(options.threads));
    // From here on nobody may write, not even by mistake.
    VIZSLA_ASSIGN_OR_RETURN(cached->file_, MappedFile::Open(StrCat(folder, "/pixels.u8")));
    if (cached->file_.size() != bytes) {
      return absl::DataLossError(
          StrCat(folder, "/pixels.u8: the file was changed while it was being opened"));
    }
    cached->pixels_ = reinterpret_cast<const uint8_t*>(cached->file_.data());
    return cached;
  }

 private:
  CachedPhotos(std::span<const Photo* const> photos, int image_size, MappedFile file)
      : DecodedPhotos(photos, image_size), file_(std::move(file)) {}

  MappedFile file_;
};

class PhotosInMemory : public DecodedPhotos {
 public:
  static absl::StatusOr<std::unique_ptr<DecodedPhotos>> Open(std::span<const Photo* const> photos,
                                                             const PhotoReader& reader,
                                                             const DecodeOptions& options) {
    auto decoded = std::unique_ptr<PhotosInMemory>(new PhotosInMemory(photos, options.image_size));
    VIZSLA_RETURN_IF_ERROR(decoded->DecodeAll(photos, reader, options));
    return decoded;
  }

 private:
  PhotosInMemory(std::span<const Photo* const> photos, int image_size)
      : DecodedPhotos(photos, image_size), memory_(photos.size() * photo_bytes_) {
    pixels_ = memory_.data();
  }

  absl::Status DecodeAll(std::span<const Photo* const> photos, const PhotoReader& reader,
                         const DecodeOptions& options) {
    std::vector<absl::StatusOr<DecodedPhoto>> decoded(photos.size(), DecodedPhoto{});
    std::mutex mutex;
    size_t done = 0;
    ParallelFor(photos.size(), options.threads, [&](size_t i) {
      if (options.cancelled && options.cancelled()) {
        decoded[i] = absl::CancelledError("decoding was interrupted");
        return;
      }
      decoded[i] = DecodeInto(*photos[i], reader, image_size_,
                              std::span(memory_).subspan(i * photo_bytes_, photo_bytes_));
      if (!options.progress) return;
      const std::lock_guard lock(mutex);
      options.progress(++done, photos.size());
    });
    for (uint32_t i = 0; i < photos.size(); ++i) {
      if (!decoded[i].ok()) return decoded[i].status();
      hashes_[i] = decoded[i]->sha256;
      if (decoded[i]->broken) {
        broken_.push_back({i, {Printable(photos[i]->path), *decoded[i]->broken}});
      }
    }
    return absl::OkStatus();
  }

  std::vector<uint8_t> memory_;
};

}  // namespace

DecodedPhotos::DecodedPhotos(std::span<const Photo* const> photos, int image_size)
    : image_size_(image_size), photo_bytes_(DecodedBytes(1, image_size)) {
  for (const Photo* photo : photos) hashes_.push_back(photo->sha256);
}

absl::StatusOr<std::unique_ptr<DecodedPhotos>> DecodedPhotos::Open(
    std::span<const Photo* const> photos, const PhotoReader& reader, const DecodeOptions& options) {
  if (photos.empty()) return absl::InvalidArgumentError("there are no photos to decode");
  if (options.image_size < 1) {
    return absl::InvalidArgumentError(
        StrCat("image size ", options.image_size, ": expected at least 1 pixel"));
  }
  // Photos are decoded in parallel; OpenCV's own threads would only get in each other's way.
  cv::setNumThreads(1);
  return options.cache_folder.empty() ? PhotosInMemory::Open(photos, reader, options)
                                      : CachedPhotos::Open(photos, reader, options);
}

}  // namespace vizsla
