// Kaggle's submission when the sample's ids and the photos' are not the same.
#include "worker/submission_csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vizsla {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<Photo> Photos(const std::vector<std::string>& ids) {
  std::vector<Photo> photos(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) photos[i].id = ids[i];
  return photos;
}

TEST(SubmissionCsvTest, AnIdWithAnEndingFindsItsPhotoAndKeepsItsSpelling) {
  CsvInputs inputs;
  inputs.classes = {"cat", "dog"};
  inputs.id_order = {"t2.jpg", "t1.JPG", "t3.png"};
  inputs.probabilities = {{"t1", {1.0F, 0.0F}}, {"t2", {0.25F, 0.75F}}};
  inputs.without_prediction = {"t3"};
  const auto csv = MakeSubmission(inputs);
  ASSERT_TRUE(csv.ok()) << csv.status();
  EXPECT_EQ(csv->text, "id,cat,dog\nt2.jpg,0.25,0.75\nt1.JPG,1,0\nt3.png,0.5,0.5\n");
  EXPECT_EQ(csv->rows, 3);
  EXPECT_EQ(csv->uniform_rows, 1);
}

TEST(SubmissionCsvTest, OnlyListedPhotosAreWanted) {
  const std::vector<Photo> photos = Photos({"t1", "t2", "t3"});
  EXPECT_THAT(ListedPhotos(photos, {}), ElementsAre(0, 1, 2));
  EXPECT_THAT(ListedPhotos(photos, {"t3.jpg", "t1", "t9"}), ElementsAre(0, 2));
  EXPECT_THAT(ListedPhotos(photos, {"t9"}), IsEmpty());
}

}  // namespace
}  // namespace vizsla
