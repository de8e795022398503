// A communicator that passes everything on to another one: tests change what they are about.
#pragma once

#include "src/comm/communicator.h"

namespace vizsla::testing {

class ForwardingCommunicator : public Communicator {
 public:
  // `inner` outlives this object.
  explicit ForwardingCommunicator(Communicator& inner) : inner_(inner) {}
  int rank() const override { return inner_.rank(); }
  int size() const override { return inner_.size(); }
  absl::Status Barrier() override { return inner_.Barrier(); }
  absl::Status Broadcast(std::span<std::byte> bytes, int root) override {
    return inner_.Broadcast(bytes, root);
  }
  absl::Status AllReduceSum(std::span<float> values) override {
    return inner_.AllReduceSum(values);
  }
  absl::Status AllReduceSum(std::span<double> values) override {
    return inner_.AllReduceSum(values);
  }
  absl::Status StartAllReduceSum(std::span<float> values) override {
    return inner_.StartAllReduceSum(values);
  }
  absl::Status StartAllReduceSum(std::span<Bfloat16> values) override {
    return inner_.StartAllReduceSum(values);
  }
  bool device_sums() const override { return inner_.device_sums(); }
  absl::Status StartDeviceSum(const DeviceValues& values) override {
    return inner_.StartDeviceSum(values);
  }
  void PollSums() override { inner_.PollSums(); }
  absl::Status FinishSums() override { return inner_.FinishSums(); }
  absl::Status AllReduceMax(std::span<int64_t> values) override {
    return inner_.AllReduceMax(values);
  }
  absl::Status AllGather(std::span<const std::byte> mine, std::span<std::byte> all) override {
    return inner_.AllGather(mine, all);
  }

 protected:
  Communicator& inner() { return inner_; }

 private:
  Communicator& inner_;
};

}  // namespace vizsla::testing
