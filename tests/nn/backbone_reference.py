"""What torchvision's and timm's networks compute, for backbone_parity_test.cc.

    backbone_reference.py NETWORK EXPECTED.pth [WEIGHTS.pth]

Every tensor of the network is filled from its name by a formula that the test knows too, so that weights need not be
kept: timm is not in Debian, and what it computes is in the recorded timm_*.pth, which this made. WEIGHTS.pth gets the
whole state dict. EXPECTED.pth gets
    tensors                    the state dict's names and shapes, as text in bytes
    gain                       of the formula
    {symmetric,tf_same}.map    of Images(), in inference: the last feature map, flat, every 31st value
    {symmetric,tf_same}.logits
    train.logits               in training mode, in float64
    train.gradients            of cross_entropy(logits, [0, 1]): a row for each parameter below the classifier, by name
    train.statistics           the moved running means and variances, likewise
A row holds a tensor's norm and four of its values (Summary).
"""
import copy
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F
import torchvision

CLASSES = 10
IMAGE_SIZES = {'vgg16': 64, 'inception_v3': 128, 'inception_resnet_v2': 128}  # of the others: 100
# Of the convolutions' kernels, so that signals keep their size; 1 fits a ReLU after each of them.
GAINS = {
    'mobilenet_v2': 0.8, 'resnet50': 0.7, 'efficientnet_v2_s': 0.8, 'xception': 0.7, 'inception_resnet_v2': 0.85,
}
TIMM = {'xception': 'legacy_xception', 'inception_resnet_v2': 'inception_resnet_v2'}


def uniform(name, shape):
    """In [-1, 1), multiples of 2^-23: FNV-1a of the name is the seed of a SplitMix64 (Steele, Lea, Flood 2014)."""
    seed = 0xcbf29ce484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001b3 % 2**64
    count = int(np.prod(shape, dtype=np.int64))
    x = np.uint64(seed) + np.uint64(0x9e3779b97f4a7c15) * np.arange(1, count + 1, dtype=np.uint64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xbf58476d1ce4e5b9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94d049bb133111eb)
    x = x ^ (x >> np.uint64(31))
    return ((x >> np.uint64(40)).astype(np.float64) / 2**23 - 1).reshape(shape)


def value(name, shape, gain):
    kind = name.rsplit('.', 1)[-1]
    if kind == 'num_batches_tracked':
        return torch.tensor(0)
    u = uniform(name, shape)
    if len(shape) == 4:
        u *= gain * np.sqrt(6 / np.prod(shape[1:]))
    elif len(shape) == 2:
        u *= np.sqrt(3 / shape[1])
    elif kind == 'running_var' or kind == 'weight':
        u = 1 + 0.3 * u
    else:
        u *= 0.1
    return torch.from_numpy(u.astype(np.float32))


def gain_of(network):
    return GAINS.get(network, 1.0)


def build(network):
    # The formula makes the usual initialization superfluous, which takes seconds.
    for layer in (torch.nn.Linear, torch.nn.Conv2d):
        layer.reset_parameters = lambda self: None
    if network in TIMM:
        import timm
        model = timm.create_model(TIMM[network], num_classes=CLASSES)
    elif network == 'inception_v3':
        model = torchvision.models.inception_v3(num_classes=CLASSES, init_weights=False)
    elif network == 'vgg16':
        # Its own classifier is no linear layer over pooled features.
        vgg = torchvision.models.vgg
        model = vgg.VGG(vgg.make_layers(vgg.cfgs['D']), CLASSES, init_weights=False)
        model.avgpool = torch.nn.AdaptiveAvgPool2d(1)
        model.classifier = torch.nn.Linear(512, CLASSES)
    else:
        model = getattr(torchvision.models, network)(num_classes=CLASSES)
    gain = gain_of(network)
    model.load_state_dict({k: value(k, tuple(v.shape), gain) for k, v in model.state_dict().items()})
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if isinstance(module, torchvision.ops.StochasticDepth):
            module.p = 0.0
    return model


def tf_same(model):
    """The same network with TensorFlow's "SAME" wherever it pads."""
    model = copy.deepcopy(model)

    def pad_before(module, fill):
        kernel, stride = module.kernel_size, module.stride
        kernel = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        stride = stride if isinstance(stride, int) else stride[0]

        def hook(_, inputs):
            pads = []
            for n, k in ((inputs[0].shape[3], kernel[1]), (inputs[0].shape[2], kernel[0])):
                total = max((-(-n // stride) - 1) * stride + k - n, 0)
                pads += [total // 2, total - total // 2]
            return F.pad(inputs[0], pads, value=fill)
        module.padding = 0 if isinstance(module.padding, int) else (0, 0)
        module.register_forward_pre_hook(hook)

    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d) and module.padding != (0, 0) and module.stride != (1, 1):
            pad_before(module, 0.0)
        elif isinstance(module, torch.nn.MaxPool2d) and module.padding != 0:
            pad_before(module, -float('inf'))
    return model


class AveragePoolsWithoutPadding:
    """torchvision's InceptionV3 calls F.avg_pool2d, whose padding counts; in TensorFlow it never does."""

    def __enter__(self):
        self.original = F.avg_pool2d

        def pool(x, kernel_size, stride=None, padding=0, *_, **__):
            return self.original(x, kernel_size, stride, padding, count_include_pad=False)
        F.avg_pool2d = pool

    def __exit__(self, *_):
        F.avg_pool2d = self.original


def run(model, x):
    """The last feature map and the logits."""
    seen = []
    pool = getattr(model, 'avgpool', None) or getattr(model, 'global_pool', None)
    if pool is not None:
        hook = pool.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    else:  # these pool by a function; DenseNet's ReLU before it is one too
        hook = model.features.register_forward_hook(lambda _, inputs, output: seen.append(output))
    logits = model(x)
    hook.remove()
    map_ = F.relu(seen[0]) if isinstance(model, torchvision.models.DenseNet) else seen[0]
    return map_, logits


def summary(tensors):
    rows = []
    for name in sorted(tensors):
        flat = tensors[name].detach().double().flatten()
        n = len(flat)
        rows.append(torch.cat([flat.norm()[None], flat[[0, n // 3, 2 * n // 3, n - 1]]]))
    return torch.stack(rows)


def main(network, expected_path, weights_path=None):
    torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', '1')))
    model = build(network)
    if weights_path:
        torch.save(model.state_dict(), weights_path)
    lines = [' '.join([k, *map(str, v.shape)]) for k, v in model.state_dict().items()]
    expected = {
        'tensors': torch.tensor(list('\n'.join(lines).encode()), dtype=torch.uint8),
        'gain': torch.tensor(gain_of(network), dtype=torch.float64),
    }
    if network == 'inception_v3':
        model.AuxLogits = None  # needs larger images in training
    size = IMAGE_SIZES.get(network, 100)
    images = torch.from_numpy((1.7 * uniform('images', (2, 3, size, size))).astype(np.float32))

    def infer(variant, name):
        variant.eval()
        with torch.no_grad():
            map_, logits = run(variant, images)
        if os.environ.get('VERBOSE'):
            print(name, tuple(map_.shape), 'std', map_.std().item(), 'zeros', (map_ == 0).float().mean().item(),
                  'between images', (map_[0] - map_[1]).std().item(), 'logits', logits.std().item())
        expected[name + '.map'] = map_.contiguous().flatten()[::31].clone()
        expected[name + '.logits'] = logits
    infer(model, 'symmetric')
    with AveragePoolsWithoutPadding():
        infer(tf_same(model), 'tf_same')

    # In float64: in float32, rounding puts values on other sides of ReLU's corner.
    model = model.double()
    model.train()
    _, logits = run(model, images.double())
    logits = logits.logits if isinstance(logits, tuple) else logits
    F.cross_entropy(logits, torch.arange(2)).backward()
    tops = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
    assert len(tops) == 1, tops
    expected['train.logits'] = logits.detach()
    expected['train.gradients'] = summary(
        {k: p.grad for k, p in model.named_parameters() if not k.startswith(tops[0] + '.')})
    statistics = {k: b for k, b in model.named_buffers() if 'running_' in k}
    if statistics:
        expected['train.statistics'] = summary(statistics)
    torch.save(expected, expected_path)


if __name__ == '__main__':
    main(*sys.argv[1:])
