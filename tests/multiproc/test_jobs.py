#!/usr/bin/python3
"""A coordinator of its own, and jobs that join and leave; data-parallel trials; pinned data and weights."""
import os
import re
import signal
import subprocess
import sys
import unittest

from harness import BIN, MultiprocTest


class Jobs(MultiprocTest):
    def submit(self, space, address, *arguments):
        return self.vizsla("submit", space, "--data", self.data, "--coordinator", address, *arguments)

    def test_two_jobs_join_and_leave_in_mid_search(self):
        coordinator = self.coordinator()
        epochs = self.epochs_that_last(1.5)
        self.submit(self.space(trials=16, epochs=epochs), coordinator.address)
        join = ("--coordinator", coordinator.address, "--data", self.data)
        first = self.job(2, *join, grace=4)
        first.wait_for(r"trial \d+ epoch 1/")
        second = self.job(1, *join)
        second.wait_for(r"trial \d+ epoch 1/")
        first.terminate()  # leaves: its trials are given back
        left = first.wait()
        done = second.wait()
        self.assertEqual(done.code, 0, str(done))
        board = self.board()
        self.assertEqual({row["state"] for row in board.values()}, {"completed"}, board)
        self.assertEqual(sorted(board), list(range(1, 17)))
        self.assertEqual({row["crashes"] for row in board.values()}, {0}, str(left))
        self.histories(board)

    def test_ranks_per_trial_agree_with_one_rank(self):
        # The same global batch on one rank and on two: the same losses within float tolerance, with dropout,
        # batch norm and augmentation. Small learning rates: Adam's first steps amplify differences in the last
        # bit of a gradient to the size of the learning rate.
        results = {}
        for ranks in (1, 2):
            name = f"ranks{ranks}"
            self.environment["VIZSLA_DB"] = f"{name}.db"
            space = self.space(name, trials=2, epochs=3, augmentation="v1",
                               parameters="  learning_rate: {float: [1.0e-6, 1.0e-5], log: true}")
            done = self.job(ranks, "--search", space, "--data", self.data, "--ranks-per-trial", ranks).wait()
            self.assertEqual(done.code, 0, str(done))
            results[ranks] = self.histories([1, 2])
        self.assert_same_metrics(results[1], results[2], 1e-4)
        # Same seed, same trial, but not the same numbers for both trials: the comparison can fail.
        self.assertNotAlmostEqual(results[1][1][0]["train_loss"], results[1][2][0]["train_loss"], places=4)

    def test_gradients_in_bfloat16_over_mpi(self):
        # The same trial but for the rounding of what the ranks exchange: close, and not the same. A small learning
        # rate, as above.
        results = {}
        for kind in ("float32", "bfloat16"):
            self.environment["VIZSLA_DB"] = f"{kind}.db"
            space = self.space(kind, trials=1, epochs=3, parameters="  learning_rate: 1.0e-5")
            done = self.job(2, "--search", space, "--data", self.data, "--ranks-per-trial", 2, "--transport", "mpi",
                            "--gradient-type", kind).wait()
            self.assertEqual(done.code, 0, str(done))
            results[kind] = self.histories([1])
        self.assert_same_metrics(results["float32"], results["bfloat16"], 1e-2)
        self.assertNotEqual([epoch["train_loss"] for epoch in results["float32"][1]],
                            [epoch["train_loss"] for epoch in results["bfloat16"][1]])

    def test_a_trial_goes_on_with_another_group_size(self):
        # Small learning rates, as above. The first job leaves in mid-trial; a group of two goes on from its checkpoint.
        epochs = self.epochs_that_last(3, augmentation="v1")
        arguments = dict(trials=1, epochs=epochs, augmentation="v1", parameters="  learning_rate: 1.0e-6")
        histories = {}
        for name in ("whole", "divided"):
            self.environment["VIZSLA_DB"] = f"{name}.db"
            job = ("--search", self.space(name, **arguments), "--data", self.data)
            if name == "divided":
                first = self.job(1, *job)
                first.wait_for(r"trial 1 epoch 2/")
                for rank in self.ranks_of():  # mpirun would let its grace time pass first
                    os.kill(rank, signal.SIGTERM)
                first.wait()
                self.assertEqual(self.board()[1]["state"], "queued")
                done = self.job(2, *job, "--ranks-per-trial", 2).wait()
                self.assertIn("2 ranks", done.err)
                self.assertIn("resumes from its checkpoint", done.err)
            else:
                done = self.job(1, *job).wait()
            self.assertEqual(done.code, 0, str(done))
            histories[name] = self.histories([1])
        # Rounding grows with the steps, and an accuracy may differ by a photo.
        losses = {name: {1: [{metric: value for metric, value in epoch.items() if metric.endswith("loss")}
                             for epoch in history[1][:20]]} for name, history in histories.items()}
        self.assert_same_metrics(losses["whole"], losses["divided"], 1e-3)

    def test_a_world_that_does_not_divide(self):
        done = self.job(2, "--search", self.space(), "--data", self.data, "--ranks-per-trial", 3).wait()
        self.assertEqual(done.code, 1, str(done))
        self.assertIn("does not divide", done.err)

    def test_other_data_and_nothing_to_do(self):
        coordinator = self.coordinator()
        join = ("--coordinator", coordinator.address, "--data")
        done = self.job(1, *join, self.data).wait()
        self.assertEqual(done.code, 1, str(done))
        self.assertIn("has no study", done.err)
        self.submit(self.space(trials=1, epochs=1), coordinator.address)
        other = self.synthesize(self.folder / "other", per_class=6, seed=9)
        done = self.job(2, *join, other).wait()
        self.assertEqual(done.code, 1, str(done))
        self.assertRegex(done.err, r"is not the data of any study")
        self.assertEqual(done.err.count("is not the data of any study"), 1, "said once")
        done = self.job(1, *join, self.data, "--study", "tinny").wait()
        self.assertEqual(done.code, 1, str(done))
        self.assertIn("no study 'tinny'", done.err)
        self.assertEqual(self.job(1, *join, self.data, "--study", "tiny").wait().code, 0)
        # The study has finished: a job that comes late leaves at once.
        self.assertEqual(self.job(2, *join, self.data).wait().code, 0)

    def test_weights_are_pinned_and_fetched(self):
        weights = self.folder / "weights.pth"
        other = self.folder / "other.pth"
        program = ("import torch, torchvision, sys\n"
                   "torch.manual_seed(0)\n"
                   "for path in sys.argv[1:]:\n"
                   "    torch.save(torchvision.models.mobilenet_v2().state_dict(), path)\n")
        subprocess.run(["/usr/bin/python3", "-c", program, weights, other], check=True, timeout=120)
        coordinator = self.coordinator()
        space = self.space("transfer", trials=2, epochs=2, network="mobilenet_v2", image_size=32, unfreeze="none",
                           dense="[]", dropout="0.1",
                           extra="weights: {padding: tf_same, preprocessing: tf}")
        refused = self.vizsla("submit", space, "--data", self.data, "--coordinator", coordinator.address, code=1)
        self.assertIn("--weights", refused.err)
        self.submit(space, coordinator.address, "--weights", weights)
        join = ("--coordinator", coordinator.address, "--data", self.data)
        done = self.job(1, *join, "--weights", other).wait()
        self.assertEqual(done.code, 1, str(done))
        self.assertRegex(done.err, r"are not the weights of any study")
        # Without a file of its own the job fetches the coordinator's copy.
        done = self.job(2, *join, "--ranks-per-trial", 2).wait()
        self.assertEqual(done.code, 0, str(done))
        self.assertIn("fetching the weights", done.err)
        board = self.board()
        self.assertEqual({row["state"] for row in board.values()}, {"completed"})
        # The frozen backbone's features are shared, and hold no sealed photo: 48 rows, each pooled both ways.
        features = list((self.folder / "cache").rglob("*.features"))
        self.assertTrue(features)
        rows = sum(path.stat().st_size // (2 * 1280 * 4) for path in features)
        self.assertEqual(rows, 48)
        self.vizsla("pull", "--coordinator", coordinator.address, "-o", "best")
        validation = self.vizsla_json("evaluate", "best", "--data", self.data, "--split", "validation")
        best = next(row for row in board.values() if row["rank"] == 1)
        self.assertAlmostEqual(validation["accuracy"], best["objective"], delta=1e-4)
        self.assertAlmostEqual(validation["loss"], best["metrics"]["val_loss"], delta=1e-3)

    def test_stopped_study_gives_its_trials_back(self):
        coordinator = self.coordinator()
        self.submit(self.space(trials=2, epochs=1000000), coordinator.address)
        job = self.job(1, "--coordinator", coordinator.address, "--data", self.data)
        job.wait_for(r"trial 1 epoch 2/")
        self.vizsla("stop", "tiny")
        done = job.wait()
        self.assertEqual(done.code, 0, str(done))
        row = self.board()[1]
        self.assertEqual((row["state"], row["crashes"]), ("queued", 0))
        attempts = self.vizsla_json("trial", "1")["attempts"]
        self.assertEqual([attempt["outcome"] for attempt in attempts], ["preempted"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
