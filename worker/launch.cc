#include "worker/launch.h"

#include <charconv>
#include <cstdlib>

namespace vizsla {

LaunchPlace ReadLaunchPlace(
    const std::function<std::optional<std::string>(const char*)>& get_variable) {
  const auto number = [&](const char* name, int fallback) {
    const std::optional<std::string> text = get_variable(name);
    int value = fallback;
    if (text) std::from_chars(text->data(), text->data() + text->size(), value);
    return value;
  };
  LaunchPlace place;
  place.rank = number("OMPI_COMM_WORLD_RANK", 0);
  place.size = number("OMPI_COMM_WORLD_SIZE", 1);
  place.local_size = number("OMPI_COMM_WORLD_LOCAL_SIZE", place.size);
  place.bound_by_user = get_variable("OMPI_MCA_hwloc_base_binding_policy").has_value();
  return place;
}

LaunchPlace ReadLaunchPlace() {
  return ReadLaunchPlace([](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  });
}

absl::Status CheckOneHost(int size, int local_size) {
  if (local_size >= size) return absl::OkStatus();
  return absl::InvalidArgumentError(StrCat(
      "this job spans hosts (", local_size, " of its ", size,
      " ranks run here): start vizsla-coordinator by itself and name it with --coordinator"));
}

}  // namespace vizsla
