// Where a data set's files lie: a folder or a zip, with the same paths inside.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "src/base/status.h"

namespace vizsla {

struct ContainerEntry {
  std::string path;  // relative, with '/'
  uint64_t bytes = 0;
  std::string stamp;  // changes when the file's contents may have changed
  bool settled =
      true;  // false: modified so recently that the next change could leave the stamp as it is
};

// Thread-safe.
class Container {
 public:
  virtual ~Container() = default;
  // The files, sorted by path. Hidden files and folders (".x", "__MACOSX") are not the data set's.
  // Follows symbolic links; looks eight folders deep.
  virtual absl::StatusOr<std::vector<ContainerEntry>> List() const = 0;
  // All bytes of one file. NotFound; DataLoss when a zip's checksum does not fit. Errors name the
  // file.
  virtual absl::StatusOr<std::string> Read(const std::string& path) const = 0;
};

// NotFound: nothing there. DataLoss: a zip that is cut short. InvalidArgument: neither folder nor
// zip.
absl::StatusOr<std::unique_ptr<Container>> OpenContainer(const std::string& path);

}  // namespace vizsla
