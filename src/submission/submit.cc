#include "src/submission/submit.h"

#include "src/rpc/convert.h"

namespace vizsla {

absl::StatusOr<SubmittedStudy> SubmitStudy(CoordinatorClient& client, const PreparedStudy& prepared,
                                           const std::string& weights) {
  VIZSLA_RETURN_IF_ERROR(client.UploadBytes(prepared.split_json).status());
  if (!prepared.inputs.weights_hash.empty()) {
    VIZSLA_ASSIGN_OR_RETURN(const std::string hash, client.UploadFile(weights));
    if (hash != prepared.inputs.weights_hash) {
      return absl::FailedPreconditionError(
          StrCat(weights, ": the file has changed since it was checked"));
    }
  }
  v1::CreateStudyRequest request;
  request.set_spec_json(ToJsonText(prepared.spec));
  *request.mutable_inputs() = ToProto(prepared.inputs);
  VIZSLA_ASSIGN_OR_RETURN(v1::CreateStudyResponse response, client.CreateStudy(request));
  return SubmittedStudy{std::move(*response.mutable_study()), response.created()};
}

}  // namespace vizsla
