// No text from the wire becomes a path: every string of every call is set to something that climbs
// out of a folder, and nothing appears, changes or goes anywhere.
#include <gmock/gmock.h>
#include <google/protobuf/message.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "src/base/file.h"
#include "tests/rpc/test_server.h"

namespace vizsla {
namespace {

namespace fs = std::filesystem;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using ::testing::HasSubstr;
using testing::TestServer;

// Sets every string below `message` to `text`; numbers to 1, so that the checks before a use pass.
void Fill(Message* message, const std::string& text, int depth = 0) {
  const google::protobuf::Reflection& fields = *message->GetReflection();
  const google::protobuf::Descriptor& type = *message->GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* field = type.field(i);
    if (field->is_map()) continue;
    const bool many = field->is_repeated();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        many ? fields.AddString(message, field, text) : fields.SetString(message, field, text);
        break;
      case FieldDescriptor::CPPTYPE_INT64:
        if (!many) fields.SetInt64(message, field, 1);
        break;
      case FieldDescriptor::CPPTYPE_UINT64:
        if (!many) fields.SetUInt64(message, field, text.size());
        break;
      case FieldDescriptor::CPPTYPE_INT32:
        if (!many) fields.SetInt32(message, field, 1);
        break;
      case FieldDescriptor::CPPTYPE_MESSAGE:
        if (depth < 4) {
          Fill(many ? fields.AddMessage(message, field) : fields.MutableMessage(message, field),
               text, depth + 1);
        }
        break;
      default:
        break;
    }
  }
}

// Name -> bytes of all that is below, but for the database's own files.
std::map<std::string, std::string> Tree(const std::string& folder) {
  std::map<std::string, std::string> tree;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string path = entry.path().string();
    if (path.find("/s.db") != std::string::npos) continue;
    tree[path] = entry.is_regular_file() ? ReadFile(path).value_or("?") : "";
  }
  return tree;
}

class HostilePathsTest : public ::testing::Test {
 protected:
  HostilePathsTest() {
    secret_ = server_.folder.path() + "/secret";
    EXPECT_TRUE(WriteFileAtomically(secret_, "secret").ok());
  }
  // Whatever it answers, as long as a handler did: what counts is what happens to the files.
  grpc::StatusCode Call(const MethodDescriptor& method, const std::string& text) {
    const auto* prototype =
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(method.input_type());
    const std::unique_ptr<Message> request(prototype->New());
    Fill(request.get(), text);
    const std::string path = "/" + method.service()->full_name() + "/" + method.name();
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    const std::string bytes = request->SerializeAsString();
    const grpc::Slice slice(bytes);
    grpc::CompletionQueue queue;
    // One message each way and no more is what a call, an upload and a download have in common.
    const auto call = stub_.PrepareCall(&context, path, &queue);
    int step = 1;
    const auto next = [&] {
      void* tag = nullptr;
      bool ok = false;
      EXPECT_TRUE(queue.Next(&tag, &ok));
      return ok;
    };
    const auto tag = [&] { return reinterpret_cast<void*>(static_cast<intptr_t>(step++)); };
    call->StartCall(tag());
    next();
    call->WriteLast(grpc::ByteBuffer(&slice, 1), {}, tag());
    next();
    if (method.name() == "WatchLeaderboard") context.TryCancel();
    grpc::ByteBuffer answer;
    for (bool more = true; more;) {
      call->Read(&answer, tag());
      more = next();
    }
    grpc::Status status;
    call->Finish(&status, tag());
    next();
    return status.error_code();
  }

  TestServer server_;
  grpc::GenericStub stub_{server_.server->InProcessChannel()};
  std::unique_ptr<CoordinatorClient> client_ = server_.Connect();
  std::string secret_;
};

TEST_F(HostilePathsTest, NoCallTakesAPath) {
  const std::vector<std::string> texts = {
      "../secret", "../../../../../../../../" + secret_, secret_, "../evil", "aa/../../evil",
      std::string("a\0b", 3), std::string(64, '.'), "..",
      // As long as a hash and as hexadecimal as one but for the way out.
      "../" + std::string(61, 'a')};
  const auto before = Tree(server_.folder.path());
  int calls = 0;
  for (const google::protobuf::FileDescriptor* file :
       {v1::HandshakeRequest::descriptor()->file(), v1::GetStudyRequest::descriptor()->file(),
        v1::HeartbeatRequest::descriptor()->file(),
        v1::StatArtifactRequest::descriptor()->file()}) {
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        const MethodDescriptor* method = file->service(i)->method(j);
        for (const std::string& text : texts) {
          const grpc::StatusCode code = Call(*method, text);
          EXPECT_NE(code, grpc::StatusCode::UNIMPLEMENTED) << method->full_name();
          EXPECT_NE(code, grpc::StatusCode::INTERNAL) << method->full_name();
          EXPECT_NE(code, grpc::StatusCode::UNAVAILABLE) << method->full_name();
          if (file == v1::StatArtifactRequest::descriptor()->file()) {
            EXPECT_EQ(code, grpc::StatusCode::INVALID_ARGUMENT) << method->full_name() << text;
          }
          ++calls;
        }
      }
    }
  }
  EXPECT_GE(calls, 24 * static_cast<int>(texts.size()));
  EXPECT_EQ(Tree(server_.folder.path()), before);
  EXPECT_FALSE(fs::exists(server_.folder.path() + "/../evil"));
  EXPECT_TRUE(client_->ListStudies({}).ok()) << "it still serves";
}

TEST_F(HostilePathsTest, HashesThatAreNoneAreNamed) {
  for (const std::string& hash :
       {std::string("../secret"), secret_, std::string(), std::string(63, 'a'),
        std::string(65, 'a'), std::string(64, 'A'), std::string(64, 'g'),
        "../" + std::string(61, 'a'), std::string(64, 'a') + "/../../secret"}) {
    const absl::Status status = client_->DownloadBytes(hash).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << hash;
    EXPECT_THAT(std::string(status.message()), HasSubstr("sha256: "));
    EXPECT_THAT(std::string(status.message()), HasSubstr("is no SHA-256"));
    grpc::ClientContext context;
    v1::UploadArtifactResponse response;
    const auto stub = v1::ArtifactService::NewStub(server_.server->InProcessChannel());
    const auto writer = stub->UploadArtifact(&context, &response);
    v1::UploadArtifactRequest request;
    request.set_sha256(hash);
    request.set_size(4);
    request.set_chunk("evil");
    writer->Write(request);
    writer->WritesDone();
    EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT) << hash;
    // The store itself, should a caller forget to check.
    EXPECT_FALSE(server_.artifacts->Map(hash).ok()) << hash;
    EXPECT_FALSE(server_.artifacts->Begin(hash, 4).ok()) << hash;
  }
  EXPECT_EQ(ReadFile(secret_).value(), "secret");
}

}  // namespace
}  // namespace vizsla
