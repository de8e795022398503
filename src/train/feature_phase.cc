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
#include "src/dataset/fill_on_threads.h"
#include "src/nn/autocast.h"
#include "src/nn/device_graph.h"
#include "src/nn/tensors.h"
#include "src/train/batch_tensors.h"
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
        hooks_(hooks),
        frozen_pass_([this](const torch::Tensor& images) {
          const Autocast autocast(plan_.precision, images.device());
          return input_.Rows(model_, images);
        }) {}

  // `with_train`: the rows of the train photos, too.
  absl::StatusOr<std::optional<TrialFeatures>> Run(bool with_train) {
    has_train_ = with_train;
    absl::Status opened = OpenCaches();
    if (opened.ok() && HasGaps()) CloseIdleFeatureCaches();
    // So that no rank of this node holds what another one wants to remove.
    VIZSLA_RETURN_IF_ERROR(group_.Agree(absl::OkStatus()));
    if (opened.ok() && CannotPay()) pays_ = false;
    if (opened.ok() && pays_) opened = ReserveRoom();
    for (;;) {
      // One shard a round; the vote after it tells all ranks of errors, of the leader's directive
      // and whether to go on.
      enum : int64_t { kReady = 0, kGoOn = 1, kDoesNotPay = 2, kNoCache = 3 };
      std::array<int64_t, 1> state = {kNoCache};
      if (opened.ok()) {
        absl::StatusOr<bool> complete = pays_ ? FillOne() : false;
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
      if (group_.agreed() != Directive::kContinue) return std::optional<TrialFeatures>();
      if (state[0] == kDoesNotPay && has_train_ && ValidationRowsAlwaysPay()) {
        pays_ = true;
        return Run(/*with_train=*/false);
      }
      if (state[0] >= kDoesNotPay) return std::optional<TrialFeatures>();
      if (state[0] == kReady) return Features();
    }
  }

 private:
  absl::Status OpenCaches() {
    if (has_train_) {
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
        ready_rows_ += rows_computed_;
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

  // The small rows behind a whole backbone always pay, in one view or two. Validation has no other
  // views.
  bool ValidationRowsAlwaysPay() const { return input_.rows().kind != CachedRows::Kind::kCut; }
  bool AlwaysPays() const { return ValidationRowsAlwaysPay() && parts_.front().views.is_exact(); }

  // So many rows are missing that computing them takes longer than all trials that would read them,
  // however fast reading is. Nothing needs to be measured, and no room to be made.
  bool CannotPay() {
    if (AlwaysPays() || options_.feature_storage != FeatureStorage::kMeasured) return false;
    const FeatureCosts costs = Counts();
    const double reads = static_cast<double>(costs.rows_an_epoch) * costs.epochs;
    if (static_cast<double>(costs.missing_rows) < reads) return false;
    if (group_.is_leader()) {
      log::info("features {}: {} rows to compute, which would be read {:.0f} times: recomputed",
                input_.content(), costs.missing_rows, reads);
    }
    return true;
  }

  // Without times.
  FeatureCosts Counts() {
    FeatureCosts costs;
    for (Part& part : parts_) costs.missing_rows += part.TotalRows() - part.ReadyRows();
    // Training sees each photo in one view, validation in all of its views.
    costs.rows_an_epoch = (has_train_ ? data_.train->photo_count() : 0) + parts_.back().TotalRows();
    costs.epochs = plan_.epochs * assignment_.sharing_trials;
    return costs;
  }

  // Leader: after its first shard, whether to go on. Where nothing was missing there is nothing to
  // decide.
  absl::Status DecideOnce(const FeatureCache& filled, double shard_seconds) {
    if (decided_ || !group_.is_leader() || AlwaysPays()) return absl::OkStatus();
    decided_ = true;
    if (options_.feature_storage == FeatureStorage::kStored) return absl::OkStatus();
    VIZSLA_ASSIGN_OR_RETURN(const ReadRates rates, MeasureReadRates(filled.last_filled()));
    FeatureCosts costs = Counts();
    uint64_t bytes = 0;
    uint64_t all_rows = 0;
    for (Part& part : parts_) {
      bytes += part.BytesWhenFull();
      all_rows += part.TotalRows();
    }
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
    VIZSLA_RETURN_IF_ERROR(FillOnThreads(part.source, views, images.data_ptr<float>(), Threads()));
    const torch::Device device(options_.device);
    const torch::Tensor features =
        frozen_pass_(ToDevice(images, device)).to(torch::kCPU, torch::kFloat32).contiguous();
    std::memcpy(values, features.data_ptr<float>(), static_cast<size_t>(features.nbytes()));
    return absl::OkStatus();
  }

  // All of them; but what training would need for a row is measured as it would render.
  int Threads() const {
    const bool measures = group_.is_leader() && !AlwaysPays() && !decided_ &&
                          options_.feature_storage == FeatureStorage::kMeasured;
    return measures ? RenderThreads(torch::Device(options_.device)) : at::get_num_threads();
  }

  void ReportProgress(size_t in_shard) {
    if (!group_.is_leader()) return;
    // What others have filled: to look takes a call of the file system for each missing shard.
    if (const auto now = SteadyClock::now(); now >= look_again_) {
      look_again_ = now + 1s;
      ready_rows_ = 0;
      for (Part& part : parts_) ready_rows_ += part.ReadyRows();
    }
    size_t total = 0;
    for (const Part& part : parts_) total += part.TotalRows();
    const size_t done = std::min(ready_rows_ + in_shard, total);
    group_.Propose(hooks_.Progress(0, static_cast<int64_t>(done), static_cast<int64_t>(total)));
  }

  std::optional<TrialFeatures> Features() const {
    const torch::Device device(options_.device);
    const auto rows_of = [&](const Part& part) {
      return FeatureRows(part.cache, part.views.count(), input_, device);
    };
    TrialFeatures features{input_, std::nullopt, rows_of(parts_.back())};
    if (has_train_) features.train = rows_of(parts_.front());
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
  bool has_train_ = false;
  std::vector<Part> parts_;  // of the train photos, if has_train_; of the validation photos
  size_t ready_rows_ = 0;    // of all parts, as of the last look and what was filled here since
  SteadyClock::time_point look_again_;
  // Of the shard that was filled last.
  std::vector<double> batch_seconds_a_row_;
  double callback_seconds_ = 0;  // computing and reporting
  size_t rows_computed_ = 0;
  ReplayedFunction frozen_pass_;  // images to rows
  bool decided_ = false;
  bool pays_ = true;
  absl::Status compute_status_;  // tells a trial's own error from one of the cache's files
};

}  // namespace

FeatureRows::FeatureRows(std::shared_ptr<FeatureCache> cache, int view_count,
                         const CachedInput& input, const torch::Device& device)
    : cache_(std::move(cache)),
      first_float_(input.first_float()),
      float_count_(input.float_count()),
      device_(device),
      on_device_(SharedDeviceRows(
          cache_,
          {.first_float = first_float_, .float_count = float_count_, .view_count = view_count},
          device)) {}

torch::Tensor FeatureRows::Gather(std::span<const PhotoView> views) const {
  if (on_device_ != nullptr) return on_device_->Gather(views);
  torch::Tensor rows =
      torch::empty({static_cast<int64_t>(views.size()), static_cast<int64_t>(float_count_)});
  float* row = rows.data_ptr<float>();
  for (const PhotoView& view : views) {
    cache_->ReadRow(view.photo, view.view_number, first_float_, float_count_, row);
    row += float_count_;
  }
  return ToDevice(rows, device_);
}

bool RowsFit(const TrainingPlan& plan, const TrainingData& data, const TrainerOptions& options) {
  const std::optional<CachedRows> rows = CachedRowsOf(plan);
  if (!rows) return false;
  const uint64_t bytes =
      LargestCacheBytes(*rows, plan, data.train->photo_count(), data.validation->photo_count());
  const uint64_t smaller = options.feature_type == FeatureType::kFloat16 ? 2 : 1;
  return bytes / smaller <= options.largest_feature_cache;
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
  bool with_train = TrainRowsAreShared(plan);
  if (!RowsFit(plan, data, options)) {
    // Drawn views may be too many where those of validation are not.
    TrainingPlan undrawn = plan;
    undrawn.views = 0;
    if (!RowsFit(undrawn, data, options)) return std::optional<TrialFeatures>();
    with_train = false;
  }
  return Filler(assignment, *input, data, options, frozen_weights, model, group, hooks)
      .Run(with_train);
}

}  // namespace vizsla
