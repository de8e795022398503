// Exact counting over conditional spaces. Parameters that no condition connects multiply; inside a
// connected component a forward pass keeps, for each set of later parameters that are already known
// to be inactive, how many configurations lead there. Values of a parent that switch the same
// children are one class, so the pass grows with the conditions and not with the domains.
#include <algorithm>
#include <map>
#include <numeric>

#include "src/study/search_space.h"

namespace vizsla {
namespace {

using Inactive = std::vector<bool>;  // by position in the space
constexpr int64_t kLargestCount = int64_t{1} << 62;

// Nullopt: infinite, or above kLargestCount.
using Count = std::optional<int64_t>;

Count Multiply(Count a, Count b) {
  int64_t product = 0;
  if (!a || !b || __builtin_mul_overflow(*a, *b, &product) || product > kLargestCount) {
    return std::nullopt;
  }
  return product;
}

Count Add(Count a, Count b) {
  int64_t sum = 0;
  if (!a || !b || __builtin_add_overflow(*a, *b, &sum) || sum > kLargestCount) return std::nullopt;
  return sum;
}

// What depends on one parameter: a child, and the values that keep it alive.
struct Edge {
  size_t child = 0;
  const std::vector<ParameterValue>* values = nullptr;
};

std::vector<std::vector<Edge>> EdgesByParent(const SearchSpace& space) {
  std::map<std::string, size_t> positions;
  for (size_t i = 0; i < space.parameters.size(); ++i) positions[space.parameters[i].name] = i;
  std::vector<std::vector<Edge>> edges(space.parameters.size());
  for (size_t child = 0; child < space.parameters.size(); ++child) {
    for (const Condition& condition : space.parameters[child].conditions) {
      edges[positions.at(condition.parent)].push_back({child, &condition.values});
    }
  }
  return edges;
}

// Connected components of the conditions, each with its parameters in an order where a child
// follows as soon as its parents are there: that keeps few parameters undecided at a time.
std::vector<std::vector<size_t>> Components(const std::vector<std::vector<Edge>>& edges) {
  const size_t count = edges.size();
  std::vector<size_t> root(count);
  std::iota(root.begin(), root.end(), 0);
  const auto find = [&](size_t i) {
    while (root[i] != i) i = root[i] = root[root[i]];
    return i;
  };
  std::vector<size_t> missing_parents(count, 0);
  for (size_t parent = 0; parent < count; ++parent) {
    for (const Edge& edge : edges[parent]) {
      root[find(edge.child)] = find(parent);
      ++missing_parents[edge.child];
    }
  }
  std::map<size_t, std::vector<size_t>> components;
  std::vector<bool> done(count, false);
  for (size_t start = 0; start < count; ++start) {
    if (missing_parents[start] != 0 || done[start]) continue;
    std::vector<size_t> ready = {start};
    while (!ready.empty()) {
      const size_t next = ready.back();
      ready.pop_back();
      if (done[next]) continue;
      done[next] = true;
      components[find(next)].push_back(next);
      for (const Edge& edge : edges[next]) {
        if (--missing_parents[edge.child] == 0) ready.push_back(edge.child);
      }
    }
  }
  std::vector<std::vector<size_t>> result;
  for (auto& [ignored, members] : components) result.push_back(std::move(members));
  return result;
}

// Classes of a parent's values by the children that they switch off, and how many values each has.
std::map<std::vector<size_t>, Count> Classes(const Domain& domain, const std::vector<Edge>& edges) {
  std::map<std::vector<size_t>, Count> classes;
  const Count total = CountValues(domain);
  if (edges.empty()) {
    classes[{}] = total;
    return classes;
  }
  // Only values that some condition names can differ from the rest.
  std::vector<ParameterValue> named;
  for (const Edge& edge : edges) {
    for (const ParameterValue& value : *edge.values) {
      if (std::find(named.begin(), named.end(), value) == named.end()) named.push_back(value);
    }
  }
  std::vector<size_t> all;
  for (const Edge& edge : edges) all.push_back(edge.child);
  for (const ParameterValue& value : named) {
    std::vector<size_t> off;
    for (const Edge& edge : edges) {
      if (std::find(edge.values->begin(), edge.values->end(), value) == edge.values->end()) {
        off.push_back(edge.child);
      }
    }
    Count& count = classes.try_emplace(off, Count(0)).first->second;
    count = Add(count, 1);
  }
  const Count rest = total ? Count(*total - static_cast<int64_t>(named.size())) : std::nullopt;
  if (!rest || *rest > 0) {
    Count& count = classes.try_emplace(all, Count(0)).first->second;
    count = Add(count, rest);
  }
  return classes;
}

// Calls visit(position, can be active) for each parameter of the component; returns the count.
template <typename Visit>
Count Walk(const SearchSpace& space, const std::vector<std::vector<Edge>>& edges,
           const std::vector<size_t>& component, Visit visit) {
  std::map<Inactive, Count> states = {{Inactive(space.parameters.size(), false), Count(1)}};
  for (const size_t position : component) {
    const auto classes = Classes(space.parameters[position].domain, edges[position]);
    std::map<Inactive, Count> next;
    bool can_be_active = false;
    for (const auto& [inactive, ways] : states) {
      Inactive after = inactive;
      after[position] = false;  // decided: no longer part of the state
      const auto add = [&](const Inactive& state, Count more) {
        Count& entry = next.try_emplace(state, Count(0)).first->second;
        entry = Add(entry, more);
      };
      if (inactive[position]) {
        for (const Edge& edge : edges[position]) after[edge.child] = true;
        add(after, ways);
        continue;
      }
      can_be_active = true;
      for (const auto& [off, values] : classes) {
        Inactive state = after;
        for (const size_t child : off) state[child] = true;
        add(state, Multiply(ways, values));
      }
    }
    visit(position, can_be_active);
    states = std::move(next);
  }
  Count total = 0;
  for (const auto& [ignored, ways] : states) total = Add(total, ways);
  return total;
}

}  // namespace

std::optional<int64_t> CountConfigurations(const SearchSpace& space) {
  const auto edges = EdgesByParent(space);
  Count total = 1;
  for (const auto& component : Components(edges)) {
    total = Multiply(total, Walk(space, edges, component, [](size_t, bool) {}));
  }
  return total;
}

std::vector<std::string> NeverActive(const SearchSpace& space) {
  const auto edges = EdgesByParent(space);
  std::vector<bool> never(space.parameters.size(), false);
  for (const auto& component : Components(edges)) {
    Walk(space, edges, component,
         [&](size_t position, bool can_be_active) { never[position] = !can_be_active; });
  }
  std::vector<std::string> names;
  for (size_t i = 0; i < never.size(); ++i) {
    if (never[i]) names.push_back(space.parameters[i].name);
  }
  return names;
}

}  // namespace vizsla
