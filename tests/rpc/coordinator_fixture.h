// Tests of the real vizsla-coordinator, started as a process in a temporary folder.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "src/base/file.h"
#include "src/rpc/address_file.h"
#include "src/rpc/client.h"
#include "src/rpc/convert.h"
#include "tests/rpc/program.h"
#include "tests/rpc/samples.h"

namespace vizsla::testing {

class CoordinatorFixture : public ::testing::Test {
 protected:
  CoordinatorFixture() : folder_(TemporaryDirectory::Create("vizsla-coordinator").value()) {}

  std::string database() const { return folder_.path() + "/s.db"; }

  // With --db and these arguments.
  std::unique_ptr<Program> Run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"--db", database()});
    return RunBare(arguments);
  }
  std::unique_ptr<Program> RunBare(const std::vector<std::string>& arguments) const {
    return std::make_unique<Program>(VIZSLA_COORDINATOR_PROGRAM, arguments, folder_.path());
  }

  // Waits until it serves; its address, or what it complained about.
  std::string AwaitAddress(Program& program) const {
    for (int i = 0; i < 2000 && program.Runs(); ++i) {
      const auto address = FindCoordinator(database());
      if (address.ok() && *address) return **address;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ADD_FAILURE() << "the coordinator does not serve: " << program.errors();
    return "";
  }

  // A study named `name` whose split and weights are on the coordinator.
  static v1::Study CreateStudy(CoordinatorClient& client, const StudySpec& spec) {
    PinnedInputs inputs;
    inputs.dataset_fingerprint = Hash("data");
    inputs.split_hash = client.UploadBytes("split").value();
    inputs.weights_hash = client.UploadBytes("weights").value();
    v1::CreateStudyRequest request;
    request.set_spec_json(ToJsonText(spec));
    *request.mutable_inputs() = ToProto(inputs);
    const auto response = client.CreateStudy(request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? response->study() : v1::Study();
  }

  static WorkerInfo Worker(const std::string& name) {
    return {name, 1, {Hash("data")}, {Hash("weights")}, ""};
  }

  static ClientOptions Patient() {
    ClientOptions options;
    options.patience = std::chrono::seconds(60);
    return options;
  }

  TemporaryDirectory folder_;
};

}  // namespace vizsla::testing
