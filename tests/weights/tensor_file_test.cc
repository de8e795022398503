// Reading and refusing weights files. Valid .pth files are made by Debian's PyTorch.
#include "src/weights/tensor_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "src/base/file.h"
#include "src/base/random.h"

namespace vizsla {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class TensorFileTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  std::string Write(const std::string& name, std::string_view bytes) const {
    const std::string path = Path(name);
    EXPECT_TRUE(WriteFileAtomically(path, bytes).ok());
    return path;
  }
  // Opens, expects a failure of this code, and returns the message.
  std::string Refusal(const std::string& path, absl::StatusCode code) const {
    const auto file = TensorFile::Open(path);
    if (file.ok()) {
      ADD_FAILURE() << path << " was accepted";
      return "";
    }
    EXPECT_EQ(file.status().code(), code) << file.status();
    EXPECT_THAT(std::string(file.status().message()), HasSubstr(path));
    return std::string(file.status().message());
  }
  std::string RefusalOf(std::string_view bytes,
                        absl::StatusCode code = absl::StatusCode::kInvalidArgument) const {
    return Refusal(Write("file", bytes), code);
  }
  // A file with this header and data.
  static std::string Safetensors(std::string header, std::string_view data) {
    const uint64_t size = header.size();
    std::string file(8, '\0');
    std::memcpy(file.data(), &size, 8);
    return file + header + std::string(data);
  }
  // Runs Debian's Python; false (and a skipped test) without PyTorch.
  bool Python(const std::string& script) const {
    const std::string path = Write("script.py", script);
    const int code = std::system(
        ("cd " + folder_.path() + " && /usr/bin/python3 " + path + " >log 2>&1").c_str());
    if (code != 0) {
      const auto log = ReadFile(Path("log"));
      if (log.ok() && log->find("No module named") != std::string::npos) return false;
      ADD_FAILURE() << (log.ok() ? *log : "no log");
    }
    return true;
  }

  TemporaryDirectory folder_ = *TemporaryDirectory::Create("weights");
};

#define PYTHON_OR_SKIP(script) \
  if (!Python(script)) GTEST_SKIP() << "needs python3-torch (and python3-numpy) of Debian"

template <typename T>
TensorView ViewOf(TensorType type, std::vector<int64_t> shape, const std::vector<T>& values) {
  return {type, std::move(shape), std::as_bytes(std::span(values))};
}

std::string_view TextOf(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void ExpectEqualTensors(const TensorFile& a, const TensorFile& b) {
  ASSERT_EQ(a.tensors().size(), b.tensors().size());
  for (const auto& [name, view] : a.tensors()) {
    const auto other = b.tensors().find(name);
    ASSERT_NE(other, b.tensors().end()) << name;
    EXPECT_EQ(view.type, other->second.type) << name;
    EXPECT_EQ(view.shape, other->second.shape) << name;
    EXPECT_EQ(TextOf(view.bytes), TextOf(other->second.bytes)) << name;
  }
}

TEST_F(TensorFileTest, SafetensorsRoundTrip) {
  const std::vector<float> floats{1.5f, -2, 3, 4, 5, 6};
  const std::vector<int64_t> counter{7};
  const std::vector<uint8_t> bytes{1, 2, 3};
  const std::map<std::string, TensorView> tensors{
      {"a", ViewOf(TensorType::kU8, {3}, bytes)},
      {"b.weight", ViewOf(TensorType::kF32, {2, 3}, floats)},
      {"empty", ViewOf(TensorType::kF32, {0, 3}, std::vector<float>{})},
      {"scalar", ViewOf(TensorType::kI64, {}, counter)}};
  const std::string file = SerializeSafetensors(tensors, {{"padding", "tf_same"}, {"bad", "\xFF"}});
  uint64_t header = 0;
  std::memcpy(&header, file.data(), 8);
  EXPECT_EQ(header % 8, 0u);
  EXPECT_EQ(file, SerializeSafetensors(tensors, {{"bad", "\xFF"}, {"padding", "tf_same"}}));

  const auto opened = TensorFile::Open(Write("x.bin", file));
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ((*opened)->metadata().at("padding"), "tf_same");
  ASSERT_EQ((*opened)->tensors().size(), 4u);
  const TensorView& weight = (*opened)->tensors().at("b.weight");
  EXPECT_EQ(weight.shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(TextOf(weight.bytes), TextOf(std::as_bytes(std::span(floats))));
  EXPECT_EQ((*opened)->tensors().at("scalar").element_count(), 1);
  EXPECT_EQ((*opened)->tensors().at("empty").bytes.size(), 0u);
}

TEST_F(TensorFileTest, SafetensorsThatLie) {
  const std::string good = R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  ASSERT_TRUE(TensorFile::Open(Write("good", Safetensors(good, "12345678"))).ok());

  const auto lossy = absl::StatusCode::kDataLoss;
  EXPECT_THAT(RefusalOf(Safetensors(good, "1234"), lossy),
              AllOf(HasSubstr("cut short"), HasSubstr("\"w\""), HasSubstr("4 bytes")));
  EXPECT_THAT(RefusalOf(Safetensors(good, "12345678").substr(0, 20), lossy),
              AllOf(HasSubstr("cut short"), HasSubstr("header")));
  EXPECT_THAT(RefusalOf(std::string_view("\x10\0\0", 3), lossy), HasSubstr("cut short"));
  EXPECT_THAT(RefusalOf(Safetensors(good, "123456789012")), HasSubstr("4 bytes after the last"));
  EXPECT_THAT(RefusalOf(Safetensors("{\"w\":", "")), HasSubstr("not a JSON object"));
  EXPECT_THAT(RefusalOf(Safetensors(R"({"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})",
                                    "12345678")),
              HasSubstr("its shape needs 12 bytes, its data_offsets hold 8"));
  EXPECT_THAT(RefusalOf(Safetensors(R"({"w":{"dtype":"F8","shape":[8],"data_offsets":[0,8]}})",
                                    "12345678")),
              HasSubstr("unknown dtype \"F8\""));
  EXPECT_THAT(RefusalOf(Safetensors(R"({"w":{"dtype":"U8","shape":[-8],"data_offsets":[0,8]}})",
                                    "12345678")),
              HasSubstr("no count"));
  EXPECT_THAT(RefusalOf(Safetensors(
                  R"({"w":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,8]}})",
                  "12345678")),
              HasSubstr("too large"));
  EXPECT_THAT(RefusalOf(Safetensors(R"({"w":{"dtype":"U8","shape":[8],"data_offsets":[8,0]}})",
                                    "12345678")),
              HasSubstr("no range"));
  EXPECT_THAT(RefusalOf(Safetensors(R"({"v":{"dtype":"U8","shape":[6],"data_offsets":[0,6]},)"
                                    R"("w":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
                                    "12345678")),
              AllOf(HasSubstr("\"w\""), HasSubstr("overlaps")));
  EXPECT_THAT(RefusalOf(Safetensors(R"({"w":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
                                    "12345678")),
              HasSubstr("a hole of 4 bytes"));
  EXPECT_THAT(RefusalOf(Safetensors(R"({"w":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},)"
                                    R"("w":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}})",
                                    "12345678")),
              HasSubstr("\"w\" twice"));
  EXPECT_THAT(RefusalOf(Safetensors(R"({"__metadata__":{"epoch":3}})", "")),
              AllOf(HasSubstr("__metadata__"), HasSubstr("\"epoch\"")));
  EXPECT_THAT(RefusalOf(Safetensors(
                  R"({"w":{"dtype":"U8","shape":[8],"data_offsets":[0,8],"x":1}})", "12345678")),
              HasSubstr("unknown key \"x\""));
}

TEST_F(TensorFileTest, SafetensorsCannotMoveTheCursor) {
  const std::string name = R"("\u001b[2Jw\u009b")";  // both forms of CSI
  for (const std::string& header :
       {"{" + name + R"(:{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})",
        "{" + name + R"(:{"dtype":"U8","shape":[9],"data_offsets":[0,9]}})",
        "{" + name + R"(:{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
        "{" + name + ":1," + name + ":2}", R"({"w":{)" + name + ":1}}",
        R"({"w":{"dtype":)" + name + "}}", R"({"__metadata__":{)" + name + ":3}}"}) {
    const absl::Status status =
        TensorFile::Open(Write("file", Safetensors(header, "12345678"))).status();
    EXPECT_THAT(
        std::string(status.message()),
        AllOf(HasSubstr(R"("\033[2Jw\302\233")"), Not(HasSubstr("\x1b")), Not(HasSubstr("\xC2"))))
        << header;
  }
  const std::string long_name(10'000, 'w');
  EXPECT_LT(RefusalOf(Safetensors("{\"" + long_name + "\":1}", "")).size(), 500u);
}

TEST_F(TensorFileTest, FilesThatAreSomethingElse) {
  EXPECT_THAT(RefusalOf("", absl::StatusCode::kDataLoss), HasSubstr("is empty"));
  EXPECT_THAT(RefusalOf("id,breed\n001,beagle\n"), HasSubstr("is a text file"));
  EXPECT_THAT(RefusalOf("short"), HasSubstr("is a text file"));
  EXPECT_THAT(RefusalOf("\x89HDF\r\n\x1a\n and more"), HasSubstr("HDF5"));
  EXPECT_THAT(RefusalOf("\xFF\xD8\xFF\xE0 a photo \x01\x02\x03"), HasSubstr("no known format"));
  EXPECT_THAT(RefusalOf("PK\x03\x04 garbage", absl::StatusCode::kDataLoss), HasSubstr("zip"));
  const auto absent = TensorFile::Open(Path("absent"));
  EXPECT_EQ(absent.status().code(), absl::StatusCode::kNotFound);
}

constexpr const char* kManyTensors = R"(
import torch, collections
torch.manual_seed(1)
base = torch.randn(4, 6)
big = torch.randn(1000)
d = collections.OrderedDict()
for name, t in dict(float32=torch.float32, float64=torch.float64, float16=torch.float16,
                    bfloat16=torch.bfloat16).items():
    d[name] = torch.randn(3, 5).to(t)
for name, t in dict(int64=torch.int64, int32=torch.int32, int16=torch.int16, int8=torch.int8,
                    uint8=torch.uint8).items():
    d[name] = torch.randint(0, 100, (2, 3)).to(t)
d['bool'] = torch.tensor([True, False, True])
d['scalar'] = torch.tensor(12345678901)
d['empty'] = torch.zeros(0, 4)
d['transposed'] = base.t()
d['strided'] = base[:, ::2]
d['row'] = base[2]
d['channels_last'] = torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
d['negative'] = torch.tensor([-1, -2**40, 2**62])
d['parameter'] = torch.nn.Parameter(torch.randn(7))
for i in range(300): d['many.%d' % i] = torch.full((2,), float(i))
def raw(t):
    t = t.detach().contiguous()
    if t.dtype == torch.bfloat16: t = t.view(torch.int16)
    return t.numpy().tobytes()
names = {torch.float32:'F32', torch.float64:'F64', torch.float16:'F16', torch.bfloat16:'BF16', torch.int64:'I64',
         torch.int32:'I32', torch.int16:'I16', torch.int8:'I8', torch.uint8:'U8', torch.bool:'BOOL'}
def safetensors(d, path):
    import json, struct
    header, data = {}, b''
    for k, t in d.items():
        b = raw(t)
        header[k] = dict(dtype=names[t.dtype], shape=list(t.shape), data_offsets=[len(data), len(data) + len(b)])
        data += b
    h = json.dumps(header).encode()
    open(path, 'wb').write(struct.pack('<Q', len(h)) + h + data)
safetensors(d, 'expected.safetensors')
)";

TEST_F(TensorFileTest, PytorchFilesOfAllTypesAndStrides) {
  PYTHON_OR_SKIP(std::string(kManyTensors) + R"(
torch.save(d, 'plain.pth')
torch.save(dict(d), 'dict.pth')
torch.save({'epoch': 3, 'lr': 0.5, 'state_dict': d, 'names': ['a', ('b', None, True)]}, 'wrapped.pt')
torch.save(d, 'protocol4.pth', pickle_protocol=4)
torch.save(d, 'protocol5.pth', pickle_protocol=5)
d._metadata = collections.OrderedDict([('', {'version': 1})])
torch.save(d, 'metadata.pth')
)");
  const auto expected = TensorFile::Open(Path("expected.safetensors"));
  ASSERT_TRUE(expected.ok()) << expected.status();
  ASSERT_EQ((*expected)->tensors().size(), 318u);
  for (const char* name :
       {"plain.pth", "dict.pth", "wrapped.pt", "protocol4.pth", "protocol5.pth", "metadata.pth"}) {
    SCOPED_TRACE(name);
    const auto file = TensorFile::Open(Path(name));
    ASSERT_TRUE(file.ok()) << file.status();
    ExpectEqualTensors(**expected, **file);
    EXPECT_TRUE((*file)->metadata().empty());
  }
}

TEST_F(TensorFileTest, ModuleStateDictAndBigEndian) {
  PYTHON_OR_SKIP(std::string(kManyTensors) + R"(
import zipfile
m = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
torch.save(m.state_dict(), 'module.pth')
safetensors(m.state_dict(), 'module.safetensors')
# Rewrites the file as a big-endian machine would have written it.
source = zipfile.ZipFile('module.pth')
target = zipfile.ZipFile('big.pth', 'w')
sizes = {}
state = m.state_dict()
for info in source.infolist():
    content = source.read(info)
    key = info.filename.split('/')[-1]
    if '/data/' in info.filename:
        size = 8 if len(content) == 8 and key == str(len(state) - 1) else 4
        content = b''.join(content[i:i + size][::-1] for i in range(0, len(content), size))
    target.writestr(info.filename, content)
target.writestr(source.infolist()[0].filename.split('/')[0] + '/byteorder', 'big')
target.close()
)");
  const auto expected = TensorFile::Open(Path("module.safetensors"));
  ASSERT_TRUE(expected.ok()) << expected.status();
  EXPECT_EQ((*expected)->tensors().count("1.num_batches_tracked"), 1u);
  for (const char* name : {"module.pth", "big.pth"}) {
    SCOPED_TRACE(name);
    const auto file = TensorFile::Open(Path(name));
    ASSERT_TRUE(file.ok()) << file.status();
    ExpectEqualTensors(**expected, **file);
  }
}

TEST_F(TensorFileTest, PytorchFilesThatAreRefused) {
  PYTHON_OR_SKIP(std::string(kManyTensors) + R"(
import os, pickle, zipfile
class Evil:
    def __reduce__(self): return (os.system, ('touch ran',))
torch.save({'w': torch.zeros(2), 'x': Evil()}, 'evil.pth')
torch.save({'w': torch.zeros(2), 'x': Evil()}, 'evil4.pth', pickle_protocol=4)
torch.save(torch.nn.Linear(2, 2), 'module.pth')
torch.save(torch.zeros(3), 'tensor.pth')
torch.save([torch.zeros(3)], 'list.pth')
torch.save({'w': torch.zeros(2), 'epoch': 3}, 'epoch.pth')
torch.save({3: torch.zeros(2)}, 'key.pth')
torch.save({'w': torch.zeros(2).expand(1000000, 2)}, 'expanded.pth')
torch.save({'w': torch.zeros(2)}, 'legacy.pth', _use_new_zipfile_serialization=False)
pickle.dump({'w': 1}, open('bare.pkl', 'wb'), protocol=4)
open('cut.pth', 'wb').write(open('evil.pth', 'rb').read()[:-200])
zipfile.ZipFile('other.zip', 'w').writestr('a.txt', 'hello')
torch.save({'w': torch.arange(64.)}, 'good.pth')
source = zipfile.ZipFile('good.pth')
with zipfile.ZipFile('deflated.pth', 'w', zipfile.ZIP_DEFLATED) as z:
    for i in source.infolist(): z.writestr(i.filename, source.read(i))
with zipfile.ZipFile('lacking.pth', 'w') as z:
    for i in source.infolist():
        if '/data/' not in i.filename: z.writestr(i.filename, source.read(i))
with zipfile.ZipFile('small.pth', 'w') as z:
    for i in source.infolist(): z.writestr(i.filename, source.read(i)[:100] if '/data/' in i.filename else source.read(i))
raw = bytearray(open('good.pth', 'rb').read())
at = raw.find(torch.arange(64.).numpy().tobytes())
raw[at + 5] ^= 1
open('flipped.pth', 'wb').write(raw)
)");
  const auto invalid = absl::StatusCode::kInvalidArgument, lossy = absl::StatusCode::kDataLoss;
  EXPECT_THAT(Refusal(Path("evil.pth"), invalid),
              AllOf(HasSubstr("posix.system"), HasSubstr("not run")));
  EXPECT_THAT(Refusal(Path("evil4.pth"), invalid), HasSubstr("posix.system"));
  EXPECT_EQ(ReadFile(Path("ran")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Refusal(Path("module.pth"), invalid), HasSubstr("torch.nn.modules.linear.Linear"));
  EXPECT_THAT(Refusal(Path("tensor.pth"), invalid), HasSubstr("holds a tensor where a state dict"));
  EXPECT_THAT(Refusal(Path("list.pth"), invalid), HasSubstr("holds a list where a state dict"));
  EXPECT_THAT(Refusal(Path("epoch.pth"), invalid),
              HasSubstr("\"epoch\" of the state dict is a number"));
  EXPECT_THAT(Refusal(Path("key.pth"), invalid), HasSubstr("a key of the state dict is a number"));
  EXPECT_THAT(Refusal(Path("expanded.pth"), invalid), HasSubstr("repeats the elements"));
  EXPECT_THAT(Refusal(Path("legacy.pth"), invalid), HasSubstr("before 1.6"));
  EXPECT_THAT(Refusal(Path("bare.pkl"), invalid), HasSubstr("bare pickle"));
  EXPECT_THAT(Refusal(Path("cut.pth"), lossy), HasSubstr("cut short or damaged"));
  EXPECT_THAT(Refusal(Path("other.zip"), invalid), HasSubstr("no data.pkl"));
  EXPECT_THAT(Refusal(Path("deflated.pth"), invalid), HasSubstr("is compressed"));
  EXPECT_THAT(Refusal(Path("lacking.pth"), lossy),
              AllOf(HasSubstr("\"w\""), HasSubstr("lacks data/0")));
  EXPECT_THAT(Refusal(Path("small.pth"), lossy), HasSubstr("too few for 64 elements"));
  EXPECT_THAT(Refusal(Path("flipped.pth"), lossy), HasSubstr("data/0 in the zip is damaged"));
}

// Pickles that torch.save would not write, in files like its own. Needs no PyTorch.
constexpr const char* kHandMadePickles = R"py(
import struct, zipfile
def text(t): return b'X' + struct.pack('<I', len(t)) + t
def storage(key): return b'(' + text(b'storage') + b'ctorch\nFloatStorage\n' + text(key) + text(b'cpu') + b'K\x04tQ'
rebuild = b'ctorch._utils\n_rebuild_tensor_v2\n'
def tensor(shape, strides, key=b'0'): return rebuild + b'(' + storage(key) + b'K\x00' + shape + strides + b'tR'
row = (b'K\x04\x85', b'K\x01\x85')
def state(key, value): return b'}(' + text(key) + value + b'u.'
def save(name, pickle):
    with zipfile.ZipFile(name, 'w') as z:
        z.writestr('a/data.pkl', b'\x80\x02' + pickle)
        z.writestr('a/data/0', struct.pack('<4f', 0, 1, 2, 3))
)py";

TEST_F(TensorFileTest, PytorchFilesCannotMoveTheCursor) {
  PYTHON_OR_SKIP(std::string(kHandMadePickles) + R"py(
save('valid.pth', state(b'w', tensor(*row)))
save('number.pth', state(b'\x1b[2Jw', b'K\x01'))
save('shape.pth', state(b'\x1b[2Jw', tensor(b'K\x09\x85', row[1])))
save('storage.pth', state(b'w', tensor(*row, key=b'\x1b[2Jw')))
save('global.pth', b'c\x1b[2Jw\nx\n.')
)py");
  ASSERT_TRUE(TensorFile::Open(Path("valid.pth")).ok());
  for (const char* name : {"number.pth", "shape.pth", "storage.pth", "global.pth"}) {
    const absl::Status status = TensorFile::Open(Path(name)).status();
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(R"(\033[2Jw)"), Not(HasSubstr("\x1b"))))
        << name;
  }
}

TEST_F(TensorFileTest, SmallPicklesCannotAskForMuch) {
  PYTHON_OR_SKIP(std::string(kHandMadePickles) + R"py(
save('values.pth', b'N' * 2_000_001 + b'.')
save('memo.pth', b'N' + b'\x94' * 2_000_001 + b'.')
save('key.pth', state(b'w', tensor(*row, key=b'0' * 65)))
arguments = b'(' + storage(b'0') + b'K\x00' + row[0] + row[1] + b'N' * 300_000 + b't'
again = b'h\x01h\x02R'
save('calls.pth', rebuild + b'q\x010' + arguments + b'q\x020' + (again + b'0') * 400_000 + state(b'w', again))
)py");
  const auto invalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(Refusal(Path("values.pth"), invalid), HasSubstr("more than 2000000 steps"));
  EXPECT_THAT(Refusal(Path("memo.pth"), invalid), HasSubstr("more than 2000000 steps"));
  EXPECT_THAT(Refusal(Path("key.pth"), absl::StatusCode::kDataLoss),
              HasSubstr("no storage of tensors"));
  // 400,000 calls with the same 300,000 arguments: copies of them would be 480 GB.
  const auto start = std::chrono::steady_clock::now();
  const auto file = TensorFile::Open(Path("calls.pth"));
  EXPECT_TRUE(file.ok()) << file.status();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

// Under a sanitizer this finds strides that are added up though they lead nowhere.
TEST_F(TensorFileTest, StridesOfSingleRowsDoNotMatter) {
  PYTHON_OR_SKIP(std::string(kHandMadePickles) + R"py(
largest = b'\x8a\x08' + struct.pack('<q', 2**63 - 1)
save('huge.pth', state(b'w', tensor(b'K\x01K\x02K\x02\x87', largest + b'K\x01K\x02\x87')))
save('negative.pth', state(b'w', tensor(b'K\x01K\x02K\x02\x87', b'\x8a\x01\xffK\x01K\x02\x87')))
save('contiguous.pth', state(b'w', tensor(b'K\x01K\x04\x86', largest + b'K\x01\x86')))
save('reaching.pth', state(b'w', tensor(b'K\x02K\x02\x86', largest + b'K\x01\x86')))
)py");
  const std::vector<float> transposed{0, 2, 1, 3};
  for (const char* name : {"huge.pth", "negative.pth"}) {
    const auto file = TensorFile::Open(Path(name));
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(TextOf((*file)->tensors().at("w").bytes),
              TextOf(std::as_bytes(std::span(transposed))))
        << name;
  }
  EXPECT_TRUE(TensorFile::Open(Path("contiguous.pth")).ok());
  EXPECT_THAT(Refusal(Path("reaching.pth"), absl::StatusCode::kInvalidArgument),
              HasSubstr("strides are negative or too large"));
}

// Bytes changed, cut out, doubled or cut off at random: a status or tensors that can be read in
// full.
void Mutate(const std::string& original, uint64_t seed, int rounds, const std::string& path) {
  RandomStream stream(StreamKey(seed).With("mutations"));
  int accepted = 0;
  for (int round = 0; round < rounds; ++round) {
    std::string bytes = original;
    const uint64_t edits = 1 + stream.UniformInt(4);
    for (uint64_t e = 0; e < edits && !bytes.empty(); ++e) {
      const size_t at = stream.UniformInt(bytes.size());
      switch (stream.UniformInt(5)) {
        case 0:
          bytes[at] = static_cast<char>(stream.UniformInt(256));
          break;
        case 1:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << stream.UniformInt(8)));
          break;
        case 2:
          if (stream.Bernoulli(0.3)) bytes.resize(at);
          break;
        case 3:
          bytes.erase(at, 1 + stream.UniformInt(16));
          break;
        case 4:
          bytes.insert(at, bytes.substr(at, 1 + stream.UniformInt(16)));
          break;
      }
    }
    std::ofstream(path, std::ios::binary) << bytes;  // thousands of fsyncs would take minutes
    const auto file = TensorFile::Open(path);
    if (!file.ok()) {
      ASSERT_THAT(std::string(file.status().message()), HasSubstr(path));
      continue;
    }
    ++accepted;
    uint64_t sum = 0;
    for (const auto& [name, view] : (*file)->tensors()) {
      ASSERT_EQ(view.bytes.size(), view.element_count() * BytesOf(view.type)) << name;
      for (std::byte b : view.bytes) sum += static_cast<uint64_t>(b);
    }
    ASSERT_LT(sum, uint64_t{1} << 40);
  }
  ::testing::Test::RecordProperty("accepted", accepted);
  EXPECT_LT(accepted, rounds);
}

TEST_F(TensorFileTest, MutatedSafetensorsNeverCrash) {
  const std::vector<float> values(40, 1.25f);
  const std::string file =
      SerializeSafetensors({{"a", ViewOf(TensorType::kF32, {4, 10}, values)},
                            {"b", ViewOf(TensorType::kF64, {20}, values)},
                            {"c.running_var", ViewOf(TensorType::kU8, {160}, values)}},
                           {{"padding", "tf_same"}});
  Mutate(file, 1, 4000, Path("mutated"));
}

TEST_F(TensorFileTest, MutatedPytorchFilesNeverCrash) {
  // Checksums would catch nearly every mutation before the pickle is read; so the pickle is mutated
  // first and zipped with a right checksum afterwards, and the zip itself separately.
  PYTHON_OR_SKIP(R"(
import torch, zipfile, random, io, collections
random.seed(5)
base = torch.randn(4, 6)
d = collections.OrderedDict(a=torch.randn(3, 2), b=base.t(), c=base[:, ::2], n=torch.tensor(3))
torch.save({'state_dict': d, 'x': [1, (2.5, None)], 'big': -12345678901}, 'valid.pth')
source = zipfile.ZipFile('valid.pth')
name = [n for n in source.namelist() if n.endswith('data.pkl')][0]
pickle = source.read(name)
for i in range(1500):
    p = bytearray(pickle)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(p))
        k = random.randrange(4)
        if k == 0: p[at] = random.randrange(256)
        elif k == 1: p[at] ^= 1 << random.randrange(8)
        elif k == 2: del p[at:at + random.randint(1, 12)]
        else: p[at:at] = p[at:at + random.randint(1, 12)]
        if not p: p = bytearray(b'.')
    with zipfile.ZipFile('m%d.pth' % i, 'w') as z:
        for n in source.namelist(): z.writestr(n, bytes(p) if n == name else source.read(n))
)");
  int accepted = 0;
  for (int i = 0; i < 1500; ++i) {
    const auto file = TensorFile::Open(Path(StrCat("m", i, ".pth")));
    if (!file.ok()) continue;
    ++accepted;
    for (const auto& [name, view] : (*file)->tensors()) {
      ASSERT_EQ(view.bytes.size(), view.element_count() * BytesOf(view.type)) << i << " " << name;
    }
  }
  EXPECT_LT(accepted, 1400);
  EXPECT_GT(accepted, 10);
  const auto valid = ReadFile(Path("valid.pth"));
  ASSERT_TRUE(valid.ok());
  Mutate(*valid, 2, 3000, Path("mutated"));
}

TEST_F(TensorFileTest, SharedWeightsAreTheSameInBothFormats) {
  const char* set = std::getenv("VIZSLA_REAL_DATA");
  const std::string folder = set ? set : VIZSLA_SOURCE_DIR "/../shared/data";
  const auto safetensors = TensorFile::Open(folder + "/mobilenet_v2_keras_imagenet.safetensors");
  if (safetensors.status().code() == absl::StatusCode::kNotFound) {
    GTEST_SKIP()
        << "the shared MobileNetV2 weights are not here (VIZSLA_REAL_DATA names their folder)";
  }
  ASSERT_TRUE(safetensors.ok()) << safetensors.status();
  const auto pth = TensorFile::Open(folder + "/mobilenet_v2_keras_imagenet.pth");
  ASSERT_TRUE(pth.ok()) << pth.status();
  EXPECT_EQ((*safetensors)->tensors().size(), 314u);
  EXPECT_EQ((*safetensors)->metadata().at("padding"), "tf_same");
  ExpectEqualTensors(**safetensors, **pth);
}

}  // namespace
}  // namespace vizsla
