#include "src/catalog/weights_traits.h"

namespace vizsla {
namespace {

constexpr char kHowToSay[] =
    "say it in the study's YAML: weights: {padding: tf_same|symmetric, preprocessing: "
    "tf|torch|caffe|unit|identity|notebook}";

std::string Lookup(const std::map<std::string, std::string>& metadata, const std::string& key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? "" : found->second;
}

absl::StatusOr<std::string> ResolvePadding(const std::string& from_file,
                                           const std::string& users_word) {
  const std::string& text = users_word.empty() ? from_file : users_word;
  if (text.empty()) {
    return absl::InvalidArgumentError(StrCat(
        "the weights file does not say which padding its network was trained with; ", kHowToSay));
  }
  if (!PaddingFromText(text).ok()) {
    return absl::InvalidArgumentError(
        StrCat(users_word.empty() ? "the weights file says padding '" : "weights.padding '", text,
               "', which is unknown; ", kHowToSay));
  }
  return text;
}

absl::StatusOr<std::string> ResolvePreprocessing(const std::string& from_file,
                                                 const std::string& users_word) {
  if (users_word.empty() && from_file.empty()) {
    return absl::InvalidArgumentError(
        StrCat("the weights file does not say which preprocessing its network was trained with; ",
               kHowToSay));
  }
  const auto name = users_word.empty()                   ? PreprocessingFromMetadata(from_file)
                    : FindPreprocessing(users_word).ok() ? std::optional<std::string>(users_word)
                                                         : std::nullopt;
  if (!name) {
    return absl::InvalidArgumentError(StrCat(
        users_word.empty() ? "the weights file says preprocessing '" : "weights.preprocessing '",
        users_word.empty() ? from_file : users_word, "', which is unknown; ", kHowToSay));
  }
  return *name;
}

}  // namespace

absl::StatusOr<WeightsTraits> TraitsFromMetadata(const std::map<std::string, std::string>& metadata,
                                                 const WeightsSpec& users_word) {
  WeightsTraits traits;
  traits.architecture = Lookup(metadata, "architecture");
  VIZSLA_ASSIGN_OR_RETURN(traits.padding,
                          ResolvePadding(Lookup(metadata, "padding"), users_word.padding));
  std::string preprocessing = Lookup(metadata, "preprocessing");
  if (preprocessing.empty()) preprocessing = Lookup(metadata, "preprocess");
  VIZSLA_ASSIGN_OR_RETURN(traits.preprocessing,
                          ResolvePreprocessing(preprocessing, users_word.preprocessing));
  return traits;
}

}  // namespace vizsla
