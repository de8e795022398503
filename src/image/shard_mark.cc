#include "src/image/shard_mark.h"

#include <array>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>

namespace vizsla {

std::string ToJsonText(const ShardMark& mark) {
  nlohmann::json broken = nlohmann::json::array();
  for (const BrokenPhoto& photo : mark.broken) {
    broken.push_back(
        {{"photo", photo.photo}, {"place", photo.problem.place}, {"reason", photo.problem.reason}});
  }
  return nlohmann::json{{"key", mark.key},
                        {"first", mark.first},
                        {"count", mark.count},
                        {"checksum", mark.checksum},
                        {"broken", broken}}
      .dump();
}

absl::StatusOr<ShardMark> ShardMarkFromJsonText(std::string_view text) {
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    ShardMark mark;
    mark.key = json.at("key").get<std::string>();
    mark.first = json.at("first").get<uint32_t>();
    mark.count = json.at("count").get<uint32_t>();
    mark.checksum = json.at("checksum").get<uint64_t>();
    for (const nlohmann::json& photo : json.at("broken")) {
      mark.broken.push_back(
          {photo.at("photo").get<uint32_t>(),
           {photo.at("place").get<std::string>(), photo.at("reason").get<std::string>()}});
    }
    return mark;
  } catch (const nlohmann::json::exception& error) {
    return absl::DataLossError(error.what());
  }
}

uint64_t PixelChecksum(std::span<const uint8_t> pixels) {
  // Four independent lanes keep the multipliers busy.
  constexpr uint64_t kPrime = 0x9E3779B185EBCA87;
  std::array<uint64_t, 4> lanes = {kPrime, kPrime ^ 1, kPrime ^ 2, kPrime ^ 3};
  size_t at = 0;
  for (; at + 32 <= pixels.size(); at += 32) {
    for (size_t lane = 0; lane < lanes.size(); ++lane) {
      uint64_t word = 0;
      std::memcpy(&word, pixels.data() + at + lane * 8, 8);
      lanes[lane] = std::rotl((lanes[lane] ^ word) * kPrime, 29);
    }
  }
  for (; at < pixels.size(); ++at) lanes[0] = std::rotl((lanes[0] ^ pixels[at]) * kPrime, 29);
  uint64_t checksum = pixels.size();
  for (const uint64_t lane : lanes) checksum = std::rotl((checksum ^ lane) * kPrime, 29);
  return checksum;
}

}  // namespace vizsla
