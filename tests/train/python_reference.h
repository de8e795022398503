// Independent scripts on PyTorch, run while the test runs: a question in, an answer out,
// as JSON.
#pragma once

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "src/base/file.h"
#include "tests/reference_python.h"

namespace vizsla {

inline bool HasPythonTorch() {
  static const bool has =
      std::system((ReferencePython() + " -c 'import torch, sklearn' 2>/dev/null").c_str()) == 0;
  return has;
}

inline nlohmann::json ToJson(const torch::Tensor& tensor) {
  const torch::Tensor flat = tensor.detach().to(torch::kFloat64).contiguous();
  const double* values = flat.data_ptr<double>();
  return {{"shape", std::vector<int64_t>(tensor.sizes().begin(), tensor.sizes().end())},
          {"values", std::vector<double>(values, values + flat.numel())}};
}

inline torch::Tensor TensorFrom(const nlohmann::json& entry) {
  const auto shape = entry.at("shape").get<std::vector<int64_t>>();
  const auto values = entry.at("values").get<std::vector<double>>();
  return torch::tensor(values, torch::kFloat64).reshape(shape).to(torch::kFloat32);
}

// Null, and a failed test, when the script fails.
inline nlohmann::json AskPython(const std::string& script, const nlohmann::json& question) {
  auto folder = TemporaryDirectory::Create();
  EXPECT_TRUE(folder.ok());
  const std::string in = folder->path() + "/question.json";
  const std::string out = folder->path() + "/answer.json";
  EXPECT_TRUE(WriteFileAtomically(in, question.dump()).ok());
  EXPECT_EQ(std::system(StrCat(ReferencePython(), " ", script, " ", in, " ", out).c_str()), 0);
  const auto text = ReadFile(out);
  EXPECT_TRUE(text.ok()) << text.status();
  return text.ok() ? nlohmann::json::parse(*text) : nlohmann::json();
}

}  // namespace vizsla
