#!/usr/bin/python3
"""Population-based training in real jobs: losers end, copies of the winners go on from their checkpoints with other learning
rates, also after kills of everything."""
import unittest

from harness import MultiprocTest

EPOCHS = 6
MEMBERS = 4


class Population(MultiprocTest):
    def population(self):
        return self.space("population", trials=MEMBERS, epochs=EPOCHS,
                          extra="pruner: {kind: population, interval: 1, quantile: 0.25}\n"
                                "max_crashes: 50\n",
                          # Some learn next to nothing: there are losers.
                          parameters="  learning_rate: {float: [1.0e-6, 3.0e-3], log: true}\n"
                                     "  dense: {choices: [[8], [16]]}")

    def check(self, board):
        """Every place of the population comes to the last epoch, and each copy begins where its parent stood."""
        self.assertEqual(sorted(n for n, row in board.items() if not row["parent"]), list(range(1, MEMBERS + 1)))
        newest = {n: board[n] for n in range(1, MEMBERS + 1)}
        for number in sorted(board):
            row = board[number]
            history = [entry["epoch"] for entry in self.vizsla_json("trial", str(number))["history"]]
            begun = row["parent"]["epoch"] if row["parent"] else 0
            self.assertEqual(history, list(range(begun + 1, row["epoch"] + 1)), row)
            if not row["parent"]:
                continue
            parent = board[row["parent"]["trial"]]
            self.assertLess(parent["trial"], number)
            self.assertEqual(row["params"]["dense"], parent["params"]["dense"], "a shape never changes")
            # Copies of different lines may meet: 0.8 times 1.2 is 1.2 times 0.8.
            self.assertNotEqual(row["params"]["learning_rate"], parent["params"]["learning_rate"])
            newest[row["parent"]["member"]] = row
        self.assertEqual({row["state"] for row in newest.values()}, {"completed"})
        self.assertEqual({row["epoch"] for row in newest.values()}, {EPOCHS})
        for row in board.values():
            if row["state"] == "pruned":
                self.assertRegex(row["reason"], r"^exploited trial \d+$")

    def test_two_ranks_share_a_population_of_four(self):
        done = self.job(2, "--search", self.population(), "--data", self.data).wait()
        self.assertEqual(done.code, 0, str(done))
        self.assertRegex(done.err, r"trial \d+ attempt 1 .*goes on from epoch \d+ of trial \d+")
        board = self.board()
        self.assertTrue([row for row in board.values() if row["parent"]], "nobody was replaced")
        self.check(board)

    def test_kills_of_everything_lose_nothing(self):
        command = ("--search", self.population(), "--data", self.data)
        # Whether somebody is replaced depends on whose lease has to run out first.
        for wanted in (r"trial 1 attempt 1 paused", r"trial \d+ epoch \d+/", r"trial \d+ epoch \d+/"):
            job = self.job(1, *command)
            job.wait_for(wanted)
            self.kill_everything()
        done = self.job(1, *command).wait()
        self.assertEqual(done.code, 0, str(done))
        self.check(self.board())


if __name__ == "__main__":
    unittest.main(verbosity=2)
