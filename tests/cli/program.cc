#include "tests/cli/program.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <atomic>
#include <cstdlib>
#include <fstream>

#include "src/base/file.h"
#include "src/base/str_cat.h"

namespace vizsla {

std::string VizslaProgram() { return VIZSLA_PROGRAM; }

ProgramResult RunVizsla(const std::string& folder, const std::string& arguments,
                        const std::string& program) {
  auto scratch = TemporaryDirectory::Create("vizsla-run");
  if (!scratch.ok()) return {-1, "", std::string(scratch.status().message())};
  const std::string out = scratch->path() + "/out";
  const std::string err = scratch->path() + "/err";
  const std::string command = StrCat("( cd '", folder, "' && unset VIZSLA_DB && '",
                                     program.empty() ? VizslaProgram() : program, "' ", arguments,
                                     " ) > ", out, " 2> ", err, " < /dev/null");
  const int status = std::system(command.c_str());
  ProgramResult result;
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  result.output = ReadFile(out).value_or("");
  result.errors = ReadFile(err).value_or("");
  return result;
}

nlohmann::json ParseOutput(const ProgramResult& result) {
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  nlohmann::json json = nlohmann::json::parse(result.output, nullptr, /*allow_exceptions=*/false);
  EXPECT_FALSE(json.is_discarded()) << result.output;
  return json;
}

bool HasJsonSchema() {
  static const bool has =
      std::system("/usr/bin/python3 -c 'import jsonschema' > /dev/null 2>&1") == 0;
  return has;
}

void ExpectValid(const std::string& json_text, const std::string& schema_name) {
  auto scratch = TemporaryDirectory::Create("vizsla-schema");
  ASSERT_TRUE(scratch.ok());
  const std::string instance = scratch->path() + "/instance.json";
  const std::string script = scratch->path() + "/validate.py";
  const std::string errors = scratch->path() + "/errors";
  std::ofstream(instance) << json_text;
  std::ofstream(script) << "import json, sys, jsonschema\n"
                           "schema = json.load(open(sys.argv[1]))\n"
                           "jsonschema.Draft202012Validator.check_schema(schema)\n"
                           "jsonschema.validate(json.load(open(sys.argv[2])), schema, "
                           "jsonschema.Draft202012Validator)\n";
  const std::string command =
      StrCat("/usr/bin/python3 ", script, " ", VIZSLA_SOURCE_DIR, "/docs/", schema_name,
             ".schema.json ", instance, " > ", errors, " 2>&1");
  EXPECT_EQ(std::system(command.c_str()), 0)
      << schema_name << ": " << ReadFile(errors).value_or("") << "\n"
      << json_text;
}

}  // namespace vizsla
