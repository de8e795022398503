"""What the tests of real mpirun jobs share: a temporary folder with its own cache, small data sets, programs.

VIZSLA_BIN names the folder of the built programs (ctest sets it). Everything listens on loopback; whatever a
test leaves running is found by its working folder, which is the test's own, and killed.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import jsonschema

BIN = pathlib.Path(os.environ.get("VIZSLA_BIN", "build/release/bin")).resolve()
# One thread a rank: tests share two cores. A loaded machine is slow, so deadlines are generous.
ENVIRONMENT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NO_COLOR": "1",
}
DEADLINE = 150


class Finished:
    """A process that has ended."""

    def __init__(self, command, code, out, err):
        self.command, self.code, self.out, self.err = command, code, out, err

    def __str__(self):
        return f"{' '.join(self.command)}\nexit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class Running:
    """A process whose output goes to files, so that it can be read while it runs."""

    def __init__(self, command, folder, environment, name):
        self.command = command
        self.out_path = folder / f"{name}.out"
        self.err_path = folder / f"{name}.err"
        with open(self.out_path, "w") as out, open(self.err_path, "w") as err:
            self.process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=err, start_new_session=True)

    @property
    def out(self):
        return self.out_path.read_text(errors="replace")

    @property
    def err(self):
        return self.err_path.read_text(errors="replace")

    def ended(self):
        return self.process.poll() is not None

    def wait(self, timeout=DEADLINE):
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not end within {timeout} s: "
                                 f"{Finished(self.command, None, self.out, self.err)}") from None
        return Finished(self.command, code, self.out, self.err)

    def wait_for(self, pattern, timeout=DEADLINE):
        """Until the output matches; the match."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            found = re.search(pattern, self.err + self.out)
            if found:
                return found
            if self.ended():
                found = re.search(pattern, self.err + self.out)
                if found:
                    return found
                break
            time.sleep(0.02)
        raise AssertionError(f"'{pattern}' did not appear: "
                             f"{Finished(self.command, self.process.poll(), self.out, self.err)}")

    def terminate(self):
        self.process.terminate()

    def kill(self):
        """The whole process group at once."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


def processes_in(folder):
    """Process ids whose working folder lies below `folder`, with their command lines."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            cwd = os.readlink(entry / "cwd")
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if (cwd + "/").startswith(f"{folder}/") and command:
            found[int(entry.name)] = command
    return found


class MultiprocTest(unittest.TestCase):
    """Each test has a folder of its own: data, cache, database, output."""

    @classmethod
    def setUpClass(cls):
        for program in ("vizsla", "vizsla-worker", "vizsla-coordinator", "vizsla-evaluate", "vizsla-dataset"):
            if not (BIN / program).exists():
                raise AssertionError(f"{BIN / program} is missing: build it, or name its folder with VIZSLA_BIN")
        cls.shared = pathlib.Path(tempfile.mkdtemp(prefix="vizsla-shared-")).resolve()
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)
        cls.data = cls.synthesize(cls.shared / "data")

    @classmethod
    def synthesize(cls, folder, classes=3, per_class=20, size=48, seed=7):
        subprocess.run([BIN / "vizsla-dataset", "synthesize", folder, "--classes", str(classes), "--per-class",
                        str(per_class), "--size", str(size), "--seed", str(seed)],
                       check=True, capture_output=True, timeout=DEADLINE)
        return folder

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vizsla-test-")).resolve()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(self.kill_everything)
        self.environment = dict(os.environ, **ENVIRONMENT, XDG_CACHE_HOME=str(self.folder / "cache"),
                                PATH=f"{BIN}:{os.environ['PATH']}", TMPDIR="/tmp")
        self.environment.pop("VIZSLA_DB", None)
        self.processes = []

    def kill_everything(self):
        """Whatever runs in this test's folder, the detached coordinator too."""
        for _ in range(3):
            for process in processes_in(self.folder):
                try:
                    os.kill(process, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.05)
        for process in self.processes:
            process.kill()

    # ---- Programs

    def start(self, *command):
        command = [str(part) for part in command]
        self.processes.append(
            Running(command, self.folder, self.environment, f"process-{len(self.processes) + 1}"))
        return self.processes[-1]

    def run_program(self, *command, code=0, timeout=DEADLINE):
        result = self.start(*command).wait(timeout)
        if code is not None:
            self.assertEqual(result.code, code, str(result))
        return result

    def vizsla(self, *arguments, code=0):
        return self.run_program(BIN / "vizsla", *arguments, code=code)

    def vizsla_json(self, *arguments):
        return self.check_json(self.vizsla(*arguments, "--json").out, arguments[0])

    @staticmethod
    def check_json(text, command):
        """What the text says, when it is what docs/COMMAND.schema.json promises."""
        value = json.loads(text)
        schema = pathlib.Path(__file__).parents[2] / "docs" / f"{command}.schema.json"
        jsonschema.validate(value, json.loads(schema.read_text()))
        return value

    def job(self, ranks, *arguments, grace=1, threads=1):
        """Starts mpirun. When a job ends in disorder, or mpirun gets SIGTERM, Open MPI 4.1 sends SIGCONT, sleeps
        `grace` seconds, sends SIGTERM, sleeps `grace` seconds, and sends SIGKILL."""
        return self.start("mpirun", "--oversubscribe", "--mca", "odls_base_sigkill_timeout", grace, "-np", ranks,
                          BIN / "vizsla-worker", "--threads-per-rank", threads, *arguments)

    def coordinator(self, *arguments, listen="127.0.0.1:0", lease="3s", heartbeat="500ms"):
        """Starts one and waits until it serves; leases are short, so that a dead job's trials come back soon."""
        process = self.start(BIN / "vizsla-coordinator", "--db", "vizsla.db", "--listen", listen, "--lease", lease,
                             "--heartbeat", heartbeat, *arguments)
        process.address = process.wait_for(r"serves \S+ at (\S+)").group(1)
        return process

    # ---- Inputs and results

    def epochs_that_last(self, seconds, **fixed):
        """How many epochs of a space's trial take about `seconds` on this machine as it is now: a test that
        kills in mid-trial needs a trial that is still running. Not fewer than a dozen."""
        if not hasattr(type(self), "epoch_seconds"):
            type(self).epoch_seconds = {}
        key = tuple(sorted(fixed.items()))
        if key not in self.epoch_seconds:
            measured = 40
            self.environment["VIZSLA_DB"] = "calibration.db"
            done = self.job(1, "--search", self.space("calibration", trials=1, epochs=measured, **fixed),
                            "--data", self.data).wait()
            self.assertEqual(done.code, 0, str(done))
            elapsed = self.board()[1]["elapsed_seconds"]
            del self.environment["VIZSLA_DB"]
            self.epoch_seconds[key] = elapsed / measured
        return max(12, round(seconds / self.epoch_seconds[key]))

    def space(self, name="tiny", trials=2, epochs=3, extra="", parameters="", **fixed):
        """Writes NAME.yaml: scratch_v1 at 16 pixels, random learning rates."""
        values = {"network": "scratch_v1", "image_size": 16, "batch_size": 16, "augmentation": "none", **fixed}
        lines = [f"name: {name}", "seed: 5", "split: {test: 0.2, validation: 0.2, seed: 3}",
                 "objective: {metric: val_accuracy, select_by: val_loss}",
                 f"budget: {{trials: {trials}, epochs: {epochs}}}",
                 "early_stopping: false"]
        lines += extra.splitlines()
        lines.append("parameters:")
        lines += [f"  {key}: {value}" for key, value in values.items()]
        lines.append(parameters or "  learning_rate: {float: [1.0e-4, 2.0e-3], log: true}")
        path = self.folder / f"{name}.yaml"
        path.write_text("\n".join(lines) + "\n")
        return path

    def board(self, *arguments):
        return {row["trial"]: row for row in self.vizsla_json("leaderboard", *arguments)}

    def histories(self, trials, *arguments):
        """For each trial its epochs' metrics, in order; each epoch exactly once."""
        result = {}
        for number in trials:
            history = self.vizsla_json("trial", str(number), *arguments)["history"]
            epochs = [row["epoch"] for row in history]
            self.assertEqual(epochs, list(range(1, len(epochs) + 1)), f"trial {number}: an epoch is lost or double")
            result[number] = [row["metrics"] for row in history]
        return result

    def assert_same_metrics(self, expected, actual, tolerance):
        self.assertEqual(sorted(expected), sorted(actual))
        for number, epochs in expected.items():
            self.assertEqual(len(epochs), len(actual[number]), f"trial {number}")
            for epoch, (a, b) in enumerate(zip(epochs, actual[number]), 1):
                self.assertEqual(sorted(a), sorted(b))
                for name, value in a.items():
                    self.assertAlmostEqual(value, b[name], delta=tolerance * max(1, abs(value)),
                                           msg=f"trial {number} epoch {epoch} {name}")

    def acknowledged(self, *jobs):
        """(trial, epoch) -> metrics, of what the jobs' logs say that the coordinator has taken."""
        found = {}
        for job in jobs:
            for trial, epoch, text in re.findall(r"trial (\d+) epoch (\d+)/\d+: (.*) \(", job.err):
                found[int(trial), int(epoch)] = {name: float(value)
                                                 for name, value in re.findall(r"(\w+) (-?[\d.]+)", text)}
        return found

    def ranks_of(self):
        """Process ids of the worker's ranks in this test's folder."""
        # mpirun's own command line names the worker too, behind its options.
        return [process for process, command in processes_in(self.folder).items()
                if command.startswith(str(BIN / "vizsla-worker"))]
