#include "src/rpc/artifact_service.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "src/rpc/convert_internal.h"
#include "src/rpc/status_convert.h"

namespace vizsla {
namespace {

using convert_internal::CheckHash;

// Reads a piece, appends it on the pool, reads the next: one operation at a time.
class UploadReactor : public grpc::ServerReadReactor<v1::UploadArtifactRequest> {
 public:
  UploadReactor(Calls& calls, ArtifactStore& artifacts, grpc::CallbackServerContext* context,
                v1::UploadArtifactResponse* response)
      : calls_(calls), artifacts_(artifacts), context_(context), response_(response) {
    absl::StatusOr<StreamTicket> admitted = calls_.AdmitStream(*context_);
    if (!admitted.ok()) {
      Finish(ToGrpc(admitted.status()));
    } else {
      ticket_ = *std::move(admitted);
      StartRead(&request_);
    }
  }

  void OnReadDone(bool ok) override {
    calls_.Touch();
    calls_.pool().Run([this, ok] {
      const absl::Status status = Calls::Guard([&] { return ok ? Take() : End(); });
      if (ok && status.ok()) {
        StartRead(&request_);
      } else {
        // Without a commit nothing remains, and it is gone before the client knows. So is the
        // ticket: who has the answer may begin the next stream.
        upload_.reset();
        ticket_ = StreamTicket();
        Finish(ToGrpc(status));
      }
    });
  }
  void OnDone() override { delete this; }

 private:
  absl::Status Take() {
    if (upload_ == nullptr) {
      hash_ = request_.sha256();
      size_ = request_.size();
      VIZSLA_RETURN_IF_ERROR(CheckHash("sha256", hash_));
      const absl::StatusOr<uint64_t> stored = artifacts_.Size(hash_);
      if (!stored.ok() && !absl::IsNotFound(stored.status())) return stored.status();
      // One of another size is damaged: whole bytes take its place.
      if (stored.ok() && *stored == size_) {
        return absl::AlreadyExistsError(StrCat("artifact ", hash_, " is here already"));
      }
      VIZSLA_RETURN_IF_ERROR(calls_.Charge(*context_, ticket_, size_));
      VIZSLA_ASSIGN_OR_RETURN(upload_, artifacts_.Begin(hash_, size_));
    }
    const std::string& chunk = request_.chunk();
    if (chunk.size() > kChunkBytes) {
      return absl::InvalidArgumentError(
          StrCat("chunk: ", chunk.size(), " bytes are more than ", kChunkBytes));
    }
    received_ += chunk.size();
    if (received_ > size_) return WrongSize();
    return upload_->Append(chunk);
  }

  absl::Status End() {
    if (context_->IsCancelled()) return absl::CancelledError("the client went away");
    if (upload_ == nullptr) return absl::InvalidArgumentError("sha256: nothing was sent");
    if (received_ != size_) return WrongSize();
    VIZSLA_RETURN_IF_ERROR(upload_->Commit());
    response_->set_sha256(hash_);
    response_->set_size(size_);
    return absl::OkStatus();
  }

  absl::Status WrongSize() const {
    return absl::DataLossError(StrCat("artifact ", hash_, " arrived damaged: ", size_,
                                      " bytes were promised, ", received_, " came"));
  }

  Calls& calls_;
  ArtifactStore& artifacts_;
  grpc::CallbackServerContext* const context_;
  v1::UploadArtifactResponse* const response_;
  StreamTicket ticket_;
  v1::UploadArtifactRequest request_;
  std::unique_ptr<ArtifactStore::Upload> upload_;
  std::string hash_;
  uint64_t size_ = 0;
  uint64_t received_ = 0;
};

class DownloadReactor : public grpc::ServerWriteReactor<v1::DownloadArtifactResponse> {
 public:
  DownloadReactor(Calls& calls, ArtifactStore& artifacts, grpc::CallbackServerContext* context,
                  std::string hash)
      : calls_(calls), artifacts_(artifacts), context_(context), hash_(std::move(hash)) {
    absl::StatusOr<StreamTicket> admitted = calls_.AdmitStream(*context_);
    if (!admitted.ok()) {
      Finish(ToGrpc(admitted.status()));
    } else {
      ticket_ = *std::move(admitted);
      calls_.pool().Run([this] { Open(); });
    }
  }

  void OnWriteDone(bool ok) override {
    calls_.Touch();
    if (ok) {
      calls_.pool().Run([this] { Next(); });
    } else {
      End(grpc::Status::CANCELLED);
    }
  }
  void OnDone() override { delete this; }

 private:
  void Open() {
    const absl::Status status = Calls::Guard([&]() -> absl::Status {
      VIZSLA_RETURN_IF_ERROR(CheckHash("sha256", hash_));
      VIZSLA_ASSIGN_OR_RETURN(ArtifactStore::Reading reading, artifacts_.Read(hash_));
      VIZSLA_RETURN_IF_ERROR(calls_.Charge(*context_, ticket_, reading.file.size()));
      reading_.emplace(std::move(reading));
      return absl::OkStatus();
    });
    if (status.ok()) {
      Next();
    } else {
      End(ToGrpc(status));
    }
  }

  // The ticket is gone before the client knows: who has the last piece may begin the next stream.
  void End(const grpc::Status& status) {
    ticket_ = StreamTicket();
    Finish(status);
  }

  void Next() {
    const std::string_view rest = reading_->file.view().substr(sent_);
    if (rest.empty()) {
      End(grpc::Status::OK);
      return;
    }
    const std::string_view piece = rest.substr(0, kChunkBytes);
    response_.set_chunk(piece.data(), piece.size());
    sent_ += piece.size();
    StartWrite(&response_);
  }

  Calls& calls_;
  ArtifactStore& artifacts_;
  grpc::CallbackServerContext* const context_;
  StreamTicket ticket_;
  const std::string hash_;
  std::optional<ArtifactStore::Reading> reading_;
  v1::DownloadArtifactResponse response_;
  size_t sent_ = 0;
};

}  // namespace

ArtifactServiceImpl::ArtifactServiceImpl(Calls& calls, ArtifactStore& artifacts)
    : calls_(calls), artifacts_(artifacts) {}

grpc::ServerReadReactor<v1::UploadArtifactRequest>* ArtifactServiceImpl::UploadArtifact(
    grpc::CallbackServerContext* context, v1::UploadArtifactResponse* response) {
  return new UploadReactor(calls_, artifacts_, context, response);
}

grpc::ServerWriteReactor<v1::DownloadArtifactResponse>* ArtifactServiceImpl::DownloadArtifact(
    grpc::CallbackServerContext* context, const v1::DownloadArtifactRequest* request) {
  return new DownloadReactor(calls_, artifacts_, context, request->sha256());
}

grpc::ServerUnaryReactor* ArtifactServiceImpl::StatArtifact(grpc::CallbackServerContext* context,
                                                            const v1::StatArtifactRequest* request,
                                                            v1::StatArtifactResponse* response) {
  return calls_.Run(context, [=, this]() -> absl::Status {
    VIZSLA_RETURN_IF_ERROR(CheckHash("sha256", request->sha256()));
    const absl::StatusOr<uint64_t> size = artifacts_.Size(request->sha256());
    if (absl::IsNotFound(size.status())) return absl::OkStatus();
    if (!size.ok()) return size.status();
    response->set_exists(true);
    response->set_size(*size);
    return absl::OkStatus();
  });
}

}  // namespace vizsla
