// vizsla doctor: each verdict from made-up facts, and the built program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/base/file.h"
#include "src/base/str_cat.h"
#include "src/cli/doctor/checks.h"
#include "src/cli/doctor/doctor_command.h"
#include "src/cli/doctor/gather.h"
#include "src/cli/doctor/parse.h"
#include "src/cli/doctor/run_command.h"
#include "tests/cli/program.h"

namespace vizsla {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kGiB = int64_t{1} << 30;

// That the verdict is this one, with these words, and with something to do exactly when all is not
// well.
void ExpectFinding(const Finding& finding, Verdict verdict, const std::string& words) {
  EXPECT_EQ(ToText(finding.verdict), ToText(verdict)) << finding.message;
  EXPECT_THAT(finding.message, HasSubstr(words));
  EXPECT_EQ(finding.mend.empty(), verdict == Verdict::kOk) << finding.message;
}

TEST(DoctorTest, Programs) {
  ExpectFinding(CheckProgram({"vizsla-worker", true, "0.1.0", ""}, "0.1.0"), Verdict::kOk, "0.1.0");
  ExpectFinding(CheckProgram({"vizsla-worker", false, "", ""}, "0.1.0"), Verdict::kWarning,
                "does not lie beside");
  ExpectFinding(CheckProgram({"vizsla-worker", true, "", "libtorch.so: not found"}, "0.1.0"),
                Verdict::kProblem, "libtorch.so");
  ExpectFinding(CheckProgram({"vizsla-worker", true, "0.0.9", ""}, "0.1.0"), Verdict::kProblem,
                "is version 0.0.9, vizsla is 0.1.0");
}

TEST(DoctorTest, LibTorchAndItsBlas) {
  LibraryFacts facts;
  ExpectFinding(CheckTorch(facts), Verdict::kWarning, "no program that trains");
  ExpectFinding(CheckBlas(facts), Verdict::kOk, "not looked at");
  facts.known = true;
  ExpectFinding(CheckTorch(facts), Verdict::kProblem, "do not link LibTorch");
  facts.torch = "/usr/lib/libtorch_cpu.so.1.13";
  ExpectFinding(CheckTorch(facts), Verdict::kOk, "CPU only");
  ExpectFinding(CheckBlas(facts), Verdict::kOk, "brings its own");
  facts.blas = "/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0";
  ExpectFinding(CheckBlas(facts), Verdict::kWarning, "reference BLAS");
  facts.blas = "/usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3";
  ExpectFinding(CheckBlas(facts), Verdict::kOk, "openblas");
  facts.missing = {"libc10.so"};
  ExpectFinding(CheckTorch(facts), Verdict::kProblem, "libc10.so");
}

TEST(DoctorTest, Gpus) {
  GpuFacts gpu;
  LibraryFacts libraries;
  libraries.known = true;
  ExpectFinding(CheckGpus(gpu, libraries), Verdict::kOk, "on the CPU");
  ExpectFinding(CheckNccl(gpu, libraries), Verdict::kOk, "not needed");
  gpu.driver_loaded = true;
  ExpectFinding(CheckGpus(gpu, libraries), Verdict::kWarning, "no GPU can be seen");
  gpu.error = "Driver/library version mismatch";
  ExpectFinding(CheckGpus(gpu, libraries), Verdict::kProblem, "mismatch");
  gpu.error.clear();
  gpu.gpus = {{"NVIDIA H100", "550.1", 81559}, {"NVIDIA H100", "550.1", 81559}};
  ExpectFinding(CheckGpus(gpu, libraries), Verdict::kWarning, "for the CPU only");
  ExpectFinding(CheckNccl(gpu, libraries), Verdict::kWarning, "2 GPUs");
  libraries.cuda = true;
  libraries.nccl = "/usr/lib/libnccl.so.2";
  ExpectFinding(CheckGpus(gpu, libraries), Verdict::kOk, "81559 MiB");
  ExpectFinding(CheckNccl(gpu, libraries), Verdict::kOk, "libnccl");
}

TEST(DoctorTest, Mpi) {
  ExpectFinding(CheckMpi({}), Verdict::kProblem, "no mpirun");
  ExpectFinding(CheckMpi({.mpirun = true}), Verdict::kWarning, "not Open MPI");
  ExpectFinding(CheckMpi({.mpirun = true, .version = "3.1.4"}), Verdict::kWarning, "older than 4");
  ExpectFinding(CheckMpi({.mpirun = true, .version = "4.1.4", .is_root = true}), Verdict::kWarning,
                "root");
  ExpectFinding(
      CheckMpi({.mpirun = true, .version = "4.1.4", .is_root = true, .root_allowed = true}),
      Verdict::kOk, "4.1.4");
  ExpectFinding(CheckMpi({.mpirun = true, .version = "10.0.1"}), Verdict::kOk, "10.0.1");
}

TEST(DoctorTest, TheCoordinator) {
  CoordinatorFacts facts;
  ExpectFinding(CheckCoordinator(facts, "0.1.0"), Verdict::kOk, "none runs");
  facts.looked_for = true;
  facts.error = "no coordinator answers at 127.0.0.1:1";
  ExpectFinding(CheckCoordinator(facts, "0.1.0"), Verdict::kProblem, "no coordinator answers");
  facts = {true, "127.0.0.1:4711", "", "0.1.0", 1, true, true, milliseconds(1), milliseconds(1)};
  ExpectFinding(CheckCoordinator(facts, "0.1.0"), Verdict::kOk, "serves");
  ExpectFinding(CheckCoordinator(facts, "0.2.0"), Verdict::kWarning, "vizsla is 0.2.0");
  facts.serving = false;
  ExpectFinding(CheckCoordinator(facts, "0.1.0"), Verdict::kProblem, "does not serve");
  facts.has_health = false;  // one that offers no health service cannot be blamed
  ExpectFinding(CheckCoordinator(facts, "0.1.0"), Verdict::kOk, "0.1.0");
}

TEST(DoctorTest, TheClock) {
  CoordinatorFacts facts;
  MachineFacts machine;
  ExpectFinding(CheckClock(facts, machine), Verdict::kProblem, "before 2024");
  machine.now = std::chrono::sys_seconds(seconds(1'764'000'000));
  ExpectFinding(CheckClock(facts, machine), Verdict::kOk, "plausible");
  facts.clock_ahead = milliseconds(-1500);
  ExpectFinding(CheckClock(facts, machine), Verdict::kOk, "ahead of the coordinator's by 1500 ms");
  facts.clock_ahead = seconds(10);
  ExpectFinding(CheckClock(facts, machine), Verdict::kWarning, "behind the coordinator's by 10000");
  facts.round_trip = seconds(18);  // then nobody can know better
  ExpectFinding(CheckClock(facts, machine), Verdict::kOk, "10000");
  facts.clock_ahead = seconds(-3600);
  ExpectFinding(CheckClock(facts, machine), Verdict::kProblem, "certificates");
}

TEST(DoctorTest, Places) {
  PlaceFacts database{"database", "/runs/a.db", true, true, true, 100 * kGiB, ""};
  ExpectFinding(CheckPlace(database), Verdict::kOk, "can be written");
  ExpectFinding(CheckFreeSpace(database), Verdict::kOk, "100 GiB free");
  database.free_bytes = 5 * kGiB;
  ExpectFinding(CheckFreeSpace(database), Verdict::kWarning, "5120 MiB");
  database.free_bytes = kGiB / 2;
  ExpectFinding(CheckFreeSpace(database), Verdict::kProblem, "512 MiB");
  database.free_bytes.reset();
  ExpectFinding(CheckFreeSpace(database), Verdict::kWarning, "nobody knows");
  database.writable = false;
  ExpectFinding(CheckPlace(database), Verdict::kProblem, "cannot be written");
  database.network = "nfs";
  ExpectFinding(CheckPlace(database), Verdict::kProblem, "network file system (nfs)");
  database.what = "artifacts";
  ExpectFinding(CheckPlace(database), Verdict::kWarning, "network file system (nfs)");
  PlaceFacts data{"data", "/photos", false, false, false, kGiB, "nfs"};
  ExpectFinding(CheckPlace(data), Verdict::kProblem, "is not there");
  data.exists = true;
  ExpectFinding(CheckPlace(data), Verdict::kProblem, "cannot be read");
  data.readable = true;  // photos may lie on a network disk
  ExpectFinding(CheckPlace(data), Verdict::kOk, "can be read");
}

TEST(DoctorTest, MemoryAndLimits) {
  MachineFacts machine;
  machine.cores = 1;
  machine.memory_bytes = 64 * kGiB;
  machine.available_bytes = 32 * kGiB;
  ExpectFinding(CheckMemory(machine), Verdict::kOk, "32 GiB of 64 GiB available, 1 core");
  machine.available_bytes = 2 * kGiB;
  ExpectFinding(CheckMemory(machine), Verdict::kWarning, "2048 MiB");
  machine.available_bytes = kGiB / 4;
  ExpectFinding(CheckMemory(machine), Verdict::kProblem, "256 MiB");
  ExpectFinding(CheckSharedMemory(machine), Verdict::kWarning, "no /dev/shm");
  machine.shm_bytes = 64 << 20;
  ExpectFinding(CheckSharedMemory(machine), Verdict::kWarning, "64 MiB");
  machine.shm_bytes = kGiB;
  ExpectFinding(CheckSharedMemory(machine), Verdict::kOk, "1024 MiB");
  machine.open_files = 256;
  ExpectFinding(CheckOpenFiles(machine), Verdict::kWarning, "256");
  EXPECT_THAT(CheckOpenFiles(machine).mend, HasSubstr("limits.conf"));
  machine.open_files_hard = 4096;
  EXPECT_EQ(CheckOpenFiles(machine).mend, "ulimit -n 4096");
  machine.open_files = 1024;
  ExpectFinding(CheckOpenFiles(machine), Verdict::kOk, "1024");
  ExpectFinding(CheckPorts(machine), Verdict::kOk, "can be bound");
  machine.bind_error = "cannot listen on 127.0.0.1:0: Cannot assign requested address";
  ExpectFinding(CheckPorts(machine), Verdict::kProblem, "Cannot assign");
}

TEST(DoctorTest, OtherProgramsWords) {
  EXPECT_EQ(FindVersion("mpirun (Open MPI) 4.1.4\n\nReport bugs to http://..."), "4.1.4");
  EXPECT_EQ(FindVersion("vizsla 0.1.0"), "0.1.0");
  EXPECT_EQ(FindVersion("no digits. at all"), "");
  const LibraryFacts libraries = ParseLdd(
      "\tlinux-vdso.so.1 (0x00007ffd)\n"
      "\tlibtorch_cpu.so.1.13 => /usr/lib/libtorch_cpu.so.1.13 (0x00007f)\n"
      "\tlibtorch_cuda.so => /opt/libtorch_cuda.so (0x00007f)\n"
      "\tlibblas.so.3 => /usr/lib/libblas.so.3 (0x00007f)\n"
      "\tlibnccl.so.2 => not found\n");
  EXPECT_TRUE(libraries.known);
  EXPECT_TRUE(libraries.cuda);
  EXPECT_EQ(libraries.torch, "/usr/lib/libtorch_cpu.so.1.13");
  EXPECT_EQ(libraries.blas, "/usr/lib/libblas.so.3");
  EXPECT_THAT(libraries.missing, ElementsAre("libnccl.so.2"));
  const auto gpus = ParseNvidiaSmi("NVIDIA H100, 80GB HBM3, 550.54.15, 81559\nNo devices\n");
  ASSERT_EQ(gpus.size(), 1U);
  EXPECT_EQ(gpus[0].name, "NVIDIA H100, 80GB HBM3");
  EXPECT_EQ(gpus[0].driver, "550.54.15");
  EXPECT_EQ(gpus[0].memory_mib, 81559);
}

TEST(DoctorTest, CommandsAreWaitedForOnlySoLong) {
  const auto both = RunCommand({"sh", "-c", "echo out; echo err >&2; exit 3"}, seconds(20));
  ASSERT_TRUE(both.ok()) << both.status();
  EXPECT_EQ(both->text, "out\nerr\n");
  EXPECT_EQ(both->exit_code, 3);
  EXPECT_TRUE(absl::IsDeadlineExceeded(RunCommand({"sleep", "60"}, milliseconds(50)).status()));
  EXPECT_TRUE(absl::IsNotFound(RunCommand({"vizsla-no-such-program"}, seconds(20)).status()));
}

TEST(DoctorTest, PlacesAreLookedAtWithoutTouchingThem) {
  const auto folder = TemporaryDirectory::Create().value();
  const PlaceFacts planned = LookAtPlace("database", folder.path() + "/new/deep/a.db");
  EXPECT_FALSE(planned.exists);
  EXPECT_TRUE(planned.writable);
  EXPECT_GT(planned.free_bytes.value_or(0), 0);
  EXPECT_EQ(planned.network, "");
  EXPECT_FALSE(LookAtPlace("x", folder.path() + "/new").exists);
  EXPECT_FALSE(LookAtPlace("database", "/proc/self/a.db").writable);
}

TEST(DoctorTest, TextAndJsonSayTheSame) {
  const std::vector<Finding> findings = {{"mpi", Verdict::kOk, "Open MPI 4.1.4", ""},
                                         {"disk", Verdict::kProblem, "full", "use a larger one"}};
  EXPECT_EQ(DoctorText(findings),
            "ok       mpi            Open MPI 4.1.4\n"
            "problem  disk           full. To mend: use a larger one\n"
            "1 problem, 0 warnings\n");
  const auto json = nlohmann::json::parse(DoctorJson(findings));
  EXPECT_EQ(json["verdict"], "problem");
  EXPECT_EQ(json["checks"][1]["mend"], "use a larger one");
}

TEST(DoctorTest, TheProgramExaminesThisMachine) {
  const auto folder = TemporaryDirectory::Create().value();
  const ProgramResult result = RunVizsla(folder.path(), "doctor --json --data /no/photos");
  EXPECT_EQ(result.exit_code, 1);  // there are no photos
  EXPECT_THAT(result.errors, HasSubstr("this set-up has problems"));
  const auto json = nlohmann::json::parse(result.output);
  EXPECT_EQ(json["verdict"], "problem");
  bool found = false;
  for (const auto& check : json["checks"]) {
    if (check["check"] != "data") continue;
    found = true;
    EXPECT_EQ(check["message"], "data /no/photos is not there");
  }
  EXPECT_TRUE(found);
  if (HasJsonSchema()) ExpectValid(result.output, "doctor");
}

TEST(DoctorTest, ACoordinatorThatDoesNotAnswerIsAProblem) {
  const auto folder = TemporaryDirectory::Create().value();
  const ProgramResult result = RunVizsla(folder.path(), "doctor --coordinator 127.0.0.1:1");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.output, HasSubstr("no coordinator answers at 127.0.0.1:1"));
}

TEST(DoctorTest, MessagesAreJsonLinesWhenAskedFor) {
  const auto folder = TemporaryDirectory::Create().value();
  const ProgramResult result = RunVizsla(folder.path(), "--log-format json leaderboard");
  EXPECT_EQ(result.exit_code, 1);
  const auto line = nlohmann::json::parse(result.errors, nullptr, false);
  ASSERT_FALSE(line.is_discarded()) << result.errors;
  EXPECT_EQ(line["program"], "vizsla");
  EXPECT_EQ(line["level"], "error");
  EXPECT_THAT(std::string(line["message"]), HasSubstr("no database"));
}

}  // namespace
}  // namespace vizsla
