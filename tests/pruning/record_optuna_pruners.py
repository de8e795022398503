"""Records at which epoch Optuna prunes the trials of seeded learning curves.

    python record_optuna_pruners.py > optuna_pruners.txt      (written with Optuna 5.0.0)

Four workers train side by side, one epoch each in turn; whoever is free takes the next trial. The
last epoch is not asked about: its trial completes. Where optuna_pruners.txt has
  curves NAME TRIALS EPOCHS     then a line of values for each trial
  case KIND DIRECTION CURVES OPTION=VALUE ...     then for each trial the epoch at which Optuna
                                                  pruned it, 0 for one that completed
recorded_curves.cc reads it.
"""

import warnings

import numpy as np
import optuna

TRIALS, EPOCHS, WORKERS = 40, 20, 4


def losses(seed, nan_share=0.0):
    random = np.random.default_rng(seed)
    floor = random.uniform(0.1, 1.0, (TRIALS, 1))
    height = random.uniform(0.2, 2.0, (TRIALS, 1))
    rate = random.uniform(0.05, 0.6, (TRIALS, 1))
    rise = random.choice([0.0, 0.0, 0.03], (TRIALS, 1))  # some overfit
    epoch = np.arange(1, EPOCHS + 1)
    values = floor + height * np.exp(-rate * epoch) + rise * epoch
    values += random.normal(0, 0.03, values.shape)
    values = np.round(values, 6)
    if nan_share:
        holes = random.random(values.shape) < nan_share
        holes[7, :] = True  # never a number, but at its end
        holes[20, :6] = True
        holes[:, -1] = False
        values[holes] = np.nan
    else:
        assert all(len(set(column)) == TRIALS for column in values.T), "a tie"
    return values


def pruner_of(kind, options):
    warmup = {"n_warmup_steps": options.get("min_epochs", 1)}
    common = warmup | {"interval_steps": options.get("interval", 1)}
    startup = {"n_startup_trials": options.get("startup_trials"), "n_min_trials": options.get("min_trials")}
    if kind == "median":
        return optuna.pruners.MedianPruner(**startup, **common)
    if kind == "percentile":
        return optuna.pruners.PercentilePruner(options["percentile"], **startup, **common)
    if kind == "threshold":
        return optuna.pruners.ThresholdPruner(options.get("lower"), options.get("upper"), **common)
    if kind == "patience":
        return optuna.pruners.PatientPruner(None, options["patience"], options["min_delta"])
    return optuna.pruners.SuccessiveHalvingPruner(options["min_epochs"], options["eta"])


def pruned_at(pruner, direction, curves):
    study = optuna.create_study(direction=direction, pruner=pruner)
    pruned = [0] * TRIALS
    slots = [None] * WORKERS
    started = 0
    while True:
        for slot in range(WORKERS):
            if slots[slot] is None and started < TRIALS:
                slots[slot] = (study.ask(), started, 0)
                started += 1
            if slots[slot] is None:
                continue
            trial, index, epoch = slots[slot]
            epoch += 1
            value = curves[index][epoch - 1]
            trial.report(value, epoch)
            slots[slot] = (trial, index, epoch)
            if epoch == EPOCHS:
                study.tell(trial, value)
                slots[slot] = None
            elif trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                pruned[index] = epoch
                slots[slot] = None
        if started == TRIALS and not any(slots):
            return pruned


COUNTS = {"startup_trials": 5, "min_trials": 1}
CASES = [
    ("median", "minimize", "losses", COUNTS | {"min_epochs": 1, "interval": 1}),
    ("median", "maximize", "scores", {"startup_trials": 3, "min_trials": 2, "min_epochs": 4, "interval": 3}),
    ("median", "minimize", "holes", COUNTS | {"min_epochs": 2, "interval": 4}),
    ("percentile", "maximize", "scores", COUNTS | {"percentile": 25, "min_epochs": 1, "interval": 1}),
    ("percentile", "minimize", "losses", {"percentile": 80.5, "startup_trials": 0, "min_trials": 4, "min_epochs": 3, "interval": 2}),
    ("percentile", "minimize", "holes", COUNTS | {"percentile": 40, "min_epochs": 1, "interval": 1}),
    ("threshold", "minimize", "losses", {"upper": 1.5, "min_epochs": 3, "interval": 1}),
    ("threshold", "maximize", "scores", {"lower": -1.2, "upper": 0.7, "min_epochs": 5, "interval": 3}),
    ("threshold", "minimize", "holes", {"upper": 2.0, "min_epochs": 8, "interval": 4}),
    ("patience", "minimize", "losses", {"patience": 3, "min_delta": 0.0}),
    ("patience", "maximize", "scores", {"patience": 1, "min_delta": 0.02}),
    ("patience", "minimize", "holes", {"patience": 0, "min_delta": 0.0}),
    ("asha_stop", "minimize", "losses", {"min_epochs": 1, "eta": 3}),
    ("asha_stop", "maximize", "scores", {"min_epochs": 2, "eta": 2}),
    ("asha_stop", "minimize", "losses", {"min_epochs": 1, "eta": 4}),
    ("asha_stop", "minimize", "losses", {"min_epochs": 2, "eta": 2}),
]


def main():
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sets = {"losses": losses(1), "scores": np.round(1 - losses(2), 6), "holes": losses(3, 0.15)}
    for name, curves in sets.items():
        print("curves", name, TRIALS, EPOCHS)
        for curve in curves:
            print(*curve)
    for kind, direction, name, options in CASES:
        print("case", kind, direction, name, *(f"{key}={value}" for key, value in options.items()))
        print(*pruned_at(pruner_of(kind, options), direction, sets[name]))


main()
