#include "src/dataset/split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "src/base/random.h"

namespace vizsla {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// `counts[c]` photos of class c; every photo has bytes of its own.
DatasetIndex MakeIndex(const std::vector<int>& counts) {
  DatasetIndex index;
  index.root = "made";
  for (size_t c = 0; c < counts.size(); ++c) {
    index.classes.push_back(StrCat("class", 1000 + c));
    for (int i = 0; i < counts[c]; ++i) {
      Photo photo;
      photo.id = StrCat("p", 100000 + index.photos.size());
      photo.sha256 = StrCat("sha of ", photo.id);
      photo.label = static_cast<int>(c);
      index.photos.push_back(photo);
    }
  }
  return index;
}

Split Make(const DatasetIndex& index, const SplitSpec& spec = {},
           std::vector<Problem>* problems = nullptr) {
  const auto split = MakeSplit(index, spec, problems);
  EXPECT_TRUE(split.ok()) << split.status();
  return split.ok() ? *split : Split{};
}

std::vector<uint32_t> At(const DatasetIndex& index, const std::vector<std::string>& ids) {
  auto positions = Positions(index, ids);
  EXPECT_TRUE(positions.ok()) << positions.status();
  return positions.ok() ? *std::move(positions) : std::vector<uint32_t>{};
}

std::map<int, int> CountsOf(const DatasetIndex& index, const std::vector<std::string>& ids) {
  std::map<int, int> counts;
  for (const uint32_t position : At(index, ids)) ++counts[index.photos[position].label];
  return counts;
}

void ExpectPartition(const DatasetIndex& index, const Split& split) {
  std::vector<std::string> all;
  for (const auto* side : {&split.train, &split.validation, &split.test}) {
    EXPECT_TRUE(std::is_sorted(side->begin(), side->end()));
    all.insert(all.end(), side->begin(), side->end());
  }
  std::sort(all.begin(), all.end());
  std::vector<std::string> expected;
  for (const Photo& photo : index.photos) expected.push_back(photo.id);
  EXPECT_EQ(all, expected);
}

TEST(SplitTest, CampaignSizes) {
  // The campaign's 10,222 photos of 120 breeds, 66 to 126 each.
  std::vector<int> counts(120, 85);
  counts[0] = 66;
  counts[1] = 126;
  counts[2] = 10222 - 66 - 126 - 117 * 85;
  const DatasetIndex index = MakeIndex(counts);
  ASSERT_EQ(index.photos.size(), 10222u);
  std::vector<Problem> problems;
  const Split split = Make(index, {}, &problems);
  EXPECT_EQ(split.test.size(), 1023u);
  EXPECT_EQ(split.validation.size(), 736u);
  EXPECT_EQ(split.train.size(), 8463u);
  EXPECT_THAT(problems, IsEmpty());
  ExpectPartition(index, split);
}

TEST(SplitTest, PropertiesHoldForRandomDatasets) {
  RandomStream stream(StreamKey(7).With("split test"));
  for (int round = 0; round < 200; ++round) {
    std::vector<int> counts(2 + stream.UniformInt(20));
    for (int& count : counts) count = 1 + static_cast<int>(stream.UniformInt(60));
    counts[0] += 20;
    const DatasetIndex index = MakeIndex(counts);
    SplitSpec spec;
    spec.test = stream.Uniform(0.05, 0.4);
    spec.validation = stream.Uniform(0.05, 0.4);
    spec.seed = stream.NextU64();
    const Split split = Make(index, spec);
    ExpectPartition(index, split);
    const auto total = static_cast<double>(index.photos.size());
    // No class gives up its last photo, so the total is exact only while the others have enough.
    const double test = std::ceil(spec.test * total - 1e-9);
    EXPECT_EQ(static_cast<double>(split.test.size()), test);
    EXPECT_EQ(static_cast<double>(split.validation.size()),
              std::ceil(spec.validation * (total - test) - 1e-9));
    auto in_test = CountsOf(index, split.test);
    auto in_train = CountsOf(index, split.train);
    for (size_t c = 0; c < counts.size(); ++c) {
      const int label = static_cast<int>(c);
      EXPECT_GE(in_train[label], 1) << "class " << c << " of " << counts[c];
      if (*std::min_element(counts.begin(), counts.end()) < 20) continue;
      // Largest remainder: within one of the class's own share.
      EXPECT_LT(std::abs(in_test[label] - test * counts[c] / total), 1.0);
    }
    EXPECT_EQ(Make(index, spec), split) << "the same seed gives the same split";
    ++spec.seed;
    if (index.photos.size() > 100) {
      EXPECT_NE(Make(index, spec), split);
    }
  }
}

TEST(SplitTest, EqualClassesGiveEqualShares) {
  const DatasetIndex index = MakeIndex({30, 30, 30});
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SplitSpec spec;
    spec.seed = seed;
    const Split split = Make(index, spec);
    auto test = CountsOf(index, split.test);
    auto validation = CountsOf(index, split.validation);
    for (int label = 0; label < 3; ++label) {
      EXPECT_EQ(test[label], 3) << label;
      // Seven seats: two each, and one that is drawn.
      EXPECT_GE(validation[label], 2) << label;
      EXPECT_LE(validation[label], 3) << label;
    }
  }
}

TEST(SplitTest, ATinyClassTrainsAndIsNamed) {
  const DatasetIndex index = MakeIndex({1, 2, 100});
  std::vector<Problem> problems;
  const Split split =
      Make(index, {.test = 0.3, .validation = 0.3, .seed = 1, .group_column = ""}, &problems);
  EXPECT_EQ(CountsOf(index, split.train)[0], 1);
  EXPECT_GE(CountsOf(index, split.train)[1], 1);
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_EQ(problems[0].place, "class class1000");
  EXPECT_EQ(problems[0].reason, "is not on every side of the split: 1 train, 0 validate, 0 test");
}

TEST(SplitTest, GroupsStayOnOneSide) {
  RandomStream stream(StreamKey(3).With("groups"));
  for (int round = 0; round < 50; ++round) {
    DatasetIndex index = MakeIndex({90, 70, 50, 40});
    for (Photo& photo : index.photos) {
      // Groups of about four, some of them over several classes; a fifth of the photos has none.
      if (!stream.Bernoulli(0.2)) photo.group = StrCat("g", stream.UniformInt(50));
    }
    SplitSpec spec;
    spec.group_column = "group";
    spec.seed = stream.NextU64();
    const Split split = Make(index, spec);
    ExpectPartition(index, split);
    std::map<std::string, std::set<int>> sides;
    int side = 0;
    for (const auto* ids : {&split.train, &split.validation, &split.test}) {
      for (const uint32_t position : At(index, *ids)) {
        if (!index.photos[position].group.empty()) sides[index.photos[position].group].insert(side);
      }
      ++side;
    }
    for (const auto& [group, where] : sides) EXPECT_EQ(where.size(), 1u) << group;
    EXPECT_NEAR(static_cast<double>(split.test.size()), 25, 3);
    EXPECT_NEAR(static_cast<double>(split.validation.size()), 18, 3);
  }
}

TEST(SplitTest, FilesWithTheSameBytesStayOnOneSide) {
  DatasetIndex index = MakeIndex({40, 40});
  for (size_t i = 0; i < 40; i += 2) index.photos[i + 1].sha256 = index.photos[i].sha256;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Split split =
        Make(index, {.test = 0.2, .validation = 0.2, .seed = seed, .group_column = ""});
    const std::set<std::string> train(split.train.begin(), split.train.end());
    const std::set<std::string> test(split.test.begin(), split.test.end());
    for (size_t i = 0; i < 40; i += 2) {
      EXPECT_EQ(train.contains(index.photos[i].id), train.contains(index.photos[i + 1].id));
      EXPECT_EQ(test.contains(index.photos[i].id), test.contains(index.photos[i + 1].id));
    }
  }
}

TEST(SplitTest, TheUsersFoldersWinAndMissingOnesAreDrawn) {
  DatasetIndex index = MakeIndex({50, 50});
  for (Photo& photo : index.photos) photo.side = Side::kTrain;
  index.photos[0].side = Side::kValidation;
  index.photos[60].side = Side::kValidation;
  const Split split = Make(index);
  EXPECT_EQ(split.validation, (std::vector<std::string>{index.photos[0].id, index.photos[60].id}));
  EXPECT_EQ(split.test.size(), 10u);  // ceil(0.1 * 98)
  EXPECT_EQ(split.train.size(), 88u);
  index.photos[1].side = Side::kTest;
  EXPECT_EQ(Make(index).test, std::vector<std::string>{index.photos[1].id});
  EXPECT_EQ(Make(index).train.size(), 97u);
}

TEST(SplitTest, TheSameBytesOnTwoOfTheUsersSidesAreNamed) {
  DatasetIndex index = MakeIndex({20, 20});
  for (Photo& photo : index.photos) {
    photo.path = photo.id + ".jpg";
    photo.side = Side::kTrain;
  }
  for (const size_t i : {0, 20}) index.photos[i].side = Side::kTest;
  for (const size_t i : {1, 21}) index.photos[i].side = Side::kValidation;
  index.photos[5].sha256 = index.photos[0].sha256;    // train and test
  index.photos[21].sha256 = index.photos[20].sha256;  // validation and test
  index.photos[7].sha256 = index.photos[6].sha256;    // both train
  std::vector<Problem> problems;
  const Split split = Make(index, {}, &problems);
  ExpectPartition(index, split);
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_EQ(problems[0].place, "p100021.jpg");
  EXPECT_EQ(
      problems[0].reason,
      "is on the validation side, but has the same bytes as p100020.jpg, which is on the test "
      "side");
  EXPECT_EQ(problems[1].place, "p100005.jpg");
  EXPECT_EQ(
      problems[1].reason,
      "is on the train side, but has the same bytes as p100000.jpg, which is on the test side");
}

TEST(SplitTest, RefusesWhatCannotBeSplit) {
  const DatasetIndex index = MakeIndex({10, 10});
  for (const double fraction : {0.0, 1.0, -0.5, 2.0, std::numeric_limits<double>::quiet_NaN()}) {
    const auto bad_test = MakeSplit(
        index, {.test = fraction, .validation = 0.1, .seed = 1, .group_column = ""}, nullptr);
    EXPECT_EQ(bad_test.status().code(), absl::StatusCode::kInvalidArgument) << fraction;
    EXPECT_THAT(std::string(bad_test.status().message()), HasSubstr("split: test: "));
    EXPECT_FALSE(MakeSplit(index,
                           {.test = 0.1, .validation = fraction, .seed = 1, .group_column = ""},
                           nullptr)
                     .ok());
  }
  const auto empty = MakeSplit(MakeIndex({1, 1}), {}, nullptr);
  EXPECT_EQ(empty.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(
      std::string(empty.status().message()),
      "split: the side 'validation' is left empty: there are 2 photos of 2 classes, and each class "
      "keeps one in train");
  SplitSpec grouped;
  grouped.group_column = "dog";
  EXPECT_EQ(std::string(MakeSplit(index, grouped, nullptr).status().message()),
            "split: group_column: no photo has a value in the column 'dog'");
}

TEST(SplitTest, JsonGivesTheSameSplitBack) {
  const Split split = Make(MakeIndex({20, 20}));
  const auto read = SplitFromJsonText(ToJsonText(split));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, split);
  EXPECT_EQ(read->classes, MakeIndex({20, 20}).classes);
  EXPECT_EQ(read->classes.size(), 2u);
}

TEST(SplitTest, JsonIsChecked) {
  const auto error = [](std::string_view text) {
    return std::string(SplitFromJsonText(text).status().message());
  };
  EXPECT_EQ(error("nonsense"), "split: the text is no JSON object");
  EXPECT_EQ(error(R"({"train":[],"test":[]})"),
            "split: expected exactly classes, train, validation and test");
  EXPECT_EQ(error(R"({"classes":[],"train":[],"test":[],"validation":"x"})"),
            "split: validation: expected a list of words");
  EXPECT_EQ(error(R"({"classes":[],"train":[1],"test":[],"validation":[]})"),
            "split: train: an entry is no text");
  EXPECT_EQ(error(R"({"classes":[],"train":["b","a"],"test":[],"validation":[]})"),
            "split: train: the entries are not sorted");
  EXPECT_EQ(error(R"({"classes":["a"],"train":["a"],"test":["a"],"validation":[]})"),
            "split: test: the id 'a' stands in the split twice");
}

TEST(SplitTest, PositionsNameAnUnknownId) {
  const DatasetIndex index = MakeIndex({3, 3});
  EXPECT_EQ(At(index, {"p100004", "p100000"}), (std::vector<uint32_t>{4, 0}));
  EXPECT_EQ(std::string(Positions(index, {"p100000", "zebra"}).status().message()),
            "made: there is no labelled photo with the id 'zebra', which the split names");
}

}  // namespace
}  // namespace vizsla
