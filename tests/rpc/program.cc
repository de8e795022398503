#include "tests/rpc/program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "src/base/file.h"

namespace vizsla::testing {

Program::Program(const std::string& path, const std::vector<std::string>& arguments,
                 const std::string& folder) {
  static std::atomic<int> serial{0};
  const std::string stem = folder + "/program-" + std::to_string(serial++);
  output_ = stem + ".out";
  errors_ = stem + ".err";
  std::vector<char*> argv = {const_cast<char*>(path.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  // Opened before the fork: between fork and exec only what is safe in a copy of a threaded
  // process.
  const int out = ::open(output_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const int err = ::open(errors_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(out, STDOUT_FILENO);
    ::dup2(err, STDERR_FILENO);
    ::execv(path.c_str(), argv.data());
    ::_exit(127);
  }
  ::close(out);
  ::close(err);
}

Program::~Program() {
  if (!Runs()) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Program::Signal(int signal) const { ::kill(pid_, signal); }

std::optional<int> Program::Wait(std::chrono::milliseconds timeout) {
  const auto give_up = std::chrono::steady_clock::now() + timeout;
  while (!status_) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    } else if (std::chrono::steady_clock::now() >= give_up) {
      break;
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  return status_;
}

bool Program::Runs() { return !Wait(std::chrono::milliseconds(0)).has_value(); }

std::string Program::output() const { return ReadFile(output_).value_or(""); }
std::string Program::errors() const { return ReadFile(errors_).value_or(""); }

}  // namespace vizsla::testing
