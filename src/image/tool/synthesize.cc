#include "src/image/tool/synthesize.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <opencv2/core/utility.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "src/base/file.h"
#include "src/base/random.h"
#include "src/base/sha256.h"
#include "src/dataset/parallel.h"
#include "src/image/tool/scene.h"

namespace vizsla {
namespace {

namespace fs = std::filesystem;

constexpr int kUnlabelledShare = 10;  // one unlabelled photo for so many labelled ones

struct PlannedPhoto {
  std::string id;
  std::string side;  // "train" or "test"
  int class_number;
  StreamKey stream;
};

absl::Status CheckRange(std::string_view option, int value, int low, int high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return absl::InvalidArgumentError(
      StrCat("--", option, " ", value, ": expected ", low, " to ", high));
}

absl::Status CheckFolder(const std::string& folder) {
  std::error_code error;
  if (!fs::exists(folder, error)) return absl::OkStatus();
  if (!fs::is_directory(folder, error)) {
    return absl::AlreadyExistsError(StrCat(folder, ": exists and is no folder"));
  }
  if (!fs::is_empty(folder, error) || error) {
    return absl::AlreadyExistsError(StrCat(
        folder, ": the folder is not empty; name a new one, so that nothing is overwritten"));
  }
  return absl::OkStatus();
}

absl::Status WriteNewFile(const std::string& path, std::string_view bytes) {
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  return file ? absl::OkStatus() : ErrnoStatus(errno, path, "write");
}

PlannedPhoto Plan(const SynthesizeOptions& options, const std::string& side, int number,
                  int class_number) {
  const StreamKey key =
      StreamKey(options.seed).With("synthesize").With(side).With(static_cast<uint64_t>(number));
  // Ids tell nothing of the class and do not sort by it.
  return {Sha256Hex(StrCat(options.seed, "/", side, "/", number)).substr(0, 16), side, class_number,
          key};
}

std::vector<PlannedPhoto> PlanAll(const SynthesizeOptions& options) {
  std::vector<PlannedPhoto> photos;
  const int labelled = options.classes * options.per_class;
  for (int i = 0; i < labelled; ++i)
    photos.push_back(Plan(options, "train", i, i % options.classes));
  for (int i = 0; i < std::max(1, labelled / kUnlabelledShare); ++i) {
    photos.push_back(Plan(options, "test", i, i % options.classes));
  }
  std::sort(photos.begin(), photos.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return photos;
}

absl::Status WritePhoto(const SynthesizeOptions& options, const PlannedPhoto& photo) {
  RandomStream stream(photo.stream);
  const auto side = [&] {
    return options.size +
           static_cast<int>(stream.UniformInt(static_cast<uint64_t>(options.size) * 2 / 3 + 1));
  };
  const int width = side();
  const int height = side();
  cv::Mat picture = DrawScene(photo.class_number, width, height, stream);
  cv::cvtColor(picture, picture, cv::COLOR_RGB2BGR);
  const int quality = 82 + static_cast<int>(stream.UniformInt(14));
  std::vector<uint8_t> bytes;
  try {
    cv::imencode(".jpg", picture, bytes, {cv::IMWRITE_JPEG_QUALITY, quality});
  } catch (const cv::Exception& error) {
    return absl::InternalError(StrCat(photo.id, ": ", error.what()));
  }
  // Not synced one by one: labels.csv, which is, comes last and makes it a data set.
  return WriteNewFile(StrCat(options.folder, "/", photo.side, "/", photo.id, ".jpg"),
                      {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::string LabelsCsv(const std::vector<PlannedPhoto>& photos) {
  std::string text = "id,class\n";
  for (const PlannedPhoto& photo : photos) {
    if (photo.side != "train") continue;
    text += StrCat(photo.id, ",", SceneClassName(photo.class_number), "\n");
  }
  return text;
}

std::string SubmissionCsv(const std::vector<PlannedPhoto>& photos, int classes) {
  std::vector<std::string> names;
  for (int i = 0; i < classes; ++i) names.push_back(SceneClassName(i));
  std::sort(names.begin(), names.end());
  std::string text = "id";
  for (const std::string& name : names) text += StrCat(",", name);
  text += "\n";
  for (const PlannedPhoto& photo : photos) {
    if (photo.side != "test") continue;
    text += photo.id;
    for (int i = 0; i < classes; ++i) text += StrCat(",", 1.0 / classes);
    text += "\n";
  }
  return text;
}

}  // namespace

absl::StatusOr<SynthesizedDataset> Synthesize(const SynthesizeOptions& options) {
  VIZSLA_RETURN_IF_ERROR(CheckRange("classes", options.classes, 2, kMaxSceneClasses));
  VIZSLA_RETURN_IF_ERROR(CheckRange("per-class", options.per_class, 1, 100'000));
  VIZSLA_RETURN_IF_ERROR(CheckRange("size", options.size, 16, 2048));
  VIZSLA_RETURN_IF_ERROR(CheckFolder(options.folder));
  VIZSLA_RETURN_IF_ERROR(CreateDirectories(StrCat(options.folder, "/train")));
  VIZSLA_RETURN_IF_ERROR(CreateDirectories(StrCat(options.folder, "/test")));

  cv::setNumThreads(1);
  const std::vector<PlannedPhoto> photos = PlanAll(options);
  std::mutex mutex;
  size_t done = 0;
  absl::Status status;
  ParallelFor(photos.size(), options.threads, [&](size_t i) {
    const absl::Status written = WritePhoto(options, photos[i]);
    const std::lock_guard lock(mutex);
    if (!written.ok()) status.Update(written);
    if (options.progress) options.progress(++done, photos.size());
  });
  VIZSLA_RETURN_IF_ERROR(status);
  VIZSLA_RETURN_IF_ERROR(WriteFileAtomically(StrCat(options.folder, "/sample_submission.csv"),
                                             SubmissionCsv(photos, options.classes)));
  VIZSLA_RETURN_IF_ERROR(
      WriteFileAtomically(StrCat(options.folder, "/labels.csv"), LabelsCsv(photos)));
  SynthesizedDataset result;
  for (const PlannedPhoto& photo : photos)
    ++(photo.side == "train" ? result.labelled : result.unlabelled);
  return result;
}

}  // namespace vizsla
