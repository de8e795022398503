"""Trains the head of problem.json with PyTorch's own layers and Adam; writes each epoch's metrics.

Independent of Vizsla's code: torch.nn modules, torch.optim.Adam, torch.nn.functional.cross_entropy.
"""
import json
import sys

import torch
from torch import nn

problem_path, answer_path = sys.argv[1:]
with open(problem_path) as f:
    problem = json.load(f)


def tensor(entry):
    return torch.tensor(entry["values"], dtype=torch.float32).reshape(entry["shape"])


state = {name: tensor(entry) for name, entry in problem["state"].items()}
train_x = tensor(problem["train"]["features"])
train_y = torch.tensor(problem["train"]["labels"])
val_x = tensor(problem["validation"]["features"])
val_y = torch.tensor(problem["validation"]["labels"])

sizes = [state["head.dense1.weight"].shape, state["head.dense2.weight"].shape,
         state["head.output.weight"].shape]
dense1, dense2, output = (nn.Linear(shape[1], shape[0]) for shape in sizes)
norm = nn.BatchNorm1d(sizes[1][0], eps=1e-3, momentum=0.01)
model = nn.Sequential(dense1, nn.ReLU(), dense2, nn.ReLU(), norm, output)
with torch.no_grad():
    for name, layer in (("dense1", dense1), ("dense2", dense2), ("norm", norm), ("output", output)):
        layer.weight.copy_(state[f"head.{name}.weight"])
        layer.bias.copy_(state[f"head.{name}.bias"])

optimizer = torch.optim.Adam(model.parameters(), lr=problem["learning_rate"])
epochs = []
for order in problem["order"]:
    model.train()
    loss_sum = correct = 0
    for start in range(0, len(order), problem["batch_size"]):
        rows = order[start:start + problem["batch_size"]]
        logits = model(train_x[rows])
        loss = nn.functional.cross_entropy(logits, train_y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss_sum += loss.item() * len(rows)
        correct += (logits.argmax(1) == train_y[rows]).sum().item()
    model.eval()
    with torch.no_grad():
        logits = model(val_x)
        epochs.append({
            "train_loss": loss_sum / len(train_y),
            "train_accuracy": correct / len(train_y),
            "val_loss": nn.functional.cross_entropy(logits, val_y).item(),
            "val_accuracy": (logits.argmax(1) == val_y).float().mean().item(),
        })

with open(answer_path, "w") as f:
    json.dump({"epochs": epochs}, f)
