#!/usr/bin/env python3
"""What a long history costs a coordinator: start, first suggestion, memory, leaderboard and the trial cycle on a study
of finished trials, the cycle beside that of an empty database. One line of JSON for each sampler.

    python3 tests/benchmark/large_study.py --bin build/release/bin [--finished 100000] [--folder /data]

Each figure is wall time with the coordinator's CPU time beside it, which other programs on the machine disturb less.
The cycles on both take turns in short rounds, so that what disturbs the machine for a while disturbs both: figures are
medians of the rounds, and the ratio is the median of each round's.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile

from coordinator_process import LARGE_STUDY, Coordinator

ROUND_S = 2


def cycle(coordinator, study, seconds):
    figures, wall, cpu = coordinator.timed_load("--workers", 1, "--seconds", seconds, *study)
    return {"trials_per_s": figures["trials_per_s"], "cpu_ms_per_trial": 1000 * cpu / (figures["trials_per_s"] * wall)}


def alternate(filled, empty, study, seconds):
    """The cycles on both, and by which part those on the filled one are fewer (and cost more CPU time)."""
    cycle(empty, study, 1)  # the filled one has begun, too
    rounds = [(cycle(filled, study, ROUND_S), cycle(empty, study, ROUND_S))
              for _ in range(max(1, round(seconds / ROUND_S)))]
    median = [{key: statistics.median(pair[place][key] for pair in rounds) for key in rounds[0][0]} for place in (0, 1)]
    ratio = {key: statistics.median(full[key] / none[key] for full, none in rounds) for key in rounds[0][0]}
    return {"cycle": median[0], "cycle_when_empty": median[1], "cycles_fewer": 1 - ratio["trials_per_s"],
            "cpu_more": ratio["cpu_ms_per_trial"] - 1}


def measure(programs, folder, database, sampler, seconds):
    copy = folder / f"{sampler}.db"
    shutil.copyfile(database, copy)
    study = [*LARGE_STUDY, "--sampler", sampler]
    result = {"sampler": sampler}
    with Coordinator(programs, copy) as coordinator:
        result["ready_s"] = coordinator.ready_s
        # Long enough that the worker surely asks for a trial; its cycles are a part of the figure.
        _, wall, cpu = coordinator.timed_load("--workers", 1, "--seconds", 1, *study)
        result["first_trials_s"], result["first_trials_cpu_s"] = wall, cpu
        _, wall, cpu = coordinator.timed_load("--leaderboards", 1)
        result["first_leaderboard_s"], result["first_leaderboard_cpu_s"] = wall, cpu
        figures, _, cpu = coordinator.timed_load("--leaderboards", 200)
        result["leaderboard"], result["leaderboard_cpu_ms"] = figures["leaderboard"], 1000 * cpu / 200
        with Coordinator(programs, folder / f"empty-{sampler}.db") as empty:
            result |= alternate(coordinator, empty, study, seconds)
            result["peak_mb_when_empty"] = empty.megabytes("VmHWM")
        # Trials that end between two looks.
        figures, _, _ = coordinator.timed_load("--leaderboards", 20)
        result["leaderboard_after_changes"] = figures["leaderboard"]
        result["resident_mb"], result["peak_mb"] = coordinator.megabytes("VmRSS"), coordinator.megabytes("VmHWM")
    return result


def fill(programs, database, finished, sampler):
    subprocess.run([programs / "fill_database", "--db", database, "--finished", str(finished), *LARGE_STUDY,
                    "--sampler", sampler], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, type=pathlib.Path)
    parser.add_argument("--folder", default=".", help="on the disk to measure")
    parser.add_argument("--finished", type=int, default=100000, help="trials of 20 epochs and 20 parameters")
    parser.add_argument("--database", type=pathlib.Path, help="of fill_database, instead of making one; it is copied")
    parser.add_argument("--samplers", default="random,tpe")
    parser.add_argument("--seconds", type=float, default=10, help="of cycles, on each of both")
    arguments = parser.parse_args()
    programs = arguments.bin.resolve()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as temporary:
        folder = pathlib.Path(temporary)
        for sampler in arguments.samplers.split(","):
            database = arguments.database
            if database is None:
                database = folder / f"filled-{sampler}.db"
                fill(programs, database, arguments.finished, sampler)
            load = os.getloadavg()[0]
            print(json.dumps({"load_of_the_machine": load,
                              **measure(programs, folder, database, sampler, arguments.seconds)}), flush=True)


if __name__ == "__main__":
    main()
