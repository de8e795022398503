// Rendering one batch on several threads.
#pragma once

#include <algorithm>
#include <exception>
#include <span>
#include <vector>

#include "src/dataset/batch_source.h"
#include "src/dataset/parallel.h"

namespace vizsla {

// BatchSource::Fill, the same pixels, by `threads` threads of which the caller's is one. Of several
// failures the one of the first rows counts; exceptions travel through.
inline absl::Status FillOnThreads(const BatchSource& source, std::span<const PhotoView> views,
                                  float* pixels, int threads) {
  const size_t parts = std::min(static_cast<size_t>(std::max(threads, 1)), views.size());
  if (parts <= 1) return source.Fill(views, pixels);
  const auto side = static_cast<size_t>(source.image_size());
  std::vector<absl::Status> statuses(parts);
  std::vector<std::exception_ptr> thrown(parts);
  ParallelFor(parts, threads, [&](size_t part) {
    const size_t begin = views.size() * part / parts;
    const size_t end = views.size() * (part + 1) / parts;
    try {
      statuses[part] =
          source.Fill(views.subspan(begin, end - begin), pixels + begin * 3 * side * side);
    } catch (...) {
      thrown[part] = std::current_exception();
    }
  });
  for (size_t part = 0; part < parts; ++part) {
    if (thrown[part]) std::rethrow_exception(thrown[part]);
    VIZSLA_RETURN_IF_ERROR(statuses[part]);
  }
  return absl::OkStatus();
}

}  // namespace vizsla
