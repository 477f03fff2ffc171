"""Scalars and Shamir sharing (secure-aggregation.md 3.4, 7.3)."""

import secrets

L = 2**252 + 27742317777372353535851937790883648493


def draw():
    """A uniform scalar that is not zero."""
    while True:
        v = int.from_bytes(secrets.token_bytes(32), "little") % 2**253
        if 0 < v < L:
            return v


def to_bytes(v):
    """A scalar's 32 bytes, little-endian."""
    return v.to_bytes(32, "little")


def parse(b):
    """The scalar, or None where it is not canonical."""
    v = int.from_bytes(b, "little")
    return v if v < L else None


def split(secret, t, xs, coefficients=None):
    """Shares for the holders at xs; coefficients from the linear one up are drawn unless they are given."""
    poly = [secret] + (coefficients or [draw() for _ in range(t - 1)])
    return [to_bytes(sum(c * pow(x, i, L) for i, c in enumerate(poly)) % L) for x in xs]
