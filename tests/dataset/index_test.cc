#include "src/dataset/index.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>

#include "src/base/sha256.h"
#include "src/dataset/text.h"
#include "tests/dataset/fake_dataset.h"

namespace vizsla {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class IndexTest : public DatasetTest {
 protected:
  static std::string ErrorOf(const std::string& path, absl::StatusCode code,
                             const IndexOptions& options = {}) {
    const auto index = IndexDataset(path, options);
    EXPECT_EQ(index.status().code(), code) << index.status();
    return std::string(index.status().message());
  }
};

TEST_F(IndexTest, ReadsKagglesLayoutFromAFolder) {
  const DatasetIndex index = Index(WriteFolder(KaggleFiles()));
  EXPECT_EQ(index.layout, DatasetLayout::kKaggle);
  EXPECT_THAT(index.classes, ElementsAre("beagle", "pug"));
  EXPECT_THAT(Ids(index.photos), ElementsAre("a1", "a2", "a3", "b1", "b2", "b3"));
  EXPECT_THAT(Ids(index.unlabelled), ElementsAre("t1", "t2"));
  EXPECT_THAT(index.submission_columns, ElementsAre("beagle", "pug"));
  EXPECT_THAT(Sentences(index.problems), IsEmpty());
  EXPECT_EQ(index.photos[3].label, 1);
  EXPECT_EQ(index.photos[3].path, "train/b1.jpg");
  EXPECT_EQ(index.photos[3].sha256, Sha256Hex(FakeJpeg("b1")));
  EXPECT_EQ(index.photos[3].bytes, FakeJpeg("b1").size());
  EXPECT_EQ(index.unlabelled[0].label, -1);
}

TEST_F(IndexTest, FolderZipAndSubFolderOfAZipHaveOneFingerprint) {
  const DatasetIndex folder = Index(WriteFolder(KaggleFiles()));
  const DatasetIndex zip = Index(WriteZip(KaggleFiles()));
  FileMap wrapped;
  for (const auto& [path, bytes] : KaggleFiles()) wrapped["dogs/all/" + path] = bytes;
  wrapped["__MACOSX/dogs/._labels.csv"] = "resource fork";
  wrapped["dogs/.DS_Store"] = "finder";
  const std::string wrapped_zip = WriteZip(wrapped, "wrapped.zip");
  const DatasetIndex inner = Index(wrapped_zip);
  EXPECT_EQ(folder.fingerprint, zip.fingerprint);
  EXPECT_EQ(folder.fingerprint, inner.fingerprint);
  EXPECT_TRUE(IsSha256Hex(folder.fingerprint));
  EXPECT_THAT(Sentences(inner.problems), IsEmpty());
  const auto reader = OpenPhotos(wrapped_zip);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ(*(*reader)->Read(inner.photos[0]), FakeJpeg("a1"));
  EXPECT_EQ(*(*reader)->Read(inner.unlabelled[1]), FakeJpeg("t2"));
}

TEST_F(IndexTest, FingerprintFollowsIdsLabelsAndBytesOnly) {
  const std::string before = Index(WriteFolder(KaggleFiles())).fingerprint;
  FileMap files = KaggleFiles();
  files["test/t3.jpg"] = FakeJpeg("t3");
  files["README.txt"] = "about";
  EXPECT_EQ(Index(WriteFolder(files, "more")).fingerprint, before);
  files = KaggleFiles();
  files["train/a1.jpg"] = FakeJpeg("A1");
  EXPECT_NE(Index(WriteFolder(files, "bytes")).fingerprint, before);
  files = KaggleFiles();
  files["labels.csv"] = "id,breed\na1,pug\na2,beagle\na3,beagle\nb1,pug\nb2,pug\nb3,pug\n";
  EXPECT_NE(Index(WriteFolder(files, "label")).fingerprint, before);
}

TEST_F(IndexTest, ReadsCsvWithQuotesCarriageReturnsByteOrderMarkAndOtherColumns) {
  FileMap files = KaggleFiles();
  files["labels.csv"] =
      "\xEF\xBB\xBF\"breed\",dog,id\r\n\"beagle, small\",d1,a1\r\n\"beagle, small\",d1,a2.jpg\r\n"
      "pug,d2,b1\r\npug,d2,b2\r\n\"beagle, small\",d3,a3\r\npug,,b3\r\n";
  files.erase("sample_submission.csv");
  const DatasetIndex index = Index(WriteFolder(files), {.group_column = "dog", .progress = {}});
  EXPECT_THAT(index.classes, ElementsAre("beagle, small", "pug"));
  EXPECT_THAT(Sentences(index.problems), IsEmpty());
  EXPECT_EQ(index.photos[0].group, "d1");
  EXPECT_EQ(index.photos[5].group, "");
}

TEST_F(IndexTest, AcceptsAllEndingsInAnyCase) {
  FileMap files = KaggleFiles();
  files.erase("train/a1.jpg");
  files.erase("train/a2.jpg");
  files["train/a1.JPEG"] = FakeJpeg("a1");
  files["train/a2.Png"] = "\x89PNG\r\n\x1A\n and so on";
  const DatasetIndex index = Index(WriteFolder(files));
  EXPECT_EQ(index.photos.size(), 6u);
  EXPECT_THAT(Sentences(index.problems), IsEmpty());
}

TEST_F(IndexTest, CountsLabelsWithoutPhotoAndPhotosWithoutLabel) {
  FileMap files = KaggleFiles();
  files["labels.csv"] += "nowhere,pug\n";
  files["train/stranger.jpg"] = FakeJpeg("stranger");
  const DatasetIndex index = Index(WriteFolder(files));
  EXPECT_EQ(index.photos.size(), 6u);
  EXPECT_THAT(
      Sentences(index.problems),
      ElementsAre(
          "train/stranger.jpg: labels.csv has no row with its id 'stranger'; it is left out",
          "labels.csv: line 8: there is no photo train/nowhere (.jpg, .jpeg or .png)"));
}

TEST_F(IndexTest, CountsARepeatedIdAndRefusesAContradiction) {
  FileMap files = KaggleFiles();
  files["labels.csv"] += "a1,beagle\n";
  EXPECT_THAT(
      Sentences(Index(WriteFolder(files)).problems),
      ElementsAre("labels.csv: line 8: the id 'a1' stands in line 2 already, with the same class"));
  files["labels.csv"] += "a2,pug\n";
  EXPECT_EQ(ErrorOf(WriteFolder(files), absl::StatusCode::kInvalidArgument),
            "labels.csv: line 9: the id 'a2' is labelled 'pug', but line 3 labels it 'beagle'");
}

TEST_F(IndexTest, LeavesOutEmptyAndForeignFiles) {
  FileMap files = KaggleFiles();
  files["train/a1.jpg"] = "";
  files["train/a2.jpg"] = "just a text\n";
  files["train/notes.txt"] = "notes";
  files["test/t1.jpg"] = "";
  const DatasetIndex index = Index(WriteFolder(files));
  EXPECT_THAT(Ids(index.photos), ElementsAre("a3", "b1", "b2", "b3"));
  EXPECT_THAT(
      Sentences(index.problems),
      ElementsAre(
          "train/notes.txt: is no photo by its ending (.jpg, .jpeg or .png); it is left out",
          "train/a1.jpg: the file is empty (zero bytes); it is left out",
          "train/a2.jpg: is neither JPEG nor PNG: it is text; it is left out",
          "class beagle: has only one photo: it can be trained on, but neither validated nor "
          "tested",
          "test/t1.jpg: the file is empty (zero bytes), so nothing can be predicted for it"));
}

TEST_F(IndexTest, NamesAClassThatHasNoUsablePhoto) {
  FileMap files = KaggleFiles();
  files["labels.csv"] += "c1,corgi\n";
  files["train/c1.jpg"] = "";
  const DatasetIndex index = Index(WriteFolder(files));
  EXPECT_THAT(index.classes, ElementsAre("beagle", "pug"));
  EXPECT_THAT(Sentences(index.problems),
              Contains("class corgi: has no usable photo; it is left out"));
}

TEST_F(IndexTest, NamesIdenticalFilesAndTheirContradictions) {
  FileMap files = KaggleFiles();
  files["train/a2.jpg"] = files["train/a1.jpg"];
  files["train/b3.jpg"] = files["train/a1.jpg"];
  const DatasetIndex index = Index(WriteFolder(files));
  EXPECT_EQ(index.photos.size(), 6u);
  EXPECT_THAT(
      Sentences(index.problems),
      ElementsAre("train/a2.jpg: has the same bytes as train/a1.jpg",
                  "train/b3.jpg: has the same bytes as train/a1.jpg, which is labelled 'beagle' "
                  "and not 'pug'"));
}

TEST_F(IndexTest, ComparesTheSampleSubmission) {
  FileMap files = KaggleFiles();
  files["sample_submission.csv"] = "id,beagle,poodle\nt1,0.5,0.5\nt9,0.5,0.5\n";
  EXPECT_THAT(
      Sentences(Index(WriteFolder(files)).problems),
      ElementsAre(
          "sample_submission.csv: line 1: no photo has the class of the column 'poodle'",
          "sample_submission.csv: line 1: there is no column for the class 'pug'",
          "sample_submission.csv: line 3: there is no photo test/t9 (.jpg, .jpeg or .png)"));
}

TEST_F(IndexTest, KeepsTheSampleSubmissionAsItIsSpelled) {
  FileMap files = KaggleFiles();
  files["sample_submission.csv"] = "image,pug,beagle\nt2.jpg,0.5,0.5\nt1.JPG,0.5,0.5\n";
  const DatasetIndex index = Index(WriteFolder(files));
  EXPECT_THAT(Sentences(index.problems), IsEmpty());
  EXPECT_EQ(index.submission_id_column, "image");
  EXPECT_THAT(index.submission_ids, ElementsAre("t2.jpg", "t1.JPG"));
  EXPECT_THAT(index.submission_columns, ElementsAre("pug", "beagle"));
  const DatasetIndex image_folder =
      Index(WriteFolder({{"train/cat/1.jpg", FakeJpeg("1")},
                         {"train/dog/2.jpg", FakeJpeg("2")},
                         {"test/3.jpg", FakeJpeg("3")},
                         {"sample_submission.csv", "id,dog,cat\n3,0,1\n"}},
                        "image-folder"));
  EXPECT_THAT(image_folder.submission_ids, ElementsAre("3"));
  EXPECT_THAT(image_folder.submission_columns, ElementsAre("dog", "cat"));
}

TEST_F(IndexTest, CountsRowsOfTheWrongShape) {
  FileMap files = KaggleFiles();
  files["labels.csv"] += "a9\n,pug\nx,\n";
  EXPECT_THAT(
      Sentences(Index(WriteFolder(files)).problems),
      ElementsAre("labels.csv: line 8: has 1 fields where the header has 2; the row is left out",
                  "labels.csv: line 9: the id is empty; the row is left out",
                  "labels.csv: line 10: the class is empty; the row is left out"));
}

TEST_F(IndexTest, KeepsTheFirstOfTwoPhotosThatDifferInTheirEnding) {
  FileMap files = KaggleFiles();
  files["train/a1.png"] = FakeJpeg("another");
  const DatasetIndex index = Index(WriteFolder(files));
  EXPECT_EQ(index.photos[0].path, "train/a1.jpg");
  EXPECT_THAT(
      Sentences(index.problems),
      ElementsAre("train/a1.png: has the same id as train/a1.jpg (only the ending differs); "
                  "it is left out"));
}

TEST_F(IndexTest, RefusesWhatIsNoDataset) {
  EXPECT_EQ(ErrorOf(Path("absent"), absl::StatusCode::kNotFound),
            Path("absent") + ": there is no such folder or zip");
  EXPECT_EQ(ErrorOf(WriteFolder({{"notes", "x"}}, "plain") + "/notes",
                    absl::StatusCode::kInvalidArgument),
            Path("plain") + "/notes: is neither a folder nor a zip");
  EXPECT_THAT(ErrorOf(Path("plain"), absl::StatusCode::kInvalidArgument),
              HasSubstr("no data set is recognized; expected labels.csv and train/ID.jpg"));
  EXPECT_THAT(ErrorOf(WriteFolder({{"1.jpg", FakeJpeg("1")}, {"2.jpg", FakeJpeg("2")}}, "loose"),
                      absl::StatusCode::kInvalidArgument),
              HasSubstr("there are 2 photos but neither labels.csv beside the folder train/"));
  FileMap files = KaggleFiles();
  std::erase_if(files, [](const auto& file) { return file.first.starts_with("train/"); });
  EXPECT_THAT(
      ErrorOf(WriteFolder(files, "no-train"), absl::StatusCode::kInvalidArgument),
      HasSubstr("labels.csv names 6 ids, but the folder train/ has a photo of none of them"));
}

TEST_F(IndexTest, RefusesLabelsWithoutItsColumns) {
  FileMap files = KaggleFiles();
  files["labels.csv"] = "name,breed\na1,pug\n";
  EXPECT_EQ(ErrorOf(WriteFolder(files), absl::StatusCode::kInvalidArgument),
            "labels.csv: line 1: there is no column 'id'; the columns are: name, breed");
  files["labels.csv"] = "id,size,weight\na1,1,2\n";
  EXPECT_THAT(ErrorOf(WriteFolder(files), absl::StatusCode::kInvalidArgument),
              HasSubstr("labels.csv: line 1: which column is the class?"));
  files["labels.csv"] = "";
  EXPECT_EQ(ErrorOf(WriteFolder(files), absl::StatusCode::kInvalidArgument),
            "labels.csv: the file is empty");
  EXPECT_EQ(ErrorOf(WriteFolder(KaggleFiles()), absl::StatusCode::kInvalidArgument,
                    {.group_column = "dog", .progress = {}}),
            "labels.csv: line 1: there is no group column 'dog'; the columns are: id, breed");
  EXPECT_THAT(ErrorOf(WriteFolder(KaggleFiles()), absl::StatusCode::kInvalidArgument,
                      {.group_column = "breed", .progress = {}}),
              HasSubstr("labels.csv: line 1: the group column 'breed' is the class's"));
}

TEST_F(IndexTest, TheClassIsTheSameColumnWithAndWithoutAGroupColumn) {
  const IndexOptions grouped = {.group_column = "patient", .progress = {}};
  FileMap files = KaggleFiles();
  files.erase("sample_submission.csv");
  const std::string rows = "\na1,cat,p1\na2,cat,p1\na3,cat,p2\nb1,dog,p2\nb2,dog,p3\nb3,dog,p3\n";
  for (const char* name : {"breed", "label", "class", "species", "category"}) {
    files["labels.csv"] = StrCat("id,", name, ",patient", rows);
    const std::string root = WriteFolder(files);
    const DatasetIndex with = Index(root, grouped);
    EXPECT_THAT(with.classes, ElementsAre("cat", "dog")) << name;
    EXPECT_EQ(with.photos[2].group, "p2");
    EXPECT_EQ(Index(root).fingerprint, with.fingerprint) << name;
  }
  // Only the group column would tell which one it is, and not everybody who reads it knows that.
  files["labels.csv"] = "id,diagnosis,patient" + rows;
  const std::string root = WriteFolder(files);
  const std::string refusal = ErrorOf(root, absl::StatusCode::kInvalidArgument, grouped);
  EXPECT_EQ(refusal,
            "labels.csv: line 1: which column is the class? It must be called breed, label, class, "
            "species, category, or be the only one beside 'id'; the columns are: id, diagnosis, "
            "patient");
  EXPECT_EQ(ErrorOf(root, absl::StatusCode::kInvalidArgument), refusal);
  files["labels.csv"] = "diagnosis,id\ncat,a1\ncat,a2\ndog,b1\n";
  EXPECT_THAT(Index(WriteFolder(files)).classes, ElementsAre("cat", "dog"));
}

TEST_F(IndexTest, FilesBesideAndInsideTheWrappingFolderDoNotHideIt) {
  FileMap files;
  for (const auto& [path, bytes] : KaggleFiles()) files["all/dogs/" + path] = bytes;
  files["README.txt"] = "about";
  files["all/licence.txt"] = "free";
  files["notes/fig.png"] = FakeJpeg("figure");
  files["all/dogs/notes/fig.png"] = FakeJpeg("figure");
  const DatasetIndex index = Index(WriteZip(files));
  EXPECT_EQ(index.fingerprint, Index(WriteFolder(KaggleFiles())).fingerprint);
  EXPECT_THAT(index.submission_columns, ElementsAre("beagle", "pug"));
  EXPECT_THAT(
      Sentences(index.problems),
      ElementsAre("notes/fig.png: lies outside all/dogs/, where the data set is; it is left out",
                  "all/dogs/notes/fig.png: lies in neither train/ nor test/; it is left out"));
  // Text beside an ImageFolder's is no part of it either.
  EXPECT_THAT(Index(WriteFolder({{"pets/cat/1.jpg", FakeJpeg("1")},
                                 {"pets/dog/2.jpg", FakeJpeg("2")},
                                 {"README.txt", "about"}},
                                "pets"))
                  .classes,
              ElementsAre("cat", "dog"));
}

TEST_F(IndexTest, TwoDatasetsInOneAreNamed) {
  FileMap files;
  for (const auto& [path, bytes] : KaggleFiles()) {
    files["dogs/" + path] = bytes;
    files["more/dogs/" + path] = bytes;
  }
  const std::string root = WriteFolder(files);
  EXPECT_EQ(ErrorOf(root, absl::StatusCode::kInvalidArgument),
            root +
                ": there are 2 data sets in it, in the folders dogs/, more/dogs/; name one of "
                "them, or pack it alone");
  EXPECT_EQ(Index(root + "/dogs").photos.size(), 6u);
  // A folder that is a data set itself is meant, whatever copies lie in it.
  files.merge(KaggleFiles());
  EXPECT_EQ(Index(WriteFolder(files)).photos.size(), 6u);
}

TEST_F(IndexTest, RefusesASingleClass) {
  FileMap files = KaggleFiles();
  files["labels.csv"] = "id,breed\na1,beagle\na2,beagle\n";
  EXPECT_THAT(ErrorOf(WriteFolder(files), absl::StatusCode::kInvalidArgument),
              HasSubstr("there are photos of 1 class; a classifier needs at least two"));
}

TEST_F(IndexTest, AZipCutShortIsNamed) {
  const std::string path = WriteZip(KaggleFiles());
  const auto bytes = ReadFile(path);
  ASSERT_TRUE(bytes.ok());
  for (const size_t kept : {bytes->size() - 1, bytes->size() / 2, size_t{40}}) {
    std::filesystem::resize_file(path, kept);
    EXPECT_THAT(ErrorOf(path, absl::StatusCode::kDataLoss),
                HasSubstr(path + ": the zip is cut short or damaged"))
        << kept;
    EXPECT_EQ(OpenPhotos(path).status().code(), absl::StatusCode::kDataLoss);
  }
}

TEST_F(IndexTest, AZipEntryWithFlippedBytesIsLeftOut) {
  FileMap files = KaggleFiles();
  files["train/a1.jpg"] = FakeJpeg(std::string(1000, 'q') + "marker" + std::string(20, 'z'));
  const std::string path = WriteZip(files);
  std::string bytes = *ReadFile(path);
  const size_t at = bytes.find("train/a1.jpg");
  ASSERT_NE(at, std::string::npos);
  bytes[at + 30] ^= 0x55;  // in the deflated data, behind the local header
  ASSERT_TRUE(WriteFileAtomically(path, bytes).ok());
  const DatasetIndex index = Index(path);
  EXPECT_EQ(index.photos.size(), 5u);
  EXPECT_THAT(Sentences(index.problems), ElementsAre(HasSubstr("train/a1.jpg: cannot be read (")));
}

TEST_F(IndexTest, ReadsImageFolder) {
  const FileMap files = {{"cat/1.jpg", FakeJpeg("c1")},     {"cat/2.jpg", FakeJpeg("c2")},
                         {"dog/1.jpg", FakeJpeg("d1")},     {"dog/deep/2.JPG", FakeJpeg("d2")},
                         {"dog/readme.txt", "not a photo"}, {"README.md", "beside"},
                         {"stray.jpg", FakeJpeg("s")}};
  const DatasetIndex index = Index(WriteFolder(files));
  EXPECT_EQ(index.layout, DatasetLayout::kImageFolder);
  EXPECT_THAT(index.classes, ElementsAre("cat", "dog"));
  EXPECT_THAT(Ids(index.photos), ElementsAre("cat/1", "cat/2", "dog/1", "dog/deep/2"));
  EXPECT_EQ(index.photos[0].side, Side::kUnassigned);
  EXPECT_THAT(
      Sentences(index.problems),
      ElementsAre("dog/readme.txt: is no photo by its ending (.jpg, .jpeg or .png); it is left out",
                  "stray.jpg: lies in no class's folder; it is left out"));
  EXPECT_EQ(Index(WriteZip(files)).fingerprint, index.fingerprint);
  FileMap wrapped;
  for (const auto& [path, bytes] : files) wrapped["pets/" + path] = bytes;
  wrapped.erase("pets/stray.jpg");
  EXPECT_EQ(Index(WriteZip(wrapped, "wrapped.zip")).fingerprint, index.fingerprint);
}

TEST_F(IndexTest, ReadsImageFolderWithSides) {
  const FileMap files = {{"train/cat/1.jpg", FakeJpeg("1")},
                         {"train/dog/2.jpg", FakeJpeg("2")},
                         {"valid/cat/3.jpg", FakeJpeg("3")},
                         {"test/dog/4.jpg", FakeJpeg("4")},
                         {"test/5.jpg", FakeJpeg("5")}};
  const DatasetIndex index = Index(WriteFolder(files));
  EXPECT_THAT(Ids(index.photos),
              ElementsAre("test/dog/4", "train/cat/1", "train/dog/2", "valid/cat/3"));
  EXPECT_EQ(index.photos[0].side, Side::kTest);
  EXPECT_EQ(index.photos[1].side, Side::kTrain);
  EXPECT_EQ(index.photos[3].side, Side::kValidation);
  EXPECT_THAT(Ids(index.unlabelled), ElementsAre("5"));
  EXPECT_THAT(index.classes, ElementsAre("cat", "dog"));
}

TEST_F(IndexTest, AClassCalledTrainIsAClassBesideOthers) {
  const DatasetIndex index =
      Index(WriteFolder({{"train/1.jpg", FakeJpeg("1")}, {"bus/2.jpg", FakeJpeg("2")}}));
  EXPECT_THAT(index.classes, ElementsAre("bus", "train"));
  const DatasetIndex deep = Index(
      WriteFolder({{"train/steam/1.jpg", FakeJpeg("1")}, {"bus/2.jpg", FakeJpeg("2")}}, "deep"));
  EXPECT_THAT(deep.classes, ElementsAre("bus", "train"));
}

TEST_F(IndexTest, SidesAreSidesInCapitalsAndBesideOtherFolders) {
  const DatasetIndex index = Index(WriteFolder({{"Training/cat/1.jpg", FakeJpeg("1")},
                                                {"Training/dog/2.jpg", FakeJpeg("2")},
                                                {"VAL/cat/3.jpg", FakeJpeg("3")},
                                                {"Testing/dog/4.jpg", FakeJpeg("4")},
                                                {"Testing/5.jpg", FakeJpeg("5")},
                                                {"notes/fig.png", FakeJpeg("figure")},
                                                {"notes/plan.txt", "text"},
                                                {"stray.jpg", FakeJpeg("stray")}}));
  EXPECT_THAT(index.classes, ElementsAre("cat", "dog"));
  EXPECT_THAT(Ids(index.photos),
              ElementsAre("Testing/dog/4", "Training/cat/1", "Training/dog/2", "VAL/cat/3"));
  EXPECT_EQ(index.photos[0].side, Side::kTest);
  EXPECT_EQ(index.photos[1].side, Side::kTrain);
  EXPECT_EQ(index.photos[3].side, Side::kValidation);
  EXPECT_THAT(Ids(index.unlabelled), ElementsAre("5"));
  EXPECT_THAT(Sentences(index.problems),
              Contains("notes/fig.png: lies outside train/, val/ and test/; it is left out"));
  EXPECT_THAT(Sentences(index.problems),
              Contains("stray.jpg: lies outside train/, val/ and test/; it is left out"));
}

TEST_F(IndexTest, ATrainFolderAloneIsASide) {
  const DatasetIndex index =
      Index(WriteFolder({{"train/cat/1.jpg", FakeJpeg("1")}, {"train/dog/2.jpg", FakeJpeg("2")}}));
  EXPECT_THAT(index.classes, ElementsAre("cat", "dog"));
  EXPECT_EQ(index.photos[0].side, Side::kTrain);
}

TEST_F(IndexTest, RemembersHashesUntilAFileChanges) {
  const std::string root = WriteFolder(KaggleFiles());
  const auto age = [&](const std::string& file, int seconds) {
    const timespec times[2] = {{1700000000 + seconds, 0}, {1700000000 + seconds, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
  };
  for (const auto& [path, bytes] : KaggleFiles()) age(root + "/" + path, 0);
  size_t hashed = 0;
  IndexOptions options;
  options.progress = [&](size_t, size_t) { ++hashed; };
  const std::string before = Index(root, options).fingerprint;
  EXPECT_EQ(hashed, 6u);
  EXPECT_EQ(Index(root, options).fingerprint, before);
  EXPECT_EQ(hashed, 6u) << "nothing is read twice";

  std::string changed = FakeJpeg("a1");
  changed.back() = 'X';  // same size
  ASSERT_TRUE(WriteFileAtomically(root + "/train/a1.jpg", changed).ok());
  age(root + "/train/a1.jpg", 1);
  EXPECT_NE(Index(root, options).fingerprint, before);
  EXPECT_EQ(hashed, 7u);

  for (const auto& file : std::filesystem::directory_iterator(Path("cache/vizsla"))) {
    std::string text = *ReadFile(file.path().string());
    text[text.size() / 2] ^= 1;
    ASSERT_TRUE(WriteFileAtomically(file.path().string(), text).ok());
  }
  Index(root, options);
  EXPECT_EQ(hashed, 13u) << "a damaged cache is as good as none";
}

TEST_F(IndexTest, HashesUnlabelledPhotosWhenAsked) {
  FileMap files = KaggleFiles();
  files["test/t3.jpg"] = "";
  files["test/t4.jpg"] = "GIF89a";
  for (const std::string& root : {WriteFolder(files), WriteZip(files)}) {
    SCOPED_TRACE(root);
    DatasetIndex index = Index(root);
    EXPECT_THAT(Ids(index.unlabelled), ElementsAre("t1", "t2", "t3", "t4"));
    for (const Photo& photo : index.unlabelled) EXPECT_EQ(photo.sha256, "") << photo.id;
    const auto problems = HashUnlabelled(index);
    ASSERT_TRUE(problems.ok()) << problems.status();
    EXPECT_EQ(index.unlabelled[0].sha256, Sha256Hex(FakeJpeg("t1")));
    EXPECT_EQ(index.unlabelled[1].sha256, Sha256Hex(FakeJpeg("t2")));
    EXPECT_EQ(index.unlabelled[2].sha256, "");
    EXPECT_EQ(index.unlabelled[3].sha256, "");
    EXPECT_THAT(Sentences(*problems),
                ElementsAre(HasSubstr("test/t3.jpg: the file is empty"),
                            HasSubstr("test/t4.jpg: is neither JPEG nor PNG")));
    EXPECT_EQ(index.photos[0].sha256, Sha256Hex(FakeJpeg("a1")));
  }
}

TEST_F(IndexTest, RemembersUnlabelledHashesBesideTheOthers) {
  const std::string root = WriteFolder(KaggleFiles());
  const timespec long_ago[2] = {{1700000000, 0}, {1700000000, 0}};
  for (const auto& [path, bytes] : KaggleFiles()) {
    ASSERT_EQ(::utimensat(AT_FDCWD, (root + "/" + path).c_str(), long_ago, 0), 0);
  }
  DatasetIndex index = Index(root);
  EXPECT_EQ(HashUnlabelled(index, [] { return true; }).status().code(),
            absl::StatusCode::kCancelled);
  EXPECT_EQ(index.unlabelled[0].sha256, "");
  std::atomic<int> asked{0};
  const auto count = [&] { return ++asked, false; };
  ASSERT_TRUE(HashUnlabelled(index, count).ok());
  EXPECT_EQ(asked, 3) << "before each of two files, and at the end";
  DatasetIndex again = Index(root);
  ASSERT_TRUE(HashUnlabelled(again, count).ok());
  EXPECT_EQ(asked, 4) << "nothing is read twice";
  EXPECT_EQ(again.unlabelled[1].sha256, Sha256Hex(FakeJpeg("t2")));
  size_t hashed = 0;
  Index(root, {.group_column = "", .progress = [&](size_t, size_t) { ++hashed; }});
  EXPECT_EQ(hashed, 0u) << "the labelled photos' hashes are still there";

  std::filesystem::remove(root + "/test/t2.jpg");
  const auto problems = HashUnlabelled(again);
  ASSERT_TRUE(problems.ok()) << problems.status();
  EXPECT_THAT(Sentences(*problems), ElementsAre(HasSubstr("test/t2.jpg: cannot be read")));
  EXPECT_EQ(again.unlabelled[1].sha256, "");
}

TEST_F(IndexTest, WorksWithoutACacheFolder) {
  ::setenv("XDG_CACHE_HOME", "/proc/nowhere", 1);
  EXPECT_EQ(Index(WriteFolder(KaggleFiles())).photos.size(), 6u);
}

TEST_F(IndexTest, ReaderNamesAFileThatIsGone) {
  const std::string root = WriteFolder(KaggleFiles());
  const DatasetIndex index = Index(root);
  const auto reader = OpenPhotos(root);
  ASSERT_TRUE(reader.ok());
  std::filesystem::remove(root + "/train/a1.jpg");
  const auto bytes = (*reader)->Read(index.photos[0]);
  EXPECT_EQ(bytes.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(bytes.status().message()), HasSubstr("train/a1.jpg"));
}

TEST(TextTest, PrintableShowsNoControlCharacters) {
  EXPECT_EQ(Printable("größe \xE7\x8A\xAC"), "größe \xE7\x8A\xAC");
  EXPECT_EQ(Printable("a\x1B[31mb\nc\x7F"), "a?[31mb?c?");
  EXPECT_EQ(Printable("\xC2\x9B"
                      "31m \xC2\xA0"),
            "?31m \xC2\xA0");  // CSI in eight bits
  EXPECT_EQ(Printable("\xFF\xC3"), "??");
}

}  // namespace
}  // namespace vizsla
