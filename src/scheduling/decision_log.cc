#include "src/scheduling/decision_log.h"

#include <cmath>
#include <iterator>

#include "src/scheduling/byte_codec.h"

namespace vizsla {
namespace {

// Persisted: never renumber.
enum class Kind : int {
  kProgram = 1,
  kStudy = 2,
  kTrialCreated = 3,
  kTrialChanged = 4,
  kReport = 5,
  kNext = 6,
  kPrune = 7,
  kLosers = 8,
  kSources = 9,
  kStage = 10,
  kFinish = 11,
  kStalled = 12,
};

// Persisted, too: which fields a changed trial's event has. In this order.
enum Field : int64_t {
  kState = 1 << 0,
  kAttempt = 1 << 1,
  kEpoch = 1 << 2,
  kRung = 1 << 3,
  kScore = 1 << 4,
  kBestEpoch = 1 << 5,
  kBestCheckpoint = 1 << 6,
  kConfiguration = 1 << 7,
  kWarmStart = 1 << 8,
  kAllFields = (1 << 9) - 1,
};

// Persisted by their place here.
constexpr PruneDecision kDecisions[] = {PruneDecision::kContinue, PruneDecision::kPromote,
                                        PruneDecision::kPause, PruneDecision::kPrune};

int64_t NumberOf(PruneDecision decision) {
  int64_t number = 0;
  while (kDecisions[number] != decision) ++number;
  return number;
}

void Put(ByteWriter& out, const WarmStart& start) {
  out.Int(static_cast<int64_t>(start.kind));
  out.Int(start.trial);
  out.Text(start.checkpoint);
}

WarmStart GetWarmStart(ByteReader& in) {
  WarmStart start;
  start.kind = in.Word(WarmStart::Kind::kBestConfiguration);
  start.trial = in.Int();
  start.checkpoint = in.Text();
  return start;
}

void Put(ByteWriter& out, const std::optional<double>& value) {
  out.Int(value ? 1 : 0);
  if (value) out.Double(*value);
}

std::optional<double> GetOptionalDouble(ByteReader& in) {
  if (in.Int() == 0) return std::nullopt;
  return in.Double();
}

struct Encoder {
  ByteWriter out;

  void Begin(Kind kind) { out.Int(static_cast<int64_t>(kind)); }

  void operator()(const ProgramEvent& event) {
    Begin(Kind::kProgram);
    out.Text(event.version);
    out.Int(event.algorithms);
  }
  void operator()(const StudyEvent& event) {
    Begin(Kind::kStudy);
    out.Int(event.created ? 1 : 0);
    out.Int(static_cast<int64_t>(event.state));
    out.Int(event.spec_json ? 1 : 0);
    if (event.spec_json) out.Text(*event.spec_json);
  }
  void operator()(const TrialCreatedEvent& event) {
    Begin(Kind::kTrialCreated);
    out.Int(event.number);
    const LoggedTrial& trial = event.trial;
    out.Int(trial.stage);
    out.Text(trial.name);
    out.Text(trial.configuration_json);
    Put(out, trial.warm_start);
    out.Int(static_cast<int64_t>(trial.state));
    out.Int(trial.attempt);
    out.Int(trial.epoch);
    out.Int(trial.rung);
    Put(out, trial.score);
    out.Int(trial.best_epoch);
    out.Text(trial.best_checkpoint);
  }
  void operator()(const TrialChangedEvent& event) {
    Begin(Kind::kTrialChanged);
    out.Int(event.number);
    int64_t fields = 0;
    if (event.state) fields |= kState;
    if (event.attempt) fields |= kAttempt;
    if (event.epoch) fields |= kEpoch;
    if (event.rung) fields |= kRung;
    if (event.score) fields |= kScore;
    if (event.best_epoch) fields |= kBestEpoch;
    if (event.best_checkpoint) fields |= kBestCheckpoint;
    if (event.configuration_json) fields |= kConfiguration;
    if (event.warm_start) fields |= kWarmStart;
    out.Int(fields);
    if (event.state) out.Int(static_cast<int64_t>(*event.state));
    if (event.attempt) out.Int(*event.attempt);
    if (event.epoch) out.Int(*event.epoch);
    if (event.rung) out.Int(*event.rung);
    if (event.score) Put(out, *event.score);
    if (event.best_epoch) out.Int(*event.best_epoch);
    if (event.best_checkpoint) out.Text(*event.best_checkpoint);
    if (event.configuration_json) out.Text(*event.configuration_json);
    if (event.warm_start) Put(out, *event.warm_start);
  }
  void operator()(const ReportEvent& event) {
    Begin(Kind::kReport);
    out.Int(event.number);
    out.Int(event.epoch);
    out.Int(event.attempt);
    out.Int(static_cast<int64_t>(event.values.size()));
    for (const double value : event.values) out.Double(value);
  }
  void operator()(const NextEvent& event) {
    Begin(Kind::kNext);
    out.Int(event.resumed);
  }
  void operator()(const PruneEvent& event) {
    Begin(Kind::kPrune);
    out.Int(event.number);
    out.Int(NumberOf(event.decision));
  }
  void operator()(const LosersEvent& event) {
    Begin(Kind::kLosers);
    out.Int(event.stage);
    out.Int(static_cast<int64_t>(event.numbers.size()));
    for (const int64_t number : event.numbers) out.Int(number);
  }
  void operator()(const SourcesEvent& event) {
    Begin(Kind::kSources);
    out.Int(event.count);
  }
  void operator()(const StageEvent& event) {
    Begin(Kind::kStage);
    out.Int(event.stage);
  }
  void operator()(const StalledEvent& event) {
    Begin(Kind::kStalled);
    out.Int(std::ssize(event.numbers));
    for (const int64_t number : event.numbers) out.Int(number);
  }
  void operator()(const FinishEvent& event) {
    Begin(Kind::kFinish);
    out.Int(static_cast<int64_t>(event.why));
    out.Int(event.active_ms);
  }
};

LogEvent GetStudy(ByteReader& in) {
  StudyEvent event;
  event.created = in.Int() != 0;
  event.state = in.Word(StudyState::kFinished);
  if (in.Int() != 0) event.spec_json = in.Text();
  return event;
}

LogEvent GetTrialCreated(ByteReader& in) {
  TrialCreatedEvent event;
  event.number = in.Int();
  LoggedTrial& trial = event.trial;
  trial.stage = static_cast<int>(in.Int());
  trial.name = in.Text();
  trial.configuration_json = in.Text();
  trial.warm_start = GetWarmStart(in);
  trial.state = in.Word(TrialState::kCancelled);
  trial.attempt = in.Int();
  trial.epoch = static_cast<int>(in.Int());
  trial.rung = static_cast<int>(in.Int());
  trial.score = GetOptionalDouble(in);
  trial.best_epoch = static_cast<int>(in.Int());
  trial.best_checkpoint = in.Text();
  return event;
}

std::optional<LogEvent> GetTrialChanged(ByteReader& in) {
  TrialChangedEvent event;
  event.number = in.Int();
  const int64_t fields = in.Int();
  if ((fields & ~kAllFields) != 0) return std::nullopt;
  if (fields & kState) event.state = in.Word(TrialState::kCancelled);
  if (fields & kAttempt) event.attempt = in.Int();
  if (fields & kEpoch) event.epoch = static_cast<int>(in.Int());
  if (fields & kRung) event.rung = static_cast<int>(in.Int());
  if (fields & kScore) event.score = GetOptionalDouble(in);
  if (fields & kBestEpoch) event.best_epoch = static_cast<int>(in.Int());
  if (fields & kBestCheckpoint) event.best_checkpoint = in.Text();
  if (fields & kConfiguration) event.configuration_json = in.Text();
  if (fields & kWarmStart) event.warm_start = GetWarmStart(in);
  return event;
}

LogEvent GetReport(ByteReader& in) {
  ReportEvent event;
  event.number = in.Int();
  event.epoch = static_cast<int>(in.Int());
  event.attempt = in.Int();
  for (int64_t left = in.Count(); left > 0; --left) event.values.push_back(in.Double());
  return event;
}

// Nullopt: of no kind that this program knows.
std::optional<LogEvent> GetEvent(ByteReader& in) {
  switch (static_cast<Kind>(in.Int())) {
    case Kind::kProgram: {
      ProgramEvent event;
      event.version = in.Text();
      event.algorithms = static_cast<int>(in.Int());
      return event;
    }
    case Kind::kStudy:
      return GetStudy(in);
    case Kind::kTrialCreated:
      return GetTrialCreated(in);
    case Kind::kTrialChanged:
      return GetTrialChanged(in);
    case Kind::kReport:
      return GetReport(in);
    case Kind::kNext:
      return NextEvent{in.Int()};
    case Kind::kPrune: {
      PruneEvent event;
      event.number = in.Int();
      const int64_t decision = in.Int();
      if (decision < 0 || decision >= std::ssize(kDecisions)) return std::nullopt;
      event.decision = kDecisions[decision];
      return event;
    }
    case Kind::kLosers: {
      LosersEvent event;
      event.stage = static_cast<int>(in.Int());
      for (int64_t left = in.Count(); left > 0; --left) event.numbers.push_back(in.Int());
      return event;
    }
    case Kind::kSources:
      return SourcesEvent{in.Int()};
    case Kind::kStage:
      return StageEvent{static_cast<int>(in.Int())};
    case Kind::kStalled: {
      StalledEvent event;
      for (int64_t left = in.Count(); left > 0; --left) event.numbers.push_back(in.Int());
      return event;
    }
    case Kind::kFinish: {
      FinishEvent event;
      event.why = in.Word(FinishEvent::Why::kWallTime);
      event.active_ms = in.Int();
      return event;
    }
  }
  return std::nullopt;
}

bool Same(const std::optional<double>& a, const std::optional<double>& b) {
  return a == b || (a && b && std::isnan(*a) && std::isnan(*b));
}

WarmStart Logged(WarmStart start) {
  start.checkpoint = start.checkpoint.substr(0, kLoggedHash);
  return start;
}

}  // namespace

LoggedTrial ToLogged(const Trial& trial) {
  return {trial.stage,
          trial.name,
          ToJsonText(trial.configuration),
          Logged(trial.warm_start),
          trial.state,
          trial.attempt.value(),
          trial.epoch,
          trial.rung,
          trial.score,
          trial.best_epoch,
          trial.best_checkpoint.substr(0, kLoggedHash)};
}

std::optional<TrialChangedEvent> Difference(const Trial& before, const Trial& after) {
  TrialChangedEvent event;
  bool any = false;
  const auto note = [&](const auto& old_value, const auto& value, auto& field) {
    if (old_value == value) return;
    field = value;
    any = true;
  };
  event.number = after.number;
  note(before.state, after.state, event.state);
  note(before.attempt.value(), after.attempt.value(), event.attempt);
  note(before.epoch, after.epoch, event.epoch);
  note(before.rung, after.rung, event.rung);
  if (!Same(before.score, after.score)) {
    event.score = after.score;
    any = true;
  }
  note(before.best_epoch, after.best_epoch, event.best_epoch);
  if (before.best_checkpoint != after.best_checkpoint) {
    event.best_checkpoint = after.best_checkpoint.substr(0, kLoggedHash);
    any = true;
  }
  if (before.configuration != after.configuration) {
    event.configuration_json = ToJsonText(after.configuration);
    any = true;
  }
  if (before.warm_start != after.warm_start) {
    event.warm_start = Logged(after.warm_start);
    any = true;
  }
  if (!any) return std::nullopt;
  return event;
}

std::vector<std::string> LoggedMetrics(const Objective& objective) {
  if (objective.select_by == objective.metric) return {objective.metric};
  return {objective.metric, objective.select_by};
}

void Encode(const LogEvent& event, std::string& bytes) {
  std::visit(Encoder{ByteWriter(bytes)}, event);
}

absl::StatusOr<std::vector<LogEvent>> DecodeEvents(std::string_view bytes) {
  std::vector<LogEvent> events;
  ByteReader in(bytes);
  while (!in.at_end()) {
    std::optional<LogEvent> event = GetEvent(in);
    if (!in.ok()) return absl::DataLossError("the log of decisions is damaged");
    if (!event) {
      return absl::DataLossError(
          "the log of decisions was written by a newer Vizsla, or is damaged");
    }
    events.push_back(*std::move(event));
  }
  return events;
}

}  // namespace vizsla
