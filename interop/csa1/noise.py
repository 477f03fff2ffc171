"""Discrete Gaussian noise (privacy.md sections 4 and 5): exact, integers alone, slow (Canonne, Kamath, Steinke, arXiv 2004.00010)."""

from math import isqrt
from secrets import randbelow


def bernoulli_exp(num, den):
    """True with chance exp(−num/den), num ≥ 0."""
    while num > den:
        if not bernoulli_exp(1, 1):
            return False
        num -= den
    k = 1
    while randbelow(den * k) < num:  # with chance (num/den)/k
        k += 1
    return k % 2 == 1


def laplace(t):
    """Discrete Laplace of scale t."""
    while True:
        u = randbelow(t)
        if not bernoulli_exp(u, t):
            continue
        v = 0
        while bernoulli_exp(1, 1):
            v += 1
        x, negative = u + t * v, randbelow(2)
        if not (negative and x == 0):
            return -x if negative else x


def gaussian(sigma_sq):
    """Discrete Gaussian of parameter sigma_sq, a positive integer."""
    t = isqrt(sigma_sq) + 1
    while True:
        y = laplace(t)
        # exp(−(|y| − σ²/t)² / 2σ²), with everything over t²
        if bernoulli_exp((abs(y) * t - sigma_sq)**2, 2 * sigma_sq * t * t):
            return y


def added(x, variance):
    """The integers x with fresh noise in every coordinate."""
    return [v + gaussian(variance) for v in x]


def local_variance(sigma_tot_sq, h_min):
    """Each device's share of the noise (5.2)."""
    return -(-sigma_tot_sq // h_min)
