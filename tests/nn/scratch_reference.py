#!/usr/bin/python3
"""The campaign's scratch networks, written with torch.nn from their description (seed-experiments.md).

  scratch_reference.py NETWORK OUT

Writes one file: the network's state (state.*), images (x) and their logits in evaluation mode; then one step of
training in float64 without dropout: logits, the loss that is differentiated, gradients (grad.*) and moved
statistics (after.*).
"""
import sys

import torch
import torch.nn.functional as F
from torch import nn

CLASSES = 7
# Sides at which pools drop a last row, and leave a map of several places for flatten to order: 30 -> 15 -> 7,
# 140 -> 35 -> 8 -> 2.
SIDES = {"scratch_v1": 30, "scratch_v2": 30, "scratch_v3": 140}
# Keras' momentum 0.99 is PyTorch's 0.01.
KERAS_NORM = {"eps": 1e-3, "momentum": 0.01}


class PlainBody(nn.Module):
    """C(32,5) C(32,3) MP2 BN - C(64,5) C(64,3) MP2 BN; C is convolution "same" and ReLU."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 5, padding="same")
        self.conv2 = nn.Conv2d(32, 32, 3, padding="same")
        self.norm1 = nn.BatchNorm2d(32, **KERAS_NORM)
        self.conv3 = nn.Conv2d(32, 64, 5, padding="same")
        self.conv4 = nn.Conv2d(64, 64, 3, padding="same")
        self.norm2 = nn.BatchNorm2d(64, **KERAS_NORM)

    def forward(self, x):
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        x = self.norm1(F.max_pool2d(x, 2))
        x = F.relu(self.conv4(F.relu(self.conv3(x))))
        return self.norm2(F.max_pool2d(x, 2))


class ResidualBlock(nn.Module):
    def __init__(self, width_in, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 3, padding="same")
        self.conv2 = nn.Conv2d(width, width, 3, padding="same")
        self.conv3 = nn.Conv2d(width, width, 3, padding="same")
        self.shortcut = nn.Conv2d(width_in, width, 3, padding="same")

    def forward(self, x):
        main = self.conv3(F.relu(self.conv2(F.relu(self.conv1(x)))))
        return F.max_pool2d(F.relu(main + self.shortcut(x)), 4)


class ResidualBody(nn.Module):
    def __init__(self):
        super().__init__()
        self.block1 = ResidualBlock(3, 32)
        self.block2 = ResidualBlock(32, 64)
        self.block3 = ResidualBlock(64, 128)

    def forward(self, x):
        return self.block3(self.block2(self.block1(x)))


class Head(nn.Module):
    """D(a) D(b) BN - out; D is dense and ReLU."""

    def __init__(self, features, first, second):
        super().__init__()
        self.dense1 = nn.Linear(features, first)
        self.dense2 = nn.Linear(first, second)
        self.norm = nn.BatchNorm1d(second, **KERAS_NORM)
        self.output = nn.Linear(second, CLASSES)

    def forward(self, x):
        return self.output(self.norm(F.relu(self.dense2(F.relu(self.dense1(x))))))


class Network(nn.Module):
    def __init__(self, name):
        super().__init__()
        if name == "scratch_v3":
            self.body, self.head = ResidualBody(), Head(2 * 2 * 128, 256, 256)
        else:
            self.body = PlainBody()
            self.head = Head(7 * 7 * 64, 512, 256) if name == "scratch_v1" else Head(7 * 7 * 64, 128, 128)

    def forward(self, x):
        # Keras flattens row by row, channels last.
        return self.head(self.body(x).permute(0, 2, 3, 1).flatten(1))

    def penalty(self):
        """L1(0.01) and L2(0.01) of the dense kernels, L2(0.01) of their biases, as Keras adds them to the loss."""
        total = 0
        for layer in (self.head.dense1, self.head.dense2):
            total = total + 0.01 * layer.weight.abs().sum() + 0.01 * layer.weight.square().sum()
            total = total + 0.01 * layer.bias.square().sum()
        return total


def stir(network, images):
    """Weights that keep signals alive, and statistics near those of what passes through."""
    for name, parameter in network.named_parameters():
        if parameter.dim() > 1:
            nn.init.kaiming_normal_(parameter)
        elif "norm" in name and name.endswith("weight"):
            nn.init.uniform_(parameter, 0.5, 1.5)
        else:
            nn.init.normal_(parameter, 0, 0.1)
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = 1.0
    network.train()
    with torch.no_grad():
        network(images)
    for norm in norms:
        norm.momentum = KERAS_NORM["momentum"]
        norm.running_mean += 0.1 * torch.randn(norm.running_mean.shape) * norm.running_var.sqrt()
        norm.running_var.clamp_(min=0.05 * norm.running_var.mean().item())
        norm.running_var *= torch.empty(norm.running_var.shape).uniform_(0.7, 1.4)


def main():
    name, path = sys.argv[1:]
    torch.manual_seed(5)
    torch.set_num_threads(1)
    side = SIDES[name]
    network = Network(name)
    stir(network, torch.randn(16, 3, side, side))
    out = {"state." + key: value.clone() for key, value in network.state_dict().items()}
    x = torch.randn(4, 3, side, side)
    out["x"] = x
    network.eval()
    with torch.no_grad():
        out["logits"] = network(x)

    network.double().train()
    logits = network(x.double())
    loss = F.cross_entropy(logits, torch.arange(4))
    if name == "scratch_v3":
        loss = loss + network.penalty()
    loss.backward()
    out["train.logits"] = logits.detach()
    out["train.loss"] = loss.detach()
    out.update({"grad." + key: value.grad.contiguous() for key, value in network.named_parameters()})
    out.update({"after." + key: value for key, value in network.named_buffers()})
    torch.save(out, path)


main()
