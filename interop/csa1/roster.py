"""The roster as one member checks it, and entries between those it relies on (secure-aggregation.md 8.3, 12.2)."""

from . import keys, log as thelog, merkle, wire
from .refusal import refuse_if
from .ring import W


def own_bundle(key, cert, s, e, b, open_hash):
    """The keys that a device advertises, signed (R0): public halves of the 32-byte s and e, and the commitment to b."""
    bundle = {"cert": cert, "spk": keys.public(s), "epk": keys.public(e), "bc": keys.commitment(b, open_hash), "kem": b"", "cert_pq": b"",
              "sig": bytes(64), "sig_pq": b""}
    return dict(bundle, sig=keys.sign(key, b"advertise", open_hash + wire.encode(wire.KEY, bundle)[:-68]))


def last_of(entries, first, is_rival):
    """The last of entries that begin at index first, without a gap and without an earlier rival (F02)."""
    refuse_if(not entries or [e.index for e in entries] != list(range(first, first + len(entries))), "F01", "entries are missing between")
    for e in entries[:-1]:
        refuse_if(is_rival(e), "F02", f"an earlier {e.kind}")
    return entries[-1]


def seed_cosignatures(log, mode, message, roster):
    """5.6: the cosignatures that the graph's seed is made of; none outside mode W."""
    if mode != W:
        refuse_if(message["seed_checkpoint"] or message["seed_proof"], "F15", "a seed's checkpoint in another mode")
        return []
    cp = thelog.open_checkpoint(message["seed_checkpoint"], log.origin, log.log_key, log.policy)
    refuse_if(cp.size > log.size or not merkle.included(roster.index, cp.size, roster.hash, message["seed_proof"], cp.root), "F01", "the seed's tree has no Roster")
    return cp.cosignatures


def check_peers(peers, record, own_index, own_bundle, o, open_hash, authority):
    """F06 and F07 for the own entry and each neighbour's; gives the neighbours' bundles by index."""
    seen, bundles = set(), {}
    for p in peers:
        i, k, raw = p["index"], p["key"], wire.encode(wire.KEY, p["key"])
        refuse_if(not merkle.included(i, record["n"], merkle.leaf(wire.u32(i) + raw), p["proof"], record["root"]), "F07", f"member {i} is not in the roster")
        if i == own_index:
            refuse_if(k != own_bundle, "F07", "the own entry was altered")
        else:
            check_bundle(i, k, raw, o, open_hash, authority)
            bundles[i] = k
        for one in (k["spk"], k["epk"], k["cert"]["idpk"]):
            refuse_if(one in seen, "F07", "two keys are equal")
            seen.add(one)
    return bundles


def check_bundle(i, k, raw, o, open_hash, authority):
    """One neighbour's certificate, signature and keys."""
    refuse_if(not keys.cert_is_good(k["cert"], authority, 1, o["opened_at"]), "F06", f"member {i}")
    refuse_if(not keys.verifies(k["cert"]["idpk"], b"advertise", open_hash + raw[:-68], k["sig"]), "F07", f"signature of {i}")
    refuse_if(not keys.canonical_point(k["spk"]) or not keys.canonical_point(k["epk"]), "F07", f"a key of {i}")
