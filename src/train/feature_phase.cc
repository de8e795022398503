#include "src/train/feature_phase.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "src/base/log.h"
#include "src/catalog/feature_key.h"
#include "src/nn/autocast.h"
#include "src/nn/tensors.h"
#include "src/train/cache_budget.h"

namespace vizsla {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

double SecondsSince(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// One source's cache and what is needed of it.
struct Part {
  const BatchSource& source;
  ViewSet views;
  std::shared_ptr<FeatureCache> cache;

  size_t ReadyRows() const { return cache->ReadyRows(views.count()); }
  size_t TotalRows() const { return cache->TotalRows(views.count()); }
  uint64_t BytesWhenFull() const { return cache->BytesWhenFull(views.count()); }
};

class Filler {
 public:
  Filler(const TrialAssignment& assignment, const CachedInput& input, const TrainingData& data,
         const TrainerOptions& options, const std::string& frozen_weights, Model& model,
         VotingGroup& group, TrialHooks& hooks)
      : assignment_(assignment),
        plan_(assignment.plan),
        input_(input),
        data_(data),
        options_(options),
        frozen_weights_(frozen_weights),
        model_(model),
        group_(group),
        hooks_(hooks) {}

  absl::StatusOr<std::optional<TrialFeatures>> Run() {
    absl::Status opened = OpenCaches();
    if (opened.ok() && HasGaps()) CloseIdleFeatureCaches();
    // So that no rank of this node holds what another one wants to remove.
    VIZSLA_RETURN_IF_ERROR(group_.Agree(absl::OkStatus()));
    if (opened.ok()) opened = ReserveRoom();
    for (;;) {
      // One shard a round; the vote after it tells all ranks of errors, of the leader's directive
      // and whether to go on.
      enum : int64_t { kReady = 0, kGoOn = 1, kDoesNotPay = 2, kNoCache = 3 };
      std::array<int64_t, 1> state = {kNoCache};
      if (opened.ok()) {
        absl::StatusOr<bool> complete = FillOne();
        if (!compute_status_.ok()) return compute_status_;
        if (complete.ok()) state[0] = !pays_ ? kDoesNotPay : *complete ? kReady : kGoOn;
        opened = complete.status();
      }
      if (!opened.ok()) {
        log::warn("{}",
                  StrCat("the feature cache cannot be used (", opened.message(),
                         "): features are computed for every batch instead, which is slower and "
                         "gives the same results"));
      }
      VIZSLA_RETURN_IF_ERROR(group_.Max(state));
      if (state[0] >= kDoesNotPay) {
        parts_.clear();
        CloseIdleFeatureCaches();  // and give back the room that they were promised
      }
      if (state[0] >= kDoesNotPay || group_.agreed() != Directive::kContinue) {
        return std::optional<TrialFeatures>();
      }
      if (state[0] == kReady) return Features();
    }
  }

 private:
  absl::Status OpenCaches() {
    if (TrainRowsAreShared(plan_)) {
      VIZSLA_RETURN_IF_ERROR(OpenCache(*data_.train, *TrainViews(plan_)));
    }
    VIZSLA_RETURN_IF_ERROR(OpenCache(*data_.validation, ValidationViews(plan_)));
    // Other jobs may want the room of what this one has not needed for a while.
    CloseIdleFeatureCaches(10min);
    return absl::OkStatus();
  }

  absl::Status OpenCache(const BatchSource& source, const ViewSet& views) {
    FeatureLayout layout;
    layout.name = FeatureCacheKey(source.content_digest(), plan_.network, frozen_weights_,
                                  data_.padding, Content(), views.Family());
    layout.type = options_.feature_type;
    layout.photo_count = source.photo_count();
    layout.view_count = views.FamilyCount();  // whichever views another trial needs
    layout.row_floats = input_.row_floats();
    VIZSLA_ASSIGN_OR_RETURN(std::shared_ptr<FeatureCache> cache,
                            SharedFeatureCache(options_.feature_cache_folder, layout));
    parts_.push_back({source, views, std::move(cache)});
    return absl::OkStatus();
  }

  bool HasGaps() const {
    return std::any_of(parts_.begin(), parts_.end(),
                       [](const Part& part) { return part.ReadyRows() < part.TotalRows(); });
  }

  absl::Status ReserveRoom() {
    std::vector<WantedCache> wanted;
    for (const Part& part : parts_) {
      wanted.push_back({.name = part.cache->layout().name,
                        .use = &part.cache->use(),
                        .bytes = part.BytesWhenFull()});
    }
    return MakeRoom(options_.feature_cache_folder, wanted, options_.feature_cache_budget);
  }

  std::string Content() const {
    return options_.feature_type == FeatureType::kFloat16 ? input_.content() + "-float16-rows"
                                                          : input_.content();
  }

  // True when everything is there; false when it did some work, or waited a little for others'.
  absl::StatusOr<bool> FillOne() {
    bool complete = true;
    for (Part& part : parts_) {
      batch_seconds_a_row_.clear();
      callback_seconds_ = 0;
      rows_computed_ = 0;
      const auto start = SteadyClock::now();
      VIZSLA_ASSIGN_OR_RETURN(const FeatureCache::Fill fill,
                              part.cache->FillOne(part.views.count(), ComputeFor(part)));
      if (fill == FeatureCache::Fill::kFilled) {
        VIZSLA_RETURN_IF_ERROR(DecideOnce(*part.cache, SecondsSince(start)));
        return false;
      }
      complete &= fill == FeatureCache::Fill::kComplete;
    }
    if (!complete) {
      ReportProgress(0);
      std::this_thread::sleep_for(20ms);
    }
    return complete;
  }

  FeatureCache::Compute ComputeFor(const Part& part) {
    size_t in_shard = 0;
    return [this, &part, in_shard](std::span<const FeatureRow> rows, float* values) mutable {
      const auto start = SteadyClock::now();
      compute_status_ = Compute(part, rows, values);
      batch_seconds_a_row_.push_back(SecondsSince(start) / static_cast<double>(rows.size()));
      rows_computed_ += rows.size();
      in_shard += rows.size();
      ReportProgress(in_shard);
      callback_seconds_ += SecondsSince(start);
      return compute_status_;
    };
  }

  // Leader: after its first shard, whether to go on. Where nothing was missing there is nothing to
  // decide; and the small rows behind a whole backbone always pay, in one view or two.
  absl::Status DecideOnce(const FeatureCache& filled, double shard_seconds) {
    const bool always_pays =
        input_.rows().kind != CachedRows::Kind::kCut && parts_.front().views.is_exact();
    if (decided_ || !group_.is_leader() || always_pays) return absl::OkStatus();
    decided_ = true;
    if (options_.feature_storage == FeatureStorage::kStored) return absl::OkStatus();
    VIZSLA_ASSIGN_OR_RETURN(const ReadRates rates, MeasureReadRates(filled.last_filled()));
    FeatureCosts costs;
    uint64_t bytes = 0;
    uint64_t all_rows = 0;
    for (Part& part : parts_) {
      bytes += part.BytesWhenFull();
      all_rows += part.TotalRows();
      costs.missing_rows += part.TotalRows() - part.ReadyRows();
    }
    // Training sees each photo in one view, validation in all of its views.
    costs.rows_an_epoch = data_.train->photo_count() + parts_.back().TotalRows();
    costs.epochs = plan_.epochs * assignment_.sharing_trials;
    // The first batch also sets up what the later ones find; one may have been disturbed.
    costs.compute_seconds = Median(batch_seconds_a_row_);
    costs.write_seconds =
        std::max(0.0, shard_seconds - callback_seconds_) / static_cast<double>(rows_computed_);
    costs.read_seconds = ReadSeconds(filled.row_bytes(), bytes, AvailableMemory(), rates);
    FeatureChoice choice = ChooseFeatures(costs);
    if (options_.feature_storage == FeatureStorage::kRecomputed) choice.store = false;
    log::info("{}", DescribeChoice(input_.content(), bytes, all_rows, costs, choice));
    pays_ = choice.store;
    return absl::OkStatus();
  }

  absl::Status Compute(const Part& part, std::span<const FeatureRow> rows, float* values) {
    std::vector<PhotoView> views;
    for (const FeatureRow& row : rows) {
      views.push_back({.photo = row.photo,
                       .view = part.views.At(part.source.photo_identity(row.photo), row.view),
                       .view_number = row.view});
    }
    const int64_t side = part.source.image_size();
    const int64_t count = static_cast<int64_t>(views.size());
    torch::NoGradGuard no_grad;
    torch::Tensor images = torch::empty({count, 3, side, side});
    VIZSLA_RETURN_IF_ERROR(part.source.Fill(views, images.data_ptr<float>()));
    const torch::Device device(options_.device);
    const Autocast autocast(plan_.precision, device);
    const torch::Tensor features =
        input_.Rows(model_, ToDevice(images, device)).to(torch::kCPU, torch::kFloat32).contiguous();
    std::memcpy(values, features.data_ptr<float>(), static_cast<size_t>(features.nbytes()));
    return absl::OkStatus();
  }

  void ReportProgress(size_t in_shard) {
    if (!group_.is_leader()) return;
    size_t done = in_shard;
    size_t total = 0;
    for (Part& part : parts_) {
      done += part.ReadyRows();
      total += part.TotalRows();
    }
    group_.Propose(hooks_.Progress(0, static_cast<int64_t>(done), static_cast<int64_t>(total)));
  }

  std::optional<TrialFeatures> Features() const {
    TrialFeatures features;
    if (parts_.size() == 2) features.train = parts_.front().cache;
    features.validation = parts_.back().cache;
    features.input = input_;
    return features;
  }

  const TrialAssignment& assignment_;
  const TrainingPlan& plan_;
  const CachedInput& input_;
  const TrainingData& data_;
  const TrainerOptions& options_;
  const std::string& frozen_weights_;
  Model& model_;
  VotingGroup& group_;
  TrialHooks& hooks_;
  std::vector<Part> parts_;  // of the train photos, if they are cached; of the validation photos
  // Of the shard that was filled last.
  std::vector<double> batch_seconds_a_row_;
  double callback_seconds_ = 0;  // computing and reporting
  size_t rows_computed_ = 0;
  bool decided_ = false;
  bool pays_ = true;
  absl::Status compute_status_;  // tells a trial's own error from one of the cache's files
};

}  // namespace

torch::Tensor TrialFeatures::Gather(const FeatureCache& cache,
                                    std::span<const PhotoView> views) const {
  torch::Tensor rows =
      torch::empty({static_cast<int64_t>(views.size()), static_cast<int64_t>(input.float_count())});
  float* row = rows.data_ptr<float>();
  for (const PhotoView& view : views) {
    cache.ReadRow(view.photo, view.view_number, input.first_float(), input.float_count(), row);
    row += input.float_count();
  }
  return rows;
}

absl::StatusOr<std::optional<TrialFeatures>> PrepareFeatures(
    const TrialAssignment& assignment, const TrainingData& data, const TrainerOptions& options,
    const std::string& frozen_weights, Model& model, VotingGroup& group, TrialHooks& hooks) {
  const TrainingPlan& plan = assignment.plan;
  if (!options.use_feature_cache || options.feature_cache_folder.empty()) {
    return std::optional<TrialFeatures>();
  }
  const std::optional<CachedInput> input = CachedInput::For(plan);
  if (!input) return std::optional<TrialFeatures>();
  const uint64_t bytes = LargestCacheBytes(input->rows(), plan, data.train->photo_count(),
                                           data.validation->photo_count());
  const uint64_t smaller = options.feature_type == FeatureType::kFloat16 ? 2 : 1;
  if (bytes / smaller > options.largest_feature_cache) {
    return std::optional<TrialFeatures>();
  }
  return Filler(assignment, *input, data, options, frozen_weights, model, group, hooks).Run();
}

}  // namespace vizsla
