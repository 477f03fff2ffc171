"""Answers settings, a JSON object a line, by Google's dp-accounting; null where it has no answer.

The first line that is printed names the version. Fractional orders are integrated here too, because the package prints
an upper bound there.
"""

import importlib.metadata
import json
import math
import sys

import absl.logging
import mpmath
import numpy as np
from dp_accounting import dp_event, gaussian_mechanism
from dp_accounting.pld import accountant, common, privacy_loss_distribution, privacy_loss_mechanism
from dp_accounting.privacy_accountant import NeighboringRelation
from dp_accounting.rdp import rdp_privacy_accountant as rdp

FINE = [1 + x for x in np.logspace(-1.9, 5, 4000)]


def converted(event, times, delta, orders, relation=NeighboringRelation.ADD_OR_REMOVE_ONE):
    """Gives the order too: where the package's series does not converge it leaves an order of the grid out."""
    accounts = rdp.RdpAccountant(orders, relation)
    accounts.compose(event, times)
    return accounts.get_epsilon_and_optimal_order(delta)


def sampled(z, q):
    gaussian = dp_event.GaussianDpEvent(z)
    return gaussian if q == 1 else dp_event.PoissonSampledDpEvent(q, gaussian)


def rdp_epsilon(s):
    return converted(sampled(s["z"], s["q"]), s["steps"], s["delta"], s["orders"])[0]


def rdp_bound(s):
    """What the package prints over a grid with fractional orders, and the exact figure at the order that it chose."""
    bound, order = converted(sampled(s["z"], s["q"]), s["steps"], s["delta"], s["orders"])
    if bound == 0 or float(order).is_integer():
        return bound, order, bound
    r = s["steps"] * fractional({**s, "order": order})
    return max(0, r + math.log1p(-1 / order) - math.log(s["delta"] * order) / (order - 1)), order, bound


def fractional(s):
    """The divergence of one order, by quadrature: ln E[((1-q) + q e^((2x-1)/2z^2))^a] / (a-1), x ~ N(0, z^2)."""
    mpmath.mp.dps = 30
    z, q, a = mpmath.mpf(s["z"]), mpmath.mpf(s["q"]), mpmath.mpf(s["order"])
    peak = a / z

    def term(t):
        return mpmath.npdf(t) * ((1 - q) + q * mpmath.exp(t / z - 1 / (2 * z * z))) ** a

    edges = [-20, -5, 0, 5]
    edges += [edges[-1] + (peak - edges[-1]) * f for f in (mpmath.mpf(1) / 3, mpmath.mpf(2) / 3) if peak > edges[-1]]
    edges = sorted(set(edges + [peak - 5, peak, peak + 5, peak + 20]))
    return float(mpmath.log(mpmath.quad(term, edges)) / (a - 1))


def zcdp(s):
    return converted(dp_event.ZCDpEvent(s["rho"]), 1, s["delta"], FINE)[0]


def tree(s):
    return converted(dp_event.SingleEpochTreeAggregationDpEvent(s["z"], s["steps"]), 1, s["delta"], s["orders"],
                     NeighboringRelation.REPLACE_SPECIAL)[0]


def pld(s):
    one = privacy_loss_distribution.from_gaussian_mechanism(
        s["z"], sampling_prob=s["q"], value_discretization_interval=s["width"])
    return one.self_compose(s["steps"]).get_epsilon_for_delta(s["delta"])


def noise(s):
    wanted = common.DifferentialPrivacyParameters(s["epsilon"], s["delta"])
    return accountant.get_smallest_subsampled_gaussian_noise(wanted, s["steps"], 1, s["q"])


def composition(s):
    each = common.DifferentialPrivacyParameters(s["epsilon"], s["delta"])
    return accountant.advanced_composition(each, s["count"], s["total"])


def composition_exact(s):
    """Theorem 3.3 of arXiv 1311.0776 by bisection over i, in numbers of 400 digits; null where not even i = 0 fits."""
    mpmath.mp.dps = 400
    k, total = s["count"], mpmath.mpf(s.get("total", 0))
    eps, kept = mpmath.mpf(s["epsilon"]), (1 - mpmath.mpf(s["delta"])) ** k
    whole = (1 + mpmath.exp(eps)) ** k

    def fits(i):
        lost = sum(mpmath.binomial(k, l) * (mpmath.exp((k - l) * eps) - mpmath.exp((k - 2 * i + l) * eps)) for l in range(i))
        return 1 - kept * (1 - lost / whole) <= total

    if not fits(0):
        return None
    low, high = 0, k // 2 + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return float((k - 2 * low) * eps)


def discrete_tail(s):
    law = privacy_loss_mechanism.DiscreteGaussianPrivacyLoss(math.sqrt(s["square"]))
    return 2 * float(law.noise_cdf(-s["beyond"] - 1))


def discrete_epsilon(s):
    """Exact up to its grid."""
    one = privacy_loss_distribution.from_discrete_gaussian_mechanism(
        math.sqrt(s["square"]), sensitivity=s["sensitivity"], use_connect_dots=True, value_discretization_interval=1e-3)
    return one.self_compose(s["steps"]).get_epsilon_for_delta(s["delta"])


FAMILIES = {
    "rdp": rdp_epsilon,
    "rdp_bound": rdp_bound,
    "fractional": fractional,
    "zcdp": zcdp,
    "gaussian": lambda s: gaussian_mechanism.get_epsilon_gaussian(s["z"], s["delta"]),
    "sigma": lambda s: gaussian_mechanism.get_sigma_gaussian(s["epsilon"], s["delta"]),
    "tree": tree,
    "pld": pld,
    "noise": noise,
    "composition": composition,
    "composition_exact": composition_exact,
    "tail": discrete_tail,
    "discrete": discrete_epsilon,
}


def main():
    absl.logging.set_verbosity(absl.logging.ERROR)  # warnings of orders that are left out
    print(json.dumps({"version": importlib.metadata.version("dp-accounting")}), flush=True)
    for line in sys.stdin:
        setting = json.loads(line)
        value, order, bound = FAMILIES[setting["by"]](setting), 0, 0
        if isinstance(value, tuple):
            value, order, bound = value
        finite = value is not None and math.isfinite(value)
        print(json.dumps({"value": float(value) if finite else None, "order": float(order), "bound": float(bound)}), flush=True)


main()
