"""The neighbour graph and its thresholds (secure-aggregation.md section 5), in exact arithmetic."""

from fractions import Fraction
from math import comb

from . import keys

W, SM, SH = 1, 2, 3


def below_stream(key):
    """5.7: uniform integers below m, by multiply and reject."""
    stream, at = b"", 0

    def word():
        """The next 64 bits of the stream."""
        nonlocal stream, at
        if at + 8 > len(stream):
            stream = keys.keystream(2, key, 2 * len(stream) + 4096)
        at += 8
        return int.from_bytes(stream[at - 8:at], "little")

    def below(m):
        """A uniform integer below m."""
        while True:
            hi, lo = divmod(word() * m, 2**64)
            if lo >= (2**64 - m) % m:
                return hi

    return below


def permutation(n, seed):
    """The index at each place."""
    p = list(range(n))
    below = below_stream(keys.kdf(seed, b"perm", b"", 32))
    for r in range(n - 1, 0, -1):
        j = below(r + 1)
        p[r], p[j] = p[j], p[r]
    return p


class Ring:
    """Who is whose neighbour. Indices are roster indices."""

    def __init__(self, n, cohorts, k, seed):
        self.order = permutation(n, seed)
        self.place = {index: r for r, index in enumerate(self.order)}
        self.size, self.k = n // cohorts, k

    def cohort(self, index):
        """The cohort of a member."""
        return self.place[index] // self.size

    def members(self, cohort):
        """The members of a cohort, ascending."""
        return sorted(self.order[cohort * self.size:(cohort + 1) * self.size])

    def x(self, index):
        """Where a member's shares are evaluated: its position and one."""
        return self.place[index] % self.size + 1

    def neighbours(self, index):
        """The neighbours of a member in ring order."""
        n, r, ring = self.size, self.x(index) - 1, self.order[self.cohort(index) * self.size:]
        if self.k == n - 1:
            steps = list(range(1, n))
        else:
            half = self.k // 2
            steps = list(range(1, half + 1)) + list(range(-half, 0))
        return [ring[(r + s) % n] for s in steps]


def above(n, marked, k, x):
    """P[Hyp(n, marked, k) > x]."""
    return Fraction(sum(comb(marked, i) * comb(n - marked, k - i) for i in range(x + 1, min(marked, k) + 1)), comb(n, k))


def least(n, marked, k, bound):
    """The least x with P[Hyp(n, marked, k) > x] ≤ bound."""
    x = 0
    while above(n, marked, k, x) > bound:
        x += 1
    return x


def corrupt_in_cohort(n, cohorts, gamma_bp, lam):
    """A_c of 14.2: the most corrupt members of a cohort, all of A where there is one cohort."""
    a_all = n * gamma_bp // 10000
    return a_all if cohorts == 1 else least(n, a_all, n // cohorts, Fraction(1, 2**(lam + 1) * cohorts))


def degree_is_safe(n, cohorts, gamma_bp, delta_bp, lam, eta, mode, k, t):
    """5.3 to 5.5: whether (k, t) satisfy the mode."""
    size, a_all, lost = n // cohorts, n * gamma_bp // 10000, n * delta_bp // 10000
    if n % cohorts or size < 3:
        return False
    if k == size - 1:
        corrupt = corrupt_in_cohort(n, cohorts, gamma_bp, lam)
        want = (size + max(1, corrupt)) // 2 + 1
        return t == want and (size < 64 or t <= size - size * delta_bp // 10000)
    if size < 64 or k < 2 or k >= size - 1 or k % 2:
        return False
    a = least(n, a_all, k, Fraction(1, 2**(lam + 1) * n))
    surviving = k - least(n, lost, k, Fraction(1, 2**eta * n))
    b = a_all + lost
    connected = k > b or Fraction(n * (n - k - 1) * comb(b, k), 2 * comb(n, k)) < Fraction(1, 2**(lam + 1))
    low = {W: k // 2 + a + 1, SM: (a + k) // 2 + 1, SH: max(a + 1, 2)}[mode]
    return low <= t <= surviving and (mode == W or connected)
