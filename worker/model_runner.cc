#include "worker/model_runner.h"

#include <algorithm>

#include "src/image/pixel_source.h"
#include "src/train/evaluator.h"
#include "src/weights/tensor_file.h"

namespace vizsla {
namespace {

// So many photos are in memory at once: 0.6 GB at 224 x 224 pixels.
constexpr size_t kPhotosAtOnce = 4096;

}  // namespace

absl::StatusOr<PhotoPredictions> RunModel(const PulledModel& model, const DatasetIndex& index,
                                          const PhotoReader& reader,
                                          const std::vector<uint32_t>& positions, bool unlabelled,
                                          int class_count, const RunOptions& options) {
  if (positions.empty()) return absl::InvalidArgumentError("there are no photos to run on");
  VIZSLA_ASSIGN_OR_RETURN(const std::shared_ptr<const TensorFile> tensors,
                          TensorFile::Open(model.model_path));
  PhotoPredictions all;
  // Even pieces: a tiny last one could consist of broken photos only.
  const size_t pieces = (positions.size() + kPhotosAtOnce - 1) / kPhotosAtOnce;
  for (size_t piece = 0; piece < pieces; ++piece) {
    const size_t begin = positions.size() * piece / pieces;
    const size_t end = positions.size() * (piece + 1) / pieces;
    PixelSourceOptions source_options;
    source_options.index = &index;
    source_options.reader = &reader;
    source_options.positions.assign(positions.begin() + static_cast<ptrdiff_t>(begin),
                                    positions.begin() + static_cast<ptrdiff_t>(end));
    source_options.unlabelled = unlabelled;
    source_options.preprocessing = model.plan.preprocessing;
    source_options.decode.image_size = model.plan.image_size;
    source_options.decode.threads = options.threads;
    VIZSLA_ASSIGN_OR_RETURN(const std::unique_ptr<PixelSource> source,
                            OpenPixelSource(source_options));
    const auto progress = [&](size_t done, size_t) {
      if (options.progress) options.progress(begin + done, positions.size());
    };
    VIZSLA_ASSIGN_OR_RETURN(const Predictions predictions,
                            Predict(model.plan, model.padding, class_count, *tensors, *source,
                                    options.device, progress));
    all.positions.insert(all.positions.end(), source->photo_positions().begin(),
                         source->photo_positions().end());
    all.probabilities.insert(all.probabilities.end(), predictions.probabilities.begin(),
                             predictions.probabilities.end());
    all.broken.insert(all.broken.end(), source->broken().begin(), source->broken().end());
  }
  return all;
}

}  // namespace vizsla
