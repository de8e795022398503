// The table of who may call what against the services that proto/ declares.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "src/security/roles.h"
#include "vizsla/v1/artifact_service.pb.h"
#include "vizsla/v1/study_service.pb.h"
#include "vizsla/v1/system_service.pb.h"
#include "vizsla/v1/worker_service.pb.h"

namespace vizsla {
namespace {

std::set<std::string> DeclaredCalls() {
  std::set<std::string> calls;
  for (const google::protobuf::FileDescriptor* file :
       {v1::HandshakeRequest::descriptor()->file(), v1::GetStudyRequest::descriptor()->file(),
        v1::HeartbeatRequest::descriptor()->file(),
        v1::StatArtifactRequest::descriptor()->file()}) {
    for (int i = 0; i < file->service_count(); ++i) {
      const google::protobuf::ServiceDescriptor* service = file->service(i);
      for (int j = 0; j < service->method_count(); ++j) {
        calls.insert("/" + service->full_name() + "/" + service->method(j)->name());
      }
    }
  }
  return calls;
}

TEST(CallTable, HasOneRowForEachCallOfTheProtocolAndNoOther) {
  std::set<std::string> rows;
  for (const CallRow& row : CallTable()) {
    if (!row.method.starts_with("/vizsla.")) continue;
    EXPECT_TRUE(rows.insert(std::string(row.method)).second) << row.method << " has two rows";
  }
  EXPECT_GE(rows.size(), 24u);
  EXPECT_EQ(rows, DeclaredCalls())
      << "a new call needs a row in src/security/roles.cc and in docs/security.md";
}

}  // namespace
}  // namespace vizsla
