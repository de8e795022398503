#!/usr/bin/python3
"""Holds the module rules of docs/architecture.md: who may include whom, and which foreign headers.

    check_includes.py REPOSITORY

Prints each forbidden include as FILE:LINE and exits 1 if there is one.
"""
import pathlib
import re
import sys

# module -> modules it may include besides itself. Transitive use must be listed: reading a line is enough.
ALLOWED = {
    "src/base": [],
    "src/security": ["src/base"],
    "src/study": ["src/base"],
    "src/weights": ["src/base"],
    "src/catalog": ["src/base", "src/study"],
    "src/spec": ["src/base", "src/study", "src/catalog"],
    "src/search": ["src/base", "src/study"],
    "src/pruning": ["src/base", "src/study"],
    "src/scheduling": ["src/base", "src/study", "src/search", "src/pruning"],
    "src/storage": ["src/base", "src/study", "src/scheduling"],
    "src/dataset": ["src/base", "src/study", "src/catalog"],
    "src/image": ["src/base", "src/study", "src/catalog", "src/dataset"],
    "src/comm": ["src/base"],
    "src/nn": ["src/base", "src/study", "src/catalog", "src/weights"],
    "src/train": ["src/base", "src/study", "src/catalog", "src/weights", "src/dataset", "src/comm", "src/nn"],
    "src/report": ["src/base", "src/study", "src/catalog"],
    "src/rpc": ["src/base", "src/security", "src/study", "src/scheduling", "src/storage", "proto"],
    "src/metrics": ["src/base", "src/study", "src/scheduling", "src/storage", "src/rpc", "proto"],
    "src/submission": ["src/base", "src/study", "src/catalog", "src/spec", "src/search", "src/dataset", "src/weights",
                       "src/rpc", "proto"],
}
# Composition roots may include every module; what they must not link is checked with ldd.
ROOTS = ["src/cli", "coordinator", "worker"]

# foreign header prefix -> the only modules that may include it
FOREIGN = {
    "torch/": ["src/nn", "src/train", "worker"],
    "ATen/": ["src/nn", "src/train"],
    "c10/": ["src/nn", "src/train", "worker"],
    "opencv2/": ["src/image", "worker"],
    "jpeglib.h": ["src/image"],
    "sqlite3.h": ["src/storage"],
    "grpcpp/": ["src/rpc", "src/submission", "src/cli", "coordinator", "worker"],
    "grpc/": ["src/rpc"],
    "google/protobuf/": ["src/rpc", "src/cli"],
    "mpi.h": ["src/comm"],
    "nccl.h": ["src/comm"],
    "cuda_runtime": ["src/comm", "src/nn"],
    "prometheus/": ["src/metrics"],
    "yaml-cpp/": ["src/spec"],
    "CLI/": ["src/cli", "src/image", "coordinator", "worker"],
    "zip.h": ["src/dataset", "src/weights"],
    "openssl/": ["src/base", "src/security"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def module_of(path: str) -> str:
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] == "src" else parts[0]


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    errors = []
    files = 0
    for folder in list(ALLOWED) + ROOTS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in (".h", ".cc", ".cu"):
                continue
            files += 1
            relative = path.relative_to(root).as_posix()
            module = module_of(relative)
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                header = match.group(2)
                for prefix, users in FOREIGN.items():
                    if header.startswith(prefix) and module not in users:
                        errors.append(f"{relative}:{number}: {module} must not include {header}")
                if module in ROOTS:
                    continue
                if header.startswith("vizsla/v1/"):
                    target = "proto"
                elif header.startswith(("src/", "coordinator/", "worker/")):
                    target = module_of(header)
                else:
                    continue
                if target != module and target not in ALLOWED[module]:
                    errors.append(f"{relative}:{number}: {module} must not include {header}")
    print("\n".join(errors))
    print(f"{files} files checked, {len(errors)} forbidden includes")
    if files < 20:
        print("too few files: is this the repository's root?")
        return 1
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
