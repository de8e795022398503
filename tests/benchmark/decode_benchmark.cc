// Photos a second from a container's bytes to small squares: Vizsla's way (reading, hashing,
// decoding, checking, resizing, storing) beside what libjpeg-turbo and OpenCV need for decoding and
// resizing the same bytes from memory, on as many threads. One JSON object.
//
//   decode_benchmark --data FOLDER_OR_ZIP [--threads 2] [--image-size 160] [--photos 2000]
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>
#include <opencv2/core/utility.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string>
#include <thread>
#include <vector>

#include "src/dataset/index.h"
#include "src/image/decode_into.h"

namespace vizsla {
namespace {

struct Options {
  std::string data;
  int threads = 2;
  int image_size = 160;
  size_t photos = 2000;
};

double PhotosPerSecond(const Options& options, size_t count,
                       const std::function<void(size_t photo, std::vector<uint8_t>& pixels)>& one) {
  std::atomic<size_t> next = 0;
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int t = 0; t < options.threads; ++t) {
    threads.emplace_back([&] {
      const auto side = static_cast<size_t>(options.image_size);
      std::vector<uint8_t> pixels(side * side * 3);
      for (size_t i = next++; i < count; i = next++) one(i, pixels);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
  return static_cast<double>(count) / passed.count();
}

absl::Status Run(const Options& options) {
  VIZSLA_ASSIGN_OR_RETURN(const DatasetIndex index, IndexDataset(options.data));
  VIZSLA_ASSIGN_OR_RETURN(const auto reader, OpenPhotos(options.data));
  const size_t count = std::min(options.photos, index.photos.size());
  if (count == 0) return absl::InvalidArgumentError(options.data + " holds no photos");
  std::vector<std::string> bytes(count);
  for (size_t i = 0; i < count; ++i) {
    VIZSLA_ASSIGN_OR_RETURN(bytes[i], reader->Read(index.photos[i]));
  }
  std::atomic<bool> failed = false;
  const auto own = [&](size_t i, std::vector<uint8_t>& pixels) {
    if (!DecodeInto(index.photos[i], *reader, options.image_size, pixels).ok()) failed = true;
  };
  const auto libraries = [&](size_t i, std::vector<uint8_t>&) {
    const cv::Mat data(1, static_cast<int>(bytes[i].size()), CV_8UC1, bytes[i].data());
    const cv::Mat picture = cv::imdecode(data, cv::IMREAD_COLOR);
    cv::Mat square;
    cv::resize(picture, square, {options.image_size, options.image_size}, 0, 0, cv::INTER_AREA);
  };
  // By turns, so that what else the machine does falls on both; the first round warms up.
  std::vector<double> own_rates, library_rates;
  for (int round = 0; round < 6; ++round) {
    const double own_rate = PhotosPerSecond(options, count, own);
    const double library_rate = PhotosPerSecond(options, count, libraries);
    if (round == 0) continue;
    own_rates.push_back(own_rate);
    library_rates.push_back(library_rate);
  }
  if (failed) return absl::DataLossError("a photo could not be decoded");
  const auto median = [](std::vector<double> values) {
    std::nth_element(values.begin(), values.begin() + 2, values.end());
    return values[2];
  };
  const nlohmann::json line = {{"photos", count},
                               {"threads", options.threads},
                               {"vizsla_photos_per_s", median(own_rates)},
                               {"libraries_photos_per_s", median(library_rates)}};
  std::printf("%s\n", line.dump().c_str());
  return absl::OkStatus();
}

}  // namespace
}  // namespace vizsla

int main(int argc, char** argv) {
  vizsla::Options options;
  CLI::App app("Times decoding and resizing of photos; one JSON object.");
  app.add_option("--data", options.data, "as vizsla-worker's")->required();
  app.add_option("--threads", options.threads)->check(CLI::Range(1, 1024));
  app.add_option("--image-size", options.image_size, "pixels")->check(CLI::Range(8, 4096));
  app.add_option("--photos", options.photos, "how many of the data set")
      ->check(CLI::Range(1, 1 << 30));
  CLI11_PARSE(app, argc, argv);
  cv::setNumThreads(1);
  const absl::Status status = vizsla::Run(options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return 1;
}
