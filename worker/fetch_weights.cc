#include "worker/fetch_weights.h"

#include <algorithm>

#include "src/base/log.h"

namespace vizsla {

absl::StatusOr<std::vector<std::string>> AvailableWeights(CoordinatorLink& link,
                                                          const std::string& fingerprint,
                                                          const std::string& study,
                                                          WeightsStore& weights) {
  if (!weights.given_hash().empty()) return std::vector<std::string>{weights.given_hash()};
  VIZSLA_ASSIGN_OR_RETURN(const v1::ListStudiesResponse listed, link.patient().ListStudies({}));
  std::vector<std::string> hashes;
  for (const v1::Study& each : listed.studies()) {
    const std::string& hash = each.inputs().weights_hash();
    if (each.state() != v1::STUDY_STATE_ACTIVE || hash.empty()) continue;
    if (each.inputs().dataset_fingerprint() != fingerprint) continue;
    if (!study.empty() && each.name() != study) continue;
    if (std::find(hashes.begin(), hashes.end(), hash) != hashes.end()) continue;
    VIZSLA_ASSIGN_OR_RETURN(const std::optional<std::string> here, weights.Find(hash));
    if (!here) {
      VIZSLA_ASSIGN_OR_RETURN(const std::string path, weights.CachePath(hash));
      log::info("fetching the weights of study '{}' from the coordinator", each.name());
      VIZSLA_RETURN_IF_ERROR(link.patient().DownloadFile(hash, path));
    }
    hashes.push_back(hash);
  }
  return hashes;
}

}  // namespace vizsla
