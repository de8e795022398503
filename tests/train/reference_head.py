"""Trains the head of question.json with PyTorch's own layers, optimizers and schedulers; writes each
epoch's metrics.

Independent of Vizsla's code: torch.nn, torch.optim and scikit-learn; averaging of weights and Keras'
penalties are written out here. In double precision: with floats, PyTorch's own validation losses are
some 1e-4 away from these.
"""
import copy
import json
import sys

import numpy as np
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import nn
from torch.nn import functional

with open(sys.argv[1]) as f:
    question = json.load(f)
plan = question["plan"]
torch.set_default_dtype(torch.float64)


def tensor(entry):
    return torch.tensor(entry["values"], dtype=torch.float64).reshape(entry["shape"])


state = {name: tensor(entry) for name, entry in question["state"].items()}
train_x = tensor(question["train"]["features"])
train_y = torch.tensor(question["train"]["labels"])
val_views = [tensor(entry) for entry in question["validation"]["views"]]
val_y = torch.tensor(question["validation"]["labels"])
classes = int(state["head.output.weight"].shape[0])


def linear(name):
    layer = nn.Linear(*reversed(state[f"head.{name}.weight"].shape))
    with torch.no_grad():
        layer.weight.copy_(state[f"head.{name}.weight"])
        layer.bias.copy_(state[f"head.{name}.bias"])
    return layer


def norm(name):
    # Keras' epsilon and momentum; fresh, as the state's are.
    return nn.BatchNorm1d(state[f"head.{name}.weight"].shape[0], eps=1e-3, momentum=0.01)


dense = []
layers = [norm("norm")] if plan["norm_place"] == "input" else []
for i in (1, 2):
    dense.append(linear(f"dense{i}"))
    layers += [dense[-1], nn.ReLU()]
    if plan["norm_place"] == "every":
        layers.append(norm(f"norm{i}"))
if plan["norm_place"] == "last":
    layers.append(norm("norm"))
model = nn.Sequential(*layers, linear("output"))


def make_optimizer():
    kernels = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": kernels, "weight_decay": plan["weight_decay"]},
              {"params": others, "weight_decay": 0}]
    rate, momentum = plan["learning_rate"], plan["momentum"]
    return {"adam": lambda: torch.optim.Adam(groups, lr=rate),
            "adamw": lambda: torch.optim.AdamW(groups, lr=rate),
            "sgd": lambda: torch.optim.SGD(groups, lr=rate, momentum=momentum),
            "rmsprop": lambda: torch.optim.RMSprop(groups, lr=rate, momentum=momentum),
            }[plan["optimizer"]]()


optimizer = make_optimizer()
steps_per_epoch = len(question["epochs"][0])
warmup = plan["warmup_epochs"] * steps_per_epoch
total = len(question["epochs"]) * steps_per_epoch
schedulers = torch.optim.lr_scheduler
by_steps = by_losses = None
if plan["schedule"] == "cosine":
    by_steps = schedulers.CosineAnnealingLR(optimizer, T_max=total - warmup)
elif plan["schedule"] == "step":
    by_steps = schedulers.StepLR(optimizer, plan["every"] * steps_per_epoch, plan["factor"])
elif plan["schedule"] == "plateau":
    # PyTorch counts one epoch later than Keras.
    by_losses = schedulers.ReduceLROnPlateau(
        optimizer, factor=plan["factor"], patience=plan["patience"] - 1, threshold=1e-4,
        threshold_mode="abs", eps=0)

class_weights = torch.ones(classes)
if plan["class_weights"] == "balanced":
    class_weights = torch.tensor(compute_class_weight(
        "balanced", classes=np.arange(classes), y=train_y.numpy()), dtype=torch.float64)


def row_losses(logits, labels):
    return class_weights[labels] * functional.cross_entropy(
        logits, labels, reduction="none", label_smoothing=plan["label_smoothing"])


def penalty():
    return sum(plan["l1"] * layer.weight.abs().sum() + plan["l2"] * (layer.weight ** 2).sum()
               + plan["l2_bias"] * (layer.bias ** 2).sum() for layer in dense)


average = copy.deepcopy(model)


def update_average(step):
    decay = min(plan["ema_decay"], (1 + step) / (10 + step))
    with torch.no_grad():
        for mean, value in zip(average.parameters(), model.parameters()):
            mean.copy_(decay * mean + (1 - decay) * value)


def validate():
    judged = model
    if plan["ema_decay"] > 0:
        judged = copy.deepcopy(average)
        for mine, other in zip(judged.buffers(), model.buffers()):
            mine.copy_(other)
    judged.eval()
    with torch.no_grad():
        probabilities = torch.stack([torch.softmax(judged(x), 1) for x in val_views]).mean(0)
    return (-torch.log(probabilities[range(len(val_y)), val_y]).mean().item(),
            (probabilities.argmax(1) == val_y).float().mean().item())


answer = []
step_number = 0
for epoch in question["epochs"]:
    model.train()
    loss_sum = correct = 0
    for step in epoch:
        if step_number < warmup:
            for group in optimizer.param_groups:
                group["lr"] = plan["learning_rate"] * (step_number + 1) / warmup
        elif step_number == warmup and warmup > 0:
            for group in optimizer.param_groups:
                group["lr"] = plan["learning_rate"]
        x = tensor(step["features"]) if "features" in step else train_x[step["rows"]]
        logits = model(x)
        labels = train_y[step["rows"]]
        losses = row_losses(logits, labels)
        if "features" in step:
            weight = step["weight"]
            losses = weight * losses + (1 - weight) * row_losses(logits, train_y[step["partners"]])
        optimizer.zero_grad()
        (losses.mean() + penalty()).backward()
        if plan["clip_norm"] > 0:
            nn.utils.clip_grad_norm_(model.parameters(), plan["clip_norm"])
        optimizer.step()
        step_number += 1
        update_average(step_number)
        if by_steps is not None and step_number > warmup:
            by_steps.step()
        loss_sum += losses.sum().item()
        correct += (logits.argmax(1) == labels).sum().item()
    val_loss, val_accuracy = validate()
    if by_losses is not None and step_number > warmup:
        by_losses.step(val_loss)
    answer.append({"train_loss": loss_sum / len(train_y), "train_accuracy": correct / len(train_y),
                   "val_loss": val_loss, "val_accuracy": val_accuracy})

with open(sys.argv[2], "w") as f:
    json.dump({"epochs": answer}, f)
