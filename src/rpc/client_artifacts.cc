#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "src/base/file.h"
#include "src/base/sha256.h"
#include "src/rpc/client.h"
#include "src/rpc/client_impl.h"
#include "src/rpc/status_convert.h"

namespace vizsla {
namespace {

using ProgressFunction = CoordinatorClient::ProgressFunction;

// Where the bytes of one upload come from; at(0) is read again when the upload is repeated.
using PieceReader = std::function<absl::Status(uint64_t offset, size_t count, std::string* piece)>;
using PieceSink = std::function<absl::Status(std::string_view piece)>;

// A slow line gets a second more for each MiB.
std::chrono::milliseconds DeadlineFor(uint64_t size, std::chrono::milliseconds base) {
  return base + std::chrono::seconds(size >> 20);
}

class OpenFile {
 public:
  static absl::StatusOr<OpenFile> Open(const std::string& path) {
    FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) return ErrnoStatus(errno, path, "open");
    return OpenFile(path, std::move(file));
  }

  absl::StatusOr<uint64_t> Size() const {
    struct stat info {};
    if (::fstat(file_.get(), &info) != 0) return ErrnoStatus(errno, path_, "stat");
    return static_cast<uint64_t>(info.st_size);
  }

  absl::Status Read(uint64_t offset, size_t count, std::string* piece) const {
    piece->resize(count);
    size_t done = 0;
    while (done < count) {
      const ssize_t got = ::pread(file_.get(), piece->data() + done, count - done,
                                  static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return ErrnoStatus(errno, path_, "read");
      if (got == 0) {
        return absl::DataLossError(StrCat(path_, ": became shorter while it was read"));
      }
      done += static_cast<size_t>(got);
    }
    return absl::OkStatus();
  }

 private:
  OpenFile(std::string path, FileDescriptor file)
      : path_(std::move(path)), file_(std::move(file)) {}
  std::string path_;
  FileDescriptor file_;
};

}  // namespace

// The helpers see Impl, which is private to the client, as a template parameter.
template <typename Impl>
static absl::StatusOr<v1::StatArtifactResponse> Stat(const Impl& impl, const std::string& hash) {
  v1::StatArtifactRequest request;
  request.set_sha256(hash);
  return impl.Call(*impl.artifacts, &v1::ArtifactService::StubInterface::StatArtifact, request);
}

template <typename Impl>
static absl::Status UploadOnce(const Impl& impl, const std::string& hash, uint64_t size,
                               const PieceReader& read, const ProgressFunction& progress) {
  grpc::ClientContext context;
  const auto deadline = DeadlineFor(size, impl.options.deadline);
  impl.Prepare(context, deadline);
  v1::UploadArtifactResponse response;
  const auto writer = impl.artifacts->UploadArtifact(&context, &response);
  v1::UploadArtifactRequest request;
  request.set_sha256(hash);
  request.set_size(size);
  uint64_t sent = 0;
  do {
    const size_t count = static_cast<size_t>(std::min<uint64_t>(kChunkBytes, size - sent));
    if (const absl::Status status = read(sent, count, request.mutable_chunk()); !status.ok()) {
      context.TryCancel();
      writer->Finish();
      return status;
    }
    if (!writer->Write(request)) break;  // the server has ended the call; Finish says why
    sent += count;
    if (progress) progress(sent, size);
    request.Clear();
  } while (sent < size);
  writer->WritesDone();
  const absl::Status status = impl.Explain(writer->Finish(), context, deadline);
  return absl::IsAlreadyExists(status) ? absl::OkStatus() : status;
}

template <typename Impl>
static absl::Status Upload(const Impl& impl, const std::string& hash, uint64_t size,
                           const PieceReader& read, const ProgressFunction& progress) {
  VIZSLA_ASSIGN_OR_RETURN(const v1::StatArtifactResponse known, Stat(impl, hash));
  if (known.exists() && known.size() == size) {  // of another size it is damaged there
    if (progress) progress(size, size);
    return absl::OkStatus();
  }
  return impl.Repeat([&] { return UploadOnce(impl, hash, size, read, progress); });
}

// Once: `sink` gets the pieces in order; a repeated download starts with a fresh sink.
template <typename Impl>
static absl::Status DownloadOnce(const Impl& impl, const std::string& hash, uint64_t size,
                                 const PieceSink& sink, const ProgressFunction& progress) {
  grpc::ClientContext context;
  const auto deadline = DeadlineFor(size, impl.options.deadline);
  impl.Prepare(context, deadline);
  v1::DownloadArtifactRequest request;
  request.set_sha256(hash);
  const auto reader = impl.artifacts->DownloadArtifact(&context, request);
  v1::DownloadArtifactResponse response;
  Sha256 digest;
  uint64_t done = 0;
  while (reader->Read(&response)) {
    digest.Update(response.chunk());
    done += response.chunk().size();
    absl::Status status =
        done > size ? absl::DataLossError(StrCat("artifact ", hash, " is longer than was said"))
                    : sink(response.chunk());
    if (!status.ok()) {
      context.TryCancel();
      reader->Finish();
      return status;
    }
    if (progress) progress(done, size);
  }
  VIZSLA_RETURN_IF_ERROR(impl.Explain(reader->Finish(), context, deadline));
  if (digest.FinishHex() != hash) {
    return absl::DataLossError(StrCat("artifact ", hash, " arrived damaged"));
  }
  return absl::OkStatus();
}

template <typename Impl>
static absl::StatusOr<uint64_t> SizeOf(const Impl& impl, const std::string& hash) {
  VIZSLA_ASSIGN_OR_RETURN(const v1::StatArtifactResponse known, Stat(impl, hash));
  if (!known.exists()) {
    return absl::NotFoundError(
        StrCat("the coordinator at ", impl.address, " has no artifact ", hash));
  }
  return known.size();
}

absl::StatusOr<std::string> CoordinatorClient::UploadBytes(const std::string& bytes) {
  const std::string hash = Sha256Hex(bytes);
  VIZSLA_RETURN_IF_ERROR(Upload(*impl_, hash, bytes.size(),
                                [&](uint64_t offset, size_t count, std::string* piece) {
                                  piece->assign(bytes, offset, count);
                                  return absl::OkStatus();
                                },
                                {}));
  return hash;
}

absl::StatusOr<std::string> CoordinatorClient::UploadFile(const std::string& path,
                                                          const ProgressFunction& progress) {
  VIZSLA_ASSIGN_OR_RETURN(const std::string hash, Sha256HexOfFile(path));
  VIZSLA_ASSIGN_OR_RETURN(const OpenFile file, OpenFile::Open(path));
  VIZSLA_ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  VIZSLA_RETURN_IF_ERROR(Upload(
      *impl_, hash, size,
      [&](uint64_t offset, size_t count, std::string* piece) {
        return file.Read(offset, count, piece);
      },
      progress));
  return hash;
}

absl::StatusOr<std::string> CoordinatorClient::DownloadBytes(const std::string& sha256) {
  VIZSLA_ASSIGN_OR_RETURN(const uint64_t size, SizeOf(*impl_, sha256));
  std::string bytes;
  VIZSLA_RETURN_IF_ERROR(impl_->Repeat([&] {
    bytes.clear();
    bytes.reserve(size);
    return DownloadOnce(*impl_, sha256, size,
                        [&](std::string_view piece) {
                          bytes.append(piece);
                          return absl::OkStatus();
                        },
                        {});
  }));
  return bytes;
}

absl::Status CoordinatorClient::DownloadFile(const std::string& sha256, const std::string& path,
                                             const ProgressFunction& progress) {
  VIZSLA_ASSIGN_OR_RETURN(const uint64_t size, SizeOf(*impl_, sha256));
  return impl_->Repeat([&]() -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(const auto writer, AtomicFileWriter::Create(path));
    VIZSLA_RETURN_IF_ERROR(DownloadOnce(
        *impl_, sha256, size, [&](std::string_view piece) { return writer->Append(piece); },
        progress));
    return writer->Commit();
  });
}

}  // namespace vizsla
