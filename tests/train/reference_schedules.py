"""Learning-rate factors of PyTorch's own schedulers, step by step; independent of Vizsla's code."""
import json
import sys

import torch

CASES = [
    {"name": "cosine", "kind": "cosine", "warmup_epochs": 0, "epochs": 4, "steps_per_epoch": 5},
    {"name": "cosine after a warm-up", "kind": "cosine", "warmup_epochs": 2, "epochs": 7,
     "steps_per_epoch": 3},
    {"name": "step", "kind": "step", "warmup_epochs": 0, "epochs": 7, "steps_per_epoch": 2,
     "factor": 0.3, "every": 2},
    {"name": "step after a warm-up", "kind": "step", "warmup_epochs": 1, "epochs": 8,
     "steps_per_epoch": 4, "factor": 0.5, "every": 3},
]
schedulers = torch.optim.lr_scheduler


def factors(case):
    steps = case["steps_per_epoch"]
    warmup = case["warmup_epochs"] * steps
    total = case["epochs"] * steps
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    if case["kind"] == "cosine":
        main = schedulers.CosineAnnealingLR(optimizer, T_max=total - warmup)
    else:
        # Epochs are whole numbers of steps.
        main = schedulers.StepLR(optimizer, step_size=case["every"] * steps, gamma=case["factor"])
    # The warm-up by its definition.
    result = [(t + 1) / warmup for t in range(warmup)]
    while len(result) < total:
        result.append(main.get_last_lr()[0])
        optimizer.step()
        main.step()
    return result


answer = []
for case in CASES:
    case = {"factor": 0.1, "every": 10, **case}
    answer.append({**case, "factors": factors(case)})
with open(sys.argv[1], "w") as f:
    json.dump(answer, f)
