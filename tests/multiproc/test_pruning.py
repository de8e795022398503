#!/usr/bin/python3
"""ASHA with promotion and TPE in real jobs: trials pause with their checkpoints and go on elsewhere, also after kills
of everything."""
import collections
import unittest

from harness import MultiprocTest

EPOCHS = 8


class Pruning(MultiprocTest):
    def asha(self, trials):
        return self.space("asha", trials=trials, epochs=EPOCHS,
                          extra="sampler: {kind: tpe, startup_trials: 3}\n"
                                "pruner: {kind: asha, eta: 2}\n"
                                "checkpoint_interval: 0s\n"
                                "max_crashes: 50\n")

    def check_ended(self, board, trials):
        self.assertEqual(sorted(board), list(range(1, trials + 1)))
        states = collections.Counter(row["state"] for row in board.values())
        self.assertEqual(set(states), {"completed", "pruned"}, states)
        for row in board.values():
            # Rungs are the epochs 1, 2 and 4.
            self.assertIn(row["epoch"], (1, 2, 4, EPOCHS), row)
            self.assertEqual(row["state"] == "completed", row["epoch"] == EPOCHS, row)
        histories = self.histories(board)  # no epoch lost or double
        for number, row in board.items():
            self.assertEqual(len(histories[number]), row["epoch"])
        self.assertLess(sum(row["epoch"] for row in board.values()), trials * EPOCHS * 0.7)

    def test_two_ranks_pause_promote_and_finish(self):
        trials = 8
        done = self.job(2, "--search", self.asha(trials), "--data", self.data).wait()
        self.assertEqual(done.code, 0, str(done))
        self.assertRegex(done.err, r"trial \d+ attempt 1 paused")
        self.assertRegex(done.err, r"trial \d+ attempt 2 .*resumes from its checkpoint")
        self.check_ended(self.board(), trials)

    def test_kills_of_everything_lose_nothing(self):
        trials = 6
        command = ("--search", self.asha(trials), "--data", self.data)
        self.environment["VIZSLA_DB"] = "reference.db"
        done = self.job(1, *command).wait()
        self.assertEqual(done.code, 0, str(done))
        reference = self.board()
        self.check_ended(reference, trials)
        expected = self.histories(reference)
        del self.environment["VIZSLA_DB"]

        # How far a job gets before its kill depends on the machine: each is killed at the first thing it does.
        for wanted in (r"trial 1 attempt 1 paused", r"trial \d+ attempt \d+ on", r"trial \d+ epoch \d+/"):
            job = self.job(1, *command)
            job.wait_for(wanted)
            self.kill_everything()
        done = self.job(1, *command).wait()
        self.assertEqual(done.code, 0, str(done))
        board = self.board()
        self.check_ended(board, trials)
        # What a dead worker held waits for its lease, and others go first: who is promoted may differ. What the
        # random trials learn in an epoch does not.
        histories = self.histories(board)
        for number in (1, 2, 3):
            self.assertEqual(board[number]["params"], reference[number]["params"])
            common = min(len(expected[number]), len(histories[number]))
            self.assert_same_metrics({number: expected[number][:common]}, {number: histories[number][:common]}, 1e-6)


if __name__ == "__main__":
    unittest.main(verbosity=2)
