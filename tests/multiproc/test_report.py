#!/usr/bin/python3
"""`vizsla report --data` over a real search: the page agrees with the evaluation and spends no test use."""
import base64
import pathlib
import subprocess
import sys
import unittest

from harness import MultiprocTest

CHECK = pathlib.Path(__file__).parents[1] / "cli" / "check_report.py"


class Report(MultiprocTest):
    def test_page_of_a_search(self):
        done = self.job(2, "--search", self.space(trials=3, epochs=2), "--data", self.data).wait()
        self.assertEqual(done.code, 0, str(done))
        report = self.vizsla_json("report", "-o", "report", "--data", self.data)
        self.assertTrue(report["predictions"])
        checked = subprocess.run([sys.executable, CHECK, self.folder / "report", "overview", "leaderboard", "curves",
                                  "parameters", "importance", "overfitting", "strategies", "confusion", "classes",
                                  "mistakes", "test-uses"], capture_output=True, text=True, timeout=60)
        self.assertEqual(checked.returncode, 0, checked.stderr)
        page = (self.folder / "report" / "index.html").read_text()
        self.assertIn("The test split has not been used", page)
        self.assertIn("never", self.vizsla("leaderboard").out.lower())

        self.vizsla("pull", "-o", "best")
        evaluation = self.vizsla_json("evaluate", "best", "--data", self.data, "--split", "validation",
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
                self.assertEqual(base64.b64decode(photo["thumbnail"], validate=True)[:3], b"\xff\xd8\xff")
        self.assertEqual(sum("thumbnail" in photo for photo in photos), min(24, len(photos) - right))

    def test_photos_of_another_study_are_refused(self):
        done = self.job(1, "--search", self.space(trials=1, epochs=1), "--data", self.data).wait()
        self.assertEqual(done.code, 0, str(done))
        other = self.synthesize(self.folder / "other", seed=8)
        refused = self.vizsla("report", "-o", "report", "--data", other, code=1)
        self.assertIn("is not the data that study 'tiny' was made with", refused.err)
        self.assertFalse((self.folder / "report").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
