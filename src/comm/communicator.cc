#include "src/comm/communicator.h"

#include <array>
#include <cstdint>
#include <cstring>

namespace vizsla {
namespace {

class LocalCommunicator : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  absl::Status Barrier() override { return absl::OkStatus(); }
  absl::Status Broadcast(std::span<std::byte> bytes, int root) override { return CheckRoot(root); }
  absl::Status AllReduceSum(std::span<float> values) override { return absl::OkStatus(); }
  absl::Status AllReduceSum(std::span<double> values) override { return absl::OkStatus(); }
  absl::Status StartAllReduceSum(std::span<float> values) override { return absl::OkStatus(); }
  absl::Status StartAllReduceSum(std::span<Bfloat16> values) override { return absl::OkStatus(); }
  void PollSums() override {}
  absl::Status FinishSums() override { return absl::OkStatus(); }
  absl::Status AllReduceMax(std::span<int64_t> values) override { return absl::OkStatus(); }
  absl::Status AllGather(std::span<const std::byte> mine, std::span<std::byte> all) override {
    VIZSLA_RETURN_IF_ERROR(CheckAllGatherSizes(mine.size(), all.size(), 1));
    if (!mine.empty()) std::memmove(all.data(), mine.data(), mine.size());
    return absl::OkStatus();
  }

 private:
  static absl::Status CheckRoot(int root) { return CheckBroadcastRoot(root, 1); }
};

}  // namespace

std::unique_ptr<Communicator> MakeLocalCommunicator() {
  return std::make_unique<LocalCommunicator>();
}

absl::Status CheckBroadcastRoot(int root, int size) {
  if (root >= 0 && root < size) return absl::OkStatus();
  return absl::InvalidArgumentError(
      StrCat("broadcast from rank ", root, ": the group has ranks 0 to ", size - 1));
}

absl::Status CheckAllGatherSizes(size_t mine, size_t all, int size) {
  if (all == mine * static_cast<size_t>(size)) return absl::OkStatus();
  return absl::InvalidArgumentError(StrCat("all-gather of ", mine, " bytes from ", size,
                                           " ranks into ", all, " bytes: they do not match"));
}

absl::Status BroadcastString(Communicator& communicator, std::string& text, int root) {
  std::array<uint64_t, 1> length = {text.size()};
  VIZSLA_RETURN_IF_ERROR(communicator.Broadcast(std::as_writable_bytes(std::span(length)), root));
  text.resize(length[0]);
  if (text.empty()) return absl::OkStatus();
  return communicator.Broadcast(std::as_writable_bytes(std::span(text.data(), text.size())), root);
}

absl::Status BroadcastStatus(Communicator& communicator, absl::Status& status, int root) {
  std::array<int32_t, 1> code = {static_cast<int32_t>(status.code())};
  std::string message(status.message());
  VIZSLA_RETURN_IF_ERROR(communicator.Broadcast(std::as_writable_bytes(std::span(code)), root));
  VIZSLA_RETURN_IF_ERROR(BroadcastString(communicator, message, root));
  status = absl::Status(static_cast<absl::StatusCode>(code[0]), message);
  return absl::OkStatus();
}

absl::Status Vote(Communicator& communicator, const absl::Status& mine) {
  // The failing rank of the lowest number has the largest vote.
  std::array<int64_t, 1> vote = {mine.ok() ? 0 : communicator.size() - communicator.rank()};
  VIZSLA_RETURN_IF_ERROR(communicator.AllReduceMax(vote));
  if (vote[0] == 0) return absl::OkStatus();
  const int speaker = communicator.size() - static_cast<int>(vote[0]);
  absl::Status failure = mine;
  VIZSLA_RETURN_IF_ERROR(BroadcastStatus(communicator, failure, speaker));
  return failure;
}

}  // namespace vizsla
