"""Problems to minimize, for comparing samplers: numeric, mixed, conditional, noisy, of 2 to 40 parameters.

A problem is a list of parameters and a function of a configuration (a dict; inactive parameters are absent).
`noise` is the standard deviation of what is added to the value that a sampler is told; regrets are without it.
None of them was used to tune Vizsla's samplers, but for the Gaussian process: the range of the power by which it
transforms losses was chosen on ackley, michalewicz, hartmann, zakharov, styblinski-tang, ellipsoid and layers.
"""

import math
from dataclasses import dataclass, field
from typing import Callable


@dataclass
class Parameter:
    name: str
    low: float = 0
    high: float = 0
    log: bool = False
    integer: bool = False
    choices: list | None = None
    parent: str | None = None
    values: list = field(default_factory=list)  # of the parent, with which it is active


@dataclass
class Problem:
    name: str
    parameters: list
    function: Callable[[dict], float]
    optimum: float
    noise: float = 0.0


def box(count, low, high):
    return [Parameter(f"x{i}", low, high) for i in range(count)]


def vector(c, count):
    return [c[f"x{i}"] for i in range(count)]


def ackley(c):
    x = vector(c, 5)
    n = len(x)
    return (-20 * math.exp(-0.2 * math.sqrt(sum(v * v for v in x) / n))
            - math.exp(sum(math.cos(2 * math.pi * v) for v in x) / n) + 20 + math.e)


def styblinski_tang(c):
    return sum(v**4 - 16 * v * v + 5 * v for v in vector(c, 8)) / 2 + 39.16616570377142 * 8


def hartmann6(c):
    alpha = [1.0, 1.2, 3.0, 3.2]
    a = [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8],
         [17, 8, 0.05, 10, 0.1, 14]]
    p = [[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
         [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]]
    x = vector(c, 6)
    return -sum(alpha[i] * math.exp(-sum(a[i][j] * (x[j] - p[i][j] * 1e-4)**2 for j in range(6))) for i in range(4))


def michalewicz(c):
    x = vector(c, 5)
    return -sum(math.sin(v) * math.sin((i + 1) * v * v / math.pi)**20 for i, v in enumerate(x))


def zakharov(c):
    x = vector(c, 6)
    s = sum(0.5 * (i + 1) * v for i, v in enumerate(x))
    return math.log1p(sum(v * v for v in x) + s**2 + s**4)


def six_hump_camel(c):
    x, y = c["x0"], c["x1"]
    return (4 - 2.1 * x * x + x**4 / 3) * x * x + x * y + (-4 + 4 * y * y) * y * y + 1.0316284534898774


def griewank(c):
    x = vector(c, 10)
    product = 1.0
    for i, v in enumerate(x):
        product *= math.cos(v / math.sqrt(i + 1))
    return 1 + sum(v * v for v in x) / 4000 - product


def sphere(c):
    return sum((v - 0.3)**2 for v in vector(c, 6))


def sparse40(c):
    """Forty parameters, five of which matter."""
    return sum((i + 1) * (c[f"x{7 * i}"] - 0.2 * i)**2 for i in range(5))


def ellipsoid20(c):
    return math.log10(1 + sum(10**(3 * i / 19) * (v - 0.5)**2 for i, v in enumerate(vector(c, 20))))


def transfer_head(c):
    """A response surface as the campaign's: learning rate, dropout, dense size, pooling and unfreeze point."""
    rate = math.log10(c["learning_rate"])
    best_rate = {"none": -2.7, "top": -3.6, "half": -4.1}[c["unfreeze"]]
    gain = {"none": 0.0, "top": -0.05, "half": -0.03}[c["unfreeze"]]
    width = math.log2(c["units"])
    return (0.30 + gain + 0.06 * (rate - best_rate)**2 + 0.25 * (c["dropout"] - 0.25 - 0.03 * (width - 7))**2
            + 0.008 * (width - 9)**2 + {"avg": 0.0, "max": 0.03, "flatten": 0.06}[c["pooling"]]
            + 0.01 * abs(c["batch_exponent"] - 5))


def optimizers(c):
    """Each optimizer has parameters of its own."""
    rate = math.log10(c["learning_rate"])
    if c["optimizer"] == "sgd":
        return 0.32 + 0.1 * (rate + 1.5)**2 + 0.4 * (c["momentum"] - 0.9)**2 + (0 if c["nesterov"] else 0.01)
    if c["optimizer"] == "adam":
        return 0.30 + 0.1 * (rate + 3.0)**2 + 0.05 * (math.log10(1 - c["beta1"]) + 1)**2
    return 0.35 + 0.1 * (rate + 3.5)**2 + 0.2 * (c["rho"] - 0.9)**2 + 0.3 * c["decay"]


def layers(c):
    """The number of layers says how many sizes there are."""
    count = c["layers"]
    sizes = [c[f"size{i}"] for i in range(count)]
    value = 0.5 - 0.05 * min(count, 3) + 0.03 * max(0, count - 3)
    for i, size in enumerate(sizes):
        value += 0.02 * (math.log2(size) - (9 - i))**2
    return value + 0.1 * (c["dropout"] - 0.4)**2


def categories(c):
    """Six unordered choices of six, which act in pairs."""
    pick = [c[f"c{i}"] for i in range(6)]
    code = [ord(p) - ord("a") for p in pick]
    value = sum(((v * 5 + i * 3) % 6) / 5 for i, v in enumerate(code))
    return value + sum(((code[i] * code[i + 1] + i) % 6) / 10 for i in range(5))


def categories_optimum():
    # By dynamic programming over the chain.
    best = {v: ((v * 5) % 6) / 5 for v in range(6)}
    for i in range(5):
        best = {w: min(best[v] + ((v * w + i) % 6) / 10 for v in range(6)) + ((w * 5 + (i + 1) * 3) % 6) / 5
                for w in range(6)}
    return min(best.values())


PROBLEMS = [
    Problem("six-hump camel (2)", [Parameter("x0", -3, 3), Parameter("x1", -2, 2)], six_hump_camel, 0),
    Problem("six-hump camel, noisy (2)", [Parameter("x0", -3, 3), Parameter("x1", -2, 2)], six_hump_camel, 0, 0.5),
    Problem("ackley (5)", box(5, -20, 28), ackley, 0),
    Problem("michalewicz (5)", box(5, 0, math.pi), michalewicz, -4.687658),
    Problem("hartmann (6)", box(6, 0, 1), hartmann6, -3.32237),
    Problem("zakharov, log (6)", box(6, -5, 10), zakharov, 0),
    Problem("sphere, noisy (6)", box(6, 0, 1), sphere, 0, 0.1),
    Problem("styblinski-tang (8)", box(8, -5, 5), styblinski_tang, 0),
    Problem("griewank (10)", box(10, -60, 90), griewank, 0),
    Problem("ellipsoid, log (20)", box(20, 0, 1), ellipsoid20, 0),
    Problem("sparse (40)", box(40, 0, 1), sparse40, 0),
    Problem("transfer head, mixed (6)", [
        Parameter("learning_rate", 1e-6, 1e-1, log=True),
        Parameter("dropout", 0, 0.8),
        Parameter("units", 16, 2048, log=True, integer=True),
        Parameter("batch_exponent", 3, 8, integer=True),
        Parameter("pooling", choices=["avg", "max", "flatten"]),
        Parameter("unfreeze", choices=["none", "top", "half"]),
    ], transfer_head, 0.25, 0.005),
    Problem("optimizers, conditional (7)", [
        Parameter("optimizer", choices=["sgd", "adam", "rmsprop"]),
        Parameter("learning_rate", 1e-6, 1, log=True),
        Parameter("momentum", 0, 1, parent="optimizer", values=["sgd"]),
        Parameter("nesterov", choices=[False, True], parent="optimizer", values=["sgd"]),
        Parameter("beta1", 0.5, 0.999, parent="optimizer", values=["adam"]),
        Parameter("rho", 0.5, 0.99, parent="optimizer", values=["rmsprop"]),
        Parameter("decay", 0, 0.1, parent="optimizer", values=["rmsprop"]),
    ], optimizers, 0.30),
    Problem("layers, conditional (7)", [
        Parameter("layers", 1, 5, integer=True),
        Parameter("dropout", 0, 0.8),
    ] + [Parameter(f"size{i}", 16, 2048, log=True, integer=True, parent="layers", values=list(range(i + 1, 6)))
         for i in range(5)], layers, 0.35),
    Problem("categories (6)", [Parameter(f"c{i}", choices=list("abcdef")) for i in range(6)], categories,
            categories_optimum()),
]
