#!/usr/bin/python3
"""Trials that pre-train an autoencoder on labelled and unlabelled photos."""
import shutil
import unittest

from harness import MultiprocTest

SIDE = 16
UNLABELLED = 6  # a tenth of the labelled photos, in test/


class Autoencoder(MultiprocTest):
    def search(self, name, data, ranks):
        self.environment["VIZSLA_DB"] = f"{name}.db"
        # Small learning rates: Adam's first steps amplify differences in the last bit of a gradient.
        space = self.space(name, trials=1, epochs=2, image_size=SIDE, initial_weights="autoencoder",
                           pretrain_epochs=2, dense="[32, 16]",
                           parameters="  learning_rate: {float: [1.0e-6, 1.0e-5], log: true}")
        done = self.job(ranks, "--search", space, "--data", data, "--ranks-per-trial", ranks).wait()
        self.assertEqual(done.code, 0, str(done))
        row = self.board()[1]
        self.assertEqual((row["state"], row["crashes"]), ("completed", 0), str(done))
        return done, self.histories([1])

    def cached_pixels(self):
        """How many photos each pixel cache of the node holds."""
        files = (self.folder / "cache").rglob("pixels.u8")
        return sorted(path.stat().st_size // (3 * SIDE * SIDE) for path in files)

    def test_two_ranks_pretrain_as_one(self):
        _, two = self.search("two", self.data, 2)
        self.assertEqual([set(metrics) >= {"pretrain_loss", "val_loss"} for metrics in two[1]], [True, True])
        self.assertGreater(two[1][0]["pretrain_loss"], 0)
        self.assertEqual(two[1][0]["pretrain_loss"], two[1][1]["pretrain_loss"])
        # Decoded once for both ranks: the train, the validation and the unlabelled photos.
        cached = self.cached_pixels()
        self.assertEqual(len(cached), 3, cached)
        self.assertEqual(cached[0], UNLABELLED)
        self.assertEqual(sum(cached), 48 + UNLABELLED)
        _, one = self.search("one", self.data, 1)
        self.assert_same_metrics(one, two, 1e-3)
        self.assertEqual(self.cached_pixels(), cached)

    def test_broken_unlabelled_photos_are_left_out_and_named(self):
        data = shutil.copytree(self.data, self.folder / "data")
        photos = sorted((data / "test").iterdir())
        self.assertEqual(len(photos), UNLABELLED)
        photos[0].write_bytes(b"")
        whole = photos[1].read_bytes()
        photos[1].write_bytes(whole[:len(whole) // 2])
        done, _ = self.search("broken", data, 2)
        self.assertIn("2 broken photos are left out", done.err)
        logs = self.vizsla("logs", "1").out
        for photo in photos[:2]:
            self.assertIn(f"test/{photo.name}: ", logs)

    def test_data_without_unlabelled_photos(self):
        data = shutil.copytree(self.data, self.folder / "data", ignore=shutil.ignore_patterns("test"))
        _, histories = self.search("labelled", data, 2)
        self.assertGreater(histories[1][0]["pretrain_loss"], 0)
        self.assertEqual(len(self.cached_pixels()), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
