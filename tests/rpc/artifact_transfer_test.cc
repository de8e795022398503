// Checkpoints over the wire: whole, verified, in pieces; what is damaged or cut off leaves nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "src/base/sha256.h"
#include "tests/rpc/test_server.h"

namespace vizsla {
namespace {

using testing::Hash;
using ::testing::HasSubstr;
using testing::TestServer;

int CountFiles(const std::string& folder) {
  int count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) ++count;
  }
  return count;
}

// Pseudo-random, so that every piece differs.
std::string Noise(size_t size) {
  std::string bytes(size, '\0');
  uint64_t state = 88172645463325252u;
  for (char& byte : bytes) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<char>(state);
  }
  return bytes;
}

// The most memory this process ever had, in MiB.
int64_t PeakMiB() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

class ArtifactTest : public ::testing::Test {
 protected:
  ArtifactTest()
      : client_(server_.Connect()),
        stub_(v1::ArtifactService::NewStub(server_.server->InProcessChannel())) {}

  // Sends the pieces as they are, whatever the client would say of them.
  grpc::Status SendRaw(const std::string& hash, uint64_t size,
                       const std::vector<std::string>& pieces) {
    grpc::ClientContext context;
    v1::UploadArtifactResponse response;
    const auto writer = stub_->UploadArtifact(&context, &response);
    v1::UploadArtifactRequest request;
    request.set_sha256(hash);
    request.set_size(size);
    for (const std::string& piece : pieces) {
      request.set_chunk(piece);
      if (!writer->Write(request)) break;
      request.Clear();
    }
    writer->WritesDone();
    return writer->Finish();
  }
  int StoredFiles() { return CountFiles(server_.artifact_folder()); }
  // The only artifact's file.
  std::string StoredFile() {
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(server_.artifact_folder())) {
      if (IsSha256Hex(entry.path().filename().string())) return entry.path().string();
    }
    ADD_FAILURE() << "nothing is stored";
    return "";
  }

  TestServer server_;
  std::unique_ptr<CoordinatorClient> client_;
  std::unique_ptr<v1::ArtifactService::StubInterface> stub_;
};

TEST_F(ArtifactTest, BytesOfManySizesComeBackWhole) {
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{1} << 20, (size_t{1} << 20) + 1, size_t{3'000'000}}) {
    const std::string bytes = Noise(size);
    const auto hash = client_->UploadBytes(bytes);
    ASSERT_TRUE(hash.ok()) << hash.status();
    EXPECT_EQ(*hash, Sha256Hex(bytes));
    const auto back = client_->DownloadBytes(*hash);
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_TRUE(*back == bytes) << size;
  }
}

TEST_F(ArtifactTest, FilesComeBackWholeWithProgress) {
  const std::string path = server_.folder.path() + "/in";
  const std::string bytes = Noise(2'500'000);
  ASSERT_TRUE(WriteFileAtomically(path, bytes).ok());
  uint64_t sent = 0;
  int steps = 0;
  const auto hash = client_->UploadFile(path, [&](uint64_t done, uint64_t total) {
    EXPECT_EQ(total, bytes.size());
    EXPECT_GT(done, sent);
    sent = done;
    ++steps;
  });
  ASSERT_TRUE(hash.ok()) << hash.status();
  EXPECT_EQ(sent, bytes.size());
  EXPECT_EQ(steps, 3);
  const std::string out = server_.folder.path() + "/out";
  ASSERT_TRUE(client_->DownloadFile(*hash, out).ok());
  EXPECT_TRUE(ReadFile(out).value() == bytes);
}

TEST_F(ArtifactTest, WhatIsThereIsNotSentAgain) {
  const std::string bytes = Noise(100'000);
  const std::string hash = client_->UploadBytes(bytes).value();
  const int files = StoredFiles();
  EXPECT_EQ(client_->UploadBytes(bytes).value(), hash);
  EXPECT_EQ(StoredFiles(), files);
  EXPECT_EQ(SendRaw(hash, bytes.size(), {bytes}).error_code(), grpc::StatusCode::ALREADY_EXISTS);
}

TEST_F(ArtifactTest, ATruncatedArtifactIsReplaced) {
  const std::string bytes = Noise(100'000);
  const std::string hash = client_->UploadBytes(bytes).value();
  const std::string stored = StoredFile();
  std::filesystem::resize_file(stored, 40'000);
  EXPECT_EQ(client_->UploadBytes(bytes).value(), hash);
  EXPECT_TRUE(ReadFile(stored).value() == bytes);
  // The server's own part, without the client's question beforehand.
  std::filesystem::resize_file(stored, 0);
  EXPECT_TRUE(SendRaw(hash, bytes.size(), {bytes}).ok());
  EXPECT_TRUE(ReadFile(stored).value() == bytes);
  // A promise of another size takes nothing away.
  EXPECT_EQ(SendRaw(hash, 3, {"abc"}).error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_TRUE(client_->DownloadBytes(hash).value() == bytes);
}

TEST_F(ArtifactTest, ACorruptedUploadIsDataLossAndLeavesNothing) {
  std::string bytes = Noise(3'000'000);
  const std::string hash = Sha256Hex(bytes);
  bytes[2'345'678] ^= 1;
  std::vector<std::string> pieces;
  for (size_t i = 0; i < bytes.size(); i += 1 << 20) pieces.push_back(bytes.substr(i, 1 << 20));
  const grpc::Status status = SendRaw(hash, bytes.size(), pieces);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DATA_LOSS) << status.error_message();
  EXPECT_EQ(StoredFiles(), 0);
  EXPECT_EQ(client_->DownloadBytes(hash).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ArtifactTest, AWrongSizeIsDataLossAndLeavesNothing) {
  const std::string bytes = Noise(1000);
  const grpc::Status fewer = SendRaw(Sha256Hex(bytes), 1001, {bytes});
  EXPECT_EQ(fewer.error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_THAT(fewer.error_message(), HasSubstr("1001 bytes were promised, 1000 came"));
  const grpc::Status more = SendRaw(Sha256Hex(bytes), 999, {bytes});
  EXPECT_EQ(more.error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_THAT(more.error_message(), HasSubstr("999 bytes were promised, 1000 came"));
  EXPECT_EQ(StoredFiles(), 0);
}

TEST_F(ArtifactTest, NamesThatAreNoHashesAreRefused) {
  for (const std::string& name :
       {std::string("../../etc/passwd"), std::string(), std::string(64, 'A'), std::string(63, 'a'),
        std::string(64, 'a') + "/..", std::string(62, 'a') + ".."}) {
    EXPECT_EQ(SendRaw(name, 3, {"abc"}).error_code(), grpc::StatusCode::INVALID_ARGUMENT) << name;
    EXPECT_EQ(client_->DownloadBytes(name).status().code(), absl::StatusCode::kInvalidArgument)
        << name;
    grpc::ClientContext context;
    v1::DownloadArtifactRequest request;
    request.set_sha256(name);
    const auto reader = stub_->DownloadArtifact(&context, request);
    v1::DownloadArtifactResponse response;
    EXPECT_FALSE(reader->Read(&response));
    EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT) << name;
  }
  EXPECT_EQ(SendRaw("../../etc/passwd", 3, {"abc"}).error_message(),
            "sha256: '../../etc/passwd' is no SHA-256 (64 lower-case hexadecimal digits)");
  EXPECT_EQ(StoredFiles(), 0);
}

TEST_F(ArtifactTest, PiecesAboveAMebibyteAndEmptyStreamsAreRefused) {
  const std::string bytes = Noise((1 << 20) + 1);
  EXPECT_EQ(SendRaw(Sha256Hex(bytes), bytes.size(), {bytes}).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(SendRaw(Hash("x"), 1, {}).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(StoredFiles(), 0);
}

TEST_F(ArtifactTest, AClientThatDiesInMidUploadLeavesNothing) {
  const std::string bytes = Noise(3 << 20);
  {
    grpc::ClientContext context;
    v1::UploadArtifactResponse response;
    const auto writer = stub_->UploadArtifact(&context, &response);
    v1::UploadArtifactRequest request;
    request.set_sha256(Sha256Hex(bytes));
    request.set_size(bytes.size());
    request.set_chunk(bytes.substr(0, 1 << 20));
    ASSERT_TRUE(writer->Write(request));
    for (int i = 0; i < 100 && StoredFiles() == 0; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    EXPECT_EQ(StoredFiles(), 1);  // the temporary file
    context.TryCancel();
    writer->Finish();
  }
  for (int i = 0; i < 100 && StoredFiles() != 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(StoredFiles(), 0);
  // And the same artifact can be uploaded afterwards.
  EXPECT_EQ(client_->UploadBytes(bytes).value(), Sha256Hex(bytes));
}

TEST_F(ArtifactTest, ADamagedArtifactIsNoticedByTheClient) {
  const std::string bytes = Noise(200'000);
  const std::string hash = client_->UploadBytes(bytes).value();
  const std::string stored = StoredFile();
  std::filesystem::permissions(stored, std::filesystem::perms::owner_write,
                               std::filesystem::perm_options::add);
  std::fstream file(stored, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(123'456);
  file.put(static_cast<char>(bytes[123'456] ^ 1));
  file.close();
  EXPECT_EQ(client_->DownloadBytes(hash).status(),
            absl::DataLossError("artifact " + hash + " arrived damaged"));
  const std::string out = server_.folder.path() + "/out";
  EXPECT_EQ(client_->DownloadFile(hash, out).code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(std::filesystem::exists(out));
}

TEST_F(ArtifactTest, AFullDiskIsASentenceAndLeavesNothing) {
  // A limit on the size of files fails a write as a full disk does.
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 2 << 20;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string bytes = Noise(5 << 20);
  const absl::Status status = client_->UploadBytes(bytes).status();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("artifact " + Sha256Hex(bytes)));
  EXPECT_EQ(StoredFiles(), 0);
  EXPECT_TRUE(client_->UploadBytes(bytes).ok());
}

TEST_F(ArtifactTest, AMissingArtifactIsNotFound) {
  const auto status = client_->DownloadBytes(Hash("nothing")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("has no artifact " + Hash("nothing")));
}

TEST_F(ArtifactTest, AMissingFileIsNamed) {
  const auto status = client_->UploadFile("/nowhere/w.safetensors").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/nowhere/w.safetensors"));
}

TEST_F(ArtifactTest, ManyUploadsOfTheSameBytesAtOnceAllSucceed) {
  const std::string bytes = Noise(2'000'000);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const auto hash = client_->UploadBytes(bytes);
      EXPECT_TRUE(hash.ok()) << hash.status();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(StoredFiles(), 1);
}

TEST_F(ArtifactTest, AHundredMegabytesMoveInLittleMemory) {
  const std::string path = server_.folder.path() + "/large";
  {
    // 100 MB, written in pieces so that the file itself does not count.
    auto writer = AtomicFileWriter::Create(path).value();
    const std::string piece = Noise(1'000'000);
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(writer->Append(std::to_string(i) + piece).ok());
    ASSERT_TRUE(writer->Commit().ok());
  }
  const int64_t before = PeakMiB();
  const auto hash = client_->UploadFile(path);
  ASSERT_TRUE(hash.ok()) << hash.status();
  const std::string out = server_.folder.path() + "/large.out";
  ASSERT_TRUE(client_->DownloadFile(*hash, out).ok());
  EXPECT_EQ(Sha256HexOfFile(out).value(), *hash);
  // Client and server together; pages of the mapped artifact (100 MB) count while they are read.
  EXPECT_LT(PeakMiB() - before, 160);
}

}  // namespace
}  // namespace vizsla
