#!/usr/bin/env python3
"""The coordinator's figures of docs/results.md, beside Optuna's in the same run.

    python3 tests/benchmark/coordinator_benchmark.py --bin build/release/bin [--quick] [--json FILE]

Needs Optuna (PyPI). Every database is made in --folder (a disk that stands for the one you would use; default: here).
"""

import argparse
import json
import os
import pathlib
import platform
import resource
import subprocess
import tempfile

import optuna

import large_study
import optuna_peer
from coordinator_process import LARGE_STUDY, Coordinator

WORKERS = 1000


def cycle(programs, folder, seconds, sampler):
    with Coordinator(programs, folder / f"cycle-{sampler}.db") as coordinator:
        own = coordinator.load("--workers", WORKERS, "--seconds", seconds, "--sampler", sampler)["trials_per_s"]
    peer = max(optuna_peer.cycles_per_second(sampler, 5, seconds, processes) for processes in (1, 2))
    return {"vizsla_trials_per_s": own, "optuna_trials_per_s": peer, "ratio": own / peer}


def latency(programs, folder, seconds, rate, name, secrets=None):
    """Open loop, on an empty database unless there is one of this name."""
    with Coordinator(programs, folder / f"{name}.db", secrets) as coordinator:
        coordinator.load("--workers", WORKERS, "--seconds", 2, *LARGE_STUDY)  # all workers have a trial
        return coordinator.load("--workers", WORKERS, "--seconds", seconds, "--rate", rate, *LARGE_STUDY)


def large_database(programs, folder, finished, sampler, seconds):
    """What large_study.py measures; the filled database is left for the latency beside it."""
    database = folder / f"large-{sampler}.db"
    large_study.fill(programs, database, finished, sampler)
    return large_study.measure(programs, folder, database, sampler, seconds)


def suggestions(programs, parameters, trials):
    own = float(subprocess.run([programs / "suggestion_speed", "tpe", str(parameters), str(trials)], check=True,
                               capture_output=True, text=True).stdout)
    peer = optuna_peer.suggestion_seconds(parameters, trials)
    return {"vizsla_s": own, "optuna_s": peer, "ratio": peer / own}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, type=pathlib.Path)
    parser.add_argument("--folder", default=".", help="on the disk to measure")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=3000)
    parser.add_argument("--finished", type=int, default=100000)
    parser.add_argument("--quick", action="store_true", help="only shows that it runs")
    parser.add_argument("--json", help="file for all figures")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.seconds, arguments.rate, arguments.finished = 1, 300, 500
    programs = arguments.bin.resolve()
    # Each simulated worker is a stream of few connections, but a thousand of anything wants descriptors.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    figures = {"machine": f"{platform.machine()}, {os.cpu_count()} cores", "optuna": optuna.__version__}

    def record(name, value):
        figures[name] = value
        print(f"{name}: {json.dumps(value)}", flush=True)

    with tempfile.TemporaryDirectory(dir=arguments.folder) as temporary:
        folder = pathlib.Path(temporary)
        for sampler in ("random", "tpe"):
            record(f"cycle, {sampler}", cycle(programs, folder, arguments.seconds, sampler))
        secrets = folder / "secrets"
        subprocess.run([programs / "vizsla-coordinator", "init", secrets], check=True, stdout=subprocess.DEVNULL)
        record("latency", latency(programs, folder, arguments.seconds, arguments.rate, "latency"))
        record("latency, TLS", latency(programs, folder, arguments.seconds, arguments.rate, "latency-tls", secrets))
        for sampler in ("random", "tpe"):
            record(f"large database, {sampler}", large_database(programs, folder, arguments.finished, sampler, arguments.seconds))
        (folder / "large-random.db").rename(folder / "latency-large.db")
        record("latency, large database",
               latency(programs, folder, arguments.seconds, arguments.rate, "latency-large"))
        record("suggestions, tpe", suggestions(programs, 40, 100 if arguments.quick else 1000))
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
