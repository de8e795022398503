#!/usr/bin/python3
"""Bad input gets a sentence, once, and the job ends."""
import os
import subprocess
import unittest
from pathlib import Path

from harness import BIN, MultiprocTest, processes_in


class CommandLines(MultiprocTest):
    def refused(self, code, sentence, *arguments, ranks=2):
        done = self.job(ranks, *arguments).wait(60)
        self.assertEqual(done.code, code, str(done))
        self.assertEqual(done.err.count(sentence), 1, str(done))
        self.assertEqual(self.ranks_of(), [])
        return done

    def test_unknown_flag_names_the_nearest(self):
        self.refused(2, "unknown option '--serach'; did you mean '--search'?", "--serach", "x.yaml", "--data", "d")

    def test_missing_and_contradicting_options(self):
        self.refused(2, "--data is missing", "--search", "x.yaml", ranks=1)
        self.refused(2, "name a search space with --search, or a coordinator", "--data", self.data, ranks=1)
        self.refused(2, "excludes --coordinator", "--coordinator", "127.0.0.1:1", "--db", "x.db", "--data", "d",
                     ranks=1)

    def test_the_byte_budget_is_the_embedded_coordinators(self):
        self.refused(2, "'many' is no size", "--search", "x.yaml", "--data", "d", "--artifact-budget", "many", ranks=1)
        self.refused(2, "--artifact-budget is the embedded coordinator's", "--coordinator", "127.0.0.1:1", "--data",
                     "d", "--artifact-budget", "1GiB", ranks=1)
        job = self.job(1, "--search", self.space(epochs=1000000), "--data", self.data, "--artifact-budget", "1.5GiB",
                       "--keep-best", 3)
        job.wait_for(r"trial 1 attempt 1")
        coordinators = [line for line in processes_in(self.folder).values() if "vizsla-coordinator --db" in line]
        self.assertEqual(len(coordinators), 1, coordinators)
        self.assertIn("--artifact-budget 1.5GiB --keep-best 3", coordinators[0])
        again = self.job(1, "--search", self.space(epochs=1000000), "--data", self.data, "--artifact-budget", "1GiB")
        again.wait_for(r"runs already, with its own options: --artifact-budget does nothing")

    def test_inputs_that_are_not_there(self):
        space = self.space()
        done = self.refused(1, "no such file or folder", "--search", space, "--data", "nowhere")
        self.assertIn("nowhere", done.err)
        done = self.refused(1, "nosuch.yaml", "--search", "nosuch.yaml", "--data", self.data, ranks=1)
        self.assertFalse((self.folder / "vizsla.db").exists(), "nothing was started for a typo")

    def test_a_typo_in_the_search_space_has_line_and_column(self):
        space = self.space(extra="bugdet: {trials: 3}")
        done = self.refused(1, "tiny.yaml:7:1", "--search", space, "--data", self.data)
        self.assertIn("bugdet", done.err)

    def test_a_coordinator_that_is_not_there(self):
        done = self.refused(1, "no coordinator answers at 127.0.0.1:1", "--coordinator", "127.0.0.1:1", "--data",
                            self.data, "--coordinator-patience", "1")

    def test_nccl_where_it_cannot_be(self):
        # Without NCCL in the build, or without GPUs: either way on the CPU.
        done = self.refused(1, "--transport nccl: ", "--search", self.space(), "--data", self.data, "--device", "cpu",
                            "--ranks-per-trial", 2, "--transport", "nccl")
        self.assertRegex(done.err, "built without NCCL|has no GPU")
        self.refused(1, "--transport nccl: a trial group of one rank sends no gradients", "--search", self.space(),
                     "--data", self.data, "--transport", "nccl")

    def test_a_database_that_cannot_be_one(self):
        (self.folder / "vizsla.db").write_text("this is no database" * 100)
        done = self.refused(1, "did not start", "--search", self.space(), "--data", self.data)
        self.assertIn("vizsla.db", done.err)

    def test_help_needs_no_mpi(self):
        done = self.run_program(BIN / "vizsla-worker", "--help")
        self.assertIn("odls_base_sigkill_timeout", done.out)
        self.assertIn("--ranks-per-trial", done.out)
        done = self.run_program(BIN / "vizsla", "evaluate", "--help")
        self.assertIn("--split", done.out)
        self.vizsla("evaluate", "nowhere", "--data", self.data, "--split", "test", code=1)
        self.vizsla("evaluate", "nowhere", "--dtaa", self.data, code=2)

    def test_matrix_products_use_what_the_processor_can(self):
        # OpenBLAS says which kernels it has chosen, once for each start of the program.
        def cores(**variables):
            done = subprocess.run([BIN / "vizsla-worker", "--help"], capture_output=True, text=True, check=True,
                                  env={**os.environ, "OPENBLAS_VERBOSE": "2", **variables})
            return [line.removeprefix("Core: ") for line in done.stderr.splitlines() if line.startswith("Core: ")]

        chosen = cores()
        if not chosen:
            self.skipTest("LibTorch brings another BLAS than OpenBLAS")
        flags = Path("/proc/cpuinfo").read_text()
        if "avx2" in flags and "fma" in flags:
            self.assertNotIn(chosen[-1], ("Prescott", "Core2", "Nehalem", "Sandybridge"))
        self.assertLessEqual(len(chosen), 2)
        self.assertEqual(cores(OPENBLAS_CORETYPE="Prescott"), ["Prescott"], "the user's choice stands")


if __name__ == "__main__":
    unittest.main(verbosity=2)
