#include "src/catalog/changes_in_training.h"

#include <gmock/gmock.h>

#include "src/catalog/training_plan.h"

namespace vizsla {
namespace {

using ::testing::HasSubstr;

TEST(ChangesInTraining, ShapesAndStateDoNot) {
  for (const char* name :
       {"learning_rate", "weight_decay", "dropout", "label_smoothing", "mixup"}) {
    EXPECT_TRUE(MayChangeInTraining(name)) << name;
  }
  for (const char* name : {"network", "dense", "unfreeze", "image_size", "batch_norm", "blocks",
                           "optimizer", "momentum", "ema", "schedule", "epochs", "batch_size",
                           "augmentation", "views", "preprocessing", "no such parameter"}) {
    EXPECT_FALSE(MayChangeInTraining(name)) << name;
  }
}

TEST(ChangesInTraining, OnlyNumbers) {
  for (const ParameterInfo& info : KnownParameters()) {
    if (info.changes_in_training) {
      EXPECT_EQ(info.kind, "number") << info.name;
    }
  }
}

TEST(ChangesInTraining, TheFirstOtherDifferenceIsNamed) {
  const Configuration before = {{"dense", IntList{128}}, {"learning_rate", 1e-3}};
  Configuration after = before;
  after["learning_rate"] = 2e-3;
  after["dropout"] = 0.3;
  EXPECT_TRUE(CheckChangesInTraining(before, after).ok());
  after["dense"] = IntList{64};
  EXPECT_THAT(std::string(CheckChangesInTraining(before, after).message()),
              HasSubstr("parameter dense: cannot change from [128] to [64] in the middle of "
                        "training"));
  after.erase("dense");
  EXPECT_THAT(std::string(CheckChangesInTraining(before, after).message()),
              HasSubstr("from [128] to its default"));
}

}  // namespace
}  // namespace vizsla
