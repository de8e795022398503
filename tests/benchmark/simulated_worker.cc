#include "tests/benchmark/simulated_worker.h"

#include <cstdio>
#include <utility>

#include "tests/benchmark/load_study.h"

namespace vizsla {
SimulatedWorker::SimulatedWorker(LoadRun& run, std::shared_ptr<grpc::Channel> channel, int number)
    : run_(run),
      stub_(v1::WorkerService::NewStub(std::move(channel))),
      name_("load:" + std::to_string(number) + "/0") {}

bool SimulatedWorker::Register() {
  v1::RegisterWorkerRequest request;
  request.set_name(name_);
  request.set_ranks(1);
  request.add_dataset_fingerprints(run_.dataset);
  v1::RegisterWorkerResponse response;
  const auto context = NewContext();
  const grpc::Status status = stub_->RegisterWorker(context.get(), request, &response);
  if (!status.ok()) {
    std::fprintf(stderr, "register: %s\n", status.error_message().c_str());
    return false;
  }
  id_ = response.worker_id();
  return true;
}

std::unique_ptr<grpc::ClientContext> SimulatedWorker::NewContext() const {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  return context;
}

void SimulatedWorker::Step(std::chrono::steady_clock::time_point scheduled,
                           std::function<void()> done) {
  scheduled_ = scheduled;
  done_ = std::move(done);
  context_ = NewContext();
  if (trial_ == 0) {
    Acquire();
  } else if (epoch_ < run_.epochs) {
    Report();
  } else {
    Complete();
  }
}

bool SimulatedWorker::Answered(const grpc::Status& status, const char* call,
                               LatencyRecord& record) {
  record.Add(std::chrono::steady_clock::now() - scheduled_);
  ++run_.requests;
  if (status.ok()) return true;
  if (!run_.failed.exchange(true)) {
    std::fprintf(stderr, "%s: %s\n", call, status.error_message().c_str());
  }
  return false;
}

void SimulatedWorker::Acquire() {
  acquire_.set_worker_id(id_);
  acquire_.set_max_trials(1);
  stub_->async()->AcquireTrials(context_.get(), &acquire_, &acquired_, [this](grpc::Status status) {
    if (Answered(status, "acquire", run_.acquire)) {
      if (acquired_.leases().empty()) {
        run_.nothing_left = true;
      } else {
        const v1::Lease& lease = acquired_.leases(0);
        trial_ = lease.trial().id();
        number_ = lease.trial().number();
        attempt_ = lease.attempt();
        epoch_ = 0;
      }
    }
    done_();
  });
}

void SimulatedWorker::Report() {
  report_.set_trial_id(trial_);
  report_.set_attempt(attempt_);
  v1::EpochReport& report = *report_.mutable_report();
  report.set_epoch(epoch_ + 1);
  report.set_attempt(attempt_);
  report.set_duration_ms(1000);
  report.set_checkpoint_hash(run_.checkpoint);
  for (const auto& [name, value] : LoadMetrics(number_, epoch_ + 1)) {
    (*report.mutable_metrics())[name] = value;
  }
  stub_->async()->ReportEpoch(context_.get(), &report_, &reported_, [this](grpc::Status status) {
    if (Answered(status, "report", run_.report)) {
      ++epoch_;
      if (reported_.directive() != v1::DIRECTIVE_KIND_CONTINUE) epoch_ = run_.epochs;
    }
    done_();
  });
}

void SimulatedWorker::Complete() {
  complete_.set_trial_id(trial_);
  complete_.set_attempt(attempt_);
  complete_.set_outcome(reported_.directive() == v1::DIRECTIVE_KIND_PRUNE   ? "pruned"
                        : reported_.directive() == v1::DIRECTIVE_KIND_PAUSE ? "paused"
                                                                            : "completed");
  if (reported_.directive() == v1::DIRECTIVE_KIND_PAUSE) {
    complete_.set_last_checkpoint(run_.checkpoint);
    complete_.set_last_checkpoint_epoch(report_.report().epoch());
  }
  stub_->async()->CompleteTrial(context_.get(), &complete_, &completed_,
                                [this](grpc::Status status) {
                                  if (Answered(status, "complete", run_.complete)) {
                                    trial_ = 0;
                                    ++run_.trials;
                                  }
                                  done_();
                                });
}

}  // namespace vizsla
