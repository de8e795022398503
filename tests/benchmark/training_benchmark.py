#!/usr/bin/env python3
"""What training costs beside plain PyTorch, both measured in this run: a table in Markdown, or --json FILE too.

    python3 tests/benchmark/training_benchmark.py --bin build/release/bin [--data PHOTOS --weights WEIGHTS]
        [--only search,features,decode,step,fused,ranks] [--threads 2]

`search` and `decode` want photos, as vizsla-worker's --data; `search` wants MobileNetV2's weights too. The peers run in
the Python that runs this (torch, torchvision). Each peer is also measured with the matrix kernels that vizsla-worker
chooses for OpenBLAS where that chooses worse (worker/blas_kernels.h), and then the faster figure of the two counts.
"""
import argparse
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
TRIALS, EPOCHS = 40, 30


def json_lines(command, **variables):
    done = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, **variables})
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def peer(script, *arguments, better):
    """The peer's figures with PyTorch's own matrix kernels and with the processor's: whichever is `better`."""
    figures = []
    for variables in ({}, blas_kernels()):
        figures += json_lines([sys.executable, HERE / script, *arguments], **variables)
        if not blas_kernels():
            break
    return better(figures)


def blas_kernels():
    flags = re.search(r"^flags\s*:(.*)", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    if flags is None or "OPENBLAS_CORETYPE" in os.environ:
        return {}
    return {"OPENBLAS_CORETYPE": "SkylakeX"} if "avx512vl" in flags[1] else {}


class AnonymousMemory(threading.Thread):
    """The largest anonymous memory of a program's processes, in megabytes: what no file stands behind."""

    def __init__(self, name):
        super().__init__(daemon=True)
        self.name_, self.peak, self.done = name, 0.0, threading.Event()

    def run(self):
        while not self.done.wait(0.2):
            for status in pathlib.Path("/proc").glob("[0-9]*/status"):
                try:
                    text = status.read_text()
                except OSError:
                    continue
                # The kernel cuts a program's name to 15 characters.
                anonymous = re.search(r"RssAnon:\s+(\d+)", text)
                if text.startswith(f"Name:\t{self.name_[:15]}\n") and anonymous:
                    self.peak = max(self.peak, int(anonymous[1]) / 1024)


def search(args):
    if not (args.data and args.weights):
        return [("search of 40 heads", "skipped: needs --data and --weights", "")]
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        memory = AnonymousMemory("vizsla-worker")
        memory.start()
        start = time.monotonic()
        with open(pathlib.Path(folder, "log"), "w") as log:
            worker = subprocess.run(
                ["mpirun", "--oversubscribe", "-np", str(args.ranks), args.bin / "vizsla-worker", "--search", HERE / "heads.yaml",
                 "--data", args.data, "--weights", args.weights, "--cache-dir", pathlib.Path(folder, "cache"),
                 *args.worker_options], cwd=folder, stdout=log, stderr=log, check=False)
        if worker.returncode != 0:
            sys.exit("the search failed:\n" + pathlib.Path(folder, "log").read_text()[-3000:])
        own_s = time.monotonic() - start
        memory.done.set()
        board = json.loads(subprocess.run([args.bin / "vizsla", "leaderboard", "--json"], cwd=folder, check=True,
                                          stdout=subprocess.PIPE).stdout)
        finished = sum(row["state"].upper() == "COMPLETED" for row in board)
        if finished != TRIALS:
            sys.exit(f"{finished} of {TRIALS} trials are complete")
    rows = [(f"search of {TRIALS} heads x {EPOCHS} epochs, {args.ranks} ranks", f"{own_s:.0f} s, "
             f"{TRIALS / own_s * 3600:.0f} trials/h", "")]
    for mode, aim in (("loop", 300), ("cached", 6)):
        figures = peer("heads_peer.py", mode, "--data", args.data, "--threads", args.threads,
                       better=lambda found: min(found, key=lambda f: f["once_s"] + TRIALS * f["trial_s"]))
        peer_s = figures["once_s"] + TRIALS * figures["trial_s"]
        rows.append((f"... beside PyTorch's {mode} (an epoch {figures['epoch_s']:.2f} s, features {figures['once_s']:.0f} s; "
                     "extrapolated)", f"{peer_s:.0f} s", f"{peer_s / own_s:.1f} (aim {aim})"))
    rows.append(("largest anonymous memory of a rank in it", f"{memory.peak:.0f} MB", "(aim: under 1,000 MB)"))
    return rows


def features(args):
    gemm, own = json_lines([args.bin / "features_benchmark", "--threads", args.threads])
    eager = peer("features_peer.py", "--threads", args.threads,
                 better=lambda found: max(found, key=lambda f: f["images_per_s"]))
    share = own["images_per_s"] * own["gflop_per_image"] / gemm["gflop_per_s"]
    return [("features/s, MobileNetV2, 160 px, beside torchvision eager", f"{own['images_per_s']:.0f} / {eager['images_per_s']:.0f}",
             f"{own['images_per_s'] / eager['images_per_s']:.2f} (aim 3)"),
            ("... as a share of the measured matrix product's rate", f"{gemm['gflop_per_s']:.0f} GFLOP/s", f"{share:.2f}")]


def decode(args):
    if not args.data:
        return [("decode and resize", "skipped: needs --data", "")]
    figures = json_lines([args.bin / "decode_benchmark", "--data", args.data, "--threads", args.threads])[0]
    own, raw = figures["vizsla_photos_per_s"], figures["libraries_photos_per_s"]
    return [("decode + resize, photos/s, beside OpenCV's imdecode + resize from memory", f"{own:.0f} / {raw:.0f}",
             f"{own / raw:.2f} (aim 0.9)")]


def step(args):
    row = ["--device", "cpu", "--network", "mobilenet_v2", "--precision", "float32", "--image-size", 160, "--batch", 32,
           "--threads", args.threads, "--seconds", 10]
    own = json_lines([args.bin / "train_step_benchmark", *row])[0]["step_ms"]
    eager = peer("train_step_peer.py", "eager", "--contiguous", *map(str, row),
                 better=lambda found: min(found, key=lambda f: f["step_ms"]))["step_ms"]
    return [("full fine-tuning step, MobileNetV2, 160 px, batch 32, beside PyTorch eager", f"{own:.0f} / {eager:.0f} ms",
             f"{eager / own:.2f} (aim 1.8)")]


def fused(args):
    """Steps a second of heads: one by one by autograd, one by one by hand, many at once."""
    done = subprocess.run([str(args.bin / "fused_heads_benchmark"), "--benchmark_format=json", "--benchmark_min_time=1"],
                          check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **blas_kernels()})
    rates = {re.sub("/(process_time|real_time)", "", row["name"]): row["items_per_second"]
             for row in json.loads(done.stdout)["benchmarks"]}
    rows = []
    for dense, head in ((1, "1280-128-128-120"), (0, "linear")):
        alone = max(rates[f"OneByOne/dense:{dense}/threads:{threads}"] for threads in (1, 2))
        both = rates[f"OneByOne/dense:{dense}/threads:2"]
        at_once = rates[f"AtOnce/dense:{dense}/trials:16"]
        rows.append((f"steps/s, 16 heads at once ({head}), beside one by one by autograd on 2 threads",
                     f"{at_once:.0f} / {both:.0f}", f"{at_once / both:.2f} (aim 3)"))
        rows.append(("... beside one by one on whichever number of threads is faster", f"{at_once:.0f} / {alone:.0f}",
                     f"{at_once / alone:.2f}"))
        by_hand = rates[f"AtOnce/dense:{dense}/trials:1"]
        rows.append(("... beside one trial alone, its steps by hand as they are by default", f"{at_once:.0f} / {by_hand:.0f}",
                     f"{at_once / by_hand:.2f}"))
    return rows


def ranks(args):
    done = subprocess.run([sys.executable, HERE / "data_parallel.py", "--bin", args.bin], check=True,
                          stdout=subprocess.PIPE, text=True, env={**os.environ, **blas_kernels()})
    figures = json.loads(done.stdout)
    step, sums = figures["step"], figures["all_reduce"]
    return [("full fine-tuning step on 2 ranks x 1 thread, beside 2 independent processes",
             f"{step['step_ms']:.0f} / {step['independent_step_ms']:.0f} ms", f"{figures['of_independent']:.3f} (aim 0.95)"),
            ("... of the all-reduce time, hidden behind the backward pass", "", f"{figures['hidden_share']:.2f}"),
            ("... in images/s, beside 1 rank x 1 thread", "", f"{figures['of_one_rank']:.2f}"),
            ("all-reduce of 25 MiB, beside a loop of MPI_Allreduce", f"{sums['vizsla_ms']:.1f} / {sums['mpi_allreduce_ms']:.1f} ms",
             f"{figures['all_reduce_over_mpi']:.2f} of its time (aim 1.05 at most)")]


SECTIONS = {"search": search, "features": features, "decode": decode, "step": step, "fused": fused, "ranks": ranks}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--data", help="photos")
    parser.add_argument("--weights", help="of MobileNetV2")
    parser.add_argument("--threads", default="2", help="of one process; of the search: of all ranks together")
    parser.add_argument("--ranks", type=int, default=2, help="of the search")
    parser.add_argument("--worker-options", default="", type=str.split, help="further options of the search's worker")
    parser.add_argument("--folder", default=".", help="for databases and caches")
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(SECTIONS))
    parser.add_argument("--json", help="a file to write")
    args = parser.parse_args()
    args.bin = args.bin.resolve()
    for name in ("data", "weights"):
        if getattr(args, name):
            setattr(args, name, os.path.abspath(getattr(args, name)))
    unknown = sorted(set(args.only) - set(SECTIONS))
    if unknown:
        parser.error(f"--only {unknown[0]}: there are {', '.join(SECTIONS)}")
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    processor = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, "
          f"{processor[1] if processor else platform.machine()}, {args.threads} threads\n\n| what | figures | times |\n|---|---|---|",
          flush=True)
    rows = []
    for name in args.only:
        for row in SECTIONS[name](args):
            print("| " + " | ".join(row) + " |", flush=True)
            rows.append(row)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps([dict(zip(("what", "figures", "times"), row)) for row in rows],
                                                      indent=1) + "\n")


if __name__ == "__main__":
    main()
