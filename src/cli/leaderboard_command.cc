#include <algorithm>
#include <cstdio>
#include <optional>

#include "src/base/str_cat.h"
#include "src/cli/commands.h"
#include "src/cli/terminal.h"
#include "src/cli/wire_views.h"
#include "src/report/leaderboard.h"
#include "src/report/text.h"

namespace vizsla {
namespace {

void PrintBoard(const LeaderboardView& board, const LeaderboardCommand& command) {
  if (command.json) {
    Print(ToPrettyText(LeaderboardToJson(board)));
  } else if (command.csv) {
    Print(LeaderboardToCsv(board));
  } else {
    Print(RenderLeaderboard(board, StdoutOptions()));
  }
}

// Rows of a terminal that the text takes: longer lines wrap, colours take no room.
int CountTerminalRows(const std::string& text, int width) {
  int rows = 0;
  std::string line;  // without colours
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      while (i < text.size() && text[i] != 'm') ++i;
    } else if (text[i] != '\n') {
      line += text[i];
    } else {
      rows += width > 0 ? std::max(1, (DisplayWidth(line) + width - 1) / width) : 1;
      line.clear();
    }
  }
  return rows;
}

// Draws boards one over the other. What does not fit the terminal's height is left out: a cursor
// that leaves the screen cannot come back.
class LiveBoard {
 public:
  void Draw(const LeaderboardView& board) {
    // The header, whose lines may wrap, the titles, "... and N more" and the cursor.
    constexpr int kLinesAround = 8;
    const int height = StdoutHeight();
    const int rows = height > kLinesAround ? height - kLinesAround : 1;
    const RenderOptions options = StdoutOptions();
    const std::string text = RenderLeaderboard(board, options, rows);
    if (lines_ > 0) Print(StrCat("\x1b[", lines_, "A\r\x1b[J"));
    Print(text);
    std::fflush(stdout);
    lines_ = CountTerminalRows(text, options.width);
  }

 private:
  int lines_ = 0;
};

// For a pipe: the board once, then a line for each change.
class BoardLog {
 public:
  void Add(const LeaderboardView& board) {
    if (!last_.has_value()) {
      Print(RenderLeaderboard(board, {}));
    } else {
      for (const std::string& line : DescribeChanges(*last_, board)) Print(line + "\n");
    }
    std::fflush(stdout);
    last_ = board;
  }

 private:
  std::optional<LeaderboardView> last_;
};

absl::Status Watch(CoordinatorClient& client, const LeaderboardCommand& command) {
  v1::WatchLeaderboardRequest request;
  request.set_study(command.study);
  request.set_top(command.top);
  LiveBoard live;
  BoardLog log;
  const bool terminal = StdoutIsTerminal();
  absl::Status broken;
  VIZSLA_RETURN_IF_ERROR(client.WatchLeaderboard(request, [&](const v1::Leaderboard& message) {
    const absl::StatusOr<LeaderboardView> board = ToView(message);
    if (!board.ok()) {
      broken = board.status();
      return false;
    }
    if (command.json) {
      // One board a line, so that a reader needs no parser that knows where an array ends.
      Print(LeaderboardToJson(*board).dump(-1, ' ', false,
                                           nlohmann::ordered_json::error_handler_t::replace) +
            "\n");
      std::fflush(stdout);
    } else if (terminal) {
      live.Draw(*board);
    } else {
      log.Add(*board);
    }
    return std::ferror(stdout) == 0;  // a reader that went away ends the watch
  }));
  return broken;
}

}  // namespace

absl::Status RunLeaderboard(const ConnectionOptions& options, const LeaderboardCommand& command) {
  VIZSLA_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection,
                          Connection::Open(options, Access::kRead));
  if (command.watch && connection->live()) return Watch(connection->client(), command);
  if (command.watch) {
    Message(StrCat("no coordinator runs for ", ResolveDatabase(options),
                   ": nothing will change; this is what it holds"));
  }
  v1::GetLeaderboardRequest request;
  request.set_study(command.study);
  request.set_top(command.top);
  VIZSLA_ASSIGN_OR_RETURN(const v1::GetLeaderboardResponse response,
                          connection->client().GetLeaderboard(request));
  VIZSLA_ASSIGN_OR_RETURN(const LeaderboardView board, ToView(response.leaderboard()));
  PrintBoard(board, command);
  return absl::OkStatus();
}

}  // namespace vizsla
