"""Trains a small network of torch.nn under torch.autocast on the CPU, as question.json says; writes
the logits, losses and weights of each step.

Independent of Vizsla's code. The network is two convolutions, a batch norm and a pool, then the head:
dense, ReLU, batch norm, output; the weights stay float32, the backward pass is outside the autocast.
"""
import json
import sys

import torch
from torch import nn
from torch.nn import functional

with open(sys.argv[1]) as f:
    question = json.load(f)
torch.set_num_threads(1)


def tensor(entry):
    return torch.tensor(entry["values"], dtype=torch.float32).reshape(entry["shape"])


class Body(nn.Module):
    """scratch_v1 with one block: C(32,5) C(32,3) MP2 BN, C being convolution "same" and ReLU."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 5, padding="same")
        self.conv2 = nn.Conv2d(32, 32, 3, padding="same")
        self.norm1 = nn.BatchNorm2d(32, eps=1e-3, momentum=0.01)

    def forward(self, x):
        x = functional.relu(self.conv2(functional.relu(self.conv1(x))))
        return self.norm1(functional.max_pool2d(x, 2))


class Network(nn.Module):
    def __init__(self, features, dense, classes):
        super().__init__()
        self.body = Body()
        self.head = nn.ModuleDict({"dense1": nn.Linear(features, dense),
                                   "norm": nn.BatchNorm1d(dense, eps=1e-3, momentum=0.01),
                                   "output": nn.Linear(dense, classes)})

    def forward(self, x):
        x = self.body(x).permute(0, 2, 3, 1).flatten(1)
        return self.head["output"](self.head["norm"](functional.relu(self.head["dense1"](x))))


state = {name: tensor(entry) for name, entry in question["state"].items()}
dense, features = state["head.dense1.weight"].shape
network = Network(features, dense, state["head.output.weight"].shape[0])
network.load_state_dict(state, strict=False)  # but for num_batches_tracked
network = network.to(memory_format=torch.channels_last).train()
optimizer = torch.optim.SGD(network.parameters(), lr=question["learning_rate"])
dtype = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(question["precision"])
labels = torch.tensor(question["labels"])
answer = []
for images, scale in zip(question["steps"], question["loss_scales"]):
    x = tensor(images).to(memory_format=torch.channels_last)
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype or torch.bfloat16, enabled=dtype is not None):
        logits = network(x)
        loss = functional.cross_entropy(logits.float(), labels)
    (loss * scale).backward()
    for parameter in network.parameters():
        parameter.grad /= scale
    if all(parameter.grad.isfinite().all() for parameter in network.parameters()):  # as torch.amp.GradScaler
        optimizer.step()
    answer.append({"loss": loss.item(), "type": str(logits.dtype),
                   "logits": logits.detach().float().flatten().tolist(),
                   "output": network.head["output"].weight.detach().flatten().tolist(),
                   "convolution": network.body.conv1.weight.detach().flatten().tolist()})

with open(sys.argv[2], "w") as f:
    json.dump(answer, f)
