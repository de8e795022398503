#include "src/study/stage.h"

#include <nlohmann/json.hpp>

#include "src/base/check.h"

namespace vizsla {
namespace {

using nlohmann::json;

// "best", a number, or {"name": "transfer"}: a trial may be called "best".
json InitFromToJson(const InitFrom& init_from) {
  if (init_from.kind == InitFrom::Kind::kBest) return "best";
  if (init_from.name.empty()) return init_from.number;
  return {{"name", init_from.name}};
}

InitFrom InitFromFromJson(JsonFields& fields, const std::string& key) {
  InitFrom init_from;
  if (!fields.Has(key)) return init_from;
  const json& value = *fields.Get(key);
  init_from.kind = InitFrom::Kind::kTrial;
  if (value == "best") {
    init_from.kind = InitFrom::Kind::kBest;
  } else if (value.is_number_integer() && value.get<int64_t>() >= 1) {
    init_from.number = value.get<int64_t>();
  } else if (value.is_object()) {
    JsonFields named(value, key);
    init_from.name = named.String("name");
    if (init_from.name.empty()) named.Fail("name", "is empty");
    fields.Note(named.Finish());
  } else {
    fields.Fail(key, StrCat(DumpJson(value).substr(0, 60), " names no trial"));
  }
  return init_from;
}

}  // namespace

std::string ToText(const InitFrom& init_from) {
  switch (init_from.kind) {
    case InitFrom::Kind::kNone:
      return "none";
    case InitFrom::Kind::kBest:
      return "best";
    case InitFrom::Kind::kTrial:
      return init_from.name.empty() ? StrCat(init_from.number) : init_from.name;
  }
  VIZSLA_CHECK(false);
}

std::string DescribeStage(int number, const std::string& name) {
  return name.empty() ? StrCat("stage ", number) : StrCat("stage ", number, " (", name, ")");
}

json ToJson(const Budget& budget) {
  json fields = {{"trials", budget.trials}, {"epochs", budget.epochs}};
  if (budget.wall_time) fields["wall_time_s"] = budget.wall_time->count();
  return fields;
}

Budget BudgetFromJson(JsonFields& outer, const json& value) {
  JsonFields fields(value, "budget");
  Budget budget;
  budget.trials = fields.Int("trials", 0, int64_t{1} << 40);
  budget.epochs = static_cast<int>(fields.Int("epochs", 1, 1 << 30));
  if (fields.Has("wall_time_s")) {
    budget.wall_time = std::chrono::seconds(fields.Int("wall_time_s", 1, int64_t{1} << 40));
  }
  outer.Note(fields.Finish());
  return budget;
}

json ToJson(const EnqueuedTrial& trial) {
  json fields = {
      {"name", trial.name}, {"notes", trial.notes}, {"parameters", ToJson(trial.configuration)}};
  // Left out when it says nothing, so that older studies keep their hash.
  if (trial.init_from.kind != InitFrom::Kind::kNone) {
    fields["init_from"] = InitFromToJson(trial.init_from);
  }
  return fields;
}

namespace {

// The entries of a list, each read by read(fields). `what` and their numbers, from `first` on, name
// them in errors; absent fields have their defaults.
template <typename T, typename Read>
std::vector<T> ListFromJson(JsonFields& outer, const json& list, const char* field,
                            const char* what, size_t first, const Read& read) {
  std::vector<T> entries;
  if (!list.is_array()) {
    outer.Fail(field, "must be a list");
    return entries;
  }
  for (json entry : list) {
    FillIn(ToJson(T()), entry);
    JsonFields fields(entry, StrCat(what, " ", entries.size() + first));
    entries.push_back(read(fields));
    outer.Note(fields.Finish());
  }
  return entries;
}

}  // namespace

std::vector<EnqueuedTrial> EnqueueFromJson(JsonFields& outer, const json& list) {
  return ListFromJson<EnqueuedTrial>(outer, list, "enqueue", "enqueue", 1, [](JsonFields& fields) {
    EnqueuedTrial trial;
    trial.name = fields.String("name");
    trial.notes = fields.String("notes");
    if (const json* parameters = fields.Get("parameters")) {
      auto configuration = ConfigurationFromJson(*parameters);
      fields.Note(configuration.status());
      if (configuration.ok()) trial.configuration = *std::move(configuration);
    }
    trial.init_from = InitFromFromJson(fields, "init_from");
    return trial;
  });
}

json ToJson(const Stage& stage) {
  json enqueue = json::array();
  for (const EnqueuedTrial& trial : stage.enqueue) enqueue.push_back(ToJson(trial));
  json fields = {{"name", stage.name},
                 {"notes", stage.notes},
                 {"init_from", stage.init_weights ? "best" : "none"},
                 {"top", stage.top},
                 {"budget", ToJson(stage.budget)},
                 {"sampler", ToJson(stage.sampler)},
                 {"space", ToJson(stage.space)},
                 {"enqueue", enqueue}};
  // Left out when it says nothing, so that older studies keep their hash.
  if (stage.pruner != PrunerSpec()) fields["pruner"] = ToJson(stage.pruner);
  return fields;
}

std::vector<Stage> StagesFromJson(JsonFields& outer, const json& list) {
  return ListFromJson<Stage>(outer, list, "stages", "stage", 2, [](JsonFields& fields) {
    Stage stage;
    stage.name = fields.String("name");
    stage.notes = fields.String("notes");
    const std::string init_from = fields.String("init_from");
    stage.init_weights = init_from == "best";
    if (!stage.init_weights && init_from != "none") {
      fields.Fail("init_from", StrCat("'", init_from, "' is none of best, none"));
    }
    stage.top = static_cast<int>(fields.Int("top", 1, 1 << 30));
    if (const json* field = fields.Get("budget")) stage.budget = BudgetFromJson(fields, *field);
    stage.sampler = SamplerFromJson(fields, "sampler");
    if (fields.Has("pruner")) stage.pruner = PrunerFromJson(fields, "pruner");
    if (const json* field = fields.Get("space")) {
      auto space = OpenSearchSpaceFromJson(*field);
      fields.Note(space.status());
      if (space.ok()) stage.space = *std::move(space);
    }
    if (const json* field = fields.Get("enqueue")) stage.enqueue = EnqueueFromJson(fields, *field);
    return stage;
  });
}

}  // namespace vizsla
