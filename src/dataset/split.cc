#include "src/dataset/split.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <numeric>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include "src/base/random.h"
#include "src/dataset/text.h"

namespace vizsla {
namespace {

using Positions32 = std::vector<uint32_t>;  // positions in DatasetIndex::photos
// Photos that stay together, with how many of each class they are.
struct Unit {
  Positions32 photos;
  std::vector<std::pair<int, int64_t>> classes;
};

absl::Status CheckFraction(std::string_view name, double fraction) {
  if (fraction > 0 && fraction < 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      StrCat("split: ", name, ": ", fraction, " is not between 0 and 1 (both excluded)"));
}

// The whole number of photos that a fraction means; 0.1 * 10 is 1 although 0.1 is a little more.
int64_t CountOfFraction(double fraction, size_t photos) {
  return static_cast<int64_t>(std::ceil(fraction * static_cast<double>(photos) - 1e-9));
}

// Disjoint sets of the photos of one pool that share a group or their bytes.
std::vector<Unit> UnitsOf(const DatasetIndex& index, const Positions32& pool) {
  std::vector<size_t> parent(pool.size());
  std::iota(parent.begin(), parent.end(), size_t{0});
  const auto root = [&](size_t i) {
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
  };
  std::unordered_map<std::string_view, size_t> first_of_group;
  std::unordered_map<std::string_view, size_t> first_of_bytes;
  for (size_t i = 0; i < pool.size(); ++i) {
    const Photo& photo = index.photos[pool[i]];
    if (!photo.group.empty()) {
      parent[root(i)] = root(first_of_group.emplace(photo.group, i).first->second);
    }
    if (!photo.sha256.empty()) {
      parent[root(i)] = root(first_of_bytes.emplace(photo.sha256, i).first->second);
    }
  }
  std::vector<Unit> units;
  std::unordered_map<size_t, size_t> unit_of_root;
  for (size_t i = 0; i < pool.size(); ++i) {
    const auto [unit, inserted] = unit_of_root.emplace(root(i), units.size());
    if (inserted) units.emplace_back();
    Unit& mine = units[unit->second];
    mine.photos.push_back(pool[i]);
    const int label = index.photos[pool[i]].label;
    const auto known = std::find_if(mine.classes.begin(), mine.classes.end(),
                                    [&](const auto& entry) { return entry.first == label; });
    if (known == mine.classes.end()) {
      mine.classes.emplace_back(label, 1);
    } else {
      ++known->second;
    }
  }
  return units;
}

// Largest remainder: `total` seats shared in proportion to `counts`, at most count - 1 each, so
// that every class keeps one photo. Equal remainders are drawn.
std::vector<int64_t> ShareSeats(const std::vector<int64_t>& counts, int64_t total,
                                RandomStream& stream) {
  const int64_t all = std::accumulate(counts.begin(), counts.end(), int64_t{0});
  std::vector<int64_t> seats(counts.size(), 0);
  std::vector<int64_t> remainders(counts.size(), 0);
  std::vector<size_t> order(counts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  int64_t left = total;
  for (size_t c = 0; c < counts.size(); ++c) {
    seats[c] = counts[c] * total / all;
    remainders[c] = counts[c] * total % all;
    left -= seats[c];
  }
  stream.Shuffle(order);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return remainders[a] > remainders[b]; });
  for (bool given = true; left > 0 && given;) {
    given = false;
    for (const size_t c : order) {
      if (left == 0 || seats[c] >= counts[c] - 1) continue;
      ++seats[c];
      --left;
      given = true;
    }
  }
  return seats;
}

// Takes about `fraction` of the pool out of it, class by class.
Positions32 DrawSide(const DatasetIndex& index, double fraction, StreamKey key, Positions32& pool) {
  RandomStream stream(key);
  std::vector<int64_t> left(index.classes.size(), 0);
  for (const uint32_t photo : pool) ++left[static_cast<size_t>(index.photos[photo].label)];
  std::vector<int64_t> wanted = ShareSeats(left, CountOfFraction(fraction, pool.size()), stream);

  std::vector<Unit> units = UnitsOf(index, pool);
  stream.Shuffle(units);
  // Single photos come last: they fill exactly what whole groups could only approach.
  std::stable_partition(units.begin(), units.end(),
                        [](const Unit& unit) { return unit.photos.size() > 1; });
  int64_t wanted_in_all = std::accumulate(wanted.begin(), wanted.end(), int64_t{0});
  Positions32 taken;
  for (const Unit& unit : units) {
    // Taken only when both the total and the classes' shares come nearer to what is wanted.
    const auto size = static_cast<int64_t>(unit.photos.size());
    if (std::abs(wanted_in_all) <= std::abs(wanted_in_all - size)) continue;
    int64_t gain = 0;
    bool leaves_one = true;
    for (const auto& [label, count] : unit.classes) {
      const int64_t want = wanted[static_cast<size_t>(label)];
      gain += std::abs(want) - std::abs(want - count);
      leaves_one &= left[static_cast<size_t>(label)] > count;
    }
    if (gain <= 0 || !leaves_one) continue;
    for (const auto& [label, count] : unit.classes) {
      wanted[static_cast<size_t>(label)] -= count;
      left[static_cast<size_t>(label)] -= count;
    }
    wanted_in_all -= size;
    taken.insert(taken.end(), unit.photos.begin(), unit.photos.end());
  }
  std::sort(taken.begin(), taken.end());
  Positions32 rest;
  std::set_difference(pool.begin(), pool.end(), taken.begin(), taken.end(),
                      std::back_inserter(rest));
  pool = std::move(rest);
  return taken;
}

std::vector<std::string> IdsOf(const DatasetIndex& index, const Positions32& photos) {
  std::vector<std::string> ids;
  ids.reserve(photos.size());
  for (const uint32_t photo : photos) ids.push_back(index.photos[photo].id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

void NameUnevenClasses(const DatasetIndex& index, const std::array<const Positions32*, 3>& sides,
                       std::vector<Problem>& problems) {
  std::vector<std::array<int64_t, 3>> counts(index.classes.size());
  for (size_t side = 0; side < sides.size(); ++side) {
    for (const uint32_t photo : *sides[side]) {
      ++counts[static_cast<size_t>(index.photos[photo].label)][side];
    }
  }
  for (size_t c = 0; c < counts.size(); ++c) {
    const auto [train, validation, test] = counts[c];
    if (train > 0 && validation > 0 && test > 0) continue;
    problems.push_back({StrCat("class ", index.classes[c]),
                        StrCat("is not on every side of the split: ", train, " train, ", validation,
                               " validate, ", test, " test")});
  }
}

// Only the user's own folders put them on two sides.
void NameSharedFiles(const DatasetIndex& index, const std::array<const Positions32*, 3>& sides,
                     std::vector<Problem>& problems) {
  constexpr std::array<std::string_view, 3> kNames = {"train", "validation", "test"};
  struct Place {
    uint32_t photo;
    size_t side;
  };
  std::unordered_map<std::string_view, Place> first_of;
  // From test backwards, so that it is the photo of train which is named as the one too many.
  for (size_t side = sides.size(); side-- > 0;) {
    for (const uint32_t photo : *sides[side]) {
      const Photo& mine = index.photos[photo];
      const Place first = first_of.try_emplace(mine.sha256, Place{photo, side}).first->second;
      if (mine.sha256.empty() || first.side == side) continue;
      problems.push_back({Printable(mine.path),
                          StrCat("is on the ", kNames[side], " side, but has the same bytes as ",
                                 Printable(index.photos[first.photo].path), ", which is on the ",
                                 kNames[first.side], " side")});
    }
  }
}

absl::Status CheckGroups(const DatasetIndex& index, const SplitSpec& spec) {
  if (spec.group_column.empty()) return absl::OkStatus();
  const bool any = std::any_of(index.photos.begin(), index.photos.end(),
                               [](const Photo& photo) { return !photo.group.empty(); });
  if (any) return absl::OkStatus();
  return absl::InvalidArgumentError(
      StrCat("split: group_column: no photo has a value in the column '", spec.group_column, "'"));
}

}  // namespace

absl::StatusOr<Split> MakeSplit(const DatasetIndex& index, const SplitSpec& spec,
                                std::vector<Problem>* problems) {
  VIZSLA_RETURN_IF_ERROR(CheckFraction("test", spec.test));
  VIZSLA_RETURN_IF_ERROR(CheckFraction("validation", spec.validation));
  VIZSLA_RETURN_IF_ERROR(CheckGroups(index, spec));
  Positions32 train;
  Positions32 validation;
  Positions32 test;
  for (uint32_t i = 0; i < index.photos.size(); ++i) {
    const Side side = index.photos[i].side;
    (side == Side::kValidation ? validation : side == Side::kTest ? test : train).push_back(i);
  }
  const StreamKey key = StreamKey(spec.seed).With("split");
  if (test.empty()) test = DrawSide(index, spec.test, key.With("test"), train);
  if (validation.empty()) {
    validation = DrawSide(index, spec.validation, key.With("validation"), train);
  }
  const std::pair<std::string_view, const Positions32*> sides[] = {
      {"train", &train}, {"validation", &validation}, {"test", &test}};
  for (const auto& [name, side] : sides) {
    if (!side->empty()) continue;
    return absl::InvalidArgumentError(
        StrCat("split: the side '", name, "' is left empty: there are ", index.photos.size(),
               " photos of ", index.classes.size(), " classes, and each class keeps one in train"));
  }
  if (problems != nullptr) {
    NameUnevenClasses(index, {&train, &validation, &test}, *problems);
    NameSharedFiles(index, {&train, &validation, &test}, *problems);
  }
  Split split;
  split.classes = index.classes;
  split.train = IdsOf(index, train);
  split.validation = IdsOf(index, validation);
  split.test = IdsOf(index, test);
  return split;
}

std::string ToJsonText(const Split& split) {
  return nlohmann::json{{"classes", split.classes},
                        {"train", split.train},
                        {"validation", split.validation},
                        {"test", split.test}}
      .dump();
}

absl::StatusOr<Split> SplitFromJsonText(std::string_view text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return absl::InvalidArgumentError("split: the text is no JSON object");
  Split split;
  const std::pair<const char*, std::vector<std::string>*> lists[] = {
      {"classes", &split.classes},
      {"train", &split.train},
      {"validation", &split.validation},
      {"test", &split.test}};
  if (json.size() != std::size(lists)) {
    return absl::InvalidArgumentError(
        "split: expected exactly classes, train, validation and test");
  }
  for (const auto& [name, words] : lists) {
    const auto list = json.find(name);
    if (list == json.end() || !list->is_array()) {
      return absl::InvalidArgumentError(StrCat("split: ", name, ": expected a list of words"));
    }
    for (const nlohmann::json& word : *list) {
      if (!word.is_string()) {
        return absl::InvalidArgumentError(StrCat("split: ", name, ": an entry is no text"));
      }
      words->push_back(word.get<std::string>());
    }
    if (!std::is_sorted(words->begin(), words->end())) {
      return absl::InvalidArgumentError(StrCat("split: ", name, ": the entries are not sorted"));
    }
  }
  std::unordered_set<std::string_view> seen;
  const auto sides = std::span(lists).subspan(1);  // a class may be named as a photo is
  for (const auto& [name, ids] : sides) {
    for (const std::string& id : *ids) {
      if (seen.insert(id).second) continue;
      return absl::InvalidArgumentError(
          StrCat("split: ", name, ": the id '", id, "' stands in the split twice"));
    }
  }
  return split;
}

absl::StatusOr<std::vector<uint32_t>> Positions(const DatasetIndex& index,
                                                const std::vector<std::string>& ids) {
  std::unordered_map<std::string_view, uint32_t> position_of;
  for (uint32_t i = 0; i < index.photos.size(); ++i) position_of.emplace(index.photos[i].id, i);
  std::vector<uint32_t> positions;
  positions.reserve(ids.size());
  for (const std::string& id : ids) {
    const auto found = position_of.find(id);
    if (found == position_of.end()) {
      return absl::NotFoundError(StrCat(index.root, ": there is no labelled photo with the id '",
                                        id, "', which the split names"));
    }
    positions.push_back(found->second);
  }
  return positions;
}

}  // namespace vizsla
