#!/usr/bin/python3
"""deploy/workers.sh: one job a trial group, each started again when it crashes, all drained together."""
import os
import pathlib
import signal
import unittest

from harness import MultiprocTest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "workers.sh"


class WorkersScript(MultiprocTest):
    def study(self, seconds=2.0, trials=6):
        coordinator = self.coordinator()
        self.vizsla("submit", self.space(trials=trials, epochs=self.epochs_that_last(seconds)), "--data", self.data,
                    "--coordinator", coordinator.address)
        return coordinator

    def workers(self, coordinator, *arguments):
        return self.start(SCRIPT, *arguments, "--coordinator", coordinator.address, "--data", self.data)

    def test_a_killed_job_comes_back_and_the_other_goes_on(self):
        coordinator = self.study()
        workers = self.workers(coordinator, 2)
        workers.wait_for(r"trial [12] epoch 1/")
        first, second = self.ranks_of()
        os.kill(first, signal.SIGKILL)
        workers.wait_for(r"job [12] has ended with exit code \d+; it is started again in 1 s")
        self.assertIn(second, self.ranks_of(), "the other job does not notice")
        done = workers.wait()
        self.assertEqual(done.code, 0, str(done))
        board = self.board("--coordinator", coordinator.address)
        self.assertEqual({row["state"] for row in board.values()}, {"completed"}, board)
        self.assertEqual(sum(row["crashes"] for row in board.values()), 1, board)

    def test_sigterm_drains_all_jobs(self):
        coordinator = self.study(seconds=30, trials=2)
        workers = self.workers(coordinator, 2)
        workers.wait_for(r"trial 1 epoch 1/")
        workers.wait_for(r"trial 2 epoch 1/")
        workers.terminate()
        done = workers.wait()
        self.assertEqual(done.code, 0, str(done))
        self.assertNotIn("started again", done.err)
        self.assertEqual(self.ranks_of(), [])
        board = self.board("--coordinator", coordinator.address)
        self.assertEqual({row["state"] for row in board.values()}, {"queued"}, board)
        self.assertEqual({row["crashes"] for row in board.values()}, {0}, board)

    def test_wrong_usage_is_said_and_not_repeated(self):
        done = self.start(SCRIPT, "two").wait()
        self.assertEqual(done.code, 2, str(done))
        self.assertIn("deploy/workers.sh JOBS", done.err)
        done = self.start(SCRIPT, 1, "--dtaa", self.data).wait()
        self.assertEqual(done.code, 2, str(done))
        self.assertIn("did you mean '--data'?", done.err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
