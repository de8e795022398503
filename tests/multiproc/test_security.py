#!/usr/bin/python3
"""Jobs against a coordinator with TLS and tokens: an admin submits, workers train, a viewer looks on, others are refused."""
import unittest

from harness import BIN, MultiprocTest


class Security(MultiprocTest):
    def setUp(self):
        super().setUp()
        self.run_program(BIN / "vizsla-coordinator", "init", "secrets")
        self.secure = self.coordinator("--credentials", "secrets")
        # What would find the database beside us must not be used by accident.
        self.environment["VIZSLA_DB"] = "elsewhere.db"

    def reach(self, role):
        return ("--coordinator", self.secure.address, "--credentials", self.folder / "secrets" / role)

    def test_two_ranks_over_mutual_tls(self):
        space = self.space(trials=2, epochs=2)
        self.vizsla("submit", space, "--data", self.data, *self.reach("admin"))
        done = self.job(2, "--data", self.data, *self.reach("worker")).wait()
        self.assertEqual(done.code, 0, str(done))
        board = self.board(*self.reach("viewer"))
        self.assertEqual([board[n]["state"] for n in (1, 2)], ["completed"] * 2)
        self.vizsla("pull", "-o", "best", *self.reach("viewer"))
        self.vizsla("evaluate", "best", "--data", self.data, "--split", "validation", *self.reach("viewer"))

    def test_who_may_not(self):
        space = self.space(trials=1, epochs=1)
        refused = self.vizsla("submit", space, "--data", self.data, *self.reach("viewer"), code=1)
        self.assertRegex(refused.err, "viewer")
        self.vizsla("submit", space, "--data", self.data, *self.reach("admin"))
        viewer = self.job(2, "--data", self.data, *self.reach("viewer")).wait(60)
        self.assertEqual(viewer.code, 1, str(viewer))
        self.assertRegex(viewer.err, "viewer")
        plain = self.job(1, "--data", self.data, "--coordinator", self.secure.address, "--coordinator-patience",
                         "2").wait(60)
        self.assertEqual(plain.code, 1, str(plain))
        self.assertIn("wants TLS and a token", plain.err)
        self.run_program(BIN / "vizsla-coordinator", "init", "others")
        stranger = self.job(1, "--data", self.data, "--coordinator", self.secure.address, "--credentials",
                            self.folder / "others" / "worker", "--coordinator-patience", "2").wait(60)
        self.assertEqual(stranger.code, 1, str(stranger))
        self.assertRegex(stranger.err, "authority|certificate")
        self.assertEqual(self.board(*self.reach("viewer")), {}, "nobody got a trial")


if __name__ == "__main__":
    unittest.main(verbosity=2)
