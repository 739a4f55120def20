"""A day of load for each simulated server.

The shape follows what is published about large clouds: most servers do little (a mean
near 15 percent of their vcpus), a few do much, load swings between day and night, batch
work runs at night, and bursts are short and log-normal. All of it is generated.
"""

import math
import uuid

import numpy as np
from numpy.typing import NDArray

STEP_S = 300
STEPS = 86400 // STEP_S
KINDS = ("office", "batch", "steady")
SHARES = (0.6, 0.15, 0.25)


def day(seed: int, server: str) -> NDArray[np.float64]:
    """Return the fraction of its vcpus that a server uses, every 5 minutes from 0 h UTC"""
    rng = np.random.default_rng([seed, uuid.UUID(server).int & 0xFFFFFFFF])
    kind = rng.choice(KINDS, p=SHARES)
    base = float(np.clip(rng.lognormal(math.log(0.11), 0.7), 0.01, 0.7))
    hours = np.arange(STEPS) * STEP_S / 3600
    load = base * _swing(kind, hours, rng)
    # What a server does now says much about what it does in five minutes.
    wander = np.empty(STEPS)
    wander[0] = 0.0
    noise = rng.normal(0.0, 0.12, STEPS)
    for step in range(1, STEPS):
        wander[step] = 0.9 * wander[step - 1] + noise[step]
    load = load * np.exp(wander) + _bursts(base, rng)
    return np.asarray(np.clip(load, 0.0, 1.0))


def _swing(
    kind: str, hours: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    if kind == "steady":
        return np.ones(STEPS)
    if kind == "batch":
        start = rng.uniform(0.0, 4.0)
        return np.where((hours >= start) & (hours < start + 3.0), 5.0, 0.4)
    peak = rng.normal(14.0, 1.5)
    depth = rng.uniform(0.3, 0.8)
    return np.asarray(1.0 + depth * np.cos((hours - peak) / 24 * 2 * math.pi))


def _bursts(base: float, rng: np.random.Generator) -> NDArray[np.float64]:
    load = np.zeros(STEPS)
    for _burst in range(rng.poisson(4)):
        start = int(rng.integers(STEPS))
        length = int(np.clip(rng.lognormal(0.7, 0.6), 1, 24))
        height = base * float(rng.lognormal(0.5, 0.6))
        load[start : start + length] += height
    return load


def memory_share(seed: int, server: str) -> float:
    """Return the fraction of its memory that a server uses; it hardly changes"""
    rng = np.random.default_rng([seed + 1, uuid.UUID(server).int & 0xFFFFFFFF])
    return float(np.clip(rng.normal(0.6, 0.18), 0.1, 0.98))
