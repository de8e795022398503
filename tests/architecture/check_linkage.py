#!/usr/bin/python3
"""The light programs stay light: no LibTorch in the coordinator and the command line, no OpenCV either.

    check_linkage.py PROGRAM [PROGRAM ...]
"""
import subprocess
import sys

FORBIDDEN = ("libtorch", "libc10", "libopencv", "libmpi", "libnccl")


def main() -> int:
    errors = []
    for program in sys.argv[1:]:
        result = subprocess.run(["ldd", program], capture_output=True, text=True, check=True)
        if "libc.so" not in result.stdout:
            errors.append(f"{program}: ldd shows no C library; is it a program?")
        for line in result.stdout.splitlines():
            if any(name in line for name in FORBIDDEN):
                errors.append(f"{program} links {line.split()[0]}")
    print("\n".join(errors) or f"{len(sys.argv) - 1} programs are light")
    return 1 if errors or len(sys.argv) < 2 else 0


if __name__ == "__main__":
    sys.exit(main())
