#include "src/security/certificates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vizsla {
namespace {

using std::chrono::days;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Timestamp kNow = FromUnixMillis(1'800'000'000'000);
const Validity kYear = {kNow, kNow + days(365)};

TEST(Certificates, SayForWhomAndHowLong) {
  const Identity authority = MakeAuthority("test authority", kYear).value();
  const Identity server =
      IssueCertificate(authority, {"coordinator",
                                   {"localhost", "gpu1.lab", "10.0.0.7", "::1", "*.lab"},
                                   CertificateUse::kServer,
                                   {kNow, kNow + days(30)}})
          .value();
  const CertificateFacts facts = ReadCertificate(server.key_pem + server.certificate_pem).value();
  EXPECT_EQ(facts.common_name, "coordinator");
  EXPECT_THAT(facts.hosts, ElementsAre("localhost", "gpu1.lab", "10.0.0.7", "::1", "*.lab"));
  EXPECT_EQ(facts.validity.begin, kNow);
  EXPECT_EQ(facts.validity.end, kNow + days(30));
  EXPECT_TRUE(CheckKey(server.key_pem + server.certificate_pem).ok());
  const Identity other =
      IssueCertificate(authority, {"x", {}, CertificateUse::kClient, kYear}).value();
  EXPECT_EQ(CheckKey(other.key_pem + server.certificate_pem).message(),
            "its key is not its certificate's");
}

TEST(Certificates, AreCheckedAgainstAuthorityAndTime) {
  const Identity authority = MakeAuthority("one", kYear).value();
  const Identity same_name = MakeAuthority("one", kYear).value();
  const Identity client =
      IssueCertificate(authority, {"eva", {}, CertificateUse::kClient, {kNow, kNow + days(30)}})
          .value();
  const auto check = [&](const Identity& by, Timestamp now) {
    return CheckCertificate(client.certificate_pem, by.certificate_pem, "x/ca.crt", now);
  };
  EXPECT_TRUE(check(authority, kNow + days(1)).ok());
  EXPECT_EQ(check(authority, kNow + days(31)).message(), "it expired on 2027-02-14 08:00 UTC");
  EXPECT_THAT(std::string(check(authority, kNow - days(1)).message()),
              HasSubstr("valid only from 2027-01-15 08:00 UTC"));
  EXPECT_EQ(check(same_name, kNow + days(1)).message(), "it is not signed by x/ca.crt");
}

TEST(Certificates, HostsThatAreNoneAreRefused) {
  const Identity authority = MakeAuthority("one", kYear).value();
  for (const char* host : {"", "a b", "a,DNS:evil.org", "http://a", "-a", "a..b", "a/b", "*"}) {
    const auto made =
        IssueCertificate(authority, {"coordinator", {host}, CertificateUse::kServer, kYear});
    EXPECT_EQ(made.status().code(), absl::StatusCode::kInvalidArgument) << host;
  }
}

TEST(Certificates, WhatIsNoPemIsSaid) {
  EXPECT_EQ(ReadCertificate("nonsense").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(
      IssueCertificate({"no key", "no certificate"}, {"x", {}, CertificateUse::kClient, kYear})
          .status()
          .code(),
      absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace vizsla
