#include "src/weights/tensor_file.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "src/base/file.h"
#include "src/weights/pytorch_zip.h"
#include "src/weights/safetensors.h"

namespace vizsla {
namespace {

class SafetensorsFile final : public TensorFile {
 public:
  SafetensorsFile(MappedFile file, SafetensorsContents contents)
      : file_(std::move(file)), contents_(std::move(contents)) {}
  const std::map<std::string, TensorView>& tensors() const override { return contents_.tensors; }
  const std::map<std::string, std::string>& metadata() const override { return contents_.metadata; }

 private:
  MappedFile file_;
  SafetensorsContents contents_;
};

class PytorchFile final : public TensorFile {
 public:
  explicit PytorchFile(PytorchContents contents) : contents_(std::move(contents)) {}
  const std::map<std::string, TensorView>& tensors() const override { return contents_.tensors; }
  const std::map<std::string, std::string>& metadata() const override { return metadata_; }

 private:
  PytorchContents contents_;
  std::map<std::string, std::string> metadata_;
};

bool LooksLikeText(std::string_view bytes) {
  const std::string_view start = bytes.substr(0, 256);
  return std::all_of(start.begin(), start.end(), [](unsigned char c) {
    return c >= 0x80 || std::isprint(c) || std::isspace(c);
  });
}

// What a file that is neither format most likely is.
absl::Status Unknown(std::string_view bytes) {
  constexpr std::string_view kNeeded =
      "; a .safetensors file or a PyTorch state dict (.pth, .pt) is needed";
  std::string found = "is of no known format";
  if (bytes.starts_with("\x89HDF")) {
    found = "is an HDF5 file (Keras)";
  } else if (LooksLikeText(bytes)) {
    found = "is a text file";
  }
  return absl::InvalidArgumentError(StrCat(found, std::string(kNeeded)));
}

// A header starts with its length, little-endian, and a brace.
bool LooksLikeSafetensors(std::string_view bytes) {
  if (bytes.size() <= 8) return !LooksLikeText(bytes);
  return bytes[8] == '{' && bytes[6] == 0 && bytes[7] == 0;
}

absl::StatusOr<std::shared_ptr<const TensorFile>> OpenByContent(MappedFile file) {
  const std::string_view bytes = file.view();
  if (bytes.empty()) return absl::DataLossError("is empty");
  if (bytes.starts_with("PK")) {
    VIZSLA_ASSIGN_OR_RETURN(PytorchContents contents, ParsePytorchZip(bytes));
    return std::make_shared<const PytorchFile>(std::move(contents));
  }
  if (bytes.size() >= 2 && bytes[0] == '\x80' && bytes[1] >= 2 && bytes[1] <= 5) {
    // A safetensors header of 128 + 256 * k bytes starts with the same byte; its ninth is a brace.
    if (!(bytes.size() > 8 && bytes[8] == '{' &&
          bytes.substr(3, 5) == std::string_view("\0\0\0\0\0", 5))) {
      return absl::InvalidArgumentError(
          "is a bare pickle, as PyTorch wrote before 1.6: load it there and torch.save it again");
    }
  }
  if (!LooksLikeSafetensors(bytes)) return Unknown(bytes);
  VIZSLA_ASSIGN_OR_RETURN(SafetensorsContents contents, ParseSafetensors(bytes));
  return std::make_shared<const SafetensorsFile>(std::move(file), std::move(contents));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const TensorFile>> TensorFile::Open(const std::string& path) {
  VIZSLA_ASSIGN_OR_RETURN(MappedFile file, MappedFile::Open(path));
  absl::StatusOr<std::shared_ptr<const TensorFile>> opened = OpenByContent(std::move(file));
  if (!opened.ok()) return Annotate(opened.status(), path);
  return opened;
}

}  // namespace vizsla
