// Runs the built `vizsla` as a user does, and reads what it printed.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace vizsla {

struct ProgramResult {
  int exit_code = -1;
  std::string output;  // standard output
  std::string errors;  // standard error
};

// `arguments` is shell text. Standard input is empty; VIZSLA_DB is not set. `program` is the built
// vizsla when it is empty.
ProgramResult RunVizsla(const std::string& folder, const std::string& arguments,
                        const std::string& program = "");

// The path of the built program.
std::string VizslaProgram();

// The JSON that a run printed; a test failure when it printed none.
nlohmann::json ParseOutput(const ProgramResult& result);

// Validates against docs/NAME.schema.json with python3-jsonschema; a test failure shows the first
// violation. False when the module is missing: the caller skips.
bool HasJsonSchema();
void ExpectValid(const std::string& json_text, const std::string& schema_name);

}  // namespace vizsla
