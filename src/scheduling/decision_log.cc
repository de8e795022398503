#include "src/scheduling/decision_log.h"

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
  kRepeats = 13,
  kFinalRuns = 14,
  kReplace = 15,
  kCount = 16,
  kStop = 17,
  kLearned = 18,
  kHopeless = 19,
};

// Persisted by their places here.
constexpr PruneDecision kDecisions[] = {PruneDecision::kContinue, PruneDecision::kPromote,
                                        PruneDecision::kPause, PruneDecision::kPrune};
constexpr StopDecision::Kind kStops[] = {StopDecision::Kind::kGoOn, StopDecision::Kind::kEndStage,
                                         StopDecision::Kind::kEndStudy};

template <typename Enum, size_t size>
int64_t PlaceOf(const Enum (&words)[size], Enum word) {
  int64_t place = 0;
  while (words[place] != word) ++place;
  return place;
}
// Nullopt: of no word that this program knows.
template <typename Enum, size_t size>
std::optional<Enum> WordAt(const Enum (&words)[size], int64_t place) {
  if (place < 0 || place >= static_cast<int64_t>(size)) return std::nullopt;
  return words[place];
}

void Put(ByteWriter& out, const std::vector<int64_t>& numbers) {
  out.Int(std::ssize(numbers));
  for (const int64_t number : numbers) out.Int(number);
}

std::vector<int64_t> GetNumbers(ByteReader& in) {
  std::vector<int64_t> numbers;
  for (int64_t left = in.Count(); left > 0; --left) numbers.push_back(in.Int());
  return numbers;
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
    Put(out, event.trial);
  }
  void operator()(const TrialChangedEvent& event) {
    Begin(Kind::kTrialChanged);
    out.Int(event.number);
    Put(out, event.changes);
  }
  void operator()(const ReportEvent& event) {
    Begin(Kind::kReport);
    out.Int(event.number);
    out.Int(event.epoch);
    out.Int(event.attempt);
    out.Int(event.diverged ? 1 : 0);
    out.Int(std::ssize(event.values));
    for (const double value : event.values) out.Double(value);
  }
  void operator()(const LearnedEvent& event) {
    Begin(Kind::kLearned);
    out.Text(event.study);
    out.Int(std::ssize(event.trials));
    for (const LearnedTrial& trial : event.trials) {
      out.Int(trial.number);
      out.Text(ToJsonText(trial.configuration));
      out.Int(static_cast<int64_t>(trial.state));
      out.Int(trial.epoch);
      Put(out, trial.score);
    }
  }
  void operator()(const NextEvent& event) {
    Begin(Kind::kNext);
    out.Int(event.resumed);
  }
  void operator()(const PruneEvent& event) {
    Begin(Kind::kPrune);
    out.Int(event.number);
    out.Int(PlaceOf(kDecisions, event.decision));
  }
  void operator()(const LosersEvent& event) {
    Begin(Kind::kLosers);
    out.Int(event.stage);
    Put(out, event.numbers);
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
    Put(out, event.numbers);
  }
  void operator()(const FinishEvent& event) {
    Begin(Kind::kFinish);
    out.Int(static_cast<int64_t>(event.why));
    out.Int(event.active_ms);
  }
  void operator()(const RepeatsEvent& event) {
    Begin(Kind::kRepeats);
    out.Int(event.first);
  }
  void operator()(const HopelessEvent& event) {
    Begin(Kind::kHopeless);
    out.Int(event.ended);
    Put(out, event.numbers);
  }
  void operator()(const FinalRunsEvent&) { Begin(Kind::kFinalRuns); }
  void operator()(const ReplaceEvent& event) {
    Begin(Kind::kReplace);
    out.Int(event.stage);
    out.Int(event.loser);
    if (event.loser != 0) out.Int(event.source);
  }
  void operator()(const CountEvent& event) {
    Begin(Kind::kCount);
    out.Int(static_cast<int64_t>(event.why));
    out.Int(event.number);
    const StopProgress& progress = event.progress;
    out.Int(progress.epochs);
    out.Int(progress.target_trial);
    if (progress.target_trial != 0) out.Double(progress.target_score);
    out.Int(progress.stage);
    out.Int(progress.ended);
    Put(out, progress.best);
    out.Int(progress.stages_over);
  }
  void operator()(const StopEvent& event) {
    Begin(Kind::kStop);
    out.Int(PlaceOf(kStops, event.decision.kind));
    if (event.decision.kind != StopDecision::Kind::kGoOn) out.Text(event.decision.reason);
  }
};

LogEvent GetStudy(ByteReader& in) {
  StudyEvent event;
  event.created = in.Int() != 0;
  event.state = in.Word(StudyState::kFinished);
  if (in.Int() != 0) event.spec_json = in.Text();
  return event;
}

std::optional<LogEvent> GetTrialCreated(ByteReader& in) {
  const int64_t number = in.Int();
  std::optional<LoggedTrial> trial = GetLoggedTrial(in);
  if (!trial) return std::nullopt;
  return TrialCreatedEvent{number, *std::move(trial)};
}

std::optional<LogEvent> GetTrialChanged(ByteReader& in) {
  const int64_t number = in.Int();
  std::optional<LoggedTrial> changes = GetLoggedTrial(in);
  if (!changes) return std::nullopt;
  return TrialChangedEvent{number, *std::move(changes)};
}

LogEvent GetReport(ByteReader& in) {
  ReportEvent event;
  event.number = in.Int();
  event.epoch = static_cast<int>(in.Int());
  event.attempt = in.Int();
  event.diverged = in.Int() != 0;
  for (int64_t left = in.Count(); left > 0; --left) event.values.push_back(in.Double());
  return event;
}

// Nullopt: it holds a configuration that cannot be read.
std::optional<LogEvent> GetLearned(ByteReader& in) {
  LearnedEvent event;
  event.study = in.Text();
  for (int64_t left = in.Count(); left > 0; --left) {
    LearnedTrial trial;
    trial.study = event.study;
    trial.number = in.Int();
    auto configuration = ConfigurationFromJsonText(in.Text());
    if (!configuration.ok()) return std::nullopt;
    trial.configuration = *std::move(configuration);
    trial.state = in.Word(TrialState::kCancelled);
    trial.epoch = static_cast<int>(in.Int());
    trial.score = GetOptionalDouble(in);
    event.trials.push_back(std::move(trial));
  }
  return event;
}

std::optional<LogEvent> GetPrune(ByteReader& in) {
  const int64_t number = in.Int();
  const auto decision = WordAt(kDecisions, in.Int());
  if (!decision) return std::nullopt;
  return PruneEvent{number, *decision};
}

LogEvent GetLosers(ByteReader& in) {
  const int stage = static_cast<int>(in.Int());
  return LosersEvent{stage, GetNumbers(in)};
}

LogEvent GetHopeless(ByteReader& in) {
  const int64_t ended = in.Int();
  return HopelessEvent{ended, GetNumbers(in)};
}

LogEvent GetFinish(ByteReader& in) {
  const auto why = in.Word(FinishEvent::Why::kWallTime);
  return FinishEvent{why, in.Int()};
}

LogEvent GetReplace(ByteReader& in) {
  ReplaceEvent event;
  event.stage = static_cast<int>(in.Int());
  event.loser = in.Int();
  if (event.loser != 0) event.source = in.Int();
  return event;
}

LogEvent GetCount(ByteReader& in) {
  CountEvent event;
  event.why = in.Word(CountEvent::Why::kOtherRules);
  event.number = in.Int();
  StopProgress& progress = event.progress;
  progress.epochs = in.Int();
  progress.target_trial = in.Int();
  if (progress.target_trial != 0) progress.target_score = in.Double();
  progress.stage = static_cast<int>(in.Int());
  progress.ended = in.Int();
  progress.best = GetOptionalDouble(in);
  progress.stages_over = static_cast<int>(in.Int());
  return event;
}

std::optional<LogEvent> GetStop(ByteReader& in) {
  const auto kind = WordAt(kStops, in.Int());
  if (!kind) return std::nullopt;
  StopEvent event{{*kind, {}}};
  if (*kind != StopDecision::Kind::kGoOn) event.decision.reason = in.Text();
  return event;
}

LogEvent GetProgram(ByteReader& in) {
  ProgramEvent event;
  event.version = in.Text();
  event.algorithms = static_cast<int>(in.Int());
  return event;
}

// Nullopt: of no kind that this program knows.
std::optional<LogEvent> GetEvent(ByteReader& in) {
  switch (static_cast<Kind>(in.Int())) {
    case Kind::kProgram:
      return GetProgram(in);
    case Kind::kStudy:
      return GetStudy(in);
    case Kind::kTrialCreated:
      return GetTrialCreated(in);
    case Kind::kTrialChanged:
      return GetTrialChanged(in);
    case Kind::kReport:
      return GetReport(in);
    case Kind::kLearned:
      return GetLearned(in);
    case Kind::kNext:
      return NextEvent{in.Int()};
    case Kind::kPrune:
      return GetPrune(in);
    case Kind::kLosers:
      return GetLosers(in);
    case Kind::kSources:
      return SourcesEvent{in.Int()};
    case Kind::kStage:
      return StageEvent{static_cast<int>(in.Int())};
    case Kind::kStalled:
      return StalledEvent{GetNumbers(in)};
    case Kind::kFinish:
      return GetFinish(in);
    case Kind::kRepeats:
      return RepeatsEvent{in.Int()};
    case Kind::kHopeless:
      return GetHopeless(in);
    case Kind::kFinalRuns:
      return FinalRunsEvent{};
    case Kind::kReplace:
      return GetReplace(in);
    case Kind::kCount:
      return GetCount(in);
    case Kind::kStop:
      return GetStop(in);
  }
  return std::nullopt;
}

}  // namespace

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
