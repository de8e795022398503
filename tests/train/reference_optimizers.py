"""PyTorch's own optimizers over given gradients; independent of Vizsla's code.

Question: the cases' options, named start parameters and, step by step, gradients and a factor on
the learning rates. Answer: each case's parameters after each step.
"""
import json
import sys

import torch


def tensor(entry):
    return torch.tensor(entry["values"], dtype=torch.float32).reshape(entry["shape"])


def make(case, groups):
    kind, momentum = case["optimizer"], case["momentum"]
    if kind == "adam":
        return torch.optim.Adam(groups)
    if kind == "adamw":
        return torch.optim.AdamW(groups)
    if kind == "sgd":
        return torch.optim.SGD(groups, lr=1, momentum=momentum)
    if kind == "rmsprop":
        return torch.optim.RMSprop(groups, lr=1, momentum=momentum)
    raise ValueError(kind)


def run(case, question):
    parameters = {name: tensor(entry).requires_grad_()
                  for name, entry in question["parameters"].items()}
    groups = []
    for name, parameter in parameters.items():
        rate = case["learning_rate" if name.startswith("head.") else "backbone_learning_rate"]
        decay = case["weight_decay"] if parameter.dim() > 1 else 0
        groups.append({"params": [parameter], "lr": rate, "weight_decay": decay, "own_rate": rate})
    optimizer = make(case, groups)
    steps = []
    for step in question["steps"]:
        for name, parameter in parameters.items():
            parameter.grad = tensor(step["gradients"][name])
        if case["clip_norm"] > 0:
            torch.nn.utils.clip_grad_norm_(list(parameters.values()), case["clip_norm"])
        for group in optimizer.param_groups:
            group["lr"] = group["own_rate"] * step["factor"]
        optimizer.step()
        steps.append({name: {"shape": list(p.shape), "values": p.detach().flatten().tolist()}
                      for name, p in parameters.items()})
    return steps


with open(sys.argv[1]) as f:
    question = json.load(f)
with open(sys.argv[2], "w") as f:
    json.dump([run(case, question) for case in question["cases"]], f)
