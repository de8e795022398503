// Small data sets for tests: files whose first bytes are a JPEG's, in a folder or a zip. Nothing
// here can be decoded; the index never tries.
#pragma once

#include <gtest/gtest.h>
#include <zip.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "src/base/file.h"
#include "src/dataset/index.h"

namespace vizsla {

using FileMap = std::map<std::string, std::string>;  // path -> bytes

inline std::string FakeJpeg(const std::string& content) {
  return "\xFF\xD8\xFF\xE0 not really: " + content;
}

// Two classes, three photos each, and two photos to predict.
inline FileMap KaggleFiles() {
  FileMap files;
  files["labels.csv"] = "id,breed\na1,beagle\na2,beagle\na3,beagle\nb1,pug\nb2,pug\nb3,pug\n";
  for (const char* id : {"a1", "a2", "a3", "b1", "b2", "b3"}) {
    files[std::string("train/") + id + ".jpg"] = FakeJpeg(id);
  }
  files["test/t1.jpg"] = FakeJpeg("t1");
  files["test/t2.jpg"] = FakeJpeg("t2");
  files["sample_submission.csv"] = "id,beagle,pug\nt1,0.5,0.5\nt2,0.5,0.5\n";
  return files;
}

// A fresh folder for the data set, and one for the hash cache so that no test meets another's.
class DatasetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::Create("vizsla-dataset-test");
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_ = std::make_unique<TemporaryDirectory>(std::move(*folder));
    ::setenv("XDG_CACHE_HOME", Path("cache").c_str(), 1);
  }

  std::string Path(const std::string& name) const { return folder_->path() + "/" + name; }

  std::string WriteFolder(const FileMap& files, const std::string& name = "data") const {
    for (const auto& [path, bytes] : files) {
      const std::filesystem::path file = std::filesystem::path(Path(name)) / path;
      std::filesystem::create_directories(file.parent_path());
      EXPECT_TRUE(WriteFileAtomically(file.string(), bytes).ok());
    }
    return Path(name);
  }

  std::string WriteZip(const FileMap& files, const std::string& name = "data.zip") const {
    int error = 0;
    zip_t* archive = zip_open(Path(name).c_str(), ZIP_CREATE | ZIP_TRUNCATE, &error);
    EXPECT_NE(archive, nullptr);
    for (const auto& [path, bytes] : files) {
      zip_source_t* source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
      EXPECT_GE(zip_file_add(archive, path.c_str(), source, ZIP_FL_ENC_UTF_8), 0);
    }
    EXPECT_EQ(zip_close(archive), 0);
    return Path(name);
  }

  static DatasetIndex Index(const std::string& path, const IndexOptions& options = {}) {
    absl::StatusOr<DatasetIndex> index = IndexDataset(path, options);
    EXPECT_TRUE(index.ok()) << index.status();
    return index.ok() ? *std::move(index) : DatasetIndex{};
  }

  std::unique_ptr<TemporaryDirectory> folder_;
};

inline std::vector<std::string> Sentences(const std::vector<Problem>& problems) {
  std::vector<std::string> sentences;
  for (const Problem& problem : problems)
    sentences.push_back(problem.place + ": " + problem.reason);
  return sentences;
}

inline std::vector<std::string> Ids(const std::vector<Photo>& photos) {
  std::vector<std::string> ids;
  for (const Photo& photo : photos) ids.push_back(photo.id);
  return ids;
}

}  // namespace vizsla
