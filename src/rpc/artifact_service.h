#pragma once

#include "src/rpc/calls.h"
#include "src/storage/artifact_store.h"
#include "vizsla/v1/artifact_service.grpc.pb.h"

namespace vizsla {

// Streams in pieces of at most 1 MiB; a slow peer holds memory of one piece and no thread.
class ArtifactServiceImpl : public v1::ArtifactService::CallbackService {
 public:
  ArtifactServiceImpl(Calls& calls, ArtifactStore& artifacts);

  grpc::ServerReadReactor<v1::UploadArtifactRequest>* UploadArtifact(
      grpc::CallbackServerContext* context, v1::UploadArtifactResponse* response) override;
  grpc::ServerWriteReactor<v1::DownloadArtifactResponse>* DownloadArtifact(
      grpc::CallbackServerContext* context, const v1::DownloadArtifactRequest* request) override;
  grpc::ServerUnaryReactor* StatArtifact(grpc::CallbackServerContext* context,
                                         const v1::StatArtifactRequest* request,
                                         v1::StatArtifactResponse* response) override;

 private:
  Calls& calls_;
  ArtifactStore& artifacts_;
};

}  // namespace vizsla
