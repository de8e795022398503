// Comma-separated values as RFC 4180 says: quoted fields with "" for a quote, line breaks inside
// quotes, CRLF or LF, an optional UTF-8 byte order mark. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/base/status.h"

namespace vizsla {

struct CsvRow {
  size_t line = 0;  // where the row begins, counting from 1
  std::vector<std::string> fields;
};

// Rows in order, the header first; empty lines are no rows. InvalidArgument names `place` and the
// line: a quote that is never closed, text after a closing quote, bytes that are not UTF-8.
absl::StatusOr<std::vector<CsvRow>> ParseCsv(std::string_view text, std::string_view place);

// The position of a column in the header row; -1 when there is none.
int FindColumn(const CsvRow& header, std::string_view name);

}  // namespace vizsla
