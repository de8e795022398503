#include "src/weights/pickle.h"

#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>

#include "src/weights/escape_name.h"

namespace vizsla {
namespace {

using Kind = PickleValue::Kind;
using Ref = uint32_t;

constexpr std::string_view kOrderedDict = "collections.OrderedDict";
constexpr std::string_view kRebuildTensor = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view kRebuildParameter = "torch._utils._rebuild_parameter";

std::optional<TensorType> StorageType(std::string_view name) {
  constexpr std::pair<std::string_view, TensorType> kStorages[] = {
      {"torch.FloatStorage", TensorType::kF32}, {"torch.DoubleStorage", TensorType::kF64},
      {"torch.HalfStorage", TensorType::kF16},  {"torch.BFloat16Storage", TensorType::kBF16},
      {"torch.LongStorage", TensorType::kI64},  {"torch.IntStorage", TensorType::kI32},
      {"torch.ShortStorage", TensorType::kI16}, {"torch.CharStorage", TensorType::kI8},
      {"torch.ByteStorage", TensorType::kU8},   {"torch.BoolStorage", TensorType::kBool},
  };
  for (const auto& [storage, type] : kStorages) {
    if (storage == name) return type;
  }
  return std::nullopt;
}

// A step is a byte or more of the file and makes a value of over a hundred: this bounds the memory,
// and leaves room for tens of thousands of tensors.
constexpr int kMostSteps = 2'000'000;
// torch counts its storages. Each storage copies its key, and many may share one text.
constexpr size_t kLongestStorageKey = 64;

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  absl::StatusOr<Pickle> Read() {
    if (bytes_.size() < 2 || bytes_[0] != '\x80')
      return Damaged("does not start as protocol 2 or later");
    for (int steps = 0; !stopped_; ++steps) {
      if (steps == kMostSteps) {
        return absl::InvalidArgumentError(
            StrCat("the pickle has more than ", kMostSteps, " steps: no state dict of tensors"));
      }
      VIZSLA_RETURN_IF_ERROR(Step());
    }
    return std::move(pickle_);
  }

 private:
  absl::Status Damaged(std::string_view reason) const {
    return absl::DataLossError(
        StrCat("the pickle is damaged at byte ", position_, ": ", std::string(reason)));
  }
  absl::Status Refused(const std::string& what) const {
    return absl::InvalidArgumentError(
        StrCat("the pickle asks for ", what,
               ", which is no part of a state dict of tensors; it is not run"));
  }

  absl::StatusOr<std::string_view> Take(uint64_t count) {
    if (count > bytes_.size() - position_) return Damaged("cut short");
    const std::string_view taken = bytes_.substr(position_, count);
    position_ += count;
    return taken;
  }
  template <typename T>
  absl::StatusOr<T> TakeNumber() {  // little-endian, as this machine (checked at build time below)
    VIZSLA_ASSIGN_OR_RETURN(const std::string_view taken, Take(sizeof(T)));
    T number;
    std::memcpy(&number, taken.data(), sizeof(T));
    return number;
  }
  absl::StatusOr<std::string> TakeLine() {
    const size_t end = bytes_.find('\n', position_);
    if (end == std::string_view::npos) return Damaged("cut short");
    std::string line(bytes_.substr(position_, end - position_));
    position_ = end + 1;
    return line;
  }

  PickleValue& New(Kind kind) {
    stack_.push_back(static_cast<Ref>(pickle_.values.size()));
    pickle_.values.emplace_back().kind = kind;
    return pickle_.values.back();
  }
  // Stays valid when values are added: they lie in a deque.
  PickleValue& At(Ref ref) { return pickle_.values[ref]; }

  absl::StatusOr<Ref> Pop() {
    if (stack_.empty() || At(stack_.back()).kind == Kind::kMark) return Damaged("nothing to take");
    const Ref top = stack_.back();
    stack_.pop_back();
    return top;
  }
  absl::StatusOr<std::vector<Ref>> PopToMark() {
    size_t mark = stack_.size();
    while (mark > 0 && At(stack_[mark - 1]).kind != Kind::kMark) --mark;
    if (mark == 0) return Damaged("no mark");
    std::vector<Ref> items(stack_.begin() + mark, stack_.end());
    stack_.resize(mark - 1);
    return items;
  }
  absl::Status PushTuple(size_t count) {
    std::vector<Ref> items(count);
    for (size_t i = count; i > 0; --i) {
      VIZSLA_ASSIGN_OR_RETURN(items[i - 1], Pop());
    }
    New(Kind::kTuple).items = std::move(items);
    return absl::OkStatus();
  }
  absl::Status PushText(uint64_t size) {
    VIZSLA_ASSIGN_OR_RETURN(const std::string_view text, Take(size));
    New(Kind::kText).text = text;
    return absl::OkStatus();
  }
  void PushInteger(int64_t number) { New(Kind::kInteger).integer = number; }

  // Appends to the list or dict on top of the stack.
  absl::Status Extend(Kind kind, const std::vector<Ref>& items) {
    if (stack_.empty() || At(stack_.back()).kind != kind) {
      return Damaged(kind == Kind::kDict ? "items for something that is no dict"
                                         : "items for something that is no list");
    }
    if (kind == Kind::kDict && items.size() % 2 != 0) return Damaged("a key without a value");
    std::vector<Ref>& target = At(stack_.back()).items;
    target.insert(target.end(), items.begin(), items.end());
    return absl::OkStatus();
  }

  absl::Status PushLong(uint64_t size) {
    if (size > 8) return Damaged("an integer of more than 64 bits");
    VIZSLA_ASSIGN_OR_RETURN(const std::string_view taken, Take(size));
    uint64_t number = 0;
    for (size_t i = 0; i < taken.size(); ++i) {
      number |= static_cast<uint64_t>(static_cast<unsigned char>(taken[i])) << (8 * i);
    }
    if (size > 0 && size < 8 && (static_cast<unsigned char>(taken.back()) & 0x80)) {
      number |= ~uint64_t{0} << (8 * size);
    }
    PushInteger(static_cast<int64_t>(number));
    return absl::OkStatus();
  }

  absl::Status PushGlobal(const std::string& module, const std::string& name) {
    const std::string full = StrCat(module, ".", name);
    const std::optional<TensorType> storage = StorageType(full);
    if (!storage && full != kOrderedDict && full != kRebuildTensor && full != kRebuildParameter) {
      return Refused(EscapeName(full));
    }
    PickleValue& value = New(Kind::kGlobal);
    value.text = full;
    if (storage) value.type = *storage;
    return absl::OkStatus();
  }

  absl::Status Memoize(uint64_t key) {
    if (stack_.empty()) return Damaged("nothing to remember");
    memo_[key] = stack_.back();
    return absl::OkStatus();
  }
  absl::Status Recall(uint64_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) return Damaged("recalls what was never remembered");
    stack_.push_back(found->second);
    return absl::OkStatus();
  }

  // ('storage', torch.FloatStorage, key, location, element count)
  absl::Status PushPersistent() {
    VIZSLA_ASSIGN_OR_RETURN(const Ref id_ref, Pop());
    const std::vector<Ref>& parts = At(id_ref).items;
    if (At(id_ref).kind != Kind::kTuple || parts.size() != 5 || At(parts[0]).kind != Kind::kText ||
        At(parts[0]).text != "storage" || At(parts[1]).kind != Kind::kGlobal ||
        !StorageType(At(parts[1]).text) || At(parts[2]).kind != Kind::kText ||
        At(parts[2]).text.size() > kLongestStorageKey || At(parts[4]).kind != Kind::kInteger ||
        At(parts[4]).integer < 0) {
      return Damaged("a persistent id that is no storage of tensors");
    }
    PickleValue& storage = New(Kind::kStorage);
    storage.type = At(parts[1]).type;
    storage.text = At(parts[2]).text;
    storage.integer = At(parts[4]).integer;
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<int64_t>> Integers(Ref ref) {
    if (At(ref).kind != Kind::kTuple && At(ref).kind != Kind::kList) {
      return Damaged("a tensor's shape is no tuple");
    }
    constexpr size_t kMaxRank = 64;  // a shape may be shared by many tensors: bounds their copies
    if (At(ref).items.size() > kMaxRank) return Damaged("a tensor of more than 64 dimensions");
    std::vector<int64_t> numbers;
    for (Ref item : At(ref).items) {
      if (At(item).kind != Kind::kInteger) return Damaged("a tensor's shape holds no integers");
      numbers.push_back(At(item).integer);
    }
    return numbers;
  }

  absl::Status Reduce() {
    VIZSLA_ASSIGN_OR_RETURN(const Ref arguments_ref, Pop());
    VIZSLA_ASSIGN_OR_RETURN(const Ref callee_ref, Pop());
    if (At(callee_ref).kind != Kind::kGlobal || At(arguments_ref).kind != Kind::kTuple) {
      return Damaged("a call of something that is no name");
    }
    const std::string& callee = At(callee_ref).text;
    // Not a copy: a call may name a tuple of any length, again and again.
    const std::vector<Ref>& arguments = At(arguments_ref).items;
    if (callee == kOrderedDict) {  // created empty, filled by SETITEMS
      if (!arguments.empty()) return Damaged("an OrderedDict with arguments");
      New(Kind::kDict);
      return absl::OkStatus();
    }
    if (callee == kRebuildTensor) return NewTensor(arguments);
    if (callee == kRebuildParameter) {  // (tensor, requires_grad, hooks)
      if (arguments.empty() || At(arguments[0]).kind != Kind::kTensor) {
        return Damaged("a parameter without a tensor");
      }
      stack_.push_back(arguments[0]);
      return absl::OkStatus();
    }
    return Refused(StrCat("a call of ", callee));
  }

  // (storage, offset, shape, strides, requires_grad, hooks[, metadata])
  absl::Status NewTensor(const std::vector<Ref>& arguments) {
    if (arguments.size() < 4 || At(arguments[0]).kind != Kind::kStorage ||
        At(arguments[1]).kind != Kind::kInteger || At(arguments[1]).integer < 0) {
      return Damaged("a tensor without storage, offset, shape and strides");
    }
    VIZSLA_ASSIGN_OR_RETURN(std::vector<int64_t> shape, Integers(arguments[2]));
    VIZSLA_ASSIGN_OR_RETURN(std::vector<int64_t> strides, Integers(arguments[3]));
    if (shape.size() != strides.size()) return Damaged("a tensor with more sizes than strides");
    PickleValue& tensor = New(Kind::kTensor);
    tensor.items = {arguments[0]};
    tensor.integer = At(arguments[1]).integer;
    tensor.type = At(arguments[0]).type;
    tensor.shape = std::move(shape);
    tensor.strides = std::move(strides);
    return absl::OkStatus();
  }

  absl::Status Step() {
    VIZSLA_ASSIGN_OR_RETURN(const uint8_t opcode, TakeNumber<uint8_t>());
    switch (opcode) {
      case 0x80: {  // PROTO
        VIZSLA_ASSIGN_OR_RETURN(const uint8_t protocol, TakeNumber<uint8_t>());
        if (protocol < 2 || protocol > 5) {
          return absl::InvalidArgumentError(
              StrCat("pickle protocol ", int{protocol}, " is not known (2 to 5 are)"));
        }
        return absl::OkStatus();
      }
      case 0x95:  // FRAME: a hint for readers of streams
        return Take(8).status();
      case '.': {  // STOP
        VIZSLA_ASSIGN_OR_RETURN(pickle_.root, Pop());
        stopped_ = true;
        return absl::OkStatus();
      }
      case '(':
        New(Kind::kMark);
        return absl::OkStatus();
      case '0':  // POP
        if (stack_.empty()) return Damaged("nothing to take");
        stack_.pop_back();
        return absl::OkStatus();
      case '1':  // POP_MARK
        return PopToMark().status();
      case '2': {  // DUP
        VIZSLA_ASSIGN_OR_RETURN(const Ref top, Pop());
        stack_.insert(stack_.end(), 2, top);
        return absl::OkStatus();
      }
      case 'N':
        New(Kind::kNone);
        return absl::OkStatus();
      case 0x88:
      case 0x89:
        New(Kind::kBool).integer = opcode == 0x88;
        return absl::OkStatus();
      case 'J': {  // BININT
        VIZSLA_ASSIGN_OR_RETURN(const int32_t number, TakeNumber<int32_t>());
        PushInteger(number);
        return absl::OkStatus();
      }
      case 'K': {  // BININT1
        VIZSLA_ASSIGN_OR_RETURN(const uint8_t number, TakeNumber<uint8_t>());
        PushInteger(number);
        return absl::OkStatus();
      }
      case 'M': {  // BININT2
        VIZSLA_ASSIGN_OR_RETURN(const uint16_t number, TakeNumber<uint16_t>());
        PushInteger(number);
        return absl::OkStatus();
      }
      case 0x8A: {  // LONG1
        VIZSLA_ASSIGN_OR_RETURN(const uint8_t size, TakeNumber<uint8_t>());
        return PushLong(size);
      }
      case 'G': {  // BINFLOAT, big-endian
        VIZSLA_ASSIGN_OR_RETURN(const uint64_t bits, TakeNumber<uint64_t>());
        New(Kind::kReal).real = std::bit_cast<double>(__builtin_bswap64(bits));
        return absl::OkStatus();
      }
      case 0x8C:   // SHORT_BINUNICODE
      case 'U':    // SHORT_BINSTRING
      case 'C': {  // SHORT_BINBYTES
        VIZSLA_ASSIGN_OR_RETURN(const uint8_t size, TakeNumber<uint8_t>());
        return PushText(size);
      }
      case 'X':    // BINUNICODE
      case 'T':    // BINSTRING
      case 'B': {  // BINBYTES
        VIZSLA_ASSIGN_OR_RETURN(const uint32_t size, TakeNumber<uint32_t>());
        return PushText(size);
      }
      case 0x8D:    // BINUNICODE8
      case 0x8E: {  // BINBYTES8
        VIZSLA_ASSIGN_OR_RETURN(const uint64_t size, TakeNumber<uint64_t>());
        return PushText(size);
      }
      case ')':
        return PushTuple(0);
      case 0x85:
        return PushTuple(1);
      case 0x86:
        return PushTuple(2);
      case 0x87:
        return PushTuple(3);
      case 't':
      case 'l':
      case 'd': {
        VIZSLA_ASSIGN_OR_RETURN(std::vector<Ref> items, PopToMark());
        if (opcode == 'd' && items.size() % 2 != 0) return Damaged("a key without a value");
        New(opcode == 't'   ? Kind::kTuple
            : opcode == 'l' ? Kind::kList
                            : Kind::kDict)
            .items = std::move(items);
        return absl::OkStatus();
      }
      case ']':
        New(Kind::kList);
        return absl::OkStatus();
      case '}':
        New(Kind::kDict);
        return absl::OkStatus();
      case 'a': {  // APPEND
        VIZSLA_ASSIGN_OR_RETURN(const Ref item, Pop());
        return Extend(Kind::kList, {item});
      }
      case 's': {  // SETITEM
        VIZSLA_ASSIGN_OR_RETURN(const Ref value, Pop());
        VIZSLA_ASSIGN_OR_RETURN(const Ref key, Pop());
        return Extend(Kind::kDict, {key, value});
      }
      case 'e':    // APPENDS
      case 'u': {  // SETITEMS
        VIZSLA_ASSIGN_OR_RETURN(const std::vector<Ref> items, PopToMark());
        return Extend(opcode == 'e' ? Kind::kList : Kind::kDict, items);
      }
      case 'q': {  // BINPUT
        VIZSLA_ASSIGN_OR_RETURN(const uint8_t key, TakeNumber<uint8_t>());
        return Memoize(key);
      }
      case 'r': {  // LONG_BINPUT
        VIZSLA_ASSIGN_OR_RETURN(const uint32_t key, TakeNumber<uint32_t>());
        return Memoize(key);
      }
      case 0x94:  // MEMOIZE
        return Memoize(memo_.size());
      case 'h': {  // BINGET
        VIZSLA_ASSIGN_OR_RETURN(const uint8_t key, TakeNumber<uint8_t>());
        return Recall(key);
      }
      case 'j': {  // LONG_BINGET
        VIZSLA_ASSIGN_OR_RETURN(const uint32_t key, TakeNumber<uint32_t>());
        return Recall(key);
      }
      case 'c': {  // GLOBAL
        VIZSLA_ASSIGN_OR_RETURN(const std::string module, TakeLine());
        VIZSLA_ASSIGN_OR_RETURN(const std::string name, TakeLine());
        return PushGlobal(module, name);
      }
      case 0x93: {  // STACK_GLOBAL
        VIZSLA_ASSIGN_OR_RETURN(const Ref name, Pop());
        VIZSLA_ASSIGN_OR_RETURN(const Ref module, Pop());
        if (At(name).kind != Kind::kText || At(module).kind != Kind::kText) {
          return Damaged("a name that is no text");
        }
        return PushGlobal(At(module).text, At(name).text);
      }
      case 'Q':
        return PushPersistent();
      case 'R':
        return Reduce();
      case 'b': {  // BUILD: attributes; a state dict's OrderedDict has `_metadata`, which we do not
                   // need
        VIZSLA_RETURN_IF_ERROR(Pop().status());
        if (stack_.empty() || At(stack_.back()).kind != Kind::kDict) {
          return Refused("attributes of something that is no dict");
        }
        return absl::OkStatus();
      }
      case 0x81:
      case 0x92:
      case 'i':
      case 'o':
        return Refused("a new object");
      default:
        break;
    }
    constexpr char kDigits[] = "0123456789abcdef";
    return Damaged(StrCat("opcode 0x", std::string(1, kDigits[opcode >> 4]),
                          std::string(1, kDigits[opcode & 15]), " has no place in a state dict"));
  }

  static_assert(std::endian::native == std::endian::little);

  std::string_view bytes_;
  size_t position_ = 0;
  bool stopped_ = false;
  Pickle pickle_;
  std::vector<Ref> stack_;
  std::unordered_map<uint64_t, Ref> memo_;
};

}  // namespace

std::string_view KindName(PickleValue::Kind kind) {
  switch (kind) {
    case Kind::kMark:
      return "nothing";
    case Kind::kNone:
      return "None";
    case Kind::kBool:
      return "a boolean";
    case Kind::kInteger:
    case Kind::kReal:
      return "a number";
    case Kind::kText:
      return "a text";
    case Kind::kTuple:
      return "a tuple";
    case Kind::kList:
      return "a list";
    case Kind::kDict:
      return "a dict";
    case Kind::kGlobal:
      return "a class";
    case Kind::kStorage:
      return "a storage";
    case Kind::kTensor:
      return "a tensor";
  }
  return "nothing";
}

absl::StatusOr<Pickle> ReadPickle(std::string_view bytes) {
  constexpr size_t kMaxBytes = size_t{64} << 20;  // the largest known networks need 2 MB
  if (bytes.size() > kMaxBytes)
    return absl::InvalidArgumentError("the pickle is larger than 64 MiB");
  return Reader(bytes).Read();
}

}  // namespace vizsla
