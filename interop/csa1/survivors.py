"""What a member makes of a set of survivors (secure-aggregation.md 12.4, 9.2)."""

from . import keys, merkle
from .refusal import refuse_if, bit


def named(bitmap, n):
    """The indices that a bitmap over a roster of n names."""
    refuse_if(len(bitmap) != (n + 7) // 8, "F13", f"a bitmap of {len(bitmap)} bytes for {n} members")
    out = {i for i in range(8 * len(bitmap)) if bit(bitmap, i)}
    refuse_if(any(i >= n for i in out), "F15", "bits beyond the roster")
    return out


def check_set(survivors, count, own_index, members):
    """F13: the set agrees with its record, has this device in it, and nobody of another cohort."""
    refuse_if(len(survivors) != count or own_index not in survivors or not survivors <= members, "F13", "the set contradicts its record")


def check_size(survivors, size, o, neighbours, held, own, t):
    """F12 and 12.5: enough survivors, enough of them neighbours, and none that this device did not mask with."""
    refuse_if(len(survivors) < max(o["n_min"], size - size * o["delta_bp"] // 10000), "F12", f"{len(survivors)} survivors")
    alive = [j for j in neighbours if j in survivors]
    refuse_if(any(j not in held for j in alive), "F13", "a survivor that this device did not mask with")
    refuse_if(len(alive) + own < t, "F12", f"{len(alive)} neighbours survive")


def count_confirms(message, sid, digest, neighbours, bundles):
    """Mode SM: how many neighbours confirm this very set."""
    order = [c["index"] for c in message["confirms"]]
    refuse_if(order != [j for j in neighbours if j in set(order)], "F15", "not neighbours in ring order")
    for c in message["confirms"]:
        good = keys.verifies(bundles[c["index"]]["cert"]["idpk"], b"confirm", sid + message["digest"], c["sig"])
        refuse_if(message["digest"] != digest and good, "F13", "a neighbour signed another set")
        refuse_if(not good, "F07", "a confirmation does not verify")
    return len(order)


def check_close(message, record, own_record, own_hash, cohort, leaf):
    """12.6: RoundClose is over the Survivors that were answered, and this device's leaf is under their inputs_root."""
    refuse_if(record["survivors"][cohort:cohort + 1] != [own_hash], "F02", "closed over other survivors")
    inside = merkle.included(message["input_index"], own_record["count"], merkle.leaf(leaf), message["input_proof"], own_record["inputs_root"])
    refuse_if(not inside, "F13", "the vector is not in inputs_root")
