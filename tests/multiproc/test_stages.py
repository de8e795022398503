#!/usr/bin/python3
"""Two-stage studies and trials that start from others: real jobs, a real database, kills in the second stage."""
import os
import signal
import unittest

from harness import BIN, MultiprocTest, processes_in


class Stages(MultiprocTest):
    TRANSFER, TUNED = 2, 2

    def two_stages(self, epochs, extra=""):
        """Two trials from scratch, then two that go on from the better one with another learning rate."""
        return self.space("staged", trials=self.TRANSFER, epochs=2,
                          extra="checkpoint_interval: 0s\nmax_crashes: 50\n"
                                "then:\n"
                                "  - name: fine-tune\n"
                                f"    budget: {{trials: {self.TUNED}, epochs: {epochs}}}\n"
                                "    parameters:\n"
                                "      learning_rate: {float: [1.0e-5, 1.0e-4], log: true}\n"
                                "      augmentation: v1\n" + extra)

    def check_second_stage(self, board):
        """Every trial of the second stage started from the first stage's best weights and kept its configuration."""
        self.assertEqual([board[n]["stage"] for n in sorted(board)], [1] * self.TRANSFER + [2] * self.TUNED)
        first = [board[n] for n in range(1, self.TRANSFER + 1)]
        best = min(first, key=lambda row: (-row["objective"], row["trial"]))
        for number in range(self.TRANSFER + 1, self.TRANSFER + self.TUNED + 1):
            row = board[number]
            self.assertEqual(row["init_from"], {"from": "best", "trial": best["trial"],
                                                "checkpoint": best["checkpoint"]})
            kept = {name: value for name, value in best["params"].items()
                    if name not in ("learning_rate", "augmentation")}
            self.assertEqual({name: row["params"][name] for name in kept}, kept)
            self.assertEqual(row["params"]["augmentation"], "v1")
            self.assertTrue(1e-5 <= row["params"]["learning_rate"] <= 1e-4, row["params"])
            self.assertIn(f"starts from trial {best['trial']}", self.vizsla("trial", number).out)
            self.assertIn("stage 2 (fine-tune)", self.vizsla("trial", number).out)
            self.assertRegex(self.vizsla("logs", number).out, rf"starts from trial {best['trial']}'s best checkpoint")

    def test_a_kill_in_the_second_stage(self):
        epochs = self.epochs_that_last(3, augmentation="v1")
        space = self.two_stages(epochs)
        command = ("--search", space, "--data", self.data)
        self.environment["VIZSLA_DB"] = "reference.db"
        done = self.job(1, *command).wait()
        self.assertEqual(done.code, 0, str(done))
        board = self.board()
        self.assertEqual({row["state"] for row in board.values()}, {"completed"}, board)
        self.assertEqual([board[n]["epochs"] for n in sorted(board)], [2, 2, epochs, epochs])
        self.check_second_stage(board)
        reference = self.histories(board)
        del self.environment["VIZSLA_DB"]

        # The job, its embedded coordinator, everything at once.
        first = self.job(1, *command)
        first.wait_for(r"trial 3 epoch 2/")
        self.kill_everything()
        first.kill()
        self.assertEqual(processes_in(self.folder), {})
        stored = self.board()
        self.assertEqual(stored[3]["state"], "running")
        self.assertEqual(stored[3]["init_from"], board[3]["init_from"], "decided once, and stored")

        # Then a rank of the job alone, twice.
        self.coordinator(lease="2s", heartbeat="500ms")
        second = self.job(1, *command)
        second.wait_for(r"trial 3 attempt 2.*starts from trial \d+'s best checkpoint; resumes from its checkpoint")
        for rank in self.ranks_of():
            os.kill(rank, signal.SIGKILL)
        second.wait(60)
        third = self.job(1, *command)
        done = third.wait()
        self.assertEqual(done.code, 0, str(done))
        self.assertIn("resumed", done.out)

        board = self.board()
        self.assertEqual({row["state"] for row in board.values()}, {"completed"}, board)
        self.check_second_stage(board)
        self.assert_same_metrics(reference, self.histories(board), 1e-5)
        self.assertGreaterEqual(board[3]["attempt"], 2)

    def test_the_weights_reach_every_rank(self):
        # At the smallest learning rate the first epoch of the second stage is where the first stage ended:
        # on each rank of the group, or the two ranks' mean would not be. The first stage learns for long enough to be
        # far from where it began.
        space = self.space("staged", trials=1, epochs=80,
                           parameters="  learning_rate: 2.0e-3",
                           extra="then:\n"
                                 "  - {name: again, budget: {trials: 1, epochs: 1}, "
                                 "parameters: {learning_rate: 1.0e-7}}\n"
                                 "  - {name: afresh, init_from: none, budget: {trials: 1, epochs: 1}, "
                                 "parameters: {learning_rate: 1.0e-7}}\n")
        for ranks in (1, 2):
            self.environment["VIZSLA_DB"] = f"ranks{ranks}.db"
            done = self.job(ranks, "--search", space, "--data", self.data, "--ranks-per-trial", ranks).wait()
            self.assertEqual(done.code, 0, str(done))
            board = self.board()
            self.assertEqual({row["state"] for row in board.values()}, {"completed"}, board)
            self.assertEqual([board[n]["stage"] for n in (1, 2, 3)], [1, 2, 3])
            best, again, afresh = (board[n]["metrics"]["train_loss"] for n in (1, 2, 3))
            self.assertIsNone(board[3]["init_from"]["checkpoint"])
            # Were one of two ranks without the weights, the mean would lie half way.
            self.assertLess(abs(again - best), 0.25 * abs(afresh - best), board)
        del self.environment["VIZSLA_DB"]

    def test_what_the_second_stage_made_is_pulled_whole(self):
        # The second stage trains only the upper blocks over what the first one made of random weights.
        space = self.space("pulled", trials=1, epochs=2, network="mobilenet_v2", initial_weights="random",
                           image_size=32, parameters="  learning_rate: 1.0e-3",
                           extra="then:\n"
                                 "  - {budget: {trials: 1, epochs: 5}, "
                                 "parameters: {unfreeze: block_14_expand, epochs: 3}}\n")
        done = self.job(1, "--search", space, "--data", self.data).wait()
        self.assertEqual(done.code, 0, str(done))
        second = self.board()[2]
        self.assertEqual((second["state"], second["stage"], second["epochs"]), ("completed", 2, 3), second)
        self.vizsla("pull", "--trial", "2", "-o", "second")
        evaluation = self.vizsla_json("evaluate", "second", "--data", self.data, "--split", "validation")
        self.assertAlmostEqual(evaluation["accuracy"], second["objective"], delta=1e-4)
        self.assertAlmostEqual(evaluation["loss"], second["metrics"]["val_loss"], delta=1e-3)

    def test_a_trial_waits_for_the_one_that_it_starts_from(self):
        parameters = "  learning_rate: {float: [1.0e-4, 2.0e-3], log: true}"
        extra = ("enqueue:\n"
                 "  - {name: tuned, init_from: transfer, parameters: {learning_rate: 1.0e-5}}\n"
                 "  - {name: transfer, parameters: {learning_rate: 1.0e-3}}\n"
                 "  - {name: hopeless, parameters: {learning_rate: 10.0}}\n"
                 "  - {name: after, init_from: hopeless}\n")
        space = self.space("warm", trials=4, epochs=2, extra=extra, parameters=parameters)
        done = self.job(2, "--search", space, "--data", self.data).wait()
        self.assertEqual(done.code, 0, str(done))
        board = self.board()
        self.assertEqual(board[2]["state"], "completed")
        self.assertEqual(board[1]["state"], "completed")
        self.assertEqual(board[1]["init_from"], {"from": "trial", "trial": 2, "checkpoint": board[2]["checkpoint"]})
        self.assertGreaterEqual(board[1]["started_at"], board[2]["finished_at"])
        if board[3]["state"] == "diverged":
            self.assertEqual(board[4]["state"], "infeasible")
            self.assertRegex(board[4]["reason"], r"its source, trial 3 \(hopeless\), ended as diverged")
        else:
            self.assertEqual(board[4]["init_from"]["trial"], 3)

    def search_that_unfreezes_two_networks(self, name, extra=""):
        """A scratch network has no backbone to unfreeze; which of the two wins nobody knows beforehand."""
        extra += ("enqueue:\n"
                  "  - {parameters: {network: scratch_v1}}\n"
                  "  - {parameters: {network: mobilenet_v2}}\n"
                  "then:\n"
                  "  - {top: 2, init_from: none, budget: {trials: 2, epochs: 1}, parameters: {unfreeze: all}}\n")
        space = self.space(name, trials=2, epochs=1, image_size=32, initial_weights="random",
                           network="{choices: [scratch_v1, mobilenet_v2]}", parameters="  learning_rate: 1.0e-3",
                           extra=extra)
        done = self.job(1, "--search", space, "--data", self.data).wait()
        self.assertEqual(done.code, 0, str(done))

    def test_what_only_one_source_allows_is_infeasible_on_the_other_and_the_study_goes_on(self):
        self.search_that_unfreezes_two_networks("mixed")
        board = self.board()
        self.assertEqual(sorted(board), [1, 2, 3, 4])
        second = {board[n]["init_from"]["trial"]: board[n] for n in (3, 4)}
        self.assertEqual(second[1]["state"], "infeasible")
        self.assertRegex(second[1]["reason"], r"unfreeze: scratch_v1 has no backbone")
        self.assertEqual(second[2]["state"], "completed", second[2])

    def test_what_no_worker_can_train_is_tried_once(self):
        self.search_that_unfreezes_two_networks("once", "repeats: 2\n")
        second = [self.vizsla_json("trial", str(number)) for number in range(5, 9)]
        impossible = [run for run in second if run["params"]["network"] == "scratch_v1"]
        self.assertEqual([run["state"] for run in impossible], ["infeasible", "infeasible"], second)
        first, repeat = impossible
        self.assertRegex(first["reason"], r"unfreeze: scratch_v1 has no backbone")
        self.assertEqual(repeat["reason"], f"trial {first['trial']} has the same configuration: {first['reason']}")
        self.assertEqual([len(run["attempts"]) for run in impossible], [1, 0])
        self.assertEqual([run["state"] for run in second if run not in impossible], ["completed", "completed"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
