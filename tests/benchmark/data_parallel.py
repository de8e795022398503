#!/usr/bin/env python3
"""Data-parallel training against what the machine can do: one JSON object with ratios.

    data_parallel.py --bin build/release/bin [--ranks 2] [--rounds 5] [--smoke]

all_reduce_over_mpi      25 MiB through Communicator over MPI_Allreduce, in one mpirun, in turns (1.05 or less)
of_independent           images/s of N ranks with one thread each, over those of N processes of the
                         same step that know nothing of each other, in one mpirun, in turns (0.95 or more)
of_one_rank              images/s of N ranks over those of one process alone on the machine
hidden_share             of the time that the sums take with nothing beside them, the part that a step
                         does not wait for
"""
import argparse
import json
import os
import subprocess
import sys


def measure(arguments, what, ranks):
    command = ["mpirun", "--oversubscribe", "--bind-to", "core" if ranks <= os.cpu_count() else "none",
               "-np", str(ranks), os.path.join(arguments.bin, "data_parallel_benchmark"),
               "--what", what, "--rounds", str(arguments.rounds)]
    if arguments.smoke:
        command += ["--image-size", "64", "--batch", "2"]
    environment = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1",
                       OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1800)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="folder of data_parallel_benchmark")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--smoke", action="store_true", help="tiny sizes: only proves that it runs")
    arguments = parser.parse_args()
    if arguments.smoke:
        arguments.rounds = 1
    sums = measure(arguments, "all-reduce", arguments.ranks)
    step = measure(arguments, "step", arguments.ranks)
    one = measure(arguments, "step", 1)
    print(json.dumps({
        "all_reduce": sums,
        "step": step,
        "one_rank": one,
        "all_reduce_over_mpi": sums["vizsla_ms"] / sums["mpi_allreduce_ms"],
        "of_independent": step["independent_step_ms"] / step["step_ms"],
        "of_independent_without_overlap": step["independent_step_ms"] / step["step_without_overlap_ms"],
        "of_one_rank": arguments.ranks * one["step_ms"] / step["step_ms"],
        "hidden_share": max(0.0, 1 - step["waited_ms"] / step["sums_alone_ms"]),
    }, indent=1))


if __name__ == "__main__":
    main()
