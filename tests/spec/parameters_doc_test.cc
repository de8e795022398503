// docs/parameters.md lists every parameter, and is written by this test.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "src/base/file.h"
#include "src/catalog/backbones.h"
#include "src/catalog/training_plan.h"

namespace vizsla {
namespace {

constexpr char kDocPath[] = VIZSLA_SOURCE_DIR "/docs/parameters.md";

std::string ParameterTable() {
  std::string table = "| parameter | values | default | meaning |\n|---|---|---|---|\n";
  for (const ParameterInfo& info : KnownParameters()) {
    const std::string usual =
        info.default_depends.empty() ? ToText(info.default_value) : info.default_depends;
    absl::StrAppend(&table, "| `", info.name, "` | ", info.allowed, " | ", usual, " | ", info.help,
                    " |\n");
  }
  absl::StrAppend(&table, "\nMay change in the middle of training (`pruner: population`):");
  const char* separator = " ";
  for (const ParameterInfo& info : KnownParameters()) {
    if (!info.changes_in_training) continue;
    absl::StrAppend(&table, separator, "`", info.name, "`");
    separator = ", ";
  }
  absl::StrAppend(&table, ".\n");
  return table;
}

std::string BackboneTable() {
  std::string table =
      "| `network` | names and published weights of | features | they expect | at | needs at least "
      "| usual `unfreeze` points: Keras' name (torchvision's or timm's) |\n"
      "|---|---|---|---|---|---|---|\n";
  for (const BackboneInfo& info : Backbones()) {
    std::string points;
    for (const UnfreezePoint& point : info.unfreeze_points) {
      absl::StrAppend(&points, points.empty() ? "" : ", ", "`", point.keras, "` (`",
                      point.torchvision, "`)");
    }
    absl::StrAppend(&table, "| `", info.name, "` | ", info.published_by, " | ",
                    info.feature_channels(), " | `", info.preprocessing, "` | ",
                    info.native_image_size, " px | ", info.min_image_size, " px | ", points,
                    " |\n");
  }
  return table;
}

std::string MakeDoc() {
  return StrCat(R"(# Parameters

Written by tests/spec/parameters_doc_test.cc (`VIZSLA_UPDATE_SCHEMA=1 spec_test`) from src/catalog, which also checks a
study against it when it is submitted. A parameter that would change nothing where it is given (momentum of Adam, a
block of a backbone) is refused by name; inside a search, give it a condition: `when: {optimizer: [sgd, rmsprop]}`.

)",
                ParameterTable(), R"(
## Backbones

`unfreeze` takes any layer of the network, by its name in Keras or by its module in torchvision or timm: that layer and
all after it, in Keras' order of layers, are trained; all before it are frozen, their batch norms in inference mode. These
are the usual points, from the end of the network to its start.

)",
                BackboneTable(), R"(
`weights: {padding: tf_same}` in the study is for weights that were trained in Keras; it holds for every backbone.
)");
}

TEST(ParametersDoc, IsInStepWithTheCatalog) {
  const std::string expected = MakeDoc();
  if (std::getenv("VIZSLA_UPDATE_SCHEMA") != nullptr) {
    ASSERT_TRUE(WriteFileAtomically(kDocPath, expected).ok());
  }
  const auto stored = ReadFile(kDocPath);
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_TRUE(*stored == expected)
      << "docs/parameters.md is not what the catalog says; write it anew with "
         "VIZSLA_UPDATE_SCHEMA=1 spec_test";
}

}  // namespace
}  // namespace vizsla
