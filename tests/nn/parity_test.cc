// The backbone against Debian's torchvision: the same state dict and input give the same numbers.
#include <string>

#include "src/nn/weights_import.h"
#include "tests/nn/testing.h"

namespace vizsla {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// One torchvision network with random weights and batch norm statistics, in the variants below.
constexpr const char* kReference = R"(
import copy, torch, torchvision
import torch.nn.functional as F
torch.manual_seed(3)
torch.set_num_threads(1)
m = torchvision.models.mobilenet_v2()
norms = [b for b in m.modules() if isinstance(b, torch.nn.BatchNorm2d)]
for b in norms:
    b.weight.data.uniform_(0.5, 1.5); b.bias.data.normal_(0, 0.2); b.momentum = 1.0
m(torch.randn(8, 3, 96, 96))  # statistics near the real ones keep signals alive through 52 layers
for b in norms:
    b.momentum = 0.1
    b.running_mean += 0.1 * torch.randn(b.running_mean.shape) * b.running_var.sqrt()
    b.running_var *= torch.empty(b.running_var.shape).uniform_(0.7, 1.4)
m.classifier[1].weight.data.normal_(0, 0.05)
torch.save(m.state_dict(), 'weights.pth')

def tf_same(model):
    model = copy.deepcopy(model)
    for c in model.modules():
        if isinstance(c, torch.nn.Conv2d) and c.stride[0] == 2:
            c.padding = (0, 0)
            def pad(module, inputs):
                x, pads = inputs[0], []
                for n in (x.shape[3], x.shape[2]):
                    total = max((-(-n // 2) - 1) * 2 + 3 - n, 0)
                    pads += [total // 2, total - total // 2]
                return F.pad(x, pads)
            c.register_forward_pre_hook(pad)
    return model

out = {}
for size in (160, 97, 64):
    x = torch.randn(3, 3, size, size)
    out['x.%d' % size] = x
    for name, model in (('symmetric', m), ('tf_same', tf_same(m))):
        model.eval()
        with torch.no_grad():
            out['features.%s.%d' % (name, size)] = model.features(x)
            out['logits.%s.%d' % (name, size)] = model(x)

# One training-mode pass: batch statistics, gradients and moved buffers.
out['x.train'] = torch.randn(4, 3, 97, 97).double()
# In float64: in float32 rounding puts values on other sides of ReLU6's corners, which moves gradients by 2 %.
t = tf_same(m).double()
t.train(); t.classifier[0].p = 0.0
y = t(out['x.train'])
out['train.logits'] = y.detach()
F.cross_entropy(y, torch.arange(4)).backward()
for k, p in t.named_parameters():
    if k.startswith('features'): out['grad.' + k] = p.grad
for k, b in t.named_buffers():
    if k.startswith('features'): out['after.' + k] = b
torch.save(out, 'expected.pth')
)";

class ParityTest : public ::testing::Test {
 protected:
  void SetUp() override {
    static const TemporaryDirectory* const folder =
        new TemporaryDirectory(*TemporaryDirectory::Create("parity"));
    static const PythonOutcome outcome = RunPython(folder->path(), kReference);
    if (outcome == PythonOutcome::kMissingModule) {
      GTEST_SKIP() << "needs Debian's python3-torch and python3-torchvision";
    }
    ASSERT_EQ(outcome, PythonOutcome::kDone);
    weights_path_ = folder->path() + "/weights.pth";
    auto weights = TensorFile::Open(weights_path_);
    auto expected = TensorFile::Open(folder->path() + "/expected.pth");
    ASSERT_TRUE(weights.ok()) << weights.status();
    ASSERT_TRUE(expected.ok()) << expected.status();
    weights_ = *weights;
    expected_ = *expected;
  }

  torch::Tensor Expected(const std::string& name) const {
    const auto found = expected_->tensors().find(name);
    if (found == expected_->tensors().end()) {
      ADD_FAILURE() << name;
      return torch::zeros({});
    }
    return ToTensor(found->second).clone();
  }

  // A model whose head is torchvision's classifier, with the reference's weights.
  std::shared_ptr<Model> Load(Padding padding, const std::string& unfreeze, int size) {
    TrainingPlan plan = TransferPlan(size);
    plan.initial_weights = InitialWeights::kPretrained;
    plan.dense = {};
    plan.batch_norm = false;
    plan.dropout = 0;
    plan.unfreeze = unfreeze;
    const auto model = Build(plan, 1000, 1, padding);
    const absl::Status status = ImportBackbone(*weights_, weights_path_, *model);
    EXPECT_TRUE(status.ok()) << status;
    const torch::NoGradGuard no_gradients;
    for (const char* name : {"weight", "bias"}) {
      Named(model->StateDict(), std::string("head.output.") + name)
          .copy_(ToTensor(weights_->tensors().at(std::string("classifier.1.") + name)));
    }
    return model;
  }

  std::string weights_path_;
  std::shared_ptr<const TensorFile> weights_;
  std::shared_ptr<const TensorFile> expected_;
};

TEST_F(ParityTest, LogitsInInference) {
  for (const int size : {160, 97, 64}) {
    for (const Padding padding : {Padding::kSymmetric, Padding::kTfSame}) {
      const std::string which = padding == Padding::kTfSame ? "tf_same" : "symmetric";
      SCOPED_TRACE(which + " " + std::to_string(size));
      const std::string suffix = "." + which + "." + std::to_string(size);
      const torch::Tensor x = Expected("x." + std::to_string(size));
      const torch::Tensor logits = Expected("logits" + suffix);
      ASSERT_GT(logits.abs().max().item<double>(), 0.1);  // the reference is no constant
      torch::Tensor folded;
      for (const std::string unfreeze : {"none", "block_6_expand", "all"}) {
        SCOPED_TRACE(unfreeze);
        const auto model = Load(padding, unfreeze, size);
        model->eval();
        const torch::NoGradGuard no_gradients;
        const torch::Tensor output = model->forward(x);
        EXPECT_LT(MaxDifference(output, logits), 1e-4);
        if (unfreeze == "none") folded = output;
        // Folding the batch norms changes no more than rounding does.
        EXPECT_LT(MaxDifference(output, folded), 1e-5 * (1 + logits.abs().max().item<double>()));
        if (unfreeze == "none") {
          const torch::Tensor features = Expected("features" + suffix);
          EXPECT_LT(MaxDifference(model->FeatureMap(x), features),
                    1e-4 * features.abs().max().item<double>());
          // Frozen means inference, whatever train() says.
          model->train();
          EXPECT_LT(MaxDifference(model->forward(x), logits), 1e-4);
        }
      }
    }
  }
}

TEST_F(ParityTest, PaddingMatters) {  // so that the test above can fail
  EXPECT_GT(MaxDifference(Expected("logits.tf_same.160"), Expected("logits.symmetric.160")), 1e-2);
}

TEST_F(ParityTest, TrainingMode) {
  const auto model = Load(Padding::kTfSame, "all", 97);
  model->to(torch::kFloat64);
  model->train();
  const torch::Tensor logits = model->forward(Expected("x.train"));
  EXPECT_LT(MaxDifference(logits, Expected("train.logits")), 1e-9);
  torch::nn::functional::cross_entropy(logits, torch::arange(4)).backward();
  int gradients = 0;
  for (const auto& [name, parameter] : model->TrainableParameters()) {
    if (!name.starts_with("backbone.")) continue;
    const torch::Tensor expected = Expected("grad." + name.substr(9));
    ASSERT_TRUE(parameter.grad().defined()) << name;
    EXPECT_LT(MaxDifference(parameter.grad(), expected),
              1e-8 * (1 + expected.abs().max().item<double>()))
        << name;
    ++gradients;
  }
  EXPECT_EQ(gradients, 156);  // 52 convolutions, 52 batch norms of two
  for (const auto& [name, tensor] : model->StateDict()) {
    if (name.find("running_") == std::string::npos && name.find("tracked") == std::string::npos)
      continue;
    EXPECT_LT(MaxDifference(tensor, Expected("after." + name.substr(9))), 1e-9) << name;
  }
}

TEST_F(ParityTest, AnotherNetworksWeights) {
  const auto model = Load(Padding::kSymmetric, "none", 64);
  const auto before = model->forward(Expected("x.64")).detach().clone();
  const TemporaryDirectory folder = *TemporaryDirectory::Create("other");
  PYTHON_OR_SKIP(folder.path(), R"(
import torch, torchvision
torch.save(torchvision.models.resnet18().state_dict(), 'resnet.pth')
s = torchvision.models.mobilenet_v2().state_dict()
torch.save({k: v for k, v in s.items() if 'num_batches' not in k and 'classifier' not in k}, 'bare.pth')
torch.save(torchvision.models.mobilenet_v2(width_mult=0.5).state_dict(), 'half.pth')
del s['features.3.conv.0.0.weight']
torch.save(s, 'lacking.pth')
)");
  const auto import = [&](const std::string& name) {
    const std::string path = folder.path() + "/" + name;
    const auto file = TensorFile::Open(path);
    EXPECT_TRUE(file.ok()) << file.status();
    const absl::Status status = ImportBackbone(**file, path, *model);
    if (!status.ok()) {
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
      EXPECT_THAT(std::string(status.message()),
                  AllOf(HasSubstr(path), HasSubstr("not weights of mobilenet_v2")));
    }
    return std::string(status.message());
  };
  EXPECT_THAT(import("resnet.pth"),
              AllOf(HasSubstr("missing: features.0.0.weight, "), HasSubstr("and 250 more"),
                    HasSubstr("unexpected: bn1.bias, "), HasSubstr("more")));
  EXPECT_THAT(import("half.pth"),
              AllOf(HasSubstr("wrong-shaped: features.0.0.weight ([16, 3, 3, 3], "
                              "not [32, 3, 3, 3])"),
                    Not(HasSubstr("missing"))));
  EXPECT_THAT(import("lacking.pth"), AllOf(HasSubstr("missing: features.3.conv.0.0.weight"),
                                           Not(HasSubstr("unexpected"))));
  // Refused files changed nothing.
  EXPECT_EQ(MaxDifference(model->forward(Expected("x.64")), before), 0);
  EXPECT_EQ(import("bare.pth"), "");
  EXPECT_GT(MaxDifference(model->forward(Expected("x.64")), before), 1e-3);  // and folds anew

  EXPECT_EQ(ImportBackbone(*weights_, "w", *Build(ScratchPlan("scratch_v1", 8, {}))).code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace vizsla
