#!/usr/bin/python3
"""A study of two objectives in a real job: the front is what no other trial beats in both, and each of it can be pulled."""
import unittest

from harness import MultiprocTest

TRIALS = 10


class Objectives(MultiprocTest):
    def test_nsga2_on_accuracy_and_parameters(self):
        space = self.space("pareto", trials=TRIALS, epochs=2,
                           extra="sampler: {kind: nsga2, population: 4}",
                           parameters="  dense: {choices: [[], [8], [32], [64]]}\n"
                                      "  learning_rate: {float: [1.0e-5, 3.0e-3], log: true}")
        text = space.read_text().replace(
            "objective: {metric: val_accuracy, select_by: val_loss}",
            "objectives:\n  - {metric: val_accuracy, select_by: val_loss}\n  - {metric: parameters, direction: minimize}")
        space.write_text(text)
        done = self.job(2, "--search", space, "--data", self.data).wait()
        self.assertEqual(done.code, 0, str(done))
        rows = self.vizsla_json("leaderboard")
        self.assertEqual(len(rows), TRIALS)
        values = {row["trial"]: (row["objectives"]["val_accuracy"], -row["objectives"]["parameters"]) for row in rows}

        def beats(a, b):
            return all(x >= y for x, y in zip(a, b)) and a != b
        front = {n for n, value in values.items() if not any(beats(other, value) for other in values.values())}
        self.assertEqual({row["trial"] for row in rows if row["front"] == 1}, front)
        self.assertEqual({row["trial"] for row in rows[:len(front)]}, front, "the front comes first")

        # Counted by the worker, and the same for the same shape.
        sizes = {}
        for row in rows:
            sizes.setdefault(str(row["params"]["dense"]), set()).add(row["objectives"]["parameters"])
        self.assertTrue(all(len(found) == 1 for found in sizes.values()), sizes)
        self.assertGreater(len(sizes), 1)

        smallest = max(front, key=lambda n: values[n][1])
        self.vizsla("pull", "--trial", smallest, "-o", "small")
        pulled = self.vizsla_json("evaluate", "small", "--data", self.data, "--split", "validation")
        self.assertAlmostEqual(pulled["accuracy"], values[smallest][0], delta=1e-4)


if __name__ == "__main__":
    unittest.main(verbosity=2)
