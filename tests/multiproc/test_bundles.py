#!/usr/bin/python3
"""Heads that train beside each other in one rank (--trials-at-once): the same results, and the same care."""
import os
import signal
import unittest

import torch
import torchvision

from harness import MultiprocTest

AT_ONCE = 8


class Bundles(MultiprocTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        torch.manual_seed(5)
        model = torchvision.models.mobilenet_v2()
        model.train()
        with torch.no_grad():
            for module in model.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    module.momentum = 1.0
            model(torch.randn(8, 3, 64, 64))
        cls.weights = cls.shared / "weights.pth"
        torch.save(model.state_dict(), cls.weights)

    def heads(self, name, trials, epochs, extra="", **fixed):
        return self.space(name, trials=trials, epochs=epochs, network="mobilenet_v2", image_size=32, unfreeze="none",
                          extra="weights: {padding: symmetric, preprocessing: torch}\n" + extra,
                          parameters="  learning_rate: {float: [1.0e-4, 2.0e-3], log: true}\n"
                                     "  dense: {choices: [[], [16], [24, 16]]}\n"
                                     "  dropout: {float: [0.0, 0.6]}", **fixed)

    def search(self, space, *arguments):
        return self.job(1, "--search", space, "--data", self.data, "--weights", self.weights, *arguments)

    def test_the_same_results_as_one_by_one(self):
        space = self.heads("heads", trials=9, epochs=4)
        self.environment["VIZSLA_DB"] = "alone.db"
        done = self.search(space, "--trials-at-once", 1).wait()
        self.assertEqual(done.code, 0, str(done))
        alone = self.histories(range(1, 10))
        self.environment["VIZSLA_DB"] = "bundle.db"
        done = self.search(space, "--trials-at-once", AT_ONCE).wait()
        self.assertEqual(done.code, 0, str(done))
        board = self.board()
        self.assertEqual({row["state"] for row in board.values()}, {"completed"}, board)
        # Metrics are of a few photos, whose logits may be near each other.
        self.assert_same_metrics(alone, self.histories(range(1, 10)), 2e-3)

    def test_a_rank_of_two_threads_trains_two_heads(self):
        job = self.job(1, "--search", self.heads("default", trials=4, epochs=30), "--data", self.data,
                       "--weights", self.weights, threads=2)
        done = job.wait()
        self.assertEqual(done.code, 0, str(done))
        shown = "".join(self.vizsla("trial", str(trial)).out for trial in range(1, 5))
        self.assertRegex(shown, r":\d+/0\b(?!\.)")
        self.assertRegex(shown, r":\d+/0\.1\b")

    def test_a_killed_job_gives_all_its_trials_back(self):
        self.coordinator()
        epochs = self.epochs_that_last(2)
        space = self.heads("killed", trials=4, epochs=20 * epochs,
                           extra="checkpoint_interval: 0s\nmax_crashes: 5")
        first = self.search(space, "--trials-at-once", 4)
        for trial in range(1, 5):
            first.wait_for(rf"trial {trial} epoch \d+/")
        for rank in self.ranks_of():
            os.kill(rank, signal.SIGKILL)
        first.kill()
        second = self.search(space, "--trials-at-once", 4)
        done = second.wait()
        self.assertEqual(done.code, 0, str(done))
        board = self.board()
        self.assertEqual({row["state"] for row in board.values()}, {"completed"}, board)
        self.assertEqual({row["crashes"] for row in board.values()}, {1}, board)
        for trial in board:
            self.assertIn("resumes", self.vizsla("logs", str(trial)).out)
        self.histories(board)

    def test_a_drain_gives_all_leases_back(self):
        space = self.heads("drained", trials=4, epochs=100000)
        job = self.search(space, "--trials-at-once", 4)
        for trial in range(1, 5):
            job.wait_for(rf"trial {trial} epoch \d+/")
        for rank in self.ranks_of():
            os.kill(rank, signal.SIGTERM)
        done = job.wait(60)
        self.assertEqual(done.code, 0, str(done))
        board = self.board()
        self.assertEqual({row["state"] for row in board.values()}, {"queued"}, board)
        self.assertEqual({row["crashes"] for row in board.values()}, {0}, board)

    def test_other_trials_train_alone(self):
        # Small networks from scratch have nothing frozen.
        done = self.job(1, "--search", self.space(trials=3), "--data", self.data, "--trials-at-once", AT_ONCE).wait()
        self.assertEqual(done.code, 0, str(done))
        self.assertEqual({row["state"] for row in self.board().values()}, {"completed"})

    def test_only_in_groups_of_one(self):
        refused = self.job(2, "--search", self.space(), "--data", self.data, "--trials-at-once", 2,
                           "--ranks-per-trial", 2).wait()
        self.assertIn("--ranks-per-trial 1", refused.err)


if __name__ == "__main__":
    unittest.main()
