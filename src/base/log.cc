#include "src/base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>

#include "src/base/log_json.h"

namespace vizsla {
namespace {

// The sink formats on the thread that logs, so that its LogScope is the line's.
class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    LogLine line;
    line.time = std::chrono::floor<Milliseconds>(message.time);
    line.level = View(spdlog::level::to_string_view(message.level));
    line.program = View(message.logger_name);
    line.pid = ::getpid();
    line.message = View(message.payload);
    line.fields = LogScope::Current();
    const std::string text = ToJson(line) + '\n';
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }

 private:
  static std::string_view View(const spdlog::string_view_t& text) {
    return {text.data(), text.size()};
  }
};

}  // namespace

absl::Status InitLogging(std::string_view process, std::string_view level,
                         std::string_view format) {
  const spdlog::level::level_enum parsed = spdlog::level::from_str(std::string(level));
  if (parsed == spdlog::level::off && level != "off") {
    return absl::InvalidArgumentError(
        StrCat("unknown log level '", level, "'; known: trace, debug, info, warning, error, off"));
  }
  if (format != "text" && format != "json") {
    return absl::InvalidArgumentError(
        StrCat("unknown log format '", format, "'; known: text, json"));
  }
  auto logger = spdlog::stderr_color_mt(std::string(process));
  logger->set_level(parsed);
  if (format == "json") {
    logger->set_formatter(std::make_unique<JsonFormatter>());
  } else {
    logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %L %n: %v");
  }
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
  return absl::OkStatus();
}

}  // namespace vizsla
