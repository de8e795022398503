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
import re
import resource
import subprocess
import sys
import tempfile
import time

import optuna

import optuna_peer

WORKERS = 1000
LARGE_STUDY = ["--epochs", "20", "--parameters", "20"]


class Coordinator:
    """A vizsla-coordinator process on a database."""

    def __init__(self, programs, database, arguments=()):
        self.programs, self.database = programs, database
        started = time.monotonic()
        self.process = subprocess.Popen([programs / "vizsla-coordinator", "--db", database, "--log-level", "warning",
                                         *arguments])
        address_file = pathlib.Path(f"{database}.address")
        while not address_file.exists() or not address_file.read_text().strip():
            if self.process.poll() is not None:
                sys.exit("the coordinator ended")
            time.sleep(0.005)
        self.ready_seconds = time.monotonic() - started
        self.address = re.search(r"[\w.]+:\d+", address_file.read_text())[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def load(self, *arguments):
        command = [self.programs / "coordinator_load", "--coordinator", self.address, *map(str, arguments)]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    def peak_megabytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


def cycle(programs, folder, seconds, sampler):
    with Coordinator(programs, folder / f"cycle-{sampler}.db") as coordinator:
        own = coordinator.load("--workers", WORKERS, "--seconds", seconds, "--sampler", sampler)["trials_per_s"]
    peer = max(optuna_peer.cycles_per_second(sampler, 5, seconds, processes) for processes in (1, 2))
    return {"vizsla_trials_per_s": own, "optuna_trials_per_s": peer, "ratio": own / peer}


def latency(programs, folder, seconds, rate, name, credentials=()):
    """Open loop, on an empty database unless there is one of this name."""
    with Coordinator(programs, folder / f"{name}.db", credentials) as coordinator:
        coordinator.load("--workers", WORKERS, "--seconds", 2, *LARGE_STUDY)  # all workers have a trial
        return coordinator.load("--workers", WORKERS, "--seconds", seconds, "--rate", rate, *LARGE_STUDY)


def large_database(programs, folder, finished, sampler):
    """A restart on finished trials of 20 epochs and 20 parameters, the first suggestion, the leaderboard."""
    database = folder / f"large-{sampler}.db"
    study = [*LARGE_STUDY, "--sampler", sampler]
    subprocess.run([programs / "fill_database", "--db", database, "--finished", str(finished), *study], check=True)
    with Coordinator(programs, database) as coordinator:
        start = time.monotonic()
        coordinator.load("--workers", 1, "--seconds", 0.001, *study)
        first = time.monotonic() - start
        coordinator.load("--leaderboards", 1)
        board = coordinator.load("--leaderboards", 50)["leaderboard"]
        coordinator.load("--workers", WORKERS, "--seconds", 5, *study)
        return {"ready_s": coordinator.ready_seconds, "first_suggestion_s": first, "leaderboard": board,
                "peak_mb": coordinator.peak_megabytes()}


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
        record("latency", latency(programs, folder, arguments.seconds, arguments.rate, "latency"))
        for sampler in ("random", "tpe"):
            record(f"large database, {sampler}", large_database(programs, folder, arguments.finished, sampler))
        (folder / "large-random.db").rename(folder / "latency-large.db")
        record("latency, large database",
               latency(programs, folder, arguments.seconds, arguments.rate, "latency-large"))
        record("suggestions, tpe", suggestions(programs, 40, 100 if arguments.quick else 1000))
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
