#include "worker/job.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <exception>
#include <optional>
#include <utility>

#include "src/base/log.h"
#include "src/cli/connection.h"
#include "src/cli/terminal.h"
#include "src/comm/mpi_communicator.h"
#include "src/comm/nccl_communicator.h"
#include "src/nn/device_graph.h"
#include "src/nn/device_stream.h"
#include "worker/drain.h"
#include "worker/embedded_coordinator.h"
#include "worker/exit_codes.h"
#include "worker/group_transport.h"
#include "worker/runtime.h"
#include "worker/session.h"
#include "worker/start_search.h"

namespace vizsla {
namespace {

// Indexing a large data set on a cold disk is the longest that the ranks wait for rank 0.
constexpr std::chrono::hours kStartDeadline{1};

void Complain(const absl::Status& status) {
  Message(std::string(status.message()), "vizsla-worker");
}

// Before MPI_Init, on rank 0.
struct Prepared {
  StudySpec spec;
  std::string address;
};

absl::StatusOr<Prepared> Prepare(const WorkerOptions& options, const LaunchPlace& place) {
  Prepared prepared;
  VIZSLA_ASSIGN_OR_RETURN(prepared.spec, CheckInputs(options));
  if (!options.coordinator.empty()) {
    prepared.address = options.coordinator;
    return prepared;
  }
  VIZSLA_RETURN_IF_ERROR(CheckOneHost(place.size, place.local_size));
  ConnectionOptions connection;
  connection.database = options.database;
  EmbeddedCoordinatorOptions coordinator;
  coordinator.database = ResolveDatabase(connection);
  VIZSLA_ASSIGN_OR_RETURN(const std::string folder, ProgramFolder());
  coordinator.program = folder + "/vizsla-coordinator";
  if (!options.artifact_budget.empty()) {
    coordinator.arguments = {"--artifact-budget", options.artifact_budget, "--keep-best",
                             std::to_string(options.keep_best)};
  }
  VIZSLA_ASSIGN_OR_RETURN(prepared.address, EnsureCoordinator(coordinator));
  return prepared;
}

// What rank 0 found out, on all ranks.
struct Agreed {
  std::string address;
  std::string study;
  std::string fingerprint;
  bool nothing_to_do = false;
};

absl::Status Share(Communicator& world, Agreed& agreed) {
  std::string done(1, agreed.nothing_to_do ? '1' : '0');
  for (std::string* text : {&agreed.address, &agreed.study, &agreed.fingerprint, &done}) {
    VIZSLA_RETURN_IF_ERROR(BroadcastString(world, *text, 0));
  }
  agreed.nothing_to_do = done == "1";
  return absl::OkStatus();
}

class Job {
 public:
  Job(const WorkerOptions& options, const LaunchPlace& place, MpiWorld& mpi)
      : options_(options), place_(place), mpi_(mpi) {}

  // A status other than ok is the same on all ranks, and none hangs: the job may end in order.
  absl::Status Begin(absl::StatusOr<Prepared> prepared) {
    world_ = mpi_.World({.collective_deadline = kStartDeadline});
    end_ = mpi_.World({.collective_deadline = std::chrono::milliseconds(0)});
    VIZSLA_RETURN_IF_ERROR(Vote(*world_, prepared.status()));
    if (options_.coordinator.empty()) {
      VIZSLA_RETURN_IF_ERROR(CheckOneHost(mpi_.size(), mpi_.local_size()));
    }
    VIZSLA_ASSIGN_OR_RETURN(
        group_, mpi_.SplitGroups(options_.ranks_per_trial,
                                 {.collective_deadline = options_.collective_deadline}));
    const int threads = ThreadsPerRank(options_.threads_per_rank, UsableCores(), mpi_.local_size());
    SetThreads(threads);
    absl::StatusOr<std::string> device = ChooseDevice(options_.device, mpi_.local_rank());
    absl::Status chosen = device.status();
    if (chosen.ok() && *device != "cpu" && options_.trials_at_once > kMostDeviceStreams) {
      chosen = absl::InvalidArgumentError(
          StrCat("--trials-at-once: a GPU takes ", kMostDeviceStreams, " at most"));
    }
    VIZSLA_RETURN_IF_ERROR(Vote(*world_, chosen));
    session_options_.trainer.device = *device;
    DeviceGraph::Allow(options_.record_gpu_work);
    absl::StatusOr<std::unique_ptr<Communicator>> nccl =
        ConnectTransport(options_.transport, *device, *group_, options_.collective_deadline);
    VIZSLA_RETURN_IF_ERROR(Vote(*world_, nccl.status()));
    nccl_ = *std::move(nccl);
    VIZSLA_RETURN_IF_ERROR(Vote(*world_, StartOnRankZero(*prepared)));
    VIZSLA_RETURN_IF_ERROR(Share(*world_, agreed_));
    if (agreed_.nothing_to_do) return absl::OkStatus();
    return OpenNode(threads);
  }

  bool nothing_to_do() const { return agreed_.nothing_to_do; }

  // Any status other than ok: another rank may hang; the process must end with _exit.
  absl::Status Work() {
    session_.emplace(nccl_ != nullptr ? *nccl_ : *group_, link_.get(), *data_, session_options_);
    VIZSLA_RETURN_IF_ERROR(session_->Run());
    return end_->Barrier();
  }

  void LastWords(const std::string& reason) {
    if (session_) session_->LastWords(reason);
  }

  // Of a status of Work: MPI's collectives end the process themselves.
  bool collective_outlived_deadline(const absl::Status& worked) const {
    return nccl_ != nullptr && absl::IsDeadlineExceeded(worked);
  }

  bool coordinator_failed() const { return session_ && session_->coordinator_failed(); }

  // Rank 0's, after the work.
  absl::Status ShowResult() {
    if (mpi_.rank() != 0 || options_.search.empty()) return absl::OkStatus();
    VIZSLA_RETURN_IF_ERROR(PrintBoard(link_->brisk(), agreed_.study));
    if (DrainRequested()) std::puts("Stopped before the end; the same command goes on.");
    return absl::OkStatus();
  }

 private:
  // An embedded coordinator listens on loopback and takes none.
  std::string Credentials() const {
    return options_.coordinator.empty() ? "" : options_.credentials;
  }

  absl::Status StartOnRankZero(const Prepared& prepared) {
    if (mpi_.rank() != 0) return absl::OkStatus();
    VIZSLA_ASSIGN_OR_RETURN(link_, CoordinatorLink::Connect(prepared.address, Credentials(),
                                                            options_.coordinator_patience));
    absl::StatusOr<Start> start = options_.search.empty()
                                      ? JoinCoordinator(link_->patient(), options_)
                                      : StartSearch(link_->patient(), options_, prepared.spec);
    if (!start.ok()) return start.status();
    agreed_.address = prepared.address;
    agreed_.study = start->study;
    agreed_.fingerprint = start->index.fingerprint;
    agreed_.nothing_to_do = start->nothing_to_do;
    index_ = std::move(start->index);
    return absl::OkStatus();
  }

  absl::Status Index() {
    if (index_) return absl::OkStatus();
    VIZSLA_ASSIGN_OR_RETURN(index_, IndexDataset(options_.data));
    if (index_->fingerprint != agreed_.fingerprint) {
      return absl::FailedPreconditionError(StrCat(options_.data, " on the host of rank ",
                                                  mpi_.rank(), " is not the same as on rank 0's"));
    }
    return absl::OkStatus();
  }

  absl::Status OpenNode(int threads) {
    // One rank of a host hashes the photos, the others find the hashes.
    VIZSLA_RETURN_IF_ERROR(Vote(*world_, mpi_.local_rank() == 0 ? Index() : absl::OkStatus()));
    VIZSLA_RETURN_IF_ERROR(Vote(*world_, Index()));
    const auto open = [&]() -> absl::Status {
      VIZSLA_ASSIGN_OR_RETURN(std::unique_ptr<PhotoReader> reader, OpenPhotos(options_.data));
      VIZSLA_ASSIGN_OR_RETURN(WeightsStore weights,
                              WeightsStore::Open(options_.weights, options_.cache_folder));
      data_.emplace(*std::move(index_), std::move(reader), std::move(weights),
                    NodeDataOptions{.cache_folder = options_.cache_folder,
                                    .threads = threads,
                                    .cancelled = DrainRequested});
      if (group_->rank() == 0 && link_ == nullptr) {
        VIZSLA_ASSIGN_OR_RETURN(link_, CoordinatorLink::Connect(agreed_.address, Credentials(),
                                                                options_.coordinator_patience));
      }
      return absl::OkStatus();
    };
    VIZSLA_RETURN_IF_ERROR(Vote(*world_, open()));
    session_options_.wait = options_.wait;
    session_options_.trials_at_once =
        TrialsAtOnce(options_.trials_at_once, threads, options_.ranks_per_trial);
    session_options_.threads = threads;
    session_options_.study = agreed_.study;
    session_options_.trainer.use_feature_cache = options_.use_feature_cache;
    session_options_.trainer.feature_cache_budget.bytes = options_.feature_cache_budget;
    session_options_.trainer.feature_type = options_.feature_type;
    session_options_.trainer.memory = options_.memory;
    session_options_.trainer.gradient_type = options_.gradient_type;
    session_options_.trainer.feature_cache_folder = options_.cache_folder + "/features";
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    session_options_.worker_name =
        StrCat(host.data(), ":", ::getpid(), "/", mpi_.rank() / options_.ranks_per_trial);
    return absl::OkStatus();
  }

  const WorkerOptions& options_;
  const LaunchPlace& place_;
  MpiWorld& mpi_;
  std::unique_ptr<Communicator> world_;
  // All ranks again, without a deadline: the groups end at different times, and the last one may
  // train for hours yet.
  std::unique_ptr<Communicator> end_;
  std::unique_ptr<Communicator> group_;  // of this trial group
  std::unique_ptr<Communicator> nccl_;   // the same ranks; null: gradients go over group_
  Agreed agreed_;
  std::optional<DatasetIndex> index_;
  std::unique_ptr<CoordinatorLink> link_;  // of a group's leader
  std::optional<NodeData> data_;
  SessionOptions session_options_;
  std::optional<Session> session_;
};

// Other ranks may wait for this one for ever: no destructor, no MPI_Finalize.
[[noreturn]] void EndAtOnce(Job* job, const std::string& reason, int exit_code) {
  log::error("{}", reason);
  if (job != nullptr) job->LastWords(reason);
  std::fflush(stdout);
  log::default_logger()->flush();
  ::_exit(exit_code);
}

}  // namespace

int RunJob(const WorkerOptions& options, const LaunchPlace& place, int* argc, char*** argv) {
  absl::StatusOr<Prepared> prepared = Prepared();
  if (place.rank == 0) prepared = Prepare(options, place);
  absl::StatusOr<std::unique_ptr<MpiWorld>> mpi = MpiWorld::Init(argc, argv);
  if (!mpi.ok()) {
    Complain(mpi.status());
    return kExitRefused;
  }
  Job job(options, place, **mpi);
  try {
    const absl::Status begun = job.Begin(std::move(prepared));
    if (!begun.ok()) {
      if ((*mpi)->rank() == 0) Complain(begun);
      // No rank may end before the sentence is out: mpirun kills the job when one does.
      (void)(*mpi)->World()->Barrier();
      return kExitRefused;
    }
    if (job.nothing_to_do()) return 0;
    InstallDrainHandlers();
    const absl::Status worked = job.Work();
    if (!worked.ok()) {
      const bool refused = absl::IsUnavailable(worked) || absl::IsUnauthenticated(worked) ||
                           absl::IsPermissionDenied(worked) || job.coordinator_failed();
      const bool late = job.collective_outlived_deadline(worked);
      EndAtOnce(&job, std::string(worked.message()),
                refused ? kExitRefused : (late ? kCollectiveTimeoutExitCode : kExitCrashed));
    }
    if (const absl::Status shown = job.ShowResult(); !shown.ok()) Complain(shown);
  } catch (const std::exception& error) {
    EndAtOnce(&job, StrCat("rank ", (*mpi)->rank(), ": ", error.what()), kExitCrashed);
  }
  return 0;
}

}  // namespace vizsla
