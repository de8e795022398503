// A child process of a test: started, signalled, waited for; never left behind.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace vizsla::testing {

class Program {
 public:
  // Standard output and error go to files below `folder`, which must outlive this object.
  Program(const std::string& path, const std::vector<std::string>& arguments,
          const std::string& folder);
  ~Program();  // SIGKILL when it still runs
  Program(const Program&) = delete;

  void Signal(int signal) const;
  // The exit status; 128 + signal when a signal ended it; nullopt when it still runs after
  // `timeout`.
  std::optional<int> Wait(std::chrono::milliseconds timeout = std::chrono::seconds(20));
  bool Runs();
  std::string output() const;  // what it has printed so far
  std::string errors() const;

 private:
  std::string output_;
  std::string errors_;
  pid_t pid_;
  std::optional<int> status_;
};

}  // namespace vizsla::testing
