"""What the same work costs with Optuna: trial cycles on SQLite, and suggestions in memory."""

import multiprocessing
import os
import tempfile
import time

import optuna

EPOCHS = 5


def quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def sampler_of(name, seed):
    return optuna.samplers.TPESampler(seed=seed) if name == "tpe" else optuna.samplers.RandomSampler(seed=seed)


def cycles(url, sampler, parameters, seconds, seed, count):
    """Ask, five reports each with the question whether to prune, tell: until the time is over."""
    quiet()
    study = optuna.load_study(study_name="load", storage=url, sampler=sampler_of(sampler, seed))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        trial = study.ask()
        for i in range(parameters):
            trial.suggest_float(f"parameter_{i}", 1e-4, 1e-1, log=True)
        for epoch in range(1, EPOCHS + 1):
            trial.report(0.9 - 1 / (1 + epoch + trial.number % 7), epoch)
            trial.should_prune()
        study.tell(trial, 0.9)
        with count.get_lock():
            count.value += 1


def cycles_per_second(sampler, parameters, seconds, processes):
    """Trials a second of so many processes on one SQLite file."""
    quiet()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{os.path.join(folder, 'optuna.db')}"
        optuna.create_study(study_name="load", storage=url, direction="maximize")
        count = multiprocessing.Value("q", 0)
        start = time.monotonic()
        workers = [multiprocessing.Process(target=cycles, args=(url, sampler, parameters, seconds, seed, count))
                   for seed in range(processes)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return count.value / (time.monotonic() - start)


def suggestion_seconds(parameters, trials):
    """Of so many trials of TPE in memory: ask, suggest, tell."""
    quiet()
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
    start = time.process_time()
    for _ in range(trials):
        trial = study.ask()
        x = [trial.suggest_float(f"x{i}", 0, 1) for i in range(parameters)]
        study.tell(trial, sum((v - 0.3) ** 2 for v in x))
    return time.process_time() - start
