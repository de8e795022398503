// Photos decoded and resized once, for all ranks, trials and jobs of a node: a memory-mapped file
// of 8-bit RGB pixels, named by what is in it.
//
//   CACHE/pixels-KEY/pixels.u8     photo after photo, each size x size x 3 (row, column, channel)
//   CACHE/pixels-KEY/00007.done    shard 7 is whole: its checksum and its broken photos, as JSON
//   CACHE/pixels-KEY/00007.lock    held by whoever fills shard 7; freed by the kernel when that
//   process ends
//
// KEY is a hash of the photos' bytes in order, kDecodeVersion and the size. Every process that
// opens the cache fills the shards that nobody else is filling and waits for the rest; the shard of
// a process that died is claimed by another. A shard counts only with a mark whose checksum fits
// its pixels, so that neither a truncated nor a half-written file is ever trusted: what does not
// fit is decoded again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "src/base/status.h"
#include "src/dataset/index.h"

namespace vizsla {

struct DecodeOptions {
  std::string cache_folder;  // created when needed; empty: pixels stay in this process's memory
  int image_size = 160;      // pixels, square
  int threads = 1;           // decoding at once
  // (done, total) photos, whoever decoded them; called from any of the threads, one at a time; may
  // be empty.
  std::function<void(size_t, size_t)> progress;
  // Asked between photos and while others decode, from any of the threads; true: Open gives up with
  // Cancelled. What is decoded stays in the cache. May be empty.
  std::function<bool()> cancelled{};
};

struct BrokenPhoto {
  uint32_t photo = 0;  // position in the list given to Open
  Problem problem;     // the photo's path, and why it cannot be decoded
};

// Immutable and thread-safe after Open.
class DecodedPhotos {
 public:
  // Reads and decodes only what the cache lacks. Blocks until every photo is decoded or known to be
  // broken (DecodePhoto's DataLoss and ResourceExhausted); a broken photo's pixels are black, and
  // it is stored with the cache, so that all ranks exclude the same. InvalidArgument: no photos.
  // ResourceExhausted: the disk has no room for the pixels. FailedPrecondition: a photo's bytes are
  // no longer those of the index. Errors of the reader pass through, except that an unhashed photo
  // (of test/), which nobody has read before, is broken then.
  static absl::StatusOr<std::unique_ptr<DecodedPhotos>> Open(std::span<const Photo* const> photos,
                                                             const PhotoReader& reader,
                                                             const DecodeOptions& options);
  virtual ~DecodedPhotos() = default;

  int image_size() const { return image_size_; }
  size_t photo_count() const { return hashes_.size(); }
  // size x size x 3 bytes.
  std::span<const uint8_t> pixels(uint32_t photo) const {
    return {pixels_ + photo * photo_bytes_, photo_bytes_};
  }
  const std::vector<BrokenPhoto>& broken() const { return broken_; }  // in the order of the list
  const std::string& hash(uint32_t photo) const { return hashes_[photo]; }  // SHA-256 of the file

 protected:
  DecodedPhotos(std::span<const Photo* const> photos, int image_size);

  int image_size_;
  size_t photo_bytes_;
  const uint8_t* pixels_ = nullptr;
  std::vector<std::string> hashes_;
  std::vector<BrokenPhoto> broken_;
};

// What the cache of these photos would take on disk.
inline uint64_t DecodedBytes(uint64_t photos, int image_size) {
  return photos * 3 * static_cast<uint64_t>(image_size) * static_cast<uint64_t>(image_size);
}

}  // namespace vizsla
