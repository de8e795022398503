// JSON written straight into a text, byte for byte as DumpJson writes it, for what is written
// often: without a tree of JSON values in between. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vizsla {

// In quotes. False, and nothing is appended: the text is not printable ASCII without characters
// that JSON escapes.
bool AppendPlainText(std::string_view text, std::string& json);
void AppendNumber(int64_t number, std::string& json);
void AppendNumber(double number, std::string& json);  // finite

// Of a text that holds one object and nothing else. The name and what comes before it; false as
// AppendPlainText, and then the text is of no use.
bool BeginMember(std::string_view name, std::string& json);
// After the last member, if there is one.
void EndObject(std::string& json);

}  // namespace vizsla
