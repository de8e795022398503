// What the tests of the command line share: a folder of their own in which vizsla runs.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "src/base/file.h"
#include "tests/cli/example_database.h"
#include "tests/cli/program.h"

namespace vizsla {

class EmptyFolder : public testing::Test {
 protected:
  void SetUp() override { folder_.emplace(*TemporaryDirectory::Create()); }
  const std::string& path() const { return folder_->path(); }
  ProgramResult Run(const std::string& arguments) { return RunVizsla(path(), arguments); }
  std::optional<TemporaryDirectory> folder_;
};

// With the database of example_database.h.
class FilledFolder : public EmptyFolder {
 protected:
  void SetUp() override {
    EmptyFolder::SetUp();
    FillDatabase(path());
  }
};

}  // namespace vizsla
