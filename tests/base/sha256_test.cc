#include "src/base/sha256.h"

#include <gtest/gtest.h>

#include "src/base/file.h"

namespace vizsla {
namespace {

// FIPS 180-4's examples (NIST's SHA_All.pdf and the empty message).
TEST(Sha256, MatchesThePublishedVectors) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Sha256Hex(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesMakeTheSameHash) {
  Sha256 hash;
  hash.Update("a");
  hash.Update("");
  hash.Update("bc");
  EXPECT_EQ(hash.FinishHex(), Sha256Hex("abc"));
}

TEST(Sha256, OfAFile) {
  const auto folder = TemporaryDirectory::Create();
  ASSERT_TRUE(folder.ok());
  const std::string path = folder->path() + "/file";
  const std::string bytes(3 * 1024 * 1024 + 17, 'x');  // several buffers and a rest
  ASSERT_TRUE(WriteFileAtomically(path, bytes).ok());
  const auto hash = Sha256HexOfFile(path);
  ASSERT_TRUE(hash.ok());
  EXPECT_EQ(*hash, Sha256Hex(bytes));
  const auto missing = Sha256HexOfFile(path + "-missing");
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(missing.status().ToString().find("-missing"), std::string::npos);
}

TEST(Sha256, OnlyWholeLowerCaseHexIsAName) {
  const std::string good = Sha256Hex("x");
  EXPECT_TRUE(IsSha256Hex(good));
  EXPECT_FALSE(IsSha256Hex(good.substr(1)));
  EXPECT_FALSE(IsSha256Hex(good + "0"));
  EXPECT_FALSE(IsSha256Hex("../" + good.substr(3)));
  std::string upper = good;
  upper[0] = 'A';
  EXPECT_FALSE(IsSha256Hex(upper));
  EXPECT_FALSE(IsSha256Hex(""));
}

}  // namespace
}  // namespace vizsla
