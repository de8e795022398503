"""Losses by PyTorch and scikit-learn; independent of Vizsla's code."""
import json
import sys

import numpy as np
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional

with open(sys.argv[1]) as f:
    question = json.load(f)
entry = question["logits"]
logits = torch.tensor(entry["values"], dtype=torch.float64).reshape(entry["shape"])
logits.requires_grad_()
own = torch.tensor(question["labels"])
partner = torch.tensor(question["partners"])
classes = logits.shape[1]
balanced = compute_class_weight("balanced", classes=np.unique(question["train_labels"]),
                                y=np.array(question["train_labels"]))
answer = []
for case in question["cases"]:
    weights = torch.tensor(balanced) if case["balanced"] else torch.ones(classes, dtype=torch.float64)
    # Mixed labels as one soft target (torchvision's MixUp), its entries weighted by class.
    share = case["weight"]
    one_hot = functional.one_hot
    target = (share * weights[own][:, None] * one_hot(own, classes)
              + (1 - share) * weights[partner][:, None] * one_hot(partner, classes))
    smooth = (1 - case["smoothing"]) * target \
        + case["smoothing"] / classes * target.sum(1, keepdim=True)
    loss = -(smooth * torch.log_softmax(logits, 1)).sum()
    if share == 1 and not case["balanced"]:
        # The same by PyTorch's own function.
        direct = functional.cross_entropy(logits, own, reduction="sum",
                                          label_smoothing=case["smoothing"])
        assert abs(direct - loss) < 1e-9, (direct, loss)
    gradient, = torch.autograd.grad(loss, logits)
    answer.append({"loss": loss.item(), "gradient": {"shape": list(gradient.shape),
                                                     "values": gradient.flatten().tolist()}})
with open(sys.argv[2], "w") as f:
    json.dump(answer, f)
