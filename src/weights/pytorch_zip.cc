#include "src/weights/pytorch_zip.h"

#include <zip.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "src/weights/escape_name.h"
#include "src/weights/pickle.h"
#include "src/weights/tensor_size.h"

namespace vizsla {
namespace {

using Kind = PickleValue::Kind;

struct ZipCloser {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
using ZipPtr = std::unique_ptr<zip_t, ZipCloser>;
using ZipFilePtr = std::unique_ptr<zip_file_t, ZipCloser>;

absl::StatusOr<ZipPtr> OpenArchive(std::string_view file) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(file.data(), file.size(), 0, &error);
  zip_t* archive = source ? zip_open_from_source(source, ZIP_RDONLY, &error) : nullptr;
  if (archive == nullptr) {
    absl::Status status = absl::DataLossError(
        StrCat("the zip is cut short or damaged (", zip_error_strerror(&error), ")"));
    if (source) zip_source_free(source);
    zip_error_fini(&error);
    return status;
  }
  zip_error_fini(&error);
  return ZipPtr(archive);
}

class Archive {
 public:
  static absl::StatusOr<Archive> Open(std::string_view file) {
    VIZSLA_ASSIGN_OR_RETURN(ZipPtr zip, OpenArchive(file));
    Archive archive(std::move(zip), file.size());
    const std::string_view ending = "/data.pkl";
    const zip_int64_t entries = zip_get_num_entries(archive.zip_.get(), 0);
    for (zip_int64_t i = 0; i < entries; ++i) {
      const char* raw_name = zip_get_name(archive.zip_.get(), i, ZIP_FL_ENC_RAW);
      const std::string_view name = raw_name ? raw_name : "";
      if (!name.ends_with(ending)) continue;
      if (!archive.folder_.empty()) {
        return absl::InvalidArgumentError("the zip holds more than one data.pkl");
      }
      archive.folder_ = name.substr(0, name.size() - ending.size() + 1);
    }
    if (archive.folder_.empty()) {
      return absl::InvalidArgumentError("the zip holds no data.pkl: not a file of torch.save");
    }
    return archive;
  }

  bool Has(const std::string& name) const {
    return zip_name_locate(zip_.get(), (folder_ + name).c_str(), ZIP_FL_ENC_RAW) >= 0;
  }

  // All bytes of one entry, its checksum verified.
  absl::StatusOr<std::vector<std::byte>> Read(const std::string& name) {
    const zip_int64_t index = zip_name_locate(zip_.get(), (folder_ + name).c_str(), ZIP_FL_ENC_RAW);
    if (index < 0) return absl::DataLossError(StrCat("the zip lacks ", EscapeName(name)));
    zip_stat_t stat;
    zip_stat_init(&stat);
    constexpr auto kNeeded = ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD;
    if (zip_stat_index(zip_.get(), index, 0, &stat) != 0 || (stat.valid & kNeeded) != kNeeded) {
      return Damaged(name, zip_strerror(zip_.get()));
    }
    // torch.save stores. Without compression nothing can be larger than the file that holds it, and
    // a budget of the file's size bounds entries that claim the same bytes.
    if (stat.comp_method != ZIP_CM_STORE) {
      return absl::InvalidArgumentError(
          StrCat(EscapeName(name), " is compressed: torch.save stores its tensors as they are"));
    }
    if (stat.size > budget_) return Damaged(name, "larger than the file");
    budget_ -= stat.size;
    ZipFilePtr file(zip_fopen_index(zip_.get(), index, 0));
    if (!file) return Damaged(name, zip_strerror(zip_.get()));
    std::vector<std::byte> bytes(stat.size);
    size_t done = 0;
    while (done < bytes.size()) {
      const zip_int64_t got = zip_fread(file.get(), bytes.data() + done, bytes.size() - done);
      if (got < 0) return Damaged(name, zip_file_strerror(file.get()));
      if (got == 0) return Damaged(name, "cut short");
      done += static_cast<size_t>(got);
    }
    std::byte past;  // only the read at the end compares the checksum
    if (zip_fread(file.get(), &past, 1) < 0) return Damaged(name, zip_file_strerror(file.get()));
    return bytes;
  }

 private:
  Archive(ZipPtr zip, uint64_t budget) : zip_(std::move(zip)), budget_(budget) {}
  static absl::Status Damaged(const std::string& name, const char* reason) {
    return absl::DataLossError(StrCat(EscapeName(name), " in the zip is damaged: ", reason));
  }

  ZipPtr zip_;
  uint64_t budget_;
  std::string folder_;  // with its slash
};

absl::StatusOr<bool> IsBigEndian(Archive& archive) {
  if (!archive.Has("byteorder")) return false;  // older than PyTorch 2.1
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, archive.Read("byteorder"));
  const std::string_view order(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (order == "little") return false;
  if (order == "big") return true;
  return absl::InvalidArgumentError("byteorder is neither little nor big");
}

void SwapBytes(std::vector<std::byte>& bytes, size_t element) {
  for (size_t i = 0; i + element <= bytes.size(); i += element) {
    std::reverse(bytes.begin() + i, bytes.begin() + i + element);
  }
}

// The state dict among the pickle's values: the root, or what stands under "state_dict".
absl::StatusOr<const PickleValue*> FindStateDict(const Pickle& pickle) {
  const PickleValue& root = pickle.at(pickle.root);
  if (root.kind != Kind::kDict) {
    return absl::InvalidArgumentError(StrCat("holds ", std::string(KindName(root.kind)),
                                             " where a state dict (a dict of tensors) is needed"));
  }
  for (size_t i = 0; i + 1 < root.items.size(); i += 2) {
    const PickleValue& key = pickle.at(root.items[i]);
    const PickleValue& value = pickle.at(root.items[i + 1]);
    if (key.kind == Kind::kText && key.text == "state_dict" && value.kind == Kind::kDict) {
      return &value;
    }
  }
  return &root;
}

class Builder {
 public:
  Builder(Archive& archive, const Pickle& pickle, bool swap, uint64_t file_bytes)
      : archive_(archive), pickle_(pickle), swap_(swap), copy_budget_(file_bytes) {}

  absl::StatusOr<PytorchContents> Build(const PickleValue& state_dict) {
    for (size_t i = 0; i + 1 < state_dict.items.size(); i += 2) {
      const PickleValue& key = pickle_.at(state_dict.items[i]);
      const PickleValue& value = pickle_.at(state_dict.items[i + 1]);
      if (key.kind != Kind::kText) {
        return absl::InvalidArgumentError(
            StrCat("a key of the state dict is ", std::string(KindName(key.kind)), ", not a text"));
      }
      if (value.kind != Kind::kTensor) {
        return absl::InvalidArgumentError(
            StrCat("\"", EscapeName(key.text), "\" of the state dict is ",
                   std::string(KindName(value.kind)), ", not a tensor"));
      }
      absl::StatusOr<TensorView> view = BuildTensor(value);
      if (!view.ok())
        return Annotate(view.status(), StrCat("tensor \"", EscapeName(key.text), "\""));
      contents_.tensors.insert_or_assign(key.text, *std::move(view));
    }
    return std::move(contents_);
  }

 private:
  absl::StatusOr<std::span<const std::byte>> LoadStorage(const PickleValue& storage) {
    const size_t element = BytesOf(storage.type);
    const auto [found, fresh] = storages_.try_emplace(storage.text, Storage{});
    if (fresh) {
      VIZSLA_ASSIGN_OR_RETURN(std::vector<std::byte> bytes, archive_.Read("data/" + storage.text));
      if (swap_) SwapBytes(bytes, element);
      contents_.memory.push_back(std::move(bytes));
      found->second = {contents_.memory.back(), storage.type};
    }
    if (found->second.type != storage.type) {
      return absl::InvalidArgumentError("its storage is also used with another type");
    }
    // Elements times bytes cannot overflow: compared by division.
    if (static_cast<uint64_t>(storage.integer) > found->second.bytes.size() / element) {
      return absl::DataLossError(StrCat("its storage has ", found->second.bytes.size(),
                                        " bytes, too few for ", storage.integer, " elements of ",
                                        std::string(ToText(storage.type))));
    }
    return found->second.bytes.first(static_cast<size_t>(storage.integer) * element);
  }

  absl::StatusOr<TensorView> BuildTensor(const PickleValue& tensor) {
    const PickleValue& storage = pickle_.at(tensor.items[0]);
    TensorView view;
    view.type = tensor.type;
    view.shape = tensor.shape;
    const std::optional<int64_t> count = CheckedElementCount(tensor.shape);
    if (!count) return absl::InvalidArgumentError("its shape is negative or too large");
    VIZSLA_ASSIGN_OR_RETURN(const std::span<const std::byte> bytes, LoadStorage(storage));
    if (*count == 0) return view;

    bool contiguous = true;
    int64_t expected = 1;
    int64_t last = tensor.integer;  // the largest index into the storage
    std::vector<int64_t> strides = tensor.strides;
    for (size_t i = tensor.shape.size(); i > 0; --i) {
      const int64_t size = tensor.shape[i - 1];
      int64_t& stride = strides[i - 1];
      if (size == 1) stride = 0;  // leads nowhere, whatever the file says
      int64_t reach;
      if (stride < 0 || __builtin_mul_overflow(size - 1, stride, &reach) ||
          __builtin_add_overflow(last, reach, &last)) {
        return absl::InvalidArgumentError("its strides are negative or too large");
      }
      if (size != 1 && stride != expected) contiguous = false;
      expected *= size;
    }
    if (last >= storage.integer) {
      return absl::InvalidArgumentError(
          StrCat("reaches element ", last, " of a storage of ", storage.integer, " elements"));
    }
    const size_t element = BytesOf(tensor.type);
    if (contiguous) {
      view.bytes = bytes.subspan(static_cast<size_t>(tensor.integer) * element,
                                 static_cast<size_t>(*count) * element);
      return view;
    }
    // An expanded tensor (stride 0) can claim any size from few bytes.
    const uint64_t copied = static_cast<uint64_t>(*count) * element;
    if (*count > storage.integer || copied > copy_budget_) {
      return absl::InvalidArgumentError("repeats the elements of its storage");
    }
    copy_budget_ -= copied;
    contents_.memory.push_back(
        Gather(tensor, strides, bytes, static_cast<size_t>(*count), element));
    view.bytes = contents_.memory.back();
    return view;
  }

  // No step leaves int64: a stride of a size above 1 is at most the last index of the storage.
  static std::vector<std::byte> Gather(const PickleValue& tensor, std::span<const int64_t> strides,
                                       std::span<const std::byte> bytes, size_t count,
                                       size_t element) {
    std::vector<std::byte> gathered(count * element);
    std::vector<int64_t> index(tensor.shape.size(), 0);
    int64_t from = tensor.integer;
    for (size_t i = 0; i < count; ++i) {
      std::memcpy(gathered.data() + i * element, bytes.data() + from * element, element);
      for (size_t d = index.size(); d > 0; --d) {  // counts up, the last dimension fastest
        from += strides[d - 1];
        if (++index[d - 1] < tensor.shape[d - 1]) break;
        from -= strides[d - 1] * tensor.shape[d - 1];
        index[d - 1] = 0;
      }
    }
    return gathered;
  }

  struct Storage {
    std::span<const std::byte> bytes;
    TensorType type = TensorType::kF32;
  };
  Archive& archive_;
  const Pickle& pickle_;
  bool swap_;
  uint64_t copy_budget_;
  std::unordered_map<std::string, Storage> storages_;
  PytorchContents contents_;
};

}  // namespace

absl::StatusOr<PytorchContents> ParsePytorchZip(std::string_view file) {
  VIZSLA_ASSIGN_OR_RETURN(Archive archive, Archive::Open(file));
  VIZSLA_ASSIGN_OR_RETURN(const bool swap, IsBigEndian(archive));
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, archive.Read("data.pkl"));
  VIZSLA_ASSIGN_OR_RETURN(const Pickle pickle,
                          ReadPickle({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  VIZSLA_ASSIGN_OR_RETURN(const PickleValue* state_dict, FindStateDict(pickle));
  return Builder(archive, pickle, swap, file.size()).Build(*state_dict);
}

}  // namespace vizsla
