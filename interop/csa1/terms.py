"""The terms of a round and the floor under them (secure-aggregation.md 3.2, 3.5, 6.5, 12.1)."""

from fractions import Fraction
from math import isqrt

from .refusal import refuse_if
from .ring import W, SM, SH, corrupt_in_cohort

DAY = 24 * 3600

# Policy `demo` of privacy.md section 9: it allows no real promise, and is what the tests' rounds of a few devices ask for.
DEMO = {"modes": (W, SM, SH), "n_min": 3, "gamma_bp": 0, "delta_bp": 6000, "lambda": 40, "z_num": 1, "z_den": 2}


def check_times(o, now, cosigned, opened):
    """F16, by 3.5: cosigned is the newest checkpoint's time, None where nobody watches the log; opened is opened_at of the round before."""
    refuse_if(abs(now - o["opened_at"]) > DAY or o["opened_at"] < opened, "F16", "opened_at")
    if cosigned is not None:
        refuse_if(abs(cosigned - now) > DAY or abs(cosigned - o["opened_at"]) > DAY, "F16", "cosigned time")
    ends = [int.from_bytes(o["deadlines"][i:i + 4], "big") for i in range(0, 20, 4)]
    refuse_if(ends != sorted(ends) or ends[-1] > 7 * DAY, "F16", f"deadlines {ends}")


def check_terms(o, question, policy, witnesses, floor):
    """F03 for RoundOpen o against the question, the logged policy (None where none was shown), the pinned witness policy and the floor."""
    refuse_if(o["mode"] not in floor["modes"] or o["seed_kind"] != (1 if o["mode"] == W else 3), "F03", "mode or seed kind")
    refuse_if(o["mode"] == W and (o["lambda"] < 80 or witnesses is None), "F03", "a cosigned seed wants λ ≥ 80 and witnesses")
    refuse_if(witnesses is not None and o["witness_policy"] != witnesses.id, "F03", "another witness policy")
    refuse_if(o["kex"] != 1 or o["sig"] != 1 or o["prg"] not in (1, 2, 3) or o["word_bits"] not in (16, 24, 32), "F03", "suite")
    refuse_if(any(o[name] < floor[name] for name in ("n_min", "gamma_bp", "lambda")) or o["delta_bp"] > floor["delta_bp"], "F03", "weaker than the floor")
    refuse_if(not 1 <= o["cohorts"] <= 32, "F03", f"{o['cohorts']} cohorts")
    refuse_if(policy is None, "F03", "no policy is logged")
    refuse_if(o["n_min"] < policy["n_min"] or o["gamma_bp"] < policy["gamma_bp"] or o["delta_bp"] > policy["delta_bp"], "F03", "weaker than the logged policy")
    refuse_if(question["kind"] not in (1, 2) or o["sigma_bit_sq"] != 0 and question["kind"] != 2, "F17", "the question does not ask for this")
    refuse_if(o["d"] != question["d"] or o["C_int"] > question["C_int"] or o["sigma_tot_sq"] < question["sigma_tot_sq"] or o["n_min"] < question["n_min"],
              "F03", "weaker than the question")
    cost = Fraction(o["C_int"]**2, max(o["sigma_tot_sq"], 1)) + (Fraction(bit_size(o)**2, o["sigma_bit_sq"]) if o["sigma_bit_sq"] else 0)
    refuse_if(o["sigma_tot_sq"] == 0 or cost > Fraction(floor["z_den"], floor["z_num"])**2, "F03", "too little noise")
    refuse_if(o["rho_units"] != charge(o), "F03", "rho_units is not what the noise costs")
    check_ring(o, o["n_min"])


def check_ring(o, n):
    """6.5, with n members of a sum."""
    reach = n * o["x_max"] + 6 * (isqrt(o["sigma_tot_sq"] - 1) + 1)
    coarse = o["C_int"]**2 < o["d"] * (64 if o["word_bits"] == 32 else 1)
    bits = n * bit_size(o) + 6 * (isqrt(o["sigma_bit_sq"] - 1) + 1) if o["sigma_bit_sq"] else 0
    refuse_if(max(reach, bits) >= 2**(o["word_bits"] - 1) or coarse or not 1 <= o["x_max"] <= o["C_int"], "F03", "the sum could wrap, or the grid is too coarse")


def bit_size(o):
    """B (privacy.md 12)."""
    return min(64, o["x_max"])


def words(o):
    """Words of a vector (6.1)."""
    return o["d"] + (1 if o["sigma_bit_sq"] else 0)


def charge(o):
    """Units of a round (privacy.md 6.1, 12.3)."""
    parts = [(o["C_int"], o["sigma_tot_sq"])] + ([(bit_size(o), o["sigma_bit_sq"])] if o["sigma_bit_sq"] else [])
    return sum(-(-(norm**2 << 39) // sigma_sq) for norm, sigma_sq in parts)


def check_vector(o, x):
    """6.2: a vector that a device may add noise to."""
    refuse_if(len(x) != o["d"] or sum(v * v for v in x) > o["C_int"]**2 or any(abs(v) > o["x_max"] for v in x), "F15", "the vector is beyond its clip")


def honest_survivors(o, n):
    """h_min (14.2; privacy.md 5.1), which the noise is shared by, for a roster of n."""
    size = n // o["cohorts"]
    corrupt = corrupt_in_cohort(n, o["cohorts"], o["gamma_bp"], o["lambda"])
    h_min = max(size - size * o["delta_bp"] // 10000 - corrupt, 1 if size < 64 else 0)
    refuse_if(h_min < 1, "F03", "no honest survivor would be left")
    return h_min
