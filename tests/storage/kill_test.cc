// A coordinator's store is killed at any moment: every write that it acknowledged is there
// afterwards, whole, and the file opens again.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <set>
#include <thread>

#include "src/base/file.h"
#include "src/base/random.h"
#include "src/storage/sqlite_trial_store.h"
#include "tests/storage/samples.h"

namespace vizsla {
namespace {

constexpr int kRounds = 40;
constexpr int kThreads = 3;

// In the child: reports epoch after epoch from several threads, each acknowledged through the pipe
// after its commit, until it is killed.
[[noreturn]] void WriteForEver(const std::string& path, int first_epoch, int pipe) {
  auto store = SqliteTrialStore::Open(path, OpenMode::kReadWrite);
  if (!store.ok()) {
    std::fprintf(stderr, "child: %s\n", store.status().ToString().c_str());
    ::_exit(3);
  }
  std::atomic<int> next{first_epoch};
  const auto work = [&] {
    for (;;) {
      const int epoch = next.fetch_add(1);
      const absl::Status status = (*store)->Write([&](TrialWriter& writer) -> absl::Status {
        // Two rows that must come and go together.
        VIZSLA_RETURN_IF_ERROR(writer.UpsertReport(TrialId(1), SampleReport(epoch, 0.5)));
        return writer.AppendLog(TrialId(1),
                                {AttemptNumber(1), SampleTime(epoch), std::to_string(epoch)});
      });
      if (!status.ok()) ::_exit(4);
      if (::write(pipe, &epoch, sizeof(epoch)) != sizeof(epoch)) ::_exit(5);
    }
  };
  std::thread threads[kThreads - 1];
  for (std::thread& thread : threads) thread = std::thread(work);
  work();
  ::_exit(6);
}

std::set<int> StoredEpochs(TrialStore& store) {
  std::set<int> reports, logs;
  const absl::Status status = store.Read([&](TrialReader& reader) -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(const auto rows, reader.ListReports(TrialId(1)));
    for (const EpochReport& row : rows) reports.insert(row.epoch);
    VIZSLA_ASSIGN_OR_RETURN(const auto lines, reader.ListLogs(TrialId(1)));
    for (const LogRow& line : lines) {
      EXPECT_TRUE(logs.insert(std::stoi(line.text)).second) << "twice: " << line.text;
    }
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(reports, logs) << "half of a transaction survived";
  return reports;
}

TEST(KillTest, AcknowledgedWritesSurviveKill) {
  const TemporaryDirectory folder = *TemporaryDirectory::Create();
  const std::string path = folder.path() + "/v.db";
  {
    auto store = SqliteTrialStore::Open(path, OpenMode::kReadWrite);
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE((*store)
                    ->Write([&](TrialWriter& writer) -> absl::Status {
                      VIZSLA_ASSIGN_OR_RETURN(const StudyId study,
                                              writer.InsertStudy(SampleStudy("dogs")));
                      return writer.InsertTrial(SampleTrial(study, 1)).status();
                    })
                    .ok());
  }
  RandomStream random{StreamKey(7)};
  std::set<int> acknowledged;
  size_t killed_at_work = 0;
  for (int round = 0; round < kRounds; ++round) {
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const int first_epoch = (round + 1) * 100'000;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(pipe[0]);
      WriteForEver(path, first_epoch, pipe[1]);
    }
    ::close(pipe[1]);
    // Sometimes in the middle of opening, mostly while it writes.
    const int wanted = static_cast<int>(random.UniformInt(12));
    int epoch = 0;
    for (int got = 0; got < wanted; ++got) {
      if (::read(pipe[0], &epoch, sizeof(epoch)) != sizeof(epoch)) break;
      acknowledged.insert(epoch);
    }
    ::usleep(static_cast<useconds_t>(random.UniformInt(wanted == 0 ? 20'000 : 3'000)));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        << "the child ended by itself: " << status;
    // What it had acknowledged before it died may still be in the pipe.
    while (::read(pipe[0], &epoch, sizeof(epoch)) == sizeof(epoch)) acknowledged.insert(epoch);
    ::close(pipe[0]);
    if (wanted > 0) ++killed_at_work;

    // Every other time a leaderboard looks first.
    auto store =
        SqliteTrialStore::Open(path, round % 2 == 0 ? OpenMode::kReadOnly : OpenMode::kReadWrite);
    ASSERT_TRUE(store.ok()) << store.status();
    const std::set<int> stored = StoredEpochs(**store);
    for (const int seen : acknowledged) {
      ASSERT_TRUE(stored.contains(seen)) << "lost epoch " << seen << " in round " << round;
    }
    // At most what was under way in each thread is stored without having been acknowledged.
    ASSERT_LE(stored.size(), acknowledged.size() + static_cast<size_t>((round + 1) * kThreads));
  }
  EXPECT_GT(killed_at_work, 20u);
  EXPECT_GT(acknowledged.size(), 100u);
}

}  // namespace
}  // namespace vizsla
