"""A vizsla-coordinator under load: what the benchmarks of this folder share."""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

# Of a study that is large with many trials.
LARGE_STUDY = ["--epochs", "20", "--parameters", "20"]


class Coordinator:
    """A vizsla-coordinator process on a database; with `secrets` (made by init) over TLS."""

    def __init__(self, programs, database, secrets=None):
        self.programs = programs
        arguments = ["--credentials", secrets] if secrets else []
        self.client_arguments = ["--credentials", secrets / "admin"] if secrets else []
        started = time.monotonic()
        self.process = subprocess.Popen([programs / "vizsla-coordinator", "--db", database, "--log-level", "warning",
                                         *arguments])
        address_file = pathlib.Path(f"{database}.address")
        while not address_file.exists() or not address_file.read_text().strip():
            if self.process.poll() is not None:
                sys.exit("the coordinator ended")
            time.sleep(0.005)
        self.ready_s = time.monotonic() - started
        self.address = re.search(r"[\w.]+:\d+", address_file.read_text())[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def load(self, *arguments):
        """The figures of coordinator_load."""
        command = [self.programs / "coordinator_load", "--coordinator", self.address,
                   *map(str, (*self.client_arguments, *arguments))]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    def timed_load(self, *arguments):
        """The same, with the seconds and the coordinator's CPU seconds that it took."""
        start, cpu = time.monotonic(), self.cpu_seconds()
        figures = self.load(*arguments)
        return figures, time.monotonic() - start, self.cpu_seconds() - cpu

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def megabytes(self, key):
        """Of /proc: VmRSS now, VmHWM at the peak."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{key}:\s+(\d+)", status)[1]) / 1024
