#!/usr/bin/python3
"""SIGKILL of a rank, of a job, of the coordinator, at random moments: nothing acknowledged is lost."""
import os
import random
import re
import signal
import time
import unittest

from harness import MultiprocTest, processes_in


class Kills(MultiprocTest):
    TRIALS = 3
    EPOCHS = 12

    def make_space(self, name="tiny"):
        # Checkpoints as often as can be: what comes back, resumes.
        return self.space(name, trials=self.TRIALS, epochs=self.EPOCHS,
                          extra="checkpoint_interval: 1s\nmax_crashes: 50")

    def reference(self):
        """The metrics of the same study when nobody disturbs it."""
        self.environment["VIZSLA_DB"] = "reference.db"
        done = self.job(1, "--search", self.make_space(), "--data", self.data).wait()
        self.assertEqual(done.code, 0, str(done))
        result = self.histories(range(1, self.TRIALS + 1))
        del self.environment["VIZSLA_DB"]
        return result

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

    def test_jobs_at_random_moments(self):
        reference = self.reference()
        self.coordinator(lease="2s", heartbeat="500ms")
        command = ("--search", self.make_space(), "--data", self.data)
        chance = random.Random(11)
        jobs = []
        for _ in range(4):
            job = self.job(1, *command)
            jobs.append(job)
            job.wait_for(r"trial \d+ (attempt|epoch)|leaving")
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
    def test_sigterm_checkpoints_and_spends_no_retry(self):
        space = self.space(trials=1, epochs=80, image_size=32)
        command = ("--search", space, "--data", self.data)
        first = self.job(1, *command, grace=2)
        first.wait_for(r"trial 1 epoch 3/80")
        first.terminate()
        ended = first.wait(60)
        trial = self.vizsla_json("trial", "1")
        self.assertEqual(trial["state"], "queued", str(ended))
        self.assertEqual(trial["crashes"], 0)
        self.assertEqual([attempt["outcome"] for attempt in trial["attempts"]], ["preempted"], str(ended))
        before = len(trial["history"])
        second = self.job(1, *command)
        done = second.wait()
        self.assertEqual(done.code, 0, str(done))
        trial = self.vizsla_json("trial", "1")
        self.assertEqual((trial["state"], trial["crashes"]), ("completed", 0))
        self.assertEqual([row["epoch"] for row in trial["history"]], list(range(1, 81)))
        # The second attempt resumed: it did not run the first one's epochs again.
        self.assertEqual({row["attempt"] for row in trial["history"][:before]}, {1})
        self.assertEqual({row["attempt"] for row in trial["history"][before:]}, {2})

    def test_sigusr1_drains_a_group_of_two(self):
        space = self.space(trials=2, epochs=200)
        job = self.job(2, "--search", space, "--data", self.data, "--ranks-per-trial", 2)
        job.wait_for(r"trial 1 epoch 2/200")
        os.kill(job.process.pid, signal.SIGUSR1)  # mpirun passes it on
        done = job.wait(60)
        self.assertEqual(done.code, 0, str(done))
        trial = self.vizsla_json("trial", "1")
        self.assertEqual((trial["state"], trial["crashes"]), ("queued", 0))
        self.assertEqual([attempt["outcome"] for attempt in trial["attempts"]], ["preempted"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
