#!/usr/bin/python3
"""`vizsla report --data` over a real search: the page agrees with the evaluation and spends no test use. And what
`vizsla evaluate --predictions` does when the file cannot be written."""
import base64
import io
import pathlib
import struct
import subprocess
import sys
import unittest

from harness import BIN, MultiprocTest

try:
    import PIL.Image
except ImportError:
    PIL = None

CHECK = pathlib.Path(__file__).parents[1] / "cli" / "check_report.py"

# Runs a program whose files cannot grow beyond so many bytes, as on a disk that fills.
LIMITED = """
import os, resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
os.execv(sys.argv[2], sys.argv[2:])
"""


def jpeg_size(data):
    """Width and height, from the frame header that the segments lead to."""
    assert data[:2] == b"\xff\xd8" and data[-2:] == b"\xff\xd9", "no whole JPEG"
    at = 2
    while at + 9 <= len(data):
        assert data[at] == 0xFF, f"no segment at {at}"
        marker, length = data[at + 1], struct.unpack(">H", data[at + 2:at + 4])[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5:at + 9])
            return width, height
        at += 2 + length
    raise AssertionError("no frame header")


class Report(MultiprocTest):
    def test_page_of_a_search(self):
        # Larger than a thumbnail: each side has 240 to 400 pixels.
        photos = self.synthesize(self.folder / "photos", size=240)
        done = self.job(2, "--search", self.space(trials=3, epochs=2), "--data", photos).wait()
        self.assertEqual(done.code, 0, str(done))
        report = self.vizsla_json("report", "-o", "report", "--data", photos)
        self.assertTrue(report["predictions"])
        checked = subprocess.run([sys.executable, CHECK, self.folder / "report", "overview", "leaderboard", "curves",
                                  "parameters", "importance", "overfitting", "strategies", "confusion", "classes",
                                  "mistakes", "test-uses"], capture_output=True, text=True, timeout=60)
        self.assertEqual(checked.returncode, 0, checked.stderr)
        page = (self.folder / "report" / "index.html").read_text()
        self.assertIn("The test split has not been used", page)
        self.assertIn("never", self.vizsla("leaderboard").out.lower())

        self.vizsla("pull", "-o", "best")
        evaluation = self.vizsla_json("evaluate", "best", "--data", photos, "--split", "validation",
                                      "--predictions", "predictions.json")
        self.assertIn(f"accuracy {evaluation['accuracy']:.4f}", page)
        self.check_predictions(evaluation)

    def check_predictions(self, evaluation):
        """The file agrees with the figures; Python counts for itself."""
        said = self.check_json((self.folder / "predictions.json").read_text(), "predictions")
        self.assertEqual(said["evaluation"], evaluation)
        photos = said["photos"]
        self.assertEqual(len(photos), evaluation["photos"])
        self.assertEqual(len({photo["photo"] for photo in photos}), len(photos))
        right = sum(photo["label"] == photo["predicted"] for photo in photos)
        self.assertAlmostEqual(right / len(photos), evaluation["accuracy"], delta=1e-9)
        for number, scores in enumerate(evaluation["classes"]):
            self.assertEqual(sum(photo["label"] == number for photo in photos), scores["support"])
        for photo in photos:
            self.assertGreaterEqual(photo["predicted_probability"] + 1e-9, photo["label_probability"])
            if "thumbnail" in photo:
                self.assertNotEqual(photo["label"], photo["predicted"], "only mistakes have thumbnails")
                self.check_thumbnail(base64.b64decode(photo["thumbnail"], validate=True))
        self.assertEqual(sum("thumbnail" in photo for photo in photos), min(24, len(photos) - right))

    def check_thumbnail(self, jpeg):
        """The photo's longer side, shrunk to 200 pixels."""
        width, height = jpeg_size(jpeg)
        self.assertEqual(max(width, height), 200)
        self.assertGreaterEqual(min(width, height), 200 * 240 // 400)
        if PIL is not None:
            with PIL.Image.open(io.BytesIO(jpeg)) as picture:
                picture.load()  # raises when the data is broken
                self.assertEqual(picture.size, (width, height))

    def test_predictions_that_cannot_be_written(self):
        # The coordinator writes the database; the evaluation then writes nothing but what is looked at here.
        coordinator = self.coordinator()
        join = ("--data", self.data, "--coordinator", coordinator.address)
        self.vizsla("submit", self.space(trials=1, epochs=1), *join)
        done = self.job(1, *join).wait()
        self.assertEqual(done.code, 0, str(done))
        self.vizsla("pull", "-o", "best")
        evaluate = ("evaluate", "best", "--data", self.data, "--split", "test", "--predictions")

        # Known before the test split is looked at: no use is recorded.
        (self.folder / "taken").mkdir()
        for path in ("nowhere/predictions.json", "taken"):
            refused = self.vizsla(*evaluate, path, code=1)
            self.assertEqual(refused.out, "")
            self.assertIn(path, refused.err)
        self.assertEqual(self.vizsla_json("studies")[0]["test_uses"], 0)

        # Known too late: the figures that the use was spent on are shown all the same.
        failed = self.run_program(sys.executable, "-c", LIMITED, 2048, BIN / "vizsla", *evaluate,
                                  "predictions.json", code=1)
        self.assertRegex(failed.out, r"\naccuracy +[\d.]+\n")
        self.assertIn("used once", failed.out)
        self.assertIn("predictions.json", failed.err)
        self.assertEqual(self.vizsla_json("studies")[0]["test_uses"], 1)
        self.assertEqual(list(self.folder.glob("predictions.json*")), [])
        self.vizsla(*evaluate, "predictions.json")
        self.assertGreater((self.folder / "predictions.json").stat().st_size, 2048)

    def test_photos_of_another_study_are_refused(self):
        done = self.job(1, "--search", self.space(trials=1, epochs=1), "--data", self.data).wait()
        self.assertEqual(done.code, 0, str(done))
        other = self.synthesize(self.folder / "other", seed=8)
        refused = self.vizsla("report", "-o", "report", "--data", other, code=1)
        self.assertIn("is not the data that study 'tiny' was made with", refused.err)
        self.assertFalse((self.folder / "report").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
