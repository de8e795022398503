// A thousand simulated workers on a database on disk: what it stores is replayed as well.
#include <gmock/gmock.h>

#include "src/base/file.h"
#include "src/base/log.h"
#include "src/storage/sqlite_trial_store.h"
#include "tests/scheduling/big_schedule.h"

namespace vizsla {
namespace {

TEST(ClusterSqliteTest, AThousandWorkers) {
  spdlog::set_level(spdlog::level::off);
  const TemporaryDirectory folder = *TemporaryDirectory::Create();
  const auto store = SqliteTrialStore::Open(folder.path() + "/t.db", OpenMode::kReadWrite);
  ASSERT_TRUE(store.ok()) << store.status();
  const ReplayResult result = ClusterSimulation(BigSchedule(2, 60), {**store, [](bool) {}}).Run();
  EXPECT_EQ(result.counts.suggestions, 60);
}

}  // namespace
}  // namespace vizsla
