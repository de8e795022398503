#include "src/security/quota.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vizsla {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

const QuotaTime kStart = QuotaTime() + std::chrono::hours(1);

QuotaTable Small() {
  QuotaTable table = DefaultQuotas();
  table[static_cast<size_t>(Role::kViewer)] = {10, 2, 1000};
  return table;
}

TEST(TokenBucket, FillsAtItsRateUpToItsCapacity) {
  TokenBucket bucket(10, 5);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(bucket.Take(1, kStart), std::nullopt);
  const auto wait = bucket.Take(1, kStart);
  ASSERT_TRUE(wait.has_value());
  EXPECT_GE(*wait, milliseconds(100));
  EXPECT_LE(*wait, milliseconds(101));
  EXPECT_TRUE(bucket.Take(1, kStart + milliseconds(99)).has_value());
  EXPECT_EQ(bucket.Take(1, kStart + *wait), std::nullopt);
  int taken = 0;
  while (!bucket.Take(1, kStart + seconds(100))) ++taken;
  EXPECT_EQ(taken, 5);
  EXPECT_TRUE(bucket.Take(1, kStart).has_value()) << "time that goes back fills nothing";
}

TEST(TokenBucket, CreditIsPaidBackByWaiting) {
  TokenBucket bucket(100, 1000);
  EXPECT_EQ(bucket.TakeOnCredit(3000, kStart), std::nullopt);
  const auto wait = bucket.TakeOnCredit(1, kStart);
  ASSERT_TRUE(wait.has_value());
  EXPECT_GE(*wait, seconds(20));
  EXPECT_TRUE(bucket.TakeOnCredit(1, kStart + seconds(19)).has_value());
  EXPECT_EQ(bucket.TakeOnCredit(1, kStart + *wait + milliseconds(1)), std::nullopt);
}

TEST(QuotaBook, ClientsDoNotShareTheirQuotas) {
  QuotaBook book(Small());
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(book.Call("eva@a", Role::kViewer, kStart));
  const auto refusal = book.Call("eva@a", Role::kViewer, kStart);
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->reason, "it may make 10 calls a second");
  EXPECT_GT(refusal->retry_after, milliseconds(0));
  EXPECT_FALSE(book.Call("eva@b", Role::kViewer, kStart));
  EXPECT_FALSE(book.Call("eva@a", Role::kViewer, kStart + refusal->retry_after));
}

TEST(QuotaBook, StreamsComeBackWhenTheirTicketsGo) {
  QuotaBook book(Small());
  StreamTicket first, second, third;
  EXPECT_FALSE(book.Stream("eva", Role::kViewer, kStart, &first));
  EXPECT_FALSE(book.Stream("eva", Role::kViewer, kStart, &second));
  const auto refusal = book.Stream("eva", Role::kViewer, kStart, &third);
  ASSERT_TRUE(refusal.has_value());
  EXPECT_THAT(refusal->reason, HasSubstr("2 uploads, downloads and watches at once"));
  first = StreamTicket();
  EXPECT_FALSE(book.Stream("eva", Role::kViewer, kStart, &third));
  EXPECT_TRUE(book.Stream("eva", Role::kViewer, kStart, &first).has_value());
}

TEST(QuotaBook, BytesAreCharged) {
  QuotaBook book(Small());
  StreamTicket ticket;
  ASSERT_FALSE(book.Stream("eva", Role::kViewer, kStart, &ticket));
  EXPECT_FALSE(ticket.ChargeBytes(50'000, kStart)) << "a large file passes once";
  const auto refusal = ticket.ChargeBytes(1, kStart);
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->reason, "it may move 1000 bytes a second");
  EXPECT_FALSE(ticket.ChargeBytes(1, kStart + refusal->retry_after + milliseconds(1)));
  StreamTicket unlimited;
  EXPECT_FALSE(unlimited.ChargeBytes(uint64_t{1} << 60, kStart));
}

TEST(QuotaBook, AThousandWorkersOfOneTokenAreNotHindered) {
  QuotaBook book(DefaultQuotas());
  // Each reports every 100 ms, for ten seconds, behind one token and one host; checkpoints go up at
  // once.
  for (int tick = 0; tick < 100; ++tick) {
    for (int worker = 0; worker < 1000; ++worker) {
      ASSERT_FALSE(book.Call("worker@10.0.0.7", Role::kWorker, kStart + tick * milliseconds(100)));
    }
  }
  std::vector<StreamTicket> uploads(1000);
  for (StreamTicket& ticket : uploads) {
    ASSERT_FALSE(book.Stream("worker@10.0.0.7", Role::kWorker, kStart + seconds(10), &ticket));
    ASSERT_FALSE(ticket.ChargeBytes(50 << 20, kStart + seconds(10)));
  }
}

TEST(QuotaBook, ForgetsWhoHasBeenQuiet) {
  QuotaBook book(Small());
  StreamTicket busy;
  ASSERT_FALSE(book.Stream("busy", Role::kViewer, kStart, &busy));
  for (int i = 0; i < 20'000; ++i) {
    book.Call(StrCat("client ", i), Role::kViewer, kStart + i * milliseconds(10));
  }
  EXPECT_LT(book.clients(), 6000u);
  StreamTicket second, third;
  EXPECT_FALSE(book.Stream("busy", Role::kViewer, kStart + seconds(300), &second));
  EXPECT_TRUE(book.Stream("busy", Role::kViewer, kStart + seconds(300), &third).has_value())
      << "who has a stream is remembered";
}

TEST(Quotas, AreSetByName) {
  QuotaTable table = DefaultQuotas();
  EXPECT_TRUE(SetQuota("viewer.calls=500", &table).ok());
  EXPECT_TRUE(SetQuota("worker.streams=3", &table).ok());
  EXPECT_TRUE(SetQuota("admin.bytes=1e9", &table).ok());
  EXPECT_EQ(table[static_cast<size_t>(Role::kViewer)].calls_per_second, 500);
  EXPECT_EQ(table[static_cast<size_t>(Role::kWorker)].streams, 3);
  EXPECT_EQ(table[static_cast<size_t>(Role::kAdmin)].bytes_per_second, 1e9);
  const std::pair<const char*, const char*> cases[] = {
      {"viewer", "write ROLE.LIMIT=NUMBER"},    {"boss.calls=1", "'boss' is no role"},
      {"viewer.speed=1", "no limit 'speed'"},   {"viewer.calls=0", "no number from 1"},
      {"viewer.calls=-1", "no number from 1"},  {"viewer.calls=nan", "no number from 1"},
      {"viewer.calls=12x", "no number from 1"}, {"viewer=1.calls", "write ROLE.LIMIT=NUMBER"},
  };
  for (const auto& [text, words] : cases) {
    EXPECT_THAT(std::string(SetQuota(text, &table).message()), HasSubstr(words)) << text;
  }
}

}  // namespace
}  // namespace vizsla
