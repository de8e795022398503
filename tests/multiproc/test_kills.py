#!/usr/bin/python3
"""SIGKILL of a rank, of a job, of the coordinator, at random moments: nothing acknowledged is lost."""
import os
import random
import re
import signal
import time
import unittest

from harness import BIN, MultiprocTest, processes_in


# More epochs than any machine trains within a test.
ENDLESS = 1000000


class FullDisk(MultiprocTest):
    def test_a_checkpoint_that_cannot_be_stored_costs_no_retry(self):
        # No file above 1 MiB: the database fits, a checkpoint does not.
        limited = self.start("bash", "-c", "trap '' XFSZ; ulimit -f 1024; exec \"$@\"", "bash",
                             BIN / "vizsla-coordinator", "--db", "vizsla.db", "--listen", "127.0.0.1:0")
        address = limited.wait_for(r"serves \S+ at (\S+)").group(1)
        space = self.space(trials=1, epochs=2, extra="max_crashes: 1")
        self.vizsla("submit", space, "--data", self.data)
        refused = self.job(1, "--coordinator", address, "--data", self.data).wait(60)
        self.assertEqual(refused.code, 1, str(refused))
        self.assertRegex(refused.err, r"[Ff]ile too large|no space|full")
        trial = self.vizsla_json("trial", "1")
        self.assertEqual((trial["state"], trial["crashes"]), ("queued", 0), str(refused))
        limited.terminate()
        limited.wait()

        roomy = self.coordinator()
        done = self.job(1, "--coordinator", roomy.address, "--data", self.data).wait()
        self.assertEqual(done.code, 0, str(done))
        self.assertEqual(self.board()[1]["state"], "completed")


class Kills(MultiprocTest):
    TRIALS = 3
    undisturbed = None

    def make_space(self, name="tiny"):
        # Checkpoints as often as can be: what comes back, resumes.
        return self.space(name, trials=self.TRIALS, epochs=self.epochs_that_last(3),
                          extra="checkpoint_interval: 0s\nmax_crashes: 50")

    def reference(self):
        """The metrics of the same study when nobody disturbs it; a trial is a function of its seed, so one run
        serves all tests."""
        if Kills.undisturbed is None:
            space = self.make_space()
            self.environment["VIZSLA_DB"] = "reference.db"
            done = self.job(1, "--search", space, "--data", self.data).wait()
            self.assertEqual(done.code, 0, str(done))
            Kills.undisturbed = self.histories(range(1, self.TRIALS + 1))
            del self.environment["VIZSLA_DB"]
        return Kills.undisturbed

    def check(self, reference, *jobs):
        """The board is complete; every epoch stands there once, with the values of an undisturbed run; what
        a job was told to be stored has the values that it stored."""
        board = self.board()
        self.assertEqual(sorted(board), list(range(1, self.TRIALS + 1)))
        self.assertEqual({row["state"] for row in board.values()}, {"completed"}, board)
        histories = self.histories(board)
        self.assert_same_metrics(reference, histories, 1e-5)
        for (trial, epoch), metrics in self.acknowledged(*jobs).items():
            for name, value in metrics.items():
                self.assertAlmostEqual(histories[trial][epoch - 1][name], value, delta=1e-3,
                                       msg=f"trial {trial} epoch {epoch} {name}")

    def test_a_rank_and_then_the_whole_job(self):
        reference = self.reference()
        self.coordinator()
        command = ("--search", self.make_space(), "--data", self.data)
        first = self.job(2, *command)
        first.wait_for(r"trial \d+ epoch 2/")
        os.kill(self.ranks_of()[-1], signal.SIGKILL)
        ended = first.wait(60)
        self.assertNotEqual(ended.code, 0, str(ended))
        self.assertEqual(self.ranks_of(), [], "the job ends with its rank")

        second = self.job(2, *command, "--ranks-per-trial", 2)
        second.wait_for(r"trial \d+ epoch \d+/")
        for rank in self.ranks_of():
            os.kill(rank, signal.SIGKILL)
        second.kill()

        third = self.job(2, *command)
        done = third.wait()
        self.assertEqual(done.code, 0, str(done))
        self.assertIn("resumed", done.out)
        # Two ranks a trial add up gradients in another order.
        board = self.board()
        self.assertEqual({row["state"] for row in board.values()}, {"completed"}, board)
        histories = self.histories(board)
        for number, epochs in reference.items():
            self.assertEqual(len(epochs), len(histories[number]))
        self.assertGreater(sum(row["crashes"] for row in board.values()), 0)
        self.assertTrue(any("resumes" in self.vizsla("logs", str(number)).out for number in board))

    def test_a_rank_that_hangs(self):
        coordinator = self.coordinator(lease="2s")
        job = self.job(2, "--coordinator", coordinator.address, "--search", self.space(trials=1, epochs=ENDLESS),
                       "--data", self.data, "--ranks-per-trial", 2, "--coordinator-patience", 1,
                       "--collective-deadline", 32)
        job.wait_for(r"trial 1 epoch 1/")
        os.kill(self.ranks_of()[-1], signal.SIGSTOP)
        ended = job.wait(90)
        self.assertEqual(ended.code, 75, str(ended))
        self.assertRegex(ended.err, "was not finished within 32000 ms: another rank is dead or hangs")
        self.assertEqual(self.ranks_of(), [], "also the one that hung")
        trial = {"state": "running"}
        while trial["state"] == "running":
            time.sleep(0.2)
            trial = self.vizsla_json("trial", "1")
        self.assertEqual((trial["state"], trial["crashes"]), ("queued", 1))

    def test_jobs_at_random_moments(self):
        reference = self.reference()
        self.coordinator(lease="2s", heartbeat="500ms")
        command = ("--search", self.make_space(), "--data", self.data)
        chance = random.Random(11)
        jobs = []
        for _ in range(4):
            job = self.job(1, *command)
            jobs.append(job)
            job.wait_for(r"trial \d+ (attempt|epoch)")
            # Somewhere in a step, an upload or a report.
            time.sleep(chance.uniform(0, 0.8))
            job.kill()
            for rank in self.ranks_of():
                os.kill(rank, signal.SIGKILL)
        last = self.job(1, *command)
        jobs.append(last)
        done = last.wait()
        self.assertEqual(done.code, 0, str(done))
        self.check(reference, *jobs)

    def test_the_coordinator_at_random_moments(self):
        # It comes back at the same address; the job waits for it and goes on with the same attempts.
        reference = self.reference()
        coordinator = self.coordinator(lease="6s", heartbeat="500ms")
        self.vizsla("submit", self.make_space(), "--data", self.data)
        job = self.job(1, "--coordinator", coordinator.address, "--data", self.data)
        job.wait_for(r"trial \d+ epoch \d+/")
        chance = random.Random(12)
        kills = 0
        for _ in range(4):
            time.sleep(chance.uniform(0, 0.7))
            if job.ended():
                break
            coordinator.kill()
            kills += 1
            coordinator = self.coordinator(listen=coordinator.address, lease="6s", heartbeat="500ms")
        done = job.wait()
        self.assertEqual(done.code, 0, str(done))
        self.assertGreater(kills, 1, "the job was too fast for this test")
        self.check(reference, job)
        self.assertEqual({row["crashes"] for row in self.board().values()}, {0})

    def test_everything_at_once_with_the_embedded_coordinator(self):
        reference = self.reference()
        command = ("--search", self.make_space(), "--data", self.data)
        first = self.job(1, *command)
        first.wait_for(r"trial 1 epoch 3/")
        self.kill_everything()
        first.kill()
        self.assertEqual(processes_in(self.folder), {})
        # What was acknowledged can be read while nobody serves.
        stored = self.histories([1])[1]
        known = self.acknowledged(first)
        self.assertGreaterEqual(len(stored), max(epoch for trial, epoch in known if trial == 1))

        # The next coordinator gives the lost lease its full time; a short one is started beforehand.
        self.coordinator(lease="2s", heartbeat="500ms")
        second = self.job(1, *command)
        done = second.wait()
        self.assertEqual(done.code, 0, str(done))
        self.check(reference, first, second)

    def test_a_job_whose_coordinator_stays_away_ends_with_a_sentence(self):
        coordinator = self.coordinator()
        self.vizsla("submit", self.make_space(), "--data", self.data)
        job = self.job(2, "--coordinator", coordinator.address, "--data", self.data, "--coordinator-patience", 2)
        job.wait_for(r"trial \d+ epoch 1/")
        coordinator.kill()
        done = job.wait(60)
        self.assertNotEqual(done.code, 0)
        self.assertIn("no coordinator answers", done.err)

    def test_a_stale_attempt_is_refused(self):
        # A job is frozen until its lease is another's; when it wakes, nothing that it says counts.
        reference = self.reference()
        coordinator = self.coordinator(lease="2s", heartbeat="500ms")
        self.vizsla("submit", self.make_space(), "--data", self.data)
        join = ("--coordinator", coordinator.address, "--data", self.data)
        frozen = self.job(1, *join)
        frozen.wait_for(r"trial 1 epoch 2/")
        ranks = self.ranks_of()
        for rank in ranks:
            os.kill(rank, signal.SIGSTOP)
        other = self.job(1, *join)
        other.wait_for(r"trial 1 attempt 2")
        for rank in ranks:
            os.kill(rank, signal.SIGCONT)
        self.assertEqual(other.wait().code, 0)
        self.assertEqual(frozen.wait().code, 0)
        self.assertRegex(frozen.err, r"refused|cancelled|not taken")
        self.check(reference, other)
        attempts = self.vizsla_json("trial", "1")["attempts"]
        self.assertEqual([attempt["outcome"] for attempt in attempts][:2], ["crashed", "completed"])


class Drain(MultiprocTest):
    def check_preempted(self, ended, attempts):
        trial = self.vizsla_json("trial", "1")
        self.assertEqual((trial["state"], trial["crashes"]), ("queued", 0), str(ended))
        self.assertEqual([attempt["outcome"] for attempt in trial["attempts"]], ["preempted"] * attempts,
                         str(ended))
        return trial

    def test_sigterm_checkpoints_and_spends_no_retry(self):
        command = ("--search", self.space(trials=1, epochs=ENDLESS), "--data", self.data)
        first = self.job(1, *command, grace=2)
        first.wait_for(rf"trial 1 epoch 3/{ENDLESS}")
        first.terminate()
        before = len(self.check_preempted(first.wait(60), 1)["history"])
        self.assertGreaterEqual(before, 3)

        second = self.job(1, *command)
        second.wait_for(rf"trial 1 epoch {before + 3}/{ENDLESS}")
        os.kill(second.process.pid, signal.SIGUSR1)
        history = self.check_preempted(second.wait(60), 2)["history"]
        self.assertEqual([row["epoch"] for row in history], list(range(1, len(history) + 1)))
        # The second attempt resumed: it did not run the first one's epochs again.
        self.assertEqual({row["attempt"] for row in history[:before]}, {1})
        self.assertEqual({row["attempt"] for row in history[before:]}, {2})

    def slow_photos(self):
        """A data set that takes seconds to decode on any machine: many different files of one large photo."""
        small = self.synthesize(self.folder / "large", classes=2, per_class=1, size=2048)
        photo = sorted((small / "train").iterdir())[0].read_bytes()
        for label in ("cat", "dog"):
            (self.folder / "slow" / label).mkdir(parents=True)
            for i in range(150):
                # What follows a JPEG's end is none of its decoder's business.
                (self.folder / "slow" / label / f"{label}{i}.jpg").write_bytes(photo + f"{label}{i}".encode())
        return self.folder / "slow"

    def test_a_group_drains_while_it_decodes(self):
        coordinator = self.coordinator()
        data = self.slow_photos()
        self.vizsla("submit", self.space(trials=2, epochs=ENDLESS), "--data", data)
        job = self.job(2, "--coordinator", coordinator.address, "--data", data, "--ranks-per-trial", 2)
        while not any(row["state"] == "running" for row in self.board().values()):
            self.assertFalse(job.ended(), job.err)
            time.sleep(0.1)
        os.kill(job.process.pid, signal.SIGUSR1)
        done = job.wait(60)
        self.assertEqual(done.code, 0, str(done))
        self.assertNotIn("epoch 1/", done.err, "the photos were decoded too fast for this test")
        self.check_preempted(done, 1)

    def test_sigusr1_drains_a_group_of_two(self):
        space = self.space(trials=2, epochs=ENDLESS)
        job = self.job(2, "--search", space, "--data", self.data, "--ranks-per-trial", 2)
        job.wait_for(rf"trial 1 epoch 2/{ENDLESS}")
        os.kill(job.process.pid, signal.SIGUSR1)  # mpirun passes it on
        done = job.wait(60)
        self.assertEqual(done.code, 0, str(done))
        self.check_preempted(done, 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
