// vizsla-dataset: its parts, and the program itself.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <new>
#include <nlohmann/json.hpp>
#include <set>

#include "src/image/decode.h"
#include "src/image/tool/inspect.h"
#include "src/image/tool/scene.h"
#include "src/image/tool/synthesize.h"
#include "src/image/tool/terminal.h"
#include "tests/image/image_testing.h"

namespace vizsla {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ToolTest : public FolderTest {
 protected:
  SynthesizeOptions Small(const std::string& name) const {
    SynthesizeOptions options;
    options.folder = Path(name);
    options.classes = 3;
    options.per_class = 10;
    options.size = 24;
    options.threads = 2;
    return options;
  }

  // Runs the program; its exit status. Output and errors go to files of that name.
  int RunTool(const std::string& arguments) const {
    const std::string command = "cd " + Path("") + " && " VIZSLA_DATASET_PROGRAM " " + arguments +
                                " > " + Path("output") + " 2> " + Path("errors");
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
};

TEST_F(ToolTest, SceneClassesHaveNamesOfTheirOwn) {
  std::set<std::string> names;
  for (int i = 0; i < kMaxSceneClasses; ++i) {
    names.insert(SceneClassName(i));
    RandomStream stream(StreamKey(1).With(static_cast<uint64_t>(i)));
    EXPECT_EQ(DrawScene(i, 17, 23, stream).size(), cv::Size(17, 23));
  }
  EXPECT_THAT(names, SizeIs(kMaxSceneClasses));
}

TEST_F(ToolTest, SynthesizedDataIsWholeAndAFunctionOfTheSeed) {
  const auto made = Synthesize(Small("one"));
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->labelled, 30u);
  EXPECT_EQ(made->unlabelled, 3u);
  const auto index = IndexDataset(Path("one"));
  ASSERT_TRUE(index.ok()) << index.status();
  EXPECT_THAT(index->problems, IsEmpty());
  EXPECT_EQ(index->photos.size(), 30u);
  EXPECT_EQ(index->unlabelled.size(), 3u);
  EXPECT_EQ(index->submission_columns, index->classes);
  std::set<std::pair<int, int>> sizes;
  for (const Photo& photo : index->photos) {
    const auto picture = DecodePhoto(Bytes(Path("one/" + photo.path)));
    ASSERT_TRUE(picture.ok()) << picture.status();
    EXPECT_GE(std::min(picture->cols, picture->rows), 24);
    EXPECT_LE(std::max(picture->cols, picture->rows), 40);
    sizes.emplace(picture->cols, picture->rows);
  }
  EXPECT_GT(sizes.size(), 10u);

  SynthesizeOptions again = Small("two");
  again.threads = 1;
  ASSERT_TRUE(Synthesize(again).ok());
  EXPECT_EQ(IndexDataset(Path("two"))->fingerprint, index->fingerprint);
  SynthesizeOptions other = Small("three");
  other.seed = 43;
  ASSERT_TRUE(Synthesize(other).ok());
  EXPECT_NE(IndexDataset(Path("three"))->fingerprint, index->fingerprint);
}

TEST_F(ToolTest, SynthesizeRefusesAFullFolderAndOddNumbers) {
  std::filesystem::create_directories(Path("full"));
  std::ofstream(Path("full/thesis.txt")) << "do not lose";
  const auto full = Synthesize(Small("full"));
  EXPECT_EQ(full.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(
      std::string(full.status().message()),
      Path("full") + ": the folder is not empty; name a new one, so that nothing is overwritten");
  SynthesizeOptions options = Small("new");
  options.classes = 1;
  EXPECT_EQ(std::string(Synthesize(options).status().message()), "--classes 1: expected 2 to 192");
  EXPECT_FALSE(std::filesystem::exists(Path("new")));
}

TEST_F(ToolTest, InspectCountsWhatIsWrong) {
  ASSERT_TRUE(Synthesize(Small("data")).ok());
  const auto clean = IndexDataset(Path("data"));
  ASSERT_TRUE(clean.ok());
  const auto file = [&](size_t i) { return Path("data/" + clean->photos[i].path); };
  std::filesystem::resize_file(file(0), std::filesystem::file_size(file(0)) / 2);
  std::filesystem::resize_file(file(1), 0);
  std::ofstream(file(2)) << "a text file named .jpg";
  std::filesystem::copy_file(file(3), file(4), std::filesystem::copy_options::overwrite_existing);

  InspectOptions options;
  options.data = Path("data");
  options.threads = 2;
  const auto inspection = Inspect(options);
  ASSERT_TRUE(inspection.ok()) << inspection.status();
  ASSERT_THAT(inspection->broken, SizeIs(1));
  EXPECT_EQ(inspection->broken[0].place, clean->photos[0].path);
  EXPECT_THAT(inspection->broken[0].reason, HasSubstr("the JPEG is cut off or damaged"));
  ASSERT_THAT(inspection->duplicates, SizeIs(1));
  EXPECT_EQ(inspection->duplicates[0].first, clean->photos[4].path);
  EXPECT_EQ(inspection->duplicates[0].second, clean->photos[3].path);
  EXPECT_THAT(inspection->index.problems, SizeIs(3));
  EXPECT_EQ(inspection->train.photos + inspection->validation.photos + inspection->test.photos,
            28u);
  EXPECT_THAT(inspection->sheet, SizeIs(12));
  EXPECT_GE(inspection->width.min, 24u);
  EXPECT_LE(inspection->width.max, 40u);
  EXPECT_LE(inspection->width.min, inspection->width.median);
  uint64_t counted = 0;
  for (const auto& [name, count] : inspection->class_counts) counted += count;
  EXPECT_EQ(counted, 28u);
  const std::string text = ToText(*inspection, 80, false);
  EXPECT_THAT(text, HasSubstr("28 labelled photos of 3 classes, 3 unlabelled"));
  EXPECT_THAT(text, HasSubstr("broken photos: 1\n  " + clean->photos[0].path + ": the JPEG"));
  EXPECT_THAT(text, HasSubstr("duplicate files: 1\n"));
}

TEST_F(ToolTest, InspectTellsTheSizesOfTheSplitThatIsAskedFor) {
  ASSERT_TRUE(Synthesize(Small("data")).ok());  // 3 classes of 10
  InspectOptions options;
  options.data = Path("data");
  options.split.test = 0.2;
  options.split.validation = 0.25;
  const auto inspection = Inspect(options);
  ASSERT_TRUE(inspection.ok()) << inspection.status();
  EXPECT_EQ(inspection->test.photos, 6u);
  EXPECT_EQ(inspection->validation.photos, 6u);
  EXPECT_EQ(inspection->train.photos, 18u);
  EXPECT_EQ(inspection->test.fewest, 2u);
  EXPECT_EQ(inspection->train.most, 6u);
  EXPECT_THAT(ToText(*inspection, 80, false),
              HasSubstr("split            photos  of one class\n"
                        "  train              18  6\n"
                        "  validation          6  2\n"
                        "  test                6  2\n"
                        "  (test 20 % of the photos, validation 25 % of the rest, seed 42)\n"));

  // A split that cannot be made is told; the rest is there all the same.
  options.split.validation = 1;
  const auto impossible = Inspect(options);
  ASSERT_TRUE(impossible.ok()) << impossible.status();
  EXPECT_THAT(ToText(*impossible, 80, false), HasSubstr("split: none ("));
  EXPECT_EQ(impossible->class_counts.size(), 3u);
}

TEST_F(ToolTest, BarChartIsAsWideAsAsked) {
  EXPECT_EQ(BarChart({{"pug", 1000}, {"sabueso español", 500}, {"x", 0}}, 45, false),
            "  pug              1,000 ████████████████████\n"
            "  sabueso español    500 ██████████\n"
            "  x                    0 \n");
  EXPECT_EQ(WithThousands(999), "999");
  EXPECT_EQ(WithThousands(1234567), "1,234,567");
}

TEST_F(ToolTest, NamesCannotMoveTheCursor) {
  Inspection inspection;
  inspection.index.root = "data";
  inspection.class_counts = {{"pug\x1B[2J", 2}, {"cat", 1}};
  inspection.broken = {{"train/a\x1B[31m.jpg", "the reason\r"}};
  inspection.split_problems = {{"class pug\x1B[2J", "is not on every side"}};
  const std::string text = ToText(inspection, 80, false);
  EXPECT_EQ(text.find_first_of("\x1B\r"), std::string::npos) << text;
  EXPECT_THAT(text, HasSubstr("  pug?[2J  2 █"));
  EXPECT_THAT(text, HasSubstr("  train/a?[31m.jpg: the reason?\n"));
  EXPECT_THAT(text, HasSubstr("  class pug?[2J: is not on every side\n"));
}

TEST_F(ToolTest, ColourIsForTerminalsThatWantIt) {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_TRUE(terminal >= 0 && ::grantpt(terminal) == 0 && ::unlockpt(terminal) == 0);
  const auto wants = [&](const char* no_colour, const char* term) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::dup2(::open(::ptsname(terminal), O_RDWR | O_NOCTTY), STDOUT_FILENO);
      no_colour == nullptr ? ::unsetenv("NO_COLOR") : ::setenv("NO_COLOR", no_colour, 1);
      term == nullptr ? ::unsetenv("TERM") : ::setenv("TERM", term, 1);
      ::_exit(WantsColour() ? 1 : 0);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 1;
  };
  EXPECT_TRUE(wants(nullptr, "xterm"));
  EXPECT_TRUE(wants(nullptr, nullptr));
  EXPECT_TRUE(wants("", "xterm")) << "an empty NO_COLOR is as good as none";
  EXPECT_FALSE(wants("1", "xterm"));
  EXPECT_FALSE(wants(nullptr, "dumb"));
  ::close(terminal);
}

TEST_F(ToolTest, AnExceptionWhileAPhotoIsReadIsItsTrouble) {
  const ReaderOf reader(
      [](const Photo&) -> absl::StatusOr<std::string> { throw std::bad_alloc(); });
  EXPECT_EQ(LoadPhoto(reader, Photo{}).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(ToolTest, ContactSheetHoldsAllPhotos) {
  std::vector<SheetPhoto> photos;
  for (uint64_t i = 0; i < 7; ++i)
    photos.push_back({MadePhoto(300, 20 + 100 * static_cast<int>(i), i), "größe"});
  const cv::Mat sheet = ContactSheet(photos, 3);
  EXPECT_EQ(sheet.cols, 8 + 3 * 168);
  EXPECT_EQ(sheet.rows, 8 + 3 * 186);
  ASSERT_TRUE(WritePng(sheet, Path("sheet.png")).ok());
  const auto read = DecodePhoto(Bytes(Path("sheet.png")));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(cv::norm(*read, sheet, cv::NORM_INF), 0);
}

TEST_F(ToolTest, TheProgramsExitCodesAndWords) {
  EXPECT_EQ(RunTool("--help"), 0);
  EXPECT_THAT(Bytes(Path("output")), HasSubstr("Examples:\n  vizsla dataset synthesize demo/"));
  EXPECT_EQ(RunTool(""), 2);
  EXPECT_EQ(RunTool("inspect --colour x"), 2);
  EXPECT_EQ(RunTool("inspect absent"), 1);
  EXPECT_EQ(Bytes(Path("errors")), "vizsla-dataset: absent: there is no such folder or zip\n");
  EXPECT_EQ(RunTool("synthesize data --classes 1"), 2);
  EXPECT_EQ(RunTool("synthesize data --classes 2 --per-class 15 --size 20"), 0);
  EXPECT_EQ(Bytes(Path("output")),
            "data: 30 labelled photos of 2 classes in train/, 3 unlabelled in test/\n");
  EXPECT_EQ(RunTool("synthesize data"), 1);
  EXPECT_THAT(Bytes(Path("errors")), HasSubstr("vizsla-dataset: data: the folder is not empty"));
}

TEST_F(ToolTest, TheProgramWritesPicturesAndJson) {
  ASSERT_EQ(RunTool("synthesize data --classes 2 --per-class 15 --size 20"), 0);
  ASSERT_EQ(RunTool("inspect data/"), 0) << Bytes(Path("errors"));
  EXPECT_THAT(Bytes(Path("output")), HasSubstr("wrote inspect-data/contact-sheet.png\n"));
  EXPECT_TRUE(DecodePhoto(Bytes(Path("inspect-data/contact-sheet.png"))).ok());
  ASSERT_EQ(RunTool("inspect data --json -o report"), 0);
  const nlohmann::json json = nlohmann::json::parse(Bytes(Path("output")));
  EXPECT_EQ(json["layout"], "kaggle");
  EXPECT_EQ(json["photos"], 30);
  EXPECT_EQ(json["unlabelled"], 3);
  EXPECT_EQ(json["classes"].size(), 2u);
  EXPECT_EQ(json["split"]["test"], 3);
  EXPECT_LE(json["split"]["per_class"]["test"]["fewest"], 2);
  // Three rows of four tiles of 160 pixels.
  const auto sheet = DecodePhoto(Bytes(Path("report/contact-sheet.png")));
  ASSERT_TRUE(sheet.ok()) << sheet.status();
  EXPECT_EQ(sheet->cols, 8 + 4 * 168);
  EXPECT_EQ(sheet->rows, 8 + 3 * 186);
  EXPECT_EQ(RunTool("inspect data --photos 0"), 2);
  EXPECT_EQ(RunTool("inspect data --test 1.5"), 2);
  EXPECT_EQ(RunTool("inspect data --photos 2 --test 0.4 -o small --json"), 0);
  EXPECT_EQ(nlohmann::json::parse(Bytes(Path("output")))["split"]["test"], 12);
  EXPECT_EQ(DecodePhoto(Bytes(Path("small/contact-sheet.png")))->cols, 8 + 2 * 168);
  EXPECT_TRUE(json["broken"].empty());
  if (std::system("command -v gnuplot > /dev/null") != 0)
    GTEST_SKIP() << "gnuplot is not installed";
  const auto chart = DecodePhoto(Bytes(Path("report/classes.png")));
  ASSERT_TRUE(chart.ok()) << chart.status();
  EXPECT_EQ(chart->cols, 900);
  EXPECT_THAT(Bytes(Path("report/classes.svg")), HasSubstr("<svg"));
  EXPECT_EQ(json["files"], (std::vector<std::string>{"report/classes.png", "report/classes.svg",
                                                     "report/contact-sheet.png"}));
}

TEST_F(ToolTest, WithoutGnuplotThePicturesItNeedsAreMissedWithASentence) {
  ASSERT_EQ(RunTool("synthesize data --classes 2 --per-class 15 --size 20"), 0);
  const std::string command = "cd " + Path("") +
                              " && PATH=/nowhere " VIZSLA_DATASET_PROGRAM
                              " inspect data > output 2> errors";
  EXPECT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(
      Bytes(Path("errors")),
      "vizsla-dataset: no bar chart is drawn: gnuplot is not installed (Debian: gnuplot-nox)\n");
  EXPECT_THAT(Bytes(Path("output")), HasSubstr("wrote inspect-data/contact-sheet.png\n"));
}

}  // namespace
}  // namespace vizsla
