#include "src/security/tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "src/base/sha256.h"

namespace vizsla {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Tokens, AreLongRandomAndReadBack) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string token = GenerateToken();
    EXPECT_EQ(token.size(), 7u + 64u);
    EXPECT_TRUE(seen.insert(token).second);
    EXPECT_EQ(ParseToken(" " + token + "\r\n").value(), token);
  }
}

TEST(Tokens, WhatIsNoneIsRefusedWithoutBeingRepeated) {
  const std::string token = GenerateToken();
  for (const std::string& text :
       {std::string(), std::string(" \n"), token + "0", token.substr(1), token + "\n" + token,
        "vizsla-" + std::string(64, 'G'), std::string("my password")}) {
    const auto parsed = ParseToken(text);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(parsed.status().message()), Not(HasSubstr("my password")));
  }
}

TEST(TokenTable, KnowsWhoHasWhichToken) {
  const std::string eva = GenerateToken();
  const std::string gpu = GenerateToken();
  const std::string text = "# people\n\n" + TokenLine({"eva", Role::kViewer}, eva) +
                           TokenLine({"gpu-7.lab", Role::kWorker}, gpu);
  EXPECT_THAT(text, Not(HasSubstr(eva)));  // only its hash is stored
  const TokenTable table = TokenTable::Parse(text, "tokens").value();
  ASSERT_EQ(table.size(), 2u);
  ASSERT_NE(table.Find(eva), nullptr);
  EXPECT_EQ(table.Find(eva)->name, "eva");
  EXPECT_EQ(table.Find(eva)->role, Role::kViewer);
  EXPECT_EQ(table.Find(gpu)->role, Role::kWorker);
  std::string almost = gpu;
  almost.back() = almost.back() == '0' ? '1' : '0';
  EXPECT_EQ(table.Find(almost), nullptr);
  EXPECT_EQ(table.Find(""), nullptr);
  EXPECT_EQ(table.Find(Sha256Hex(gpu)), nullptr) << "what the file says opens nothing";
}

TEST(TokenTable, ErrorsNameFileAndLine) {
  const std::string hash(64, 'a');
  const std::pair<std::string, const char*> cases[] = {
      {"eva viewer\n", "line 1: a line is NAME ROLE"},
      {"\neva viewer " + hash.substr(1) + "\n", "line 2: a line is NAME ROLE"},
      {"eva boss " + hash + "\n", "line 1: 'boss' is no role"},
      {"../eva viewer " + hash + "\n", "line 1: name '../eva'"},
      {"eva viewer " + hash + "\neva admin " + std::string(64, 'b') + "\n",
       "line 2: 'eva' has a line already"},
      {"eva viewer " + hash + "\nana admin " + hash + "\n", "line 2: this token has a line"},
  };
  for (const auto& [text, words] : cases) {
    const auto table = TokenTable::Parse(text, "DIR/tokens");
    EXPECT_EQ(table.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(table.status().message()), HasSubstr("DIR/tokens: "));
    EXPECT_THAT(std::string(table.status().message()), HasSubstr(words));
  }
}

TEST(ClientNames, AreFolderNamesThatStayInTheFolder) {
  for (const char* name : {"eva", "gpu-7.lab", "7", "A_b"}) EXPECT_TRUE(CheckClientName(name).ok());
  for (const char* name : {"", ".", "..", "a/b", "/a", "-x", "a b", "a\n", "ü"}) {
    EXPECT_FALSE(CheckClientName(name).ok()) << name;
  }
  EXPECT_FALSE(CheckClientName(std::string(65, 'a')).ok());
}

}  // namespace
}  // namespace vizsla
