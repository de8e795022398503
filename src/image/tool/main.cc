// vizsla-dataset: makes and inspects data sets. `vizsla dataset ...` runs it, as git runs its
// helpers, so that the user's command itself needs no OpenCV.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "src/base/file.h"
#include "src/base/log.h"
#include "src/dataset/text.h"
#include "src/image/tool/inspect.h"
#include "src/image/tool/scene.h"
#include "src/image/tool/synthesize.h"
#include "src/image/tool/terminal.h"

namespace vizsla {
namespace {

constexpr int kExitOk = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kSheetColumns = 4;  // the campaign's grid: 3 rows of 4

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "vizsla-dataset: %s\n", Printable(std::string(status.message())).c_str());
  return absl::IsInvalidArgument(status) ? kExitUsage : kExitFailed;
}

int DefaultThreads() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

struct InspectArguments {
  InspectOptions options;
  std::string folder;
  bool json = false;
};

// "inspect-dog-breeds" for ".../dog-breeds.zip" and for ".../dog-breeds/".
std::string DefaultFolder(const std::string& data) {
  std::filesystem::path path = std::filesystem::path(data).lexically_normal();
  if (path.filename().empty()) path = path.parent_path();
  if (path.extension() == ".zip") path.replace_extension();
  const std::string name = path.filename().string();
  return StrCat("inspect-", name.empty() || name == "." || name == ".." ? "data" : name);
}

absl::StatusOr<std::vector<std::string>> WritePictures(const Inspection& inspection,
                                                       const std::string& folder) {
  VIZSLA_RETURN_IF_ERROR(CreateDirectories(folder));
  std::vector<std::string> files;
  const auto chart =
      WriteClassChart(inspection.class_counts,
                      StrCat("Photos per class: ", WithThousands(inspection.index.photos.size()),
                             " of ", inspection.index.classes.size(), " classes"),
                      folder);
  if (chart.ok()) {
    files = *chart;
  } else if (absl::IsFailedPrecondition(chart.status())) {
    std::fprintf(stderr, "vizsla-dataset: no bar chart is drawn: %s\n",
                 std::string(chart.status().message()).c_str());
  } else {
    return chart.status();
  }
  if (!inspection.sheet.empty()) {
    files.push_back(StrCat(folder, "/contact-sheet.png"));
    VIZSLA_RETURN_IF_ERROR(WritePng(ContactSheet(inspection.sheet, kSheetColumns), files.back()));
  }
  return files;
}

int RunInspect(InspectArguments arguments) {
  absl::StatusOr<Inspection> inspection;
  {
    ProgressLine hashing("hashing ");
    ProgressLine decoding("decoding");
    arguments.options.on_index = [&](size_t done, size_t total) { hashing.Update(done, total); };
    arguments.options.on_decode = [&](size_t done, size_t total) { decoding.Update(done, total); };
    inspection = Inspect(arguments.options);
  }
  if (!inspection.ok()) {
    Fail(inspection.status());
    return kExitFailed;  // a data set that is wrong is no slip of the command line
  }
  if (arguments.folder.empty()) arguments.folder = DefaultFolder(arguments.options.data);
  const auto files = WritePictures(*inspection, arguments.folder);
  if (!files.ok()) return Fail(files.status());
  if (arguments.json) {
    std::puts(ToJson(*inspection, *files).dump(2).c_str());
    return kExitOk;
  }
  std::fputs(ToText(*inspection, TerminalWidth(), WantsColour()).c_str(), stdout);
  for (const std::string& file : *files) std::printf("wrote %s\n", Printable(file).c_str());
  return kExitOk;
}

int RunSynthesize(SynthesizeOptions options) {
  absl::StatusOr<SynthesizedDataset> dataset;
  {
    ProgressLine drawing("drawing");
    options.progress = [&](size_t done, size_t total) { drawing.Update(done, total); };
    dataset = Synthesize(options);
  }
  if (!dataset.ok()) return Fail(dataset.status());
  std::printf("%s: %s labelled photos of %d classes in train/, %s unlabelled in test/\n",
              Printable(options.folder).c_str(), WithThousands(dataset->labelled).c_str(),
              options.classes, WithThousands(dataset->unlabelled).c_str());
  return kExitOk;
}

int Run(int argc, char** argv) {
  if (const absl::Status status = InitLogging("vizsla-dataset", "warning"); !status.ok()) {
    return Fail(status);
  }
  CLI::App app("Makes and inspects data sets of photos.", "vizsla-dataset");
  app.require_subcommand(1);
  app.set_version_flag("--version", VIZSLA_VERSION);

  SynthesizeOptions synthesize_options;
  synthesize_options.threads = DefaultThreads();
  CLI::App* synthesize = app.add_subcommand(
      "synthesize",
      "Draw a data set: coloured, textured shapes in cluttered scenes, Kaggle's layout");
  synthesize->add_option("DIR", synthesize_options.folder, "a new or empty folder")->required();
  synthesize
      ->add_option("--classes", synthesize_options.classes,
                   StrCat("number of classes, 2 to ", kMaxSceneClasses))
      ->capture_default_str();
  synthesize
      ->add_option("--per-class", synthesize_options.per_class, "labelled photos of each class")
      ->capture_default_str();
  synthesize
      ->add_option("--size", synthesize_options.size,
                   "shortest side in pixels; sides vary up to 5/3 of it")
      ->capture_default_str();
  synthesize->add_option("--seed", synthesize_options.seed, "the same seed gives the same files")
      ->capture_default_str();
  synthesize->footer(
      "Examples:\n"
      "  vizsla dataset synthesize demo/ --classes 8 --per-class 60\n"
      "  vizsla dataset synthesize large/ --classes 40 --per-class 200 --size 160 --seed 7");

  InspectArguments inspect_arguments;
  inspect_arguments.options.threads = DefaultThreads();
  CLI::App* inspect = app.add_subcommand(
      "inspect",
      "Count classes, sizes, sides of a split, broken and duplicate files; draw a bar chart and a "
      "grid of random photos");
  inspect
      ->add_option("DATA", inspect_arguments.options.data,
                   "a folder or zip in Kaggle's layout (labels.csv, train/ID.jpg) or ImageFolder's "
                   "(CLASS/x.jpg)")
      ->required();
  inspect->add_option("-o,--output", inspect_arguments.folder,
                      "folder for the pictures (default: inspect-NAME)");
  inspect->add_flag("--json", inspect_arguments.json, "print one JSON object instead of text");
  inspect
      ->add_option("--photos", inspect_arguments.options.sheet_photos,
                   "how many random photos the grid (contact-sheet.png) shows, four a row")
      ->check(CLI::Range(1, 400))
      ->capture_default_str();
  inspect->add_option("--seed", inspect_arguments.options.seed, "of the photos in the grid")
      ->capture_default_str();
  SplitSpec& split = inspect_arguments.options.split;
  inspect->add_option("--test", split.test, "share of the photos that the split keeps for the test")
      ->check(CLI::Range(0.001, 0.999))
      ->capture_default_str();
  inspect
      ->add_option("--validation", split.validation,
                   "share of the other photos that it keeps for validation")
      ->check(CLI::Range(0.001, 0.999))
      ->capture_default_str();
  inspect->add_option("--split-seed", split.seed, "of the split, as split: seed: in a search space")
      ->capture_default_str();
  inspect->add_option("--group-column", split.group_column,
                      "column of labels.csv whose groups stay on one side");
  inspect->footer(
      "Examples:\n"
      "  vizsla dataset inspect dog-breeds.zip\n"
      "  vizsla dataset inspect photos/ -o report/\n"
      "  vizsla dataset inspect photos/ --test 0.2 --validation 0.1\n"
      "  vizsla dataset inspect photos/ --json | jq .broken");

  app.footer(
      "Examples:\n"
      "  vizsla dataset synthesize demo/\n"
      "  vizsla dataset inspect demo/");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  return *synthesize ? RunSynthesize(std::move(synthesize_options))
                     : RunInspect(std::move(inspect_arguments));
}

}  // namespace
}  // namespace vizsla

int main(int argc, char** argv) { return vizsla::Run(argc, argv); }
