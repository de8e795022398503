// What the tests of src/image share: folders, made photos, and Python's second opinion.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <utility>
#include <vector>

#include "src/base/file.h"
#include "src/base/random.h"
#include "src/base/sha256.h"
#include "src/dataset/index.h"

namespace vizsla {

class FolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::Create("vizsla-image-test");
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_ = std::make_unique<TemporaryDirectory>(std::move(*folder));
    ::setenv("XDG_CACHE_HOME", Path("xdg").c_str(), 1);
  }

  std::string Path(const std::string& name) const { return folder_->path() + "/" + name; }

  static std::string Bytes(const std::string& path) {
    auto bytes = ReadFile(path);
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    return bytes.ok() ? *std::move(bytes) : std::string();
  }

 private:
  std::unique_ptr<TemporaryDirectory> folder_;
};

// Runs a script of this folder with Debian's Python; false when the modules are not there.
inline bool HasPythonModules(const std::string& modules) {
  return std::system(("/usr/bin/python3 -c 'import " + modules + "' 2>/dev/null").c_str()) == 0;
}
inline void RunPython(const std::string& script, const std::string& arguments) {
  const std::string command =
      "/usr/bin/python3 " VIZSLA_SOURCE_DIR "/tests/image/" + script + " " + arguments;
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

// Smooth colours and noise, RGB.
inline cv::Mat MadePhoto(int width, int height, uint64_t seed) {
  RandomStream stream(StreamKey(seed).With("made photo"));
  cv::Mat photo(height, width, CV_8UC3);
  for (int row = 0; row < height; ++row) {
    for (int column = 0; column < width; ++column) {
      photo.at<cv::Vec3b>(row, column) =
          cv::Vec3b(static_cast<uint8_t>((column * 3 + seed * 40 + stream.UniformInt(25)) % 256),
                    static_cast<uint8_t>((row * 2 + stream.UniformInt(25)) % 256),
                    static_cast<uint8_t>((row + column + seed * 17) % 256));
    }
  }
  return photo;
}

inline std::string Encoded(const cv::Mat& picture, const std::string& ending,
                           const std::vector<int>& parameters = {}) {
  std::vector<uint8_t> bytes;
  EXPECT_TRUE(cv::imencode(ending, picture, bytes, parameters));
  return std::string(bytes.begin(), bytes.end());
}

// Answers as `read` does; it may throw.
class ReaderOf : public PhotoReader {
 public:
  using Function = std::function<absl::StatusOr<std::string>(const Photo&)>;
  explicit ReaderOf(Function read) : read_(std::move(read)) {}
  absl::StatusOr<std::string> Read(const Photo& photo) const override { return read_(photo); }

 private:
  Function read_;
};

// A data set in memory: photos by path, and how often each was read.
class MemoryPhotos : public PhotoReader {
 public:
  absl::StatusOr<std::string> Read(const Photo& photo) const override {
    ++reads_;
    return bytes_.at(std::stoul(photo.path));
  }

  // `count` JPEGs of different sizes in two classes; those in `broken` are cut in the middle.
  MemoryPhotos(int count, const std::vector<int>& broken = {}) {
    index_.root = "memory";
    index_.classes = {"a", "b"};
    for (int i = 0; i < count; ++i) {
      std::string bytes =
          Encoded(MadePhoto(40 + i % 13, 30 + i % 7, static_cast<uint64_t>(i)), ".jpg");
      if (std::find(broken.begin(), broken.end(), i) != broken.end())
        bytes.resize(bytes.size() / 2);
      Photo photo;
      photo.id = "photo" + std::to_string(i);
      photo.path = std::to_string(i);
      photo.label = i % 2;
      photo.bytes = bytes.size();
      photo.sha256 = Sha256Hex(bytes);
      index_.photos.push_back(photo);
      bytes_.push_back(std::move(bytes));
    }
  }

  const DatasetIndex& index() const { return index_; }
  std::vector<const Photo*> photos() const {
    std::vector<const Photo*> photos;
    for (const Photo& photo : index_.photos) photos.push_back(&photo);
    return photos;
  }
  void Replace(size_t photo, const std::string& bytes) { bytes_[photo] = bytes; }
  int reads() const { return reads_; }

 private:
  DatasetIndex index_;
  std::vector<std::string> bytes_;
  mutable std::atomic<int> reads_{0};
};

}  // namespace vizsla
