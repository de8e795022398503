"""Prints the figures that pareto_test.cc holds: Optuna's ranks and hypervolumes of the points that
the test makes. Needs PyPI's optuna (5.0.0 was used): python3 record_optuna_pareto.py"""

import numpy as np
from optuna._hypervolume import compute_hypervolume
from optuna.study._multi_objective import _fast_non_domination_rank


def points(count, objectives, levels):
    state, rows = 12345, []
    for _ in range(count):
        row = []
        for _ in range(objectives):
            state = (1103515245 * state + 12345) % 2**31
            row.append((state >> 16) % levels / levels)
        rows.append(row)
    return np.array(rows)


for count, objectives, levels in [(60, 2, 16), (60, 3, 16), (40, 4, 1000), (40, 2, 1000), (60, 1, 16)]:
    p = points(count, objectives, levels)
    ranks = _fast_non_domination_rank(p) + 1
    volume = compute_hypervolume(p[(p < 0.9).all(axis=1)], np.full(objectives, 0.9))
    print("{%d, %d, %d, %.17g, {%s}}," % (count, objectives, levels, volume, ", ".join(map(str, ranks))))
