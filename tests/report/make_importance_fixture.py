#!/usr/bin/env python3
"""Writes tests/report/data/importance.json: studies with the importances that Optuna finds in them.

    python3 -m venv venv && venv/bin/pip install optuna==5.0.0
    venv/bin/python tests/report/make_importance_fixture.py tests/report/data/importance.json

Debian's Optuna (3.1) has no PED-ANOVA, so the reference is recorded. The file was made with Optuna 5.0.0,
whose PedAnovaImportanceEvaluator also takes in conditional parameters; the studies are random, seeded.
"""
import json
import sys
import warnings

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution as Choice
from optuna.distributions import FloatDistribution as Float
from optuna.distributions import IntDistribution as Int

warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)


def make_study(name, direction, count, space, objective, active=lambda name, params: True, seed=1):
    """Trials drawn at random from `space`; `active` says whether a parameter is there."""
    random = np.random.default_rng(seed)
    study = optuna.create_study(direction=direction)
    trials = []
    for _ in range(count):
        params, distributions = {}, {}
        for key, domain in space.items():
            if not active(key, params):
                continue
            if isinstance(domain, Choice):
                value = domain.choices[random.integers(len(domain.choices))]
            elif isinstance(domain, Float):
                if domain.log:
                    value = float(np.exp(random.uniform(np.log(domain.low), np.log(domain.high))))
                elif domain.step is not None:
                    steps = round((domain.high - domain.low) / domain.step)
                    value = round(domain.low + float(random.integers(steps + 1)) * domain.step, 10)
                else:
                    value = float(random.uniform(domain.low, domain.high))
            elif domain.log:
                value = int(round(np.exp(random.uniform(np.log(domain.low), np.log(domain.high)))))
            else:
                value = domain.low + domain.step * int(random.integers((domain.high - domain.low) // domain.step + 1))
            params[key], distributions[key] = value, domain
        score = float(objective(params, random))
        study.add_trial(optuna.trial.create_trial(params=params, distributions=distributions, value=score))
        trials.append({"params": params, "score": score})
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    return {
        "name": name,
        "direction": direction,
        "space": {key: describe(domain) for key, domain in space.items()},
        "trials": trials,
        "raw": evaluator.evaluate(study),
        "shares": optuna.importance.get_param_importances(study, evaluator=evaluator),
    }


def describe(domain):
    if isinstance(domain, Choice):
        return {"kind": "choice", "choices": list(domain.choices)}
    kind = "float" if isinstance(domain, Float) else "int"
    return {"kind": kind, "low": domain.low, "high": domain.high, "log": domain.log, "step": domain.step}


MIXED = {
    "learning_rate": Float(1e-5, 1e-1, log=True),
    "dropout": Float(0.0, 0.8),
    "dropout_hidden": Float(0.0, 0.6, step=0.1),
    "epochs": Int(3, 40),
    "image_size": Int(64, 224, step=32),
    "width": Int(8, 1024, log=True),
    "pooling": Choice(["avg", "max", "flatten"]),
    "batch_norm": Choice([False, True]),
}


def mixed(params, random):
    score = -abs(np.log10(params["learning_rate"]) + 3) - 0.5 * abs(params["dropout"] - 0.4)
    score += {"avg": 0.3, "max": 0.1, "flatten": -0.5}[params["pooling"]]
    return score + 0.001 * params["image_size"] + 0.05 * random.normal()


def loss(params, random):
    return 2 - mixed(params, random) + 0.2 * np.log2(params["width"])


CONDITIONAL = {
    "network": Choice(["mobilenet_v2", "scratch_v1"]),
    "dense": Choice(["none", "128", "128-128"]),
    "dropout_hidden": Float(0.0, 0.6),
    "learning_rate": Float(1e-4, 1e-2, log=True),
}


def is_active(key, params):
    if key == "dense":
        return params["network"] == "mobilenet_v2"
    if key == "dropout_hidden":
        return params.get("dense") == "128-128"
    return True


def conditional(params, random):
    score = 0.6 if params["network"] == "mobilenet_v2" else 0.2
    score -= abs(params.get("dropout_hidden", 0.5) - 0.3)
    return score + 0.1 * np.log10(params["learning_rate"]) + 0.02 * random.normal()


def rounded(params, random):
    """Many equal scores: ties at the quantile."""
    return round(mixed(params, random))


def main():
    studies = [
        make_study("mixed, maximize", "maximize", 120, MIXED, mixed, seed=1),
        make_study("mixed, minimize", "minimize", 75, MIXED, loss, seed=2),
        make_study("few trials", "maximize", 7, MIXED, mixed, seed=3),
        make_study("two trials", "maximize", 2, MIXED, mixed, seed=4),
        make_study("ties", "maximize", 60, MIXED, rounded, seed=5),
        make_study("conditional", "maximize", 150, CONDITIONAL, conditional, is_active, seed=6),
        make_study("conditional, few", "maximize", 12, CONDITIONAL, conditional, is_active, seed=7),
        make_study("all equal", "maximize", 20, MIXED, lambda params, random: 0.5, seed=8),
    ]
    with open(sys.argv[1], "w") as file:
        json.dump({"optuna": optuna.__version__, "studies": studies}, file, indent=None, separators=(",", ":"))
        file.write("\n")


main()
