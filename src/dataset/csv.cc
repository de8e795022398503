#include "src/dataset/csv.h"

#include <algorithm>

#include "src/dataset/text.h"

namespace vizsla {
namespace {

class CsvParser {
 public:
  CsvParser(std::string_view text, std::string_view place) : text_(text), place_(place) {}

  absl::StatusOr<std::vector<CsvRow>> Parse() {
    std::vector<CsvRow> rows;
    while (position_ < text_.size()) {
      CsvRow row{line_, {}};
      VIZSLA_RETURN_IF_ERROR(ParseRow(row));
      const bool empty_line = row.fields.size() == 1 && row.fields[0].empty();
      if (!empty_line) rows.push_back(std::move(row));
    }
    return rows;
  }

 private:
  absl::Status Error(size_t line, std::string_view reason) const {
    return absl::InvalidArgumentError(StrCat(place_, ": line ", line, ": ", reason));
  }

  bool AtEnd() const { return position_ == text_.size(); }
  bool AtLineEnd() const {
    return AtEnd() || text_[position_] == '\n' || text_.substr(position_).starts_with("\r\n");
  }

  absl::Status ParseRow(CsvRow& row) {
    for (;;) {
      std::string field;
      VIZSLA_RETURN_IF_ERROR(ParseField(field));
      if (!IsUtf8(field)) {
        return Error(row.line, "is not UTF-8 text; save the file with that encoding");
      }
      row.fields.push_back(std::move(field));
      if (!AtEnd() && text_[position_] == ',') {
        ++position_;
        continue;
      }
      break;
    }
    if (!AtEnd()) position_ += text_[position_] == '\r' ? 2 : 1;
    ++line_;
    return absl::OkStatus();
  }

  absl::Status ParseField(std::string& field) {
    if (AtEnd() || text_[position_] != '"') {
      while (!AtLineEnd() && text_[position_] != ',') field += text_[position_++];
      return absl::OkStatus();
    }
    const size_t opened = line_;
    ++position_;
    for (;; ++position_) {
      if (AtEnd()) return Error(opened, "a quote is opened and never closed");
      const char c = text_[position_];
      if (c == '\n') ++line_;
      if (c != '"') {
        field += c;
      } else if (position_ + 1 < text_.size() && text_[position_ + 1] == '"') {
        field += '"';
        ++position_;
      } else {
        ++position_;
        break;
      }
    }
    if (!AtLineEnd() && text_[position_] != ',') {
      return Error(line_, "there is text between a closing quote and the next comma");
    }
    return absl::OkStatus();
  }

  std::string_view text_;
  std::string_view place_;
  size_t position_ = 0;
  size_t line_ = 1;
};

}  // namespace

absl::StatusOr<std::vector<CsvRow>> ParseCsv(std::string_view text, std::string_view place) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return CsvParser(text, place).Parse();
}

int FindColumn(const CsvRow& header, std::string_view name) {
  const auto found = std::find(header.fields.begin(), header.fields.end(), name);
  return found == header.fields.end() ? -1 : static_cast<int>(found - header.fields.begin());
}

}  // namespace vizsla
