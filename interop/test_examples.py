"""Computes the worked examples of secure-aggregation.md section 21 again from its text, those of X-Wing left out."""

import pathlib
import re
import unittest
from fractions import Fraction
from math import comb, isqrt

from csa1 import keys, masking, ring, shares
from csa1.wire import u32

PAGE = pathlib.Path(__file__).parent.parent / "docs" / "spec" / "secure-aggregation.md"
MODES = {"W": ring.W, "SM": ring.SM, "SH": ring.SH}
LEFT_OUT = {"X-Wing"}  # csa1 here has kex 1 alone


def examples():
    """By name: the lines above "gives" and those below."""
    out = {}
    for block in re.findall(r"```text\nexample (.*?)\n```", PAGE.read_text(encoding="utf-8"), re.S):
        above, below = block.split("\ngives\n")
        name, *inputs = above.split("\n")
        out[name] = inputs, below.split("\n")
    return out


class Given:
    """Inputs, lines "name = value"."""

    def __init__(self, lines):
        self.values = dict(l.split(" = ", 1) for l in lines)

    def bytes(self, name):
        """A byte string."""
        return bytes.fromhex(self.values[name])

    def int(self, name):
        """A number."""
        return int(self.values[name])

    def scalar(self, name):
        """A scalar."""
        return int.from_bytes(self.bytes(name), "little")


def numbers(v):
    """As the page writes a list."""
    return " ".join(map(str, v))


def of_keys(lines):
    """Section 7."""
    g = Given(lines)
    opened, roster, i, j = g.bytes("open_hash"), g.bytes("roster_hash"), g.int("i"), g.int("j")
    s_i, s_j = keys.mask_secret(g.bytes("m_i"), opened), keys.mask_secret(g.bytes("m_j"), opened)
    spk_j, epk_j = keys.public(s_j), keys.public(g.bytes("e_j"))
    seed = keys.graph_seed(opened, roster, [])
    sid = keys.session_id(opened, roster, seed, g.int("cohort"))
    values = [("s_i", s_i), ("spk_i", keys.public(s_i)), ("epk_i", keys.public(g.bytes("e_i"))), ("bc_i", keys.commitment(g.bytes("b_i"), opened)),
              ("spk_j", spk_j), ("epk_j", epk_j), ("graph_seed", seed), ("sid", sid), ("X25519(s_i, spk_j)", keys.agree(s_i, spk_j))]
    for prg in 1, 2:
        size = keys.KEY_BYTES[prg]
        values += [(f"K_ij, L = {size}", keys.pair_key(s_i, spk_j, sid, i, j, prg)), (f"K_i, L = {size}", keys.self_key(g.bytes("b_i"), sid, prg))]
    values.append(("box key i to j", keys.box_key(g.bytes("e_i"), epk_j, sid, i, j)))
    return [f"{name} = {v.hex()}" for name, v in values]


def of_masks(lines):
    """6.3."""
    g = Given(lines)
    return [f"prg {prg}, w = {w}: {numbers(keys.mask_words(prg, g.bytes(f'K of {keys.KEY_BYTES[prg]}'), 4, w))}" for prg in (1, 2, 3) for w in (32, 24, 16)]


def of_vectors(lines):
    """7.4 and 10.4."""
    g = Given(lines)
    prg, w, sid, opened = g.int("prg"), g.int("w"), g.bytes("sid"), g.bytes("open_hash")
    s = {who: keys.mask_secret(g.bytes(f"m_{who}"), opened) for who in "ij"}
    out, total = [], [0] * 4
    for own, peer in "ij", "ji":
        x = list(map(int, g.values[f"x_{own}"].split()))
        neighbour = {g.int(peer): {"spk": keys.public(s[peer])}}
        y = masking.masked(x, {"prg": prg, "d": 4, "word_bits": w, "sigma_bit_sq": 0}, sid, g.int(own), g.bytes(f"b_{own}"), s[own], neighbour)
        out.append(f"y_{own} = {y.hex()}")
        v = w // 8
        mask = keys.mask_words(prg, keys.self_key(g.bytes(f"b_{own}"), sid, prg), 4, w)
        total = [t + int.from_bytes(y[v * n:v * n + v], "little") - mask[n] for n, t in enumerate(total)]
    return out + ["sum = " + numbers((t + 2**(w - 1)) % 2**w - 2**(w - 1) for t in total)]


def of_shares(lines):
    """7.3."""
    g = Given(lines)
    xs = [1, 2, 5, 8]
    values = shares.split(g.scalar("c_0"), 3, xs, [g.scalar("c_1"), g.scalar("c_2")])
    return [f"f({x}) = {v.hex()}" for x, v in zip(xs, values)]


def of_box(lines):
    """7.2."""
    g = Given(lines)
    plain = g.bytes("share of m_i") + g.bytes("share of b_i")
    return ["c_ij = " + keys.seal(g.bytes("e_i"), keys.public(g.bytes("e_j")), g.bytes("sid"), g.int("i"), g.int("j"), plain).hex()]


def of_seed(lines):
    """5.6."""
    g = Given(lines)
    return ["graph_seed = " + keys.graph_seed(g.bytes("open_hash"), g.bytes("roster_hash"), [g.bytes("cosig_1"), g.bytes("cosig_2")]).hex()]


def of_ring(lines):
    """5.7."""
    g = Given(lines)
    seed, n = g.bytes("graph_seed"), g.int("n")
    key = keys.kdf(seed, b"perm", b"", 32)
    whole, complete, halves = ring.Ring(n, 1, 4, seed), ring.Ring(n, 1, n - 1, seed), ring.Ring(n, 2, n // 2 - 1, seed)
    out = [f"key = {key.hex()}", f"x_0 = {int.from_bytes(keys.keystream(2, key, 8), 'little')}", "p = " + numbers(whole.order)]
    for i in 0, 3:
        out.append(f"member {i}: position {whole.x(i) - 1}, k = 4: {numbers(whole.neighbours(i))}, k = 7: {numbers(complete.neighbours(i))}")
        out.append(f"member {i} of m = 2: cohort {halves.cohort(i)}, position {halves.x(i) - 1}, k = 3: {numbers(halves.neighbours(i))}")
    return out


def degree(n, gamma, delta, lam, mode, m):
    """5.3 to 5.5 and 14.2 in the words of the page: k by k, else the complete graph."""
    size, corrupt, eta = n // m, ring.corrupt_in_cohort(n, m, gamma, lam), 20
    for k in range(2, size - 1 if size >= 64 else 0, 2):
        a = ring.least(n, n * gamma // 10000, k, Fraction(1, 2**(lam + 1) * n))
        s = k - ring.least(n, n * delta // 10000, k, Fraction(1, 2**eta * n))
        t = {ring.W: k // 2 + a + 1, ring.SM: (a + k) // 2 + 1, ring.SH: max(a + 1, 2)}[mode]
        if t <= s and ring.degree_is_safe(n, m, gamma, delta, lam, eta, mode, k, t):
            b = n * gamma // 10000 + n * delta // 10000
            connected = k > b or 2**(lam + 1) * n * (n - k - 1) * comb(b, k) < 2 * comb(n, k)
            return f"k {k}, t {t}, A_c {corrupt}, a {a}, s {s}, connected {str(connected).lower()}"
    t = (size + max(1, corrupt)) // 2 + 1
    return f"k {size - 1}, t {t}, A_c {corrupt}, complete"


def of_degrees(lines):
    """Line by line."""
    rows = [re.fullmatch(r"n (\d+), γ (\d+), δ (\d+), λ (\d+), mode (\w+), m (\d+)", l).groups() for l in lines]
    return [degree(*map(int, r[:4]), MODES[r[4]], int(r[5])) for r in rows]


def packs(w, n_c, x_max, c_int, d, variance):
    """6.5."""
    root = isqrt(variance)
    root += root * root < variance
    reach = n_c * x_max + 6 * root
    fine = x_max == c_int and c_int**2 >= 64 * d if w == 32 else c_int**2 >= d
    return f"{reach} of {2**(w - 1)}: {'ok' if fine and reach < 2**(w - 1) and 1 <= x_max <= c_int else 'refuse'}"


def of_packing(lines):
    """Line by line."""
    return [packs(*map(int, re.fullmatch(r"w (\d+), n_c (\d+), x_max (\d+), C_int (\d+), d (\d+), σ_tot² (\d+)", l).groups())) for l in lines]


COMPUTE = {"keys": of_keys, "masks": of_masks, "vectors": of_vectors, "shares": of_shares, "box": of_box, "seed": of_seed, "ring": of_ring,
           "degrees": of_degrees, "packing": of_packing}


class Examples(unittest.TestCase):
    """The page against what follows from its own text."""

    def test_each(self):
        """Every block, and none that is not known here."""
        written = examples()
        self.assertEqual(set(written), set(COMPUTE) | LEFT_OUT)
        for name, compute in COMPUTE.items():
            with self.subTest(name):
                self.assertEqual(compute(written[name][0]), written[name][1])


if __name__ == "__main__":
    unittest.main()
