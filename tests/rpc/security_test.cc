// TLS, tokens, roles and quotas over real sockets: who is let in, and what the others are told.
#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/impl/client_unary_call.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "src/base/check.h"
#include "src/rpc/client_security.h"
#include "src/rpc/convert.h"
#include "src/security/private_file.h"
#include "tests/rpc/secure_server.h"

namespace vizsla {
namespace {

using std::chrono::days;
using std::chrono::milliseconds;
using testing::Hash;
using ::testing::HasSubstr;
using testing::SecureServer;

std::string Text(const absl::Status& status) { return std::string(status.message()); }

class SecurityTest : public ::testing::Test {
 protected:
  void Start() { ASSERT_EQ(server_.TryStart(), absl::OkStatus()); }
  // A further client of this coordinator's authority, or of what `authority` says.
  void WriteClient(const std::string& name, const Identity& authority, const Validity& validity,
                   const std::string& token) {
    const std::string folder = server_.folder_of(name);
    const Identity made =
        IssueCertificate(authority, {name, {}, CertificateUse::kClient, validity}).value();
    ASSERT_TRUE(CreatePrivateFolder(folder).ok());
    ASSERT_TRUE(CreatePrivateFile(folder + "/ca.crt", authority.certificate_pem).ok());
    ASSERT_TRUE(
        CreatePrivateFile(folder + "/identity.pem", made.key_pem + made.certificate_pem).ok());
    ASSERT_TRUE(CreatePrivateFile(folder + "/token", token + "\n").ok());
  }
  Identity Authority() const {
    return {ReadFile(server_.secrets() + "/ca/ca.key").value(),
            ReadFile(server_.secrets() + "/ca/ca.crt").value()};
  }
  std::string Token(const std::string& name) const {
    return LoadClientCredentials(server_.folder_of(name), now_).value().token;
  }

  const Timestamp now_ = SystemClock().Now();
  SecureServer server_;
};

TEST_F(SecurityTest, EachRoleDoesWhatItMay) {
  Start();
  const auto viewer = server_.Connect("viewer");
  const auto worker = server_.Connect("worker");
  const auto admin = server_.Connect("admin");
  ASSERT_TRUE(viewer.ok()) << viewer.status();
  ASSERT_TRUE(worker.ok()) << worker.status();
  ASSERT_TRUE(admin.ok()) << admin.status();

  EXPECT_TRUE((*viewer)->GetLeaderboard({}).ok());
  EXPECT_TRUE((*worker)->GetLeaderboard({}).ok());
  const WorkerInfo info{"w:1/0", 1, {Hash("data")}, {}, ""};
  EXPECT_TRUE((*worker)->RegisterWorker(ToProto(info)).ok());
  const std::string hash = (*worker)->UploadBytes("weights").value();
  EXPECT_EQ((*viewer)->DownloadBytes(hash).value(), "weights");
  v1::DeleteStudyRequest remove;
  remove.set_name("dogs");
  EXPECT_TRUE((*admin)->DeleteStudy(remove).ok());

  const absl::Status registering = (*viewer)->RegisterWorker(ToProto(info)).status();
  EXPECT_EQ(registering.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Text(registering),
            "RegisterWorker needs a worker's or an admin's token, and 'viewer' is a viewer's");
  const absl::Status stopping = (*viewer)->StopStudy({}).status();
  EXPECT_EQ(Text(stopping), "StopStudy needs an admin's token, and 'viewer' is a viewer's");
  EXPECT_EQ((*viewer)->UploadBytes("other").status().code(), absl::StatusCode::kPermissionDenied);
  const absl::Status deleting = (*worker)->DeleteStudy(remove).status();
  EXPECT_EQ(deleting.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Text(deleting), "DeleteStudy needs an admin's token, and 'worker' is a worker's");
  // What was refused never reached the scheduler.
  const auto calls = server_.scheduler().calls();
  EXPECT_EQ(std::count(calls.begin(), calls.end(), "RegisterWorker w:1/0"), 1);
  EXPECT_EQ(std::count(calls.begin(), calls.end(), "DeleteStudy dogs"), 1);
}

TEST_F(SecurityTest, AWrongTokenIsRefused) {
  WriteClient("stranger", Authority(), {now_ - days(1), now_ + days(1)}, GenerateToken());
  Start();
  const absl::Status status = server_.Connect("stranger").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(Text(status), HasSubstr("does not know this token"));
  EXPECT_THAT(Text(status), HasSubstr(server_.folder_of("stranger") + "/token"));
  EXPECT_TRUE(server_.scheduler().calls().empty());
}

TEST_F(SecurityTest, ACertificateOfAnotherAuthorityIsRefusedOnBothSides) {
  const Identity other =
      MakeAuthority("vizsla certificate authority", {now_ - days(1), now_ + days(9)}).value();
  WriteClient("stranger", other, {now_ - days(1), now_ + days(1)}, Token("admin"));
  Start();
  // It trusts the other authority: the coordinator's certificate is refused by the client.
  const absl::Status untrusted = server_.Connect("stranger").status();
  EXPECT_EQ(untrusted.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Text(untrusted),
              HasSubstr("the certificate of the coordinator at " + server_.address() +
                        " is not signed by " + server_.folder_of("stranger") + "/ca.crt"));
  // With the right authority's file its own certificate no longer fits: found before any
  // connection.
  ASSERT_TRUE(
      ReplacePrivateFile(server_.folder_of("stranger") + "/ca.crt", Authority().certificate_pem)
          .ok());
  EXPECT_THAT(Text(server_.Connect("stranger").status()),
              HasSubstr("cannot be used: it is not signed by"));
}

TEST_F(SecurityTest, AnExpiredCoordinatorsCertificateIsNamed) {
  Start();
  const std::string path = server_.secrets() + "/coordinator/identity.pem";
  const Identity expired = IssueCertificate(Authority(), {"coordinator",
                                                          {"localhost", "127.0.0.1"},
                                                          CertificateUse::kServer,
                                                          {now_ - days(20), now_ - days(2)}})
                               .value();
  ASSERT_TRUE(ReplacePrivateFile(path, expired.key_pem + expired.certificate_pem).ok());
  // The running coordinator reads it again by itself: this also shows that a renewal is taken.
  absl::Status status;
  for (int i = 0; i < 200; ++i) {
    status = server_.Connect("viewer").status();
    if (!status.ok()) break;
    std::this_thread::sleep_for(milliseconds(100));
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Text(status), HasSubstr("the certificate of the coordinator at " + server_.address() +
                                      " expired on " + DateText(now_ - days(2))));
  // And one that starts with it says so.
  EXPECT_THAT(Text(server_.TryStart()), HasSubstr("cannot be used: it expired on"));
}

TEST_F(SecurityTest, AnExpiredClientsCertificateIsNamedAndRefused) {
  WriteClient("late", Authority(), {now_ - days(20), now_ - days(2)}, Token("admin"));
  Start();
  EXPECT_THAT(Text(server_.Connect("late").status()),
              HasSubstr("/late/identity.pem cannot be used: it expired on"));
  // A client that does not look at its own certificate: the coordinator does.
  grpc::SslCredentialsOptions options;
  const std::string identity = ReadFile(server_.folder_of("late") + "/identity.pem").value();
  options.pem_root_certs = Authority().certificate_pem;
  options.pem_private_key = identity;
  options.pem_cert_chain = identity;
  const auto client = CoordinatorClient::Connect(
      grpc::CreateChannel(server_.address(), grpc::SslCredentials(options)), "there");
  EXPECT_EQ(client.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(server_.scheduler().calls().empty());
}

TEST_F(SecurityTest, WithoutAClientCertificateOnlyWhereThatIsAllowed) {
  Start();
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = Authority().certificate_pem;
  const auto connect = [&] {
    return grpc::CreateChannel(server_.address(), grpc::SslCredentials(options));
  };
  EXPECT_EQ(CoordinatorClient::Connect(connect(), "there").status().code(),
            absl::StatusCode::kUnavailable);
  server_.options().security.client_certificates = false;
  Start();
  const absl::Status no_token = CoordinatorClient::Connect(connect(), "there").status();
  EXPECT_EQ(no_token.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(Text(no_token), HasSubstr("this coordinator wants a token"));
  // By hand, as a program of another language would.
  const auto stub = v1::StudyService::NewStub(connect());
  grpc::ClientContext context;
  context.AddMetadata("authorization", "Bearer " + Token("viewer"));
  v1::GetLeaderboardResponse board;
  const grpc::Status called = stub->GetLeaderboard(&context, {}, &board);
  EXPECT_TRUE(called.ok()) << called.error_message();
}

TEST_F(SecurityTest, ARefusedClientCertificateIsDiagnosed) {
  // The client believes in both: its own authority signed it, and the coordinator does not know
  // that.
  const Identity other = MakeAuthority("other", {now_ - days(1), now_ + days(9)}).value();
  WriteClient("stranger", other, {now_ - days(1), now_ + days(1)}, Token("admin"));
  Start();
  const std::string coordinators = Authority().certificate_pem;
  ASSERT_TRUE(ReplacePrivateFile(server_.folder_of("stranger") + "/ca.crt",
                                 coordinators + other.certificate_pem)
                  .ok());
  EXPECT_FALSE(server_.Connect("stranger").ok());
  const ClientCredentials given{server_.folder_of("stranger"), "ca.crt", coordinators,
                                ReadFile(server_.folder_of("stranger") + "/identity.pem").value(),
                                Token("admin")};
  const absl::Status status = DiagnoseConnection(server_.address(), &given);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(Text(status), HasSubstr("does not accept the client certificate in " +
                                      server_.folder_of("stranger") + "/identity.pem"));
}

TEST_F(SecurityTest, AHostThatTheCertificateDoesNotNameIsSaid) {
  server_.options().listen = "127.0.0.2:0";
  Start();
  const absl::Status status = server_.Connect("viewer").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Text(status), HasSubstr("is for localhost, 127.0.0.1, ::1, not for 127.0.0.2"));
}

TEST_F(SecurityTest, PlainTextAndTlsTellEachOtherApart) {
  Start();
  const absl::Status plain = CoordinatorClient::Connect(server_.address()).status();
  EXPECT_EQ(plain.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(Text(plain), HasSubstr("wants TLS and a token: name the folder with your credentials "
                                     "by --credentials or VIZSLA_CREDENTIALS"));
  ClientOptions patient;
  patient.patience = std::chrono::seconds(60);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(CoordinatorClient::Connect(server_.address(), patient).ok());
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30))
      << "patience mends no credentials";
  server_.options().security.credentials.clear();
  Start();
  const absl::Status secure = server_.Connect("viewer").status();
  EXPECT_EQ(secure.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Text(secure), HasSubstr("does not speak TLS"));
}

TEST_F(SecurityTest, InProcessIsTrustedAndHasNoQuota) {
  server_.options().security.quotas[static_cast<size_t>(Role::kAdmin)] = {1, 1, 1};
  Start();
  const auto client =
      CoordinatorClient::Connect(server_.server().InProcessChannel(), "in process").value();
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(client->StopStudy({}).ok());
}

TEST_F(SecurityTest, UnknownCallsNeedATokenTooAndDoNotExist) {
  server_.options().security.client_certificates = false;
  Start();
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = Authority().certificate_pem;
  const auto channel = grpc::CreateChannel(server_.address(), grpc::SslCredentials(options));
  const auto call = [&](const std::string& token) {
    grpc::ClientContext context;
    if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
    v1::HandshakeResponse answer;
    return grpc::internal::BlockingUnaryCall<v1::HandshakeRequest, v1::HandshakeResponse>(
        channel.get(),
        grpc::internal::RpcMethod("/vizsla.v1.StudyService/DropEverything",
                                  grpc::internal::RpcMethod::NORMAL_RPC, channel),
        &context, v1::HandshakeRequest(), &answer);
  };
  EXPECT_EQ(call("").error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(call(Token("admin")).error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

// --- Quotas -------------------------------------------------------------------------------------

class QuotaTest : public SecurityTest {
 protected:
  QuotaTest() {
    server_.options().security.now = [this] { return time_.load(); };
    server_.options().security.quotas[static_cast<size_t>(Role::kViewer)] = {2, 1, 100};
  }
  std::atomic<std::chrono::steady_clock::time_point> time_{std::chrono::steady_clock::now()};
};

TEST_F(QuotaTest, TooManyCallsAreRefusedWithAHintAndOthersGoOn) {
  Start();
  const auto viewer = server_.Connect("viewer").value();  // one of ten calls is the handshake
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(viewer->GetLeaderboard({}).ok()) << i;
  const absl::Status status = viewer->GetLeaderboard({}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(Text(status),
              HasSubstr("too many calls by viewer 'viewer' at 127.0.0.1: it may make 2 calls a "
                        "second; try again in 501 ms"));
  EXPECT_TRUE(server_.Connect("worker").value()->GetLeaderboard({}).ok());
  time_ = time_.load() + milliseconds(501);
  EXPECT_TRUE(viewer->GetLeaderboard({}).ok());
}

TEST_F(QuotaTest, APatientClientWaitsForItsQuota) {
  Start();
  ClientOptions options;
  options.credentials = server_.folder_of("viewer");
  options.patience = std::chrono::seconds(30);
  const auto viewer = CoordinatorClient::Connect(server_.address(), options).value();
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(viewer->GetLeaderboard({}).ok());
  std::thread later([&] {
    std::this_thread::sleep_for(milliseconds(300));
    time_ = time_.load() + std::chrono::seconds(1);
  });
  EXPECT_EQ(viewer->GetLeaderboard({}).status(), absl::OkStatus());
  later.join();
}

TEST_F(QuotaTest, StreamsAndBytesAreCounted) {
  Start();
  const std::string large =
      server_.Connect("worker").value()->UploadBytes(std::string(9000, 'x')).value();
  const auto viewer = server_.Connect("viewer").value();
  EXPECT_TRUE(viewer->DownloadBytes(large).ok()) << "a large file passes once";
  const absl::Status more = viewer->DownloadBytes(large).status();
  EXPECT_EQ(more.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(Text(more), HasSubstr("it may move 100 bytes a second; try again in "));
  time_ = time_.load() + std::chrono::seconds(100);
  // A watch holds the one stream.
  absl::Status second;
  ASSERT_TRUE(viewer
                  ->WatchLeaderboard({},
                                     [&](const v1::Leaderboard&) {
                                       second = viewer->WatchLeaderboard(
                                           {}, [](const v1::Leaderboard&) { return false; });
                                       return false;
                                     })
                  .ok());
  EXPECT_EQ(second.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(Text(second), HasSubstr("it may have 1 uploads, downloads and watches at once"));
}

}  // namespace
}  // namespace vizsla
