#!/usr/bin/python3
"""Several seeds a configuration and final runs in real jobs: means and intervals as numpy and SciPy's t say, also when everything
is killed in the final runs."""
import statistics
import unittest

from harness import MultiprocTest

CONFIGURATIONS, REPEATS, TOP, FINAL = 3, 2, 2, 3
# Student's t of 95 %, two-sided, by degrees of freedom: any table has them.
T95 = {1: 12.7062, 2: 4.3027}


class Repeats(MultiprocTest):
    def repeated(self):
        return self.space("repeated", trials=CONFIGURATIONS, epochs=3, extra=f"repeats: {REPEATS}\n"
                          f"final: {{top: {TOP}, repeats: {FINAL}}}\nmax_crashes: 50\ncheckpoint_interval: 0s")

    def check_runs(self, runs, count):
        """The mean and its interval, from the runs' own histories."""
        self.assertEqual((len(runs["trials"]), runs["scored"], runs["state"]), (count, count, "completed"), runs)
        scores = []
        for number in runs["trials"]:
            trial = self.vizsla_json("trial", str(number))
            self.assertEqual([row["epoch"] for row in trial["history"]], [1, 2, 3], f"trial {number}")
            best = min(trial["history"], key=lambda row: (row["metrics"]["val_loss"], row["epoch"]))
            scores.append(best["metrics"]["val_accuracy"])
        self.assertAlmostEqual(runs["mean"], statistics.mean(scores), delta=1e-6)
        half_width = T95[count - 1] * statistics.stdev(scores) / count**0.5
        self.assertAlmostEqual(runs["half_width"], half_width, delta=1e-4 * (1 + half_width))

    def check(self):
        board = self.vizsla_json("leaderboard")
        self.assertEqual(len(board), CONFIGURATIONS, "a row for each configuration")
        for row in board:
            self.check_runs(row["search_runs"], REPEATS)
        finalists = [row for row in board if row["final_runs"]]
        self.assertEqual([row["rank"] for row in finalists], list(range(1, TOP + 1)), "final runs alone rank")
        for row in finalists:
            self.check_runs(row["final_runs"], FINAL)
        by_search = sorted((row["search_runs"]["mean"] for row in board), reverse=True)
        self.assertEqual(sorted((row["search_runs"]["mean"] for row in finalists), reverse=True), by_search[:TOP])
        final_means = [row["final_runs"]["mean"] for row in finalists]
        self.assertEqual(final_means, sorted(final_means, reverse=True))
        numbers = [n for row in board for key in ("search_runs", "final_runs") if row[key] for n in row[key]["trials"]]
        self.assertEqual(sorted(numbers), list(range(1, CONFIGURATIONS * REPEATS + TOP * FINAL + 1)))
        return board

    def test_two_ranks_and_the_pull_of_the_winner(self):
        done = self.job(2, "--search", self.repeated(), "--data", self.data).wait()
        self.assertEqual(done.code, 0, str(done))
        board = self.check()
        self.vizsla("pull", "-o", "best")
        pulled = self.vizsla_json("evaluate", "best", "--data", self.data, "--split", "validation")
        self.assertIn(round(pulled["accuracy"], 4),
                      [round(self.vizsla_json("trial", str(n))["objective"], 4)
                       for n in board[0]["final_runs"]["trials"]], "the weights are of one of its final runs")

    def test_kills_of_everything_during_the_final_runs(self):
        command = ("--search", self.repeated(), "--data", self.data)
        first_final = CONFIGURATIONS * REPEATS + 1
        for wanted in (rf"trial {first_final} epoch 1/", r"trial \d+ epoch \d/", r"trial \d+ epoch \d/"):
            job = self.job(1, *command)
            job.wait_for(wanted)
            self.kill_everything()  # coordinator, too
        done = self.job(1, *command).wait()
        self.assertEqual(done.code, 0, str(done))
        self.check()


if __name__ == "__main__":
    unittest.main(verbosity=2)
