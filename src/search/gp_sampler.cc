#include "src/search/gp_sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "src/search/acquisition_search.h"
#include "src/search/kernel_fit.h"
#include "src/search/unit_cube.h"
#include "src/search/warped_losses.h"

namespace vizsla {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr size_t kMostModelled = 400;
constexpr size_t kMostFitted = 200;
constexpr size_t kMostPending = 100;
constexpr int64_t kEveryNumberUpTo = 40;

constexpr int64_t kCandidates = 1024;
constexpr int kNeighbours = 128;  // candidates near the incumbent
constexpr size_t kClimbs = 5;     // besides the incumbent's

// The largest milestone up to `number`.
int64_t Milestone(int64_t number) {
  if (number <= kEveryNumberUpTo) return number;
  int64_t milestone = kEveryNumberUpTo;
  while (milestone + milestone / 16 <= number) milestone += milestone / 16;
  return milestone;
}

// Each coordinate moves with a chance that leaves a few changes in a large space.
UnitPoint Neighbour(const SearchSpace& space, UnitPoint point, RandomStream& stream) {
  constexpr double kStep = 0.1;
  const double chance = std::max(0.2, 3 / static_cast<double>(point.size()));
  for (size_t i = 0; i < point.size(); ++i) {
    const bool moves = stream.Bernoulli(chance);
    const double near = std::clamp(point[i] + kStep * stream.Normal(), 0.0, 1.0);
    const double anywhere = stream.Uniform();
    if (moves) point[i] = IsOrdered(space.parameters[i].domain) ? near : anywhere;
  }
  return point;
}

}  // namespace

GpSampler::GpSampler(SearchSpace space, GaussianProcessOptions options, Direction direction,
                     uint64_t study_seed)
    : space_(std::move(space)),
      features_(space_),
      options_(options),
      key_(StreamKey(study_seed).With("gaussian process")),
      count_(CountConfigurations(space_)),
      used_(space_),
      history_(space_, direction) {}

void GpSampler::Observe(const Trial& trial) {
  used_.Add(trial.configuration);
  history_.Observe(trial);
}

// Each block of `startup_trials` numbers is one Latin hypercube; when its place is taken, anywhere.
Configuration GpSampler::Startup(int64_t trial_number) const {
  const auto size = static_cast<size_t>(std::max(1, options_.startup_trials));
  const auto number = static_cast<uint64_t>(trial_number);
  const uint64_t block = (number - 1) / size;
  const auto row = static_cast<size_t>((number - 1) % size);
  return used_.FreeDraw([&](uint64_t attempt) {
    UnitPoint point;
    for (const Parameter& parameter : space_.parameters) {
      const StreamKey key = key_.With("startup").With(parameter.name);
      std::vector<size_t> rows(size);
      std::iota(rows.begin(), rows.end(), size_t{0});
      RandomStream(key.With(block)).Shuffle(rows);
      const double within = RandomStream(key.With(number).With(attempt)).Uniform();
      point.push_back(attempt == 0
                          ? (static_cast<double>(rows[row]) + within) / static_cast<double>(size)
                          : within);
    }
    return features_.At(point);
  });
}

GpSampler::Data GpSampler::Gather(const std::vector<int64_t>& numbers) const {
  Data data;
  data.points.resize(static_cast<Index>(numbers.size()), features_.columns());
  for (const int64_t number : numbers) {
    const Observation& observation = history_.at(number);
    data.points.row(static_cast<Index>(data.losses.size())) =
        features_.Embed(observation.configuration.Unpack(space_)).transpose();
    data.losses.push_back(*observation.loss);
  }
  return data;
}

const MaternKernel& GpSampler::FittedKernel() {
  const int64_t newest = history_.newest_known();
  std::vector<int64_t> numbers = history_.Select(kMostFitted, Milestone(newest));
  // Early numbers that are still in flight must not leave next to nothing to fit to.
  const size_t enough = std::min(kMostFitted, history_.known_count()) / 2;
  if (numbers.size() < enough) numbers = history_.Select(kMostFitted, newest);
  Data data = Gather(numbers);
  if (!fit_ || !(fit_->data == data)) {
    MaternKernel kernel = FitKernel(data.points, WarpLosses(data.losses), features_.group_widths());
    fit_ = Fit{std::move(data), std::move(kernel)};
  }
  return fit_->kernel;
}

GpSampler::Model GpSampler::BuildModel() {
  const MaternKernel& kernel = FittedKernel();
  std::vector<int64_t> numbers = history_.Select(kMostModelled, history_.newest_known());
  const Data data = Gather(numbers);
  const VectorXd losses = WarpLosses(data.losses);
  GaussianProcess known(kernel, data.points, losses);

  const std::vector<int64_t> pending = history_.Pending(kMostPending);
  MatrixXd points(data.points.rows() + static_cast<Index>(pending.size()), features_.columns());
  points.topRows(data.points.rows()) = data.points;
  for (const int64_t number : pending) {
    points.row(static_cast<Index>(numbers.size())) =
        features_.Embed(history_.at(number).configuration.Unpack(space_)).transpose();
    numbers.push_back(number);
  }
  const VectorXd expected = known.MeansAt(points);
  Index incumbent = 0;
  const double best = expected.minCoeff(&incumbent);
  const Configuration configuration =
      history_.at(numbers[static_cast<size_t>(incumbent)]).configuration.Unpack(space_);
  if (pending.empty()) return {std::move(known), configuration, best};

  VectorXd believed = expected;
  believed.head(losses.size()) = losses;
  return {GaussianProcess(kernel, std::move(points), believed), configuration, best};
}

std::vector<UnitPoint> GpSampler::Candidates(int64_t trial_number,
                                             const Configuration& incumbent) const {
  std::vector<UnitPoint> points;
  if (count_ && *count_ <= kCandidates) {
    std::optional<Configuration> configuration = FirstConfiguration(space_);
    for (; configuration; configuration = NextConfiguration(space_, *configuration)) {
      if (!used_.Contains(*configuration)) points.push_back(features_.PointOf(*configuration));
    }
    return points;
  }
  RandomStream stream(key_.With("candidates").With(static_cast<uint64_t>(trial_number)));
  for (int64_t i = 0; i < kCandidates; ++i) {
    UnitPoint point(space_.parameters.size());
    for (double& coordinate : point) coordinate = stream.Uniform();
    points.push_back(std::move(point));
  }
  const UnitPoint centre = features_.PointOf(incumbent);
  for (int i = 0; i < kNeighbours; ++i) points.push_back(Neighbour(space_, centre, stream));
  points.push_back(centre);
  return points;
}

absl::StatusOr<std::optional<Configuration>> GpSampler::Suggest(int64_t trial_number) {
  if (used_.AllUsed()) return std::optional<Configuration>();
  if (history_.known_count() < static_cast<size_t>(std::max(1, options_.startup_trials))) {
    return std::optional<Configuration>(Startup(trial_number));
  }
  const Model model = BuildModel();
  const AcquisitionSearch search(features_, model.process, model.best);
  std::vector<AcquisitionSearch::Place> places =
      search.Score(Candidates(trial_number, model.incumbent));
  if (!count_ || *count_ > kCandidates) {
    RandomStream stream(key_.With("climbs").With(static_cast<uint64_t>(trial_number)));
    auto starts = ChooseStarts(places, kClimbs, stream);
    starts.push_back(places.back());  // the incumbent
    for (auto& start : starts) places.push_back(search.Climb(std::move(start)));
  }
  std::stable_sort(places.begin(), places.end(),
                   [](const auto& a, const auto& b) { return a.score > b.score; });
  for (const auto& place : places) {
    Configuration configuration = features_.At(place.point);
    if (!used_.Contains(configuration)) return std::optional<Configuration>(configuration);
  }
  return std::optional<Configuration>(used_.FirstFree(features_.At(places.front().point)));
}

}  // namespace vizsla
