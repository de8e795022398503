#include "src/security/credentials_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "src/base/file.h"
#include "src/security/private_file.h"
#include "src/security/token_file.h"

namespace vizsla {
namespace {

namespace fs = std::filesystem;
using std::chrono::days;
using std::chrono::seconds;
using ::testing::HasSubstr;

class CredentialsFolderTest : public ::testing::Test {
 protected:
  CredentialsFolderTest()
      : folder_(TemporaryDirectory::Create("vizsla-secrets").value()),
        secrets_(folder_.path() + "/secrets") {}
  void Init() {
    InitOptions options;
    options.folder = secrets_;
    options.hosts = {"gpu1.lab"};
    ASSERT_TRUE(InitCredentials(options, now_).ok());
  }

  const Timestamp now_ = SystemClock().Now();
  TemporaryDirectory folder_;
  const std::string secrets_;
};

TEST_F(CredentialsFolderTest, EverythingIsClosedToOthers) {
  const mode_t before = ::umask(0);  // the worst one
  Init();
  ::umask(before);
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
    struct stat info {};
    ASSERT_EQ(::stat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, entry.is_directory() ? 0700u : 0600u) << entry.path();
    files += entry.is_directory() ? 0 : 1;
  }
  EXPECT_EQ(files, 2 + 3 + 3 * 3);
}

TEST_F(CredentialsFolderTest, WhatInitMadeFitsTogether) {
  Init();
  const ServerCredentialFiles files = FindServerCredentials(secrets_, now_).value();
  EXPECT_THAT(files.certificate.hosts,
              ::testing::ElementsAre("localhost", "127.0.0.1", "::1", "gpu1.lab"));
  EXPECT_EQ(FindServerCredentials(secrets_ + "/coordinator", now_).value().tokens_path,
            files.tokens_path);
  const TokenTable table = ReadTokens(files.tokens_path).value();
  for (const char* role : {"admin", "worker", "viewer"}) {
    const ClientCredentials client = LoadClientCredentials(secrets_ + "/" + role, now_).value();
    ASSERT_NE(table.Find(client.token), nullptr);
    EXPECT_EQ(ToText(table.Find(client.token)->role), role);
  }
}

TEST_F(CredentialsFolderTest, NothingIsOverwritten) {
  Init();
  const std::string token = ReadFile(secrets_ + "/admin/token").value();
  InitOptions options;
  options.folder = secrets_;
  EXPECT_EQ(InitCredentials(options, now_).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(IssueClient(secrets_, {"admin", Role::kAdmin}, days(1), now_).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(IssueClient(secrets_, {"ca", Role::kAdmin}, days(1), now_).code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(CreatePrivateFile(secrets_ + "/admin/token", "x").code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ReadFile(secrets_ + "/admin/token").value(), token);
}

TEST_F(CredentialsFolderTest, FilesThatOthersCanReadAreRefused) {
  Init();
  for (const char* file : {"/viewer/token", "/viewer/identity.pem"}) {
    for (const mode_t mode : {0640u, 0604u, 0620u}) {
      ASSERT_EQ(::chmod((secrets_ + file).c_str(), mode), 0);
      const auto loaded = LoadClientCredentials(secrets_ + "/viewer", now_);
      EXPECT_EQ(loaded.status().code(), absl::StatusCode::kPermissionDenied);
      EXPECT_THAT(std::string(loaded.status().message()),
                  HasSubstr("chmod 600 " + secrets_ + file));
    }
    ASSERT_EQ(::chmod((secrets_ + file).c_str(), 0600), 0);
  }
  EXPECT_TRUE(LoadClientCredentials(secrets_ + "/viewer", now_).ok());
  ASSERT_EQ(::chmod((secrets_ + "/coordinator/tokens").c_str(), 0644), 0);
  EXPECT_EQ(ReadTokens(secrets_ + "/coordinator/tokens").status().code(),
            absl::StatusCode::kPermissionDenied);
  ASSERT_EQ(::chmod((secrets_ + "/coordinator/identity.pem").c_str(), 0644), 0);
  EXPECT_EQ(FindServerCredentials(secrets_, now_).status().code(),
            absl::StatusCode::kPermissionDenied);
}

TEST_F(CredentialsFolderTest, ExpiryAndWrongFoldersAreSaid) {
  Init();
  const auto expired = LoadClientCredentials(secrets_ + "/viewer", now_ + days(900));
  EXPECT_THAT(std::string(expired.status().message()),
              HasSubstr("/viewer/identity.pem cannot be used: it expired on "));
  EXPECT_THAT(std::string(FindServerCredentials(secrets_, now_ + days(900)).status().message()),
              HasSubstr("it expired on "));
  EXPECT_THAT(std::string(LoadClientCredentials(secrets_, now_).status().message()),
              HasSubstr("is the coordinator's; name a client's folder, for instance " + secrets_ +
                        "/viewer"));
  EXPECT_EQ(LoadClientCredentials(folder_.path() + "/none", now_).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(CredentialsFolderTest, IssuedTokensAreTakenAndTakenBackWhileTheFileIsInUse) {
  Init();
  const std::string path = secrets_ + "/coordinator/tokens";
  const auto file = TokenFile::Open(path, seconds(2)).value();
  auto now = std::chrono::steady_clock::now();
  const std::string before = ReadFile(path).value();
  ASSERT_TRUE(IssueClient(secrets_, {"eva", Role::kViewer}, days(30), now_).ok());
  const std::string eva = LoadClientCredentials(secrets_ + "/eva", now_).value().token;
  const auto found = file->Find(eva, now);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->name, "eva");
  EXPECT_EQ(found->role, Role::kViewer);
  ASSERT_TRUE(ReplacePrivateFile(path, before).ok());
  EXPECT_TRUE(file->Find(eva, now + seconds(1)).has_value()) << "it looks every two seconds";
  EXPECT_FALSE(file->Find(eva, now + seconds(3)).has_value());
  // A broken file takes nobody's token away.
  const std::string admin = LoadClientCredentials(secrets_ + "/admin", now_).value().token;
  ASSERT_TRUE(ReplacePrivateFile(path, "nonsense\n").ok());
  EXPECT_TRUE(file->Find(admin, now + seconds(6)).has_value());
}

TEST_F(CredentialsFolderTest, ARenewedCertificateKeepsItsHostsAndGetsMore) {
  Init();
  const std::string old = ReadFile(secrets_ + "/coordinator/identity.pem").value();
  ASSERT_TRUE(RenewServer(secrets_, {"gpu2.lab"}, days(10), now_ + days(1)).ok());
  EXPECT_NE(ReadFile(secrets_ + "/coordinator/identity.pem").value(), old);
  const ServerCredentialFiles files = FindServerCredentials(secrets_, now_ + days(1)).value();
  EXPECT_THAT(files.certificate.hosts, ::testing::Contains("gpu1.lab"));
  EXPECT_THAT(files.certificate.hosts, ::testing::Contains("gpu2.lab"));
  EXPECT_LT(files.certificate.validity.end, now_ + days(12));
  // Its authority lasts ten years, and nothing outlives it.
  ASSERT_TRUE(RenewServer(secrets_, {}, days(3000), now_ + days(3000)).ok());
  EXPECT_LE(FindServerCredentials(secrets_, now_ + days(3001)).value().certificate.validity.end,
            now_ + days(3650));
  EXPECT_EQ(RenewServer(secrets_, {}, days(30), now_ + days(3651)).code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace vizsla
