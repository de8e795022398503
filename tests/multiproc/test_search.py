#!/usr/bin/python3
"""The path of a user, with the embedded coordinator: search, leaderboard, pull, evaluate, predict."""
import csv
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import time
import unittest

from harness import BIN, MultiprocTest


class Search(MultiprocTest):
    def search(self, space, data=None, ranks=2, *arguments):
        return self.job(ranks, "--search", space, "--data", data or self.data, *arguments)

    def test_two_ranks_embedded_then_the_whole_path(self):
        space = self.space(trials=3, epochs=3)
        job = self.search(space)
        # A leaderboard that is open during the search does not block it.
        job.wait_for(r"trial \d+ epoch 1/3")
        watch = self.start(BIN / "vizsla", "leaderboard", "--watch")
        done = job.wait()
        self.assertEqual(done.code, 0, str(done))
        self.assertIn("study 'tiny' created", done.out)
        self.assertIn("60 photos of 3 classes", done.out)
        self.assertRegex(done.out, r"12 are sealed for the test")
        self.assertEqual(watch.wait(30).code, 0, "the watch ends with the study")

        board = self.board()
        self.assertEqual([board[n]["state"] for n in (1, 2, 3)], ["completed"] * 3)
        self.assertEqual(sorted(row["rank"] for row in board.values()), [1, 2, 3])
        self.assertEqual([len(epochs) for epochs in self.histories(board).values()], [3, 3, 3])
        # Both ranks worked, each a trial group of its own.
        workers = {row["worker"] for row in board.values()}
        self.assertEqual({name.rsplit("/", 1)[1] for name in workers}, {"0", "1"}, workers)
        logs = self.vizsla("logs", "1").out
        self.assertRegex(logs, r"attempt 1 on ")
        self.assertRegex(logs, r"epoch 3/3: val_accuracy")

        # Trials decoded and cached train and validation photos only.
        cached = sum(file.stat().st_size for file in (self.folder / "cache").rglob("pixels.u8"))
        self.assertEqual(cached, 48 * 16 * 16 * 3, "48 of 60 photos are not sealed")

        # The same command on a finished study prints the board and ends.
        again = self.search(space).wait()
        self.assertEqual(again.code, 0, str(again))
        self.assertIn("study 'tiny' resumed", again.out)
        self.assertIn("finished", again.out)
        self.assertNotRegex(again.err, r"epoch 1/3")

        best = min(board.values(), key=lambda row: row["rank"])
        self.vizsla("pull", "-o", "best")
        self.check_evaluations(best)
        self.check_prediction()
        self.check_damaged_model()

    def check_evaluations(self, best):
        validation = self.vizsla_json("evaluate", "best", "--data", self.data, "--split", "validation")
        metrics = best["metrics"]
        self.assertAlmostEqual(validation["accuracy"], metrics["val_accuracy"], delta=1e-4)
        self.assertAlmostEqual(validation["accuracy"], best["objective"], delta=1e-4)
        self.assertAlmostEqual(validation["loss"], metrics["val_loss"], delta=1e-4 * max(1, metrics["val_loss"]))
        self.assertEqual(validation["split"], "validation")
        self.assertEqual(len(validation["classes"]), 3)
        self.assertIn("never", self.vizsla("leaderboard").out.lower())

        test = self.vizsla_json("evaluate", "best", "--data", self.data, "--split", "test")
        self.assertEqual(test["test_uses"], 1)
        self.assertEqual(sum(row["support"] for row in test["classes"]), 12)
        # The study is known by its identity, not by its name.
        self.vizsla("rename", "tiny", "renamed")
        self.vizsla("evaluate", "best", "--data", self.data, "--split", "test")
        self.assertEqual(self.vizsla_json("studies")[0]["test_uses"], 2)
        self.assertIn("2 times", self.vizsla("leaderboard", "renamed").out)
        self.vizsla("rename", "renamed", "tiny")

        # What cannot be recorded is refused, without a figure.
        self.kill_everything()
        database = self.folder / "vizsla.db"
        newer = sqlite3.connect(database)
        version = newer.execute("PRAGMA user_version").fetchone()[0]
        newer.execute("PRAGMA user_version = 999")
        newer.commit()
        newer.close()
        refused = self.vizsla("evaluate", "best", "--data", self.data, "--split", "test", code=1)
        self.assertEqual(refused.out, "")
        self.assertIn("cannot be recorded", refused.err)
        older = sqlite3.connect(database)
        older.execute(f"PRAGMA user_version = {version}")
        older.commit()
        older.close()
        shutil.move(database, self.folder / "elsewhere.db")
        refused = self.vizsla("evaluate", "best", "--data", self.data, "--split", "test", code=1)
        self.assertEqual(refused.out, "")
        self.assertIn("cannot be recorded", refused.err)
        shutil.move(self.folder / "elsewhere.db", database)
        self.assertEqual(self.vizsla_json("studies")[0]["test_uses"], 2)

        # Other data than the study's.
        other = self.synthesize(self.folder / "other", per_class=6, seed=8)
        refused = self.vizsla("evaluate", "best", "--data", other, "--split", "validation", code=1)
        self.assertRegex(refused.err, r"is not the data that study 'tiny' was made with")
        self.vizsla("evaluate", "best", "--data", self.data, "--split", "tests", code=2)

    def check_prediction(self):
        predicted = self.vizsla_json("predict", "best", "--data", self.data, "--submission", "out.csv")
        self.assertEqual(predicted["uniform_rows"], 0)
        sample = list(csv.reader(open(self.data / "sample_submission.csv")))
        rows = list(csv.reader(open(self.folder / "out.csv")))
        self.assertEqual(rows[0], sample[0])
        self.assertEqual([row[0] for row in rows], [row[0] for row in sample])
        for row in rows[1:]:
            self.assertAlmostEqual(sum(map(float, row[1:])), 1, places=4)
        self.assertEqual(len({tuple(row[1:]) for row in rows[1:]}), len(rows) - 1, "every photo has its own")

        # A photo that cannot be read has a row too, and is counted.
        broken = self.folder / "broken"
        shutil.copytree(self.data, broken)
        photo = sorted((broken / "test").iterdir())[0]
        photo.write_bytes(photo.read_bytes()[:200])
        result = self.vizsla("predict", "best", "--data", broken, "--submission", "broken.csv", "--json")
        self.assertRegex(result.err, r"1 row got the same probability")
        self.assertEqual(self.check_json(result.out, "predict")["uniform_rows"], 1)
        rows = {row[0]: row[1:] for row in csv.reader(open(self.folder / "broken.csv"))}
        self.assertEqual(len(set(rows[photo.stem])), 1)

        # Columns of other classes.
        header = ["id", "no-such-class"] + sample[0][2:]
        with open(broken / "sample_submission.csv", "w") as file:
            csv.writer(file).writerows([header] + sample[1:])
        result = self.vizsla("predict", "best", "--data", broken, "--submission", "never.csv", code=1)
        self.assertIn("no-such-class", result.err)
        self.assertFalse((self.folder / "never.csv").exists())

    def check_damaged_model(self):
        model = self.folder / "best" / "model.safetensors"
        data = bytearray(model.read_bytes())
        data[-10] ^= 1
        model.write_bytes(data)
        refused = self.vizsla("evaluate", "best", "--data", self.data, "--split", "validation", code=1)
        self.assertIn("model.safetensors", refused.err)
        self.assertEqual(refused.out, "")

    def test_damaged_checkpoint_is_not_pulled(self):
        done = self.search(self.space(trials=1, epochs=1), ranks=1).wait()
        self.assertEqual(done.code, 0, str(done))
        self.kill_everything()
        checkpoint = self.board()[1]["checkpoint"]
        stored = [path for path in self.folder.rglob(checkpoint)]
        self.assertEqual(len(stored), 1, stored)
        data = bytearray(stored[0].read_bytes())
        data[len(data) // 2] ^= 1
        os.chmod(stored[0], 0o644)
        stored[0].write_bytes(data)
        refused = self.vizsla("pull", "-o", "best", code=1)
        self.assertRegex(refused.err, r"damaged|hash")
        self.assertFalse((self.folder / "best" / "model.safetensors").exists())

    def test_broken_photos_are_counted_and_the_search_goes_on(self):
        data = self.folder / "data"
        shutil.copytree(self.data, data)
        photos = sorted((data / "train").iterdir())
        photos[0].write_bytes(photos[0].read_bytes()[:-len(photos[0].read_bytes()) // 2])  # cut off
        photos[1].write_bytes(b"")                                                         # empty
        photos[2].write_text("no photo at all")
        done = self.search(self.space(trials=1, epochs=1), data, 1).wait()
        self.assertEqual(done.code, 0, str(done))
        self.assertIn("2 problems", done.out)
        self.assertIn(photos[1].name, done.out)
        self.assertEqual(self.board()[1]["state"], "completed")
        shown = done.err + self.vizsla("logs", "1").out
        split = json.loads(next(
            path.read_text() for path in self.folder.rglob("*")
            if path.is_file() and re.fullmatch(r"[0-9a-f]{64}", path.name) and path.read_bytes()[:1] == b"{"))
        if photos[0].stem in split["test"]:
            self.assertNotIn("broken photo", shown, "the sealed photo is not read")
        else:
            self.assertRegex(shown, r"1 broken photo")
            self.assertIn(photos[0].name, shown)

    def test_unreadable_test_photos_do_not_matter_to_a_search(self):
        space = self.space(trials=1, epochs=2)
        self.search(space, ranks=1).wait()
        self.kill_everything()
        reference = self.histories([1])
        split = json.loads(next(
            path.read_text() for path in self.folder.rglob("*")
            if path.is_file() and re.fullmatch(r"[0-9a-f]{64}", path.name) and path.read_bytes()[:1] == b"{"))
        # The same study over a data set whose sealed photos are cut in half: only the fingerprint differs.
        data = self.folder / "data"
        shutil.copytree(self.data, data)
        self.assertEqual(len(split["test"]), 12)
        for name in split["test"]:
            photo = next((data / "train").glob(f"{name}.*"))
            photo.write_bytes(photo.read_bytes()[:len(photo.read_bytes()) // 2])
        self.environment["VIZSLA_DB"] = "sealed.db"
        done = self.search(space, data, 1).wait()
        self.assertEqual(done.code, 0, str(done))
        self.assertNotIn("broken photo", done.err + self.vizsla("logs", "1").out)
        self.assert_same_metrics(reference, self.histories([1]), 1e-9)

    def test_raised_budget_goes_on_and_other_changes_are_refused(self):
        self.search(self.space(trials=1, epochs=1), ranks=1).wait()
        done = self.search(self.space(trials=2, epochs=1), ranks=1).wait()
        self.assertEqual(done.code, 0, str(done))
        self.assertEqual(sorted(self.board()), [1, 2])
        refused = self.search(self.space(trials=2, epochs=1, batch_size=8), ranks=1).wait()
        self.assertEqual(refused.code, 1, str(refused))
        self.assertIn("batch_size", refused.err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
