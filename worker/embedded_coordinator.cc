#include "worker/embedded_coordinator.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <filesystem>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "src/base/file.h"
#include "src/base/log.h"
#include "src/rpc/address_file.h"

namespace vizsla {
namespace {

constexpr std::chrono::milliseconds kPoll{30};

// Whoever holds the other end has closed it, and so has ended.
bool HasEnded(const FileDescriptor& life) {
  pollfd entry = {life.get(), POLLIN, 0};
  return ::poll(&entry, 1, 0) > 0;
}

// The job's variables are not the coordinator's: it is no part of the job.
std::vector<std::string> CoordinatorEnvironment() {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view variable = *entry;
    if (variable.starts_with("OMPI_") || variable.starts_with("PMIX_") ||
        variable.starts_with("OPAL_") || variable.starts_with("ORTE_")) {
      continue;
    }
    variables.emplace_back(variable);
  }
  return variables;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Runs the program with its output in `log_path`, in a session of its own, as nobody's child.
// Returns a descriptor that reports end of file when it ends.
absl::StatusOr<FileDescriptor> StartDetached(std::vector<std::string> command,
                                             const std::string& log_path) {
  std::vector<std::string> environment = CoordinatorEnvironment();
  const std::vector<char*> arguments = Pointers(command);
  const std::vector<char*> variables = Pointers(environment);
  FileDescriptor log(::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (log.get() < 0) return ErrnoStatus(errno, log_path, "open");
  FileDescriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (null.get() < 0) return ErrnoStatus(errno, "/dev/null", "open");
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, command[0], "pipe");
  FileDescriptor life(ends[0]), held(ends[1]);

  const pid_t child = ::fork();
  if (child < 0) return ErrnoStatus(errno, command[0], "fork");
  if (child == 0) {
    // Only async-signal-safe calls from here on.
    ::setsid();
    if (::fork() != 0) ::_exit(0);
    ::dup2(null.get(), STDIN_FILENO);
    ::dup2(log.get(), STDOUT_FILENO);
    ::dup2(log.get(), STDERR_FILENO);
    // The pipe's end stays open over exec as descriptor 3; all others go, mpirun's pipes above all,
    // which would keep the job waiting for the end of our output.
    if (held.get() != 3) ::dup2(held.get(), 3);
    ::fcntl(3, F_SETFD, 0);
    ::close_range(4, UINT_MAX, 0);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execve(arguments[0], arguments.data(), variables.data());
    constexpr char kFailure[] = "the coordinator's program could not be started\n";
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kFailure, sizeof kFailure - 1);
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return life;
}

// What the coordinator wrote since `from`, its last line: why it ended.
std::string LastLine(const std::string& log_path, size_t from) {
  absl::StatusOr<std::string> text = ReadFile(log_path);
  if (!text.ok() || text->size() <= from) return "it wrote nothing";
  std::string_view rest = std::string_view(*text).substr(from);
  while (!rest.empty() && (rest.back() == '\n' || rest.back() == '\r')) rest.remove_suffix(1);
  const size_t line = rest.rfind('\n');
  return std::string(line == std::string_view::npos ? rest : rest.substr(line + 1));
}

}  // namespace

absl::StatusOr<std::string> ProgramFolder() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return ErrnoStatus(error.value(), "/proc/self/exe", "readlink");
  return program.parent_path().string();
}

std::string CoordinatorLogPath(const std::string& database) {
  return database + ".coordinator.log";
}

absl::StatusOr<std::string> EnsureCoordinator(const EmbeddedCoordinatorOptions& options) {
  const auto give_up = std::chrono::steady_clock::now() + options.patience;
  const std::string log_path = CoordinatorLogPath(options.database);
  FileDescriptor started;  // open while the one of ours may live
  size_t log_start = 0;
  bool was_held = false;
  bool ever_started = false;
  std::string trouble = "it has written no address yet";
  for (;;) {
    absl::StatusOr<std::optional<std::string>> found = FindCoordinator(options.database);
    if (found.ok() && *found) {
      if (!options.arguments.empty() && !ever_started) {
        log::warn("a coordinator of {} runs already, with its own options: {} does nothing",
                  options.database, options.arguments.front());
      }
      return **found;
    }
    // Held without an address: another command, or a coordinator that is starting or ending.
    if (!found.ok() && !absl::IsUnavailable(found.status())) return found.status();
    if (!found.ok()) trouble = std::string(found.status().message());
    const bool held = !found.ok();
    if (started.is_open() && HasEnded(started)) {
      // It lost a race for the lock (then another one's address appears) or could not start.
      started = FileDescriptor();
      if (!held && !was_held) {
        return absl::UnavailableError(
            StrCat("the coordinator did not start: ", LastLine(log_path, log_start), " (see ",
                   log_path, ")"));
      }
    }
    was_held = held;
    if (std::chrono::steady_clock::now() >= give_up) {
      return absl::UnavailableError(
          StrCat("no coordinator of ", options.database, " answers after ",
                 std::chrono::duration_cast<std::chrono::seconds>(options.patience).count(),
                 " s: ", trouble, " (see ", log_path, ")"));
    }
    if (!started.is_open() && !held) {
      std::error_code error;
      if (!std::filesystem::exists(options.program, error)) {
        return absl::NotFoundError(
            StrCat(options.program, " is missing: it belongs beside vizsla-worker"));
      }
      const auto size = std::filesystem::file_size(log_path, error);
      log_start = error ? 0 : static_cast<size_t>(size);
      std::vector<std::string> command = {options.program, "--db", options.database,
                                          "--exit-when-idle"};
      command.insert(command.end(), options.arguments.begin(), options.arguments.end());
      VIZSLA_ASSIGN_OR_RETURN(started, StartDetached(std::move(command), log_path));
      ever_started = true;
    }
    std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace vizsla
