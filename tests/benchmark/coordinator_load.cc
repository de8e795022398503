// A load for a running coordinator: simulated workers that train nothing. Prints one JSON object.
//   coordinator_load --coordinator 127.0.0.1:4711 --seconds 10               (closed loop)
//   coordinator_load --coordinator 127.0.0.1:4711 --seconds 10 --rate 3000   (open loop)
// Closed loop: each worker sends its next message when the last one was answered; the figure is
// trials a second. Open loop: messages are due at random times of the given rate (a Poisson
// process), whatever the coordinator does; the figures are latencies, counted from when a message
// was due.
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <CLI/CLI.hpp>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "src/base/clock.h"
#include "src/base/random.h"
#include "src/rpc/client.h"
#include "src/rpc/client_security.h"
#include "src/rpc/convert.h"
#include "tests/benchmark/load_study.h"
#include "tests/benchmark/simulated_worker.h"

namespace vizsla {
namespace {

using SteadyClock = std::chrono::steady_clock;

struct LoadOptions {
  std::string coordinator;
  std::string credentials;  // a folder; empty: plain text, no token
  LoadStudy study;
  int workers = 1000;
  int channels = 4;
  double seconds = 10;
  double rate = 0;       // messages a second; 0: closed loop
  int leaderboards = 0;  // > 0: only so many requests of the top 20, one after another
};

// Lists of workers that wait for their next message.
class IdleWorkers {
 public:
  void Add(SimulatedWorker* worker) {
    {
      std::lock_guard lock(mutex_);
      idle_.push_back(worker);
    }
    changed_.notify_one();
  }
  SimulatedWorker* Take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !idle_.empty(); });
    SimulatedWorker* worker = idle_.front();
    idle_.pop_front();
    return worker;
  }
  void AwaitAll(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return idle_.size() == count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<SimulatedWorker*> idle_;  // guarded by mutex_
};

absl::StatusOr<std::unique_ptr<CoordinatorClient>> ConnectTo(const LoadOptions& options) {
  ClientOptions client;
  client.credentials = options.credentials;
  return CoordinatorClient::Connect(options.coordinator, client);
}

// Separate connections, over which the workers are spread.
absl::StatusOr<std::vector<std::shared_ptr<grpc::Channel>>> OpenChannels(const LoadOptions& options,
                                                                         LoadRun& run) {
  std::shared_ptr<grpc::ChannelCredentials> security = grpc::InsecureChannelCredentials();
  if (!options.credentials.empty()) {
    VIZSLA_ASSIGN_OR_RETURN(const ClientCredentials credentials,
                            LoadClientCredentials(options.credentials, SystemClock().Now()));
    security = ChannelCredentialsOf(credentials);
    run.token = credentials.token;
  }
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < options.channels; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt("load.channel", i);  // other arguments: another connection
    // The client shares the coordinator's processors: gRPC's filters that this load has no use for
    // are left out. What goes over the wire is the same.
    arguments.SetInt(GRPC_ARG_MINIMAL_STACK, 1);
    arguments.SetInt(GRPC_ARG_ENABLE_CHANNELZ, 0);
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
    channels.push_back(grpc::CreateCustomChannel(options.coordinator, security, arguments));
  }
  return channels;
}

absl::Status CreateStudy(CoordinatorClient& client, const LoadOptions& options, LoadRun& run) {
  VIZSLA_ASSIGN_OR_RETURN(const StudySpec spec, options.study.Spec());
  VIZSLA_ASSIGN_OR_RETURN(run.checkpoint, client.UploadBytes(kLoadArtifact));
  PinnedInputs inputs;
  run.dataset = inputs.dataset_fingerprint = LoadDataset();
  inputs.split_hash = run.checkpoint;
  v1::CreateStudyRequest request;
  request.set_spec_json(ToJsonText(spec));
  *request.mutable_inputs() = ToProto(inputs);
  return client.CreateStudy(request).status();
}

// Until the time is over or the trials are done.
void RunClosedLoop(const LoadOptions& options, LoadRun& run, IdleWorkers& idle,
                   std::vector<std::unique_ptr<SimulatedWorker>>& workers) {
  const auto end = SteadyClock::now() + std::chrono::duration_cast<SteadyClock::duration>(
                                            std::chrono::duration<double>(options.seconds));
  std::function<void(SimulatedWorker*)> go_on = [&](SimulatedWorker* worker) {
    if (SteadyClock::now() >= end || run.nothing_left || run.failed) return idle.Add(worker);
    worker->Step(SteadyClock::now(), [&, worker] { go_on(worker); });
  };
  for (const auto& worker : workers) go_on(worker.get());
  idle.AwaitAll(workers.size());
}

void RunOpenLoop(const LoadOptions& options, LoadRun& run, IdleWorkers& idle,
                 std::vector<std::unique_ptr<SimulatedWorker>>& workers) {
  for (const auto& worker : workers) idle.Add(worker.get());
  RandomStream random(StreamKey(7).With("load"));
  std::chrono::duration<double> due{0};
  const auto start = SteadyClock::now();
  while (due.count() < options.seconds && !run.failed) {
    const auto scheduled = start + std::chrono::duration_cast<SteadyClock::duration>(due);
    std::this_thread::sleep_until(scheduled);
    SimulatedWorker* const worker = idle.Take();
    worker->Step(scheduled, [&idle, worker] { idle.Add(worker); });
    due += std::chrono::duration<double>(-std::log(1 - random.Uniform()) / options.rate);
  }
  idle.AwaitAll(workers.size());
}

absl::StatusOr<nlohmann::json> AskForLeaderboards(const LoadOptions& options,
                                                  CoordinatorClient& client) {
  LatencyRecord record;
  v1::GetLeaderboardRequest request;
  request.set_study(options.study.name);
  request.set_top(20);
  for (int i = 0; i < options.leaderboards; ++i) {
    const auto start = SteadyClock::now();
    VIZSLA_RETURN_IF_ERROR(client.GetLeaderboard(request).status());
    record.Add(SteadyClock::now() - start);
  }
  return nlohmann::json{{"leaderboard", record.Summary()}};
}

absl::StatusOr<nlohmann::json> Run(const LoadOptions& options) {
  LoadRun run;
  run.epochs = options.study.epochs;
  VIZSLA_ASSIGN_OR_RETURN(const auto client, ConnectTo(options));
  if (options.leaderboards > 0) return AskForLeaderboards(options, *client);
  VIZSLA_RETURN_IF_ERROR(CreateStudy(*client, options, run));
  VIZSLA_ASSIGN_OR_RETURN(const auto channels, OpenChannels(options, run));
  std::vector<std::unique_ptr<SimulatedWorker>> workers;
  for (int i = 0; i < options.workers; ++i) {
    workers.push_back(std::make_unique<SimulatedWorker>(
        run, channels[static_cast<size_t>(i) % channels.size()], i));
    if (!workers.back()->Register()) return absl::InternalError("a worker could not register");
  }
  IdleWorkers idle;
  const auto start = SteadyClock::now();
  if (options.rate > 0) {
    RunOpenLoop(options, run, idle, workers);
  } else {
    RunClosedLoop(options, run, idle, workers);
  }
  const double seconds = std::chrono::duration<double>(SteadyClock::now() - start).count();
  if (run.failed) return absl::InternalError("a call failed");
  return nlohmann::json{{"workers", options.workers},
                        {"rate", options.rate},
                        {"seconds", seconds},
                        {"trials", run.trials.load()},
                        {"trials_per_s", static_cast<double>(run.trials) / seconds},
                        {"requests_per_s", static_cast<double>(run.requests) / seconds},
                        {"acquire", run.acquire.Summary()},
                        {"report", run.report.Summary()},
                        {"complete", run.complete.Summary()}};
}

}  // namespace
}  // namespace vizsla

int main(int argc, char** argv) {
  vizsla::LoadOptions options;
  CLI::App app{"Loads a running vizsla-coordinator with simulated workers."};
  app.add_option("--coordinator", options.coordinator, "HOST:PORT")->required();
  app.add_option("--credentials", options.credentials, "Folder of an admin's [plain text]");
  options.study.AddOptions(app);
  app.add_option("--workers", options.workers)->capture_default_str();
  app.add_option("--channels", options.channels, "TCP connections")->capture_default_str();
  app.add_option("--seconds", options.seconds)->capture_default_str();
  app.add_option("--rate", options.rate, "Messages a second (open loop) [as fast as they go]");
  app.add_option("--leaderboards", options.leaderboards,
                 "Only ask so often for the top 20 of a study that is there");
  CLI11_PARSE(app, argc, argv);
  const auto result = vizsla::Run(options);
  if (!result.ok()) {
    std::fprintf(stderr, "coordinator_load: %s\n", std::string(result.status().message()).c_str());
    return 1;
  }
  std::cout << result->dump(2) << "\n";
  return 0;
}
