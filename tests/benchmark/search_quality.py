#!/usr/bin/env python3
"""Search quality of Vizsla's samplers beside Optuna's TPE: the regret after some trials of each problem of
search_problems.py, over many seeds. Prints a Markdown table; --json keeps every regret.

    python3 tests/benchmark/search_quality.py --process build/release/bin/sampler_process --seeds 50

Needs Optuna (PyPI). The regret is the noise-free value of the trial that was told the best value, less the optimum.
The interval is a 95 % bootstrap interval of the difference of the medians (negative: Vizsla is better).
"""

import argparse
import json
import multiprocessing
import random
import subprocess
import sys

import numpy
import optuna

from search_problems import PROBLEMS


def parameter_json(p):
    if p.choices is not None:
        domain = {"type": "categorical", "choices": p.choices}
    elif p.integer:
        domain = {"type": "int", "low": p.low, "high": p.high, "log": p.log, "step": 1}
    else:
        domain = {"type": "float", "low": p.low, "high": p.high, "log": p.log}
    conditions = [{"parent": p.parent, "values": p.values}] if p.parent else []
    return {"name": p.name, "domain": domain, "conditions": conditions}


def told(problem, noise, configuration):
    value = problem.function(configuration)
    return value, value + (noise.gauss(0, problem.noise) if problem.noise else 0.0)


def regret(problem, trials):
    """`trials`: (value, told value) of each; the one that was told the best is what a user would take."""
    return min(trials, key=lambda pair: pair[1])[0] - problem.optimum


def run_vizsla(process, sampler, problem, seed, count):
    study = {
        "name": "quality", "seed": seed, "sampler": {"kind": sampler},
        "space": [parameter_json(p) for p in problem.parameters],
        "objective": {"metric": "val_loss", "direction": "minimize", "select_by": "val_loss",
                      "select_direction": "minimize"},
    }
    noise = random.Random(seed)
    trials = []
    with subprocess.Popen([process], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as engine:
        engine.stdin.write(json.dumps(study) + "\n")
        for _ in range(count):
            engine.stdin.flush()
            line = engine.stdout.readline()
            if not line:
                raise RuntimeError(f"sampler_process ended on {problem.name}")
            configuration = json.loads(line)
            if configuration is None:
                break
            trials.append(told(problem, noise, configuration))
            engine.stdin.write(f"{trials[-1][1]!r}\n")
        engine.stdin.close()
        engine.stdout.read()
    return regret(problem, trials)


def suggest(trial, problem):
    configuration = {}
    for p in problem.parameters:
        if p.parent and configuration.get(p.parent) not in p.values:
            continue
        if p.choices is not None:
            configuration[p.name] = trial.suggest_categorical(p.name, p.choices)
        elif p.integer:
            configuration[p.name] = trial.suggest_int(p.name, p.low, p.high, log=p.log)
        else:
            configuration[p.name] = trial.suggest_float(p.name, p.low, p.high, log=p.log)
    return configuration


def run_optuna(problem, seed, count):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    noise = random.Random(seed)
    trials = []

    def objective(trial):
        trials.append(told(problem, noise, suggest(trial, problem)))
        return trials[-1][1]

    optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed)).optimize(objective, n_trials=count)
    return regret(problem, trials)


def run(task):
    process, engine, index, seed, count = task
    problem = PROBLEMS[index]
    value = run_optuna(problem, seed, count) if engine == "optuna" else run_vizsla(process, engine, problem, seed, count)
    return engine, index, value


def interval(a, b):
    """Of median(a) - median(b)."""
    generator = numpy.random.default_rng(0)
    a, b = numpy.asarray(a), numpy.asarray(b)
    differences = [numpy.median(generator.choice(a, a.size)) - numpy.median(generator.choice(b, b.size))
                   for _ in range(4000)]
    return numpy.percentile(differences, [2.5, 97.5])


def verdict(low, high):
    return "better" if high < 0 else "worse" if low > 0 else "level"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--process", required=True, help="sampler_process")
    parser.add_argument("--samplers", default="tpe,gp", help="of Vizsla")
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--problems", default="", help="only those whose name contains this")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", help="file for every regret")
    arguments = parser.parse_args()

    samplers = arguments.samplers.split(",")
    indices = [i for i, p in enumerate(PROBLEMS) if arguments.problems in p.name]
    tasks = [(arguments.process, engine, index, seed, arguments.trials)
             for index in indices for seed in range(1, arguments.seeds + 1) for engine in ["optuna"] + samplers]
    regrets = {engine: {PROBLEMS[i].name: [] for i in indices} for engine in ["optuna"] + samplers}
    with multiprocessing.Pool(arguments.jobs) as pool:
        for done, (engine, index, value) in enumerate(pool.imap_unordered(run, tasks, chunksize=2), 1):
            regrets[engine][PROBLEMS[index].name].append(value)
            if done % 100 == 0:
                print(f"{done} of {len(tasks)} runs", file=sys.stderr)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"trials": arguments.trials, "optuna": optuna.__version__, "regrets": regrets}, file)

    print(f"Median regret after {arguments.trials} trials, {arguments.seeds} seeds, Optuna {optuna.__version__}\n")
    head = ["problem (parameters)", "Optuna TPE"]
    for sampler in samplers:
        head += [sampler, "difference, 95 %", ""]
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for index in indices:
        name = PROBLEMS[index].name
        peer = regrets["optuna"][name]
        cells = [name, f"{numpy.median(peer):.4g}"]
        for sampler in samplers:
            own = regrets[sampler][name]
            low, high = interval(own, peer)
            cells += [f"{numpy.median(own):.4g}", f"{low:.3g} to {high:.3g}", verdict(low, high)]
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
