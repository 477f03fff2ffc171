"""A device's side of a round (secure-aggregation.md sections 9 and 12): what it sends, and what it refuses."""

import struct
from math import isqrt, log, sqrt

from . import keys, log as thelog, merkle, noise, shares, wire
from .ring import Ring, W, SM, degree_is_safe

DAY = 24 * 3600


class Refused(Exception):
    """code is one of F01 to F17."""

    def __init__(self, code, why):
        super().__init__(f"{code}: {why}")
        self.code = code


def refuse_if(wrong, code, why):
    if wrong:
        raise Refused(code, why)


def bit(bitmap, i):
    return bitmap[i // 8] >> (i % 8) & 1


class Device:
    """One device in one round after the other. step gives the messages that answer one message."""

    def __init__(self, key, cert, pins, floor, vector, clock, ledger):
        self.key, self.cert, self.pins, self.floor = key, cert, pins, floor
        self.vector, self.clock, self.ledger = vector, clock, ledger  # vector(RoundOpen) gives integers; ledger(entry) is durable when it returns
        self.log = thelog.Log(pins["log_origin"], pins["log_key"], pins["coordinator"], pins["policy"])
        self.round = self.opened = self.charges = 0
        self.phase = "idle"
        self.noised = None
        self.draw = {"scalar": shares.draw, "bytes": __import__("secrets").token_bytes}

    def hello(self):
        active = self.phase != "idle"
        return "hello", {"tree_size": self.log.size, "round": self.open["round"] if active else 0, "open_hash": self.open_hash if active else bytes(32)}

    def step(self, name, message):
        """Messages to send, as (name, message) pairs."""
        try:
            handler = getattr(self, "on_" + name.replace("-", "_"), None)
            refuse_if(handler is None, "F15", f"{name} has no place here")
            return handler(message) or []
        except thelog.BadProof as e:
            raise Refused("F01", str(e)) from e

    def sign(self, name, label, message):
        message = dict(message, sig=bytes(64), sig_pq=b"")
        message["sig"] = keys.sign(self.key, label, wire.body(name, message)[:-68])
        return name, message

    # -- offer

    def on_welcome(self, m):
        self.log.follow(m["evidence"])

    def on_offer(self, m):
        entries = self.log.follow(m["evidence"])
        by_kind = {e.kind: e for e in entries}
        refuse_if(not entries or entries[-1].kind != "RoundOpen", "F01", "the last entry is no RoundOpen")
        o, question = entries[-1].record, by_kind.get("Question")
        if self.phase != "idle" and entries[-1].hash == self.open_hash:
            return []
        now = self.clock()
        refuse_if(abs(now - o["opened_at"]) > DAY or o["opened_at"] < self.opened, "F16", "opened_at")
        refuse_if(self.log.policy is not None and (abs(self.log.time - now) > DAY or abs(self.log.time - o["opened_at"]) > DAY), "F16", "cosigned time")
        refuse_if(o["round"] <= self.round, "F11", "the round is not a new one")
        refuse_if(question is None or question.hash != o["question"], "F17", "the question is not shown")
        self.check_terms(o, question.record, by_kind.get("PolicyChange"))
        refuse_if(keys.sha256(m["code"]) != o["code_hash"], "F05", "the code is another")
        self.open, self.open_hash, self.open_index = o, entries[-1].hash, entries[-1].index
        self.round, self.opened, self.phase = o["round"], o["opened_at"], "training"
        return self.advertise()

    def check_terms(self, o, q, policy):
        f = self.floor
        refuse_if(o["mode"] not in f["modes"] or o["seed_kind"] != (1 if o["mode"] == W else 3), "F03", "mode or seed kind")
        refuse_if(o["mode"] == W and (o["lambda"] < 80 or self.log.policy is None), "F03", "a cosigned seed wants λ ≥ 80 and witnesses")
        refuse_if(self.log.policy is not None and o["witness_policy"] != self.log.policy.id, "F03", "another witness policy")
        refuse_if(o["kex"] != 1 or o["sig"] != 1 or o["prg"] not in (1, 2, 3) or o["word_bits"] not in (16, 24, 32), "F03", "suite")
        refuse_if(o["n_min"] < f["n_min"] or o["delta_bp"] > f["delta_bp"] or o["lambda"] < f["lambda"] or not 1 <= o["cohorts"] <= 32, "F03", "weaker than the floor")
        refuse_if(policy is None or o["n_min"] < policy.record["n_min"] or o["gamma_bp"] < policy.record["gamma_bp"] or o["delta_bp"] > policy.record["delta_bp"],
                  "F03", "weaker than the logged policy")
        refuse_if(o["d"] != q["d"] or o["C_int"] > q["C_int"] or o["sigma_tot_sq"] < q["sigma_tot_sq"] or o["n_min"] < q["n_min"], "F03", "weaker than the question")
        refuse_if(o["sigma_tot_sq"] * f["z_den"]**2 < o["C_int"]**2 * f["z_num"]**2, "F03", "too little noise")
        self.check_ring(o, o["n_min"])

    @staticmethod
    def check_ring(o, n):
        """6.5, with n members of a sum."""
        reach = n * o["x_max"] + 6 * (isqrt(o["sigma_tot_sq"] - 1) + 1)
        coarse = o["C_int"]**2 < o["d"] * (64 if o["word_bits"] == 32 else 1)
        refuse_if(reach >= 2**(o["word_bits"] - 1) or coarse or not 1 <= o["x_max"] <= o["C_int"], "F03", "the sum could wrap, or the grid is too coarse")

    # -- R0, R1

    def advertise(self):
        self.m, self.b, self.e = self.draw["scalar"](), self.draw["scalar"](), self.draw["bytes"](32)
        self.s = keys.mask_secret(shares.to_bytes(self.m), self.open_hash)
        bundle = {"cert": self.cert, "spk": keys.public(self.s), "epk": keys.public(self.e), "bc": keys.commitment(shares.to_bytes(self.b), self.open_hash),
                  "kem": b"", "cert_pq": b"", "sig": bytes(64), "sig_pq": b""}
        bundle["sig"] = keys.sign(self.key, b"advertise", self.open_hash + wire.encode(wire.KEY, bundle)[:-68])
        self.bundle, self.phase = bundle, "advertised"
        return [("advertise", {"open_hash": self.open_hash, "key": bundle})]

    def span(self, entries, first):
        refuse_if([e.index for e in entries] != list(range(first, first + len(entries))) or not entries, "F01", "entries are missing between")
        for e in entries[:-1]:
            refuse_if(e.record.get("open") == self.open_hash and e.kind in ("Roster", "Abort"), "F02", f"an earlier {e.kind}")
            refuse_if(e.kind == "Survivors" and e.record["roster"] == getattr(self, "roster_hash", None) and e.record["cohort"] == self.cohort, "F02", "earlier Survivors")
        return entries[-1]

    def on_roster(self, m):
        if self.phase != "advertised" or m["open_hash"] != self.open_hash:
            return []
        last = self.span(self.log.follow(m["evidence"]), self.open_index + 1)
        refuse_if(last.kind != "Roster" or last.record["open"] != self.open_hash, "F01", "the last entry is not the Roster")
        o, r = self.open, last.record
        refuse_if(not degree_is_safe(r["n"], o["cohorts"], o["gamma_bp"], o["delta_bp"], o["lambda"], o["eta"], o["mode"], r["k"], r["t"]), "F03", "(k, t)")
        refuse_if(r["n"] // o["cohorts"] < o["n_min"], "F03", "the roster is too small")
        self.check_ring(o, r["n"])
        self.roster, self.roster_hash, self.roster_index, self.index = r, last.hash, last.index, m["index"]
        seed = keys.graph_seed(self.open_hash, last.hash, self.seed_cosignatures(m, last))
        self.ring = Ring(r["n"], o["cohorts"], r["k"], seed)
        refuse_if(m["index"] >= r["n"], "F15", "index")
        self.cohort, self.neighbours = self.ring.cohort(m["index"]), self.ring.neighbours(m["index"])
        self.sid = keys.session_id(self.open_hash, last.hash, seed, self.cohort)
        refuse_if([p["index"] for p in m["peers"]] != [m["index"]] + self.neighbours, "F08", "the neighbours are not those of the seed")
        self.check_peers(m["peers"])
        return self.share()

    def seed_cosignatures(self, m, roster):
        if self.open["mode"] != W:
            refuse_if(m["seed_checkpoint"] or m["seed_proof"], "F15", "a seed's checkpoint in another mode")
            return []
        cp = thelog.open_checkpoint(m["seed_checkpoint"], self.log.origin, self.log.log_key, self.log.policy)
        refuse_if(cp.size > self.log.size or not merkle.included(roster.index, cp.size, roster.hash, m["seed_proof"], cp.root), "F01", "the seed's tree has no Roster")
        return cp.cosignatures

    def check_peers(self, peers):
        seen, self.keys = set(), {}
        for p in peers:
            k, raw = p["key"], wire.encode(wire.KEY, p["key"])
            refuse_if(not merkle.included(p["index"], self.roster["n"], merkle.leaf(wire.u32(p["index"]) + raw), p["proof"], self.roster["root"]), "F07", "not in the roster")
            if p["index"] == self.index:
                refuse_if(k != self.bundle, "F07", "the own entry was altered")
            else:
                refuse_if(not keys.cert_is_good(k["cert"], self.pins["authority"], 1, self.open["opened_at"]), "F06", f"member {p['index']}")
                refuse_if(not keys.verifies(k["cert"]["idpk"], b"advertise", self.open_hash + raw[:-68], k["sig"]), "F07", f"signature of {p['index']}")
                refuse_if(not keys.canonical_point(k["spk"]) or not keys.canonical_point(k["epk"]), "F07", f"a key of {p['index']}")
                self.keys[p["index"]] = k
            for one in (k["spk"], k["epk"], k["cert"]["idpk"]):
                refuse_if(one in seen, "F07", "two keys are equal")
                seen.add(one)

    def share(self):
        o, n_c = self.open, self.roster["n"] // self.open["cohorts"]
        corrupt = self.roster["n"] * o["gamma_bp"] // 10000
        refuse_if(o["cohorts"] != 1, "F03", "this client's noise is for one cohort")
        h_min = max(n_c - n_c * o["delta_bp"] // 10000 - corrupt, 1 if n_c < 64 else 0)
        refuse_if(h_min < 1, "F03", "no honest survivor would be left")
        variance = noise.local_variance(o["sigma_tot_sq"], h_min)
        x = self.vector(o)
        refuse_if(len(x) != o["d"] or sum(v * v for v in x) > o["C_int"]**2 or any(abs(v) > o["x_max"] for v in x), "F15", "the vector is beyond its clip")
        if self.noised is None:
            self.noised = [v + noise.gaussian(variance) for v in x]
        xs = [self.ring.x(j) for j in self.neighbours]
        parts = [shares.split(v, self.roster["t"], xs, self.draw.get(name)) for name, v in (("m", self.m), ("b", self.b))]
        boxes = [keys.seal(self.e, self.keys[j]["epk"], self.sid, self.index, j, ms + bs) for j, ms, bs in zip(self.neighbours, *parts)]
        self.phase = "shared"
        return [self.sign("shares", b"shares", {"sid": self.sid, "sealed": boxes, "share_cts": [], "mask_cts": []})]

    # -- R2

    def on_delivery(self, m):
        if m["sid"] != getattr(self, "sid", None):
            return []
        digest = keys.sha256(wire.body("delivery", m))
        if self.phase != "shared":
            refuse_if(digest != getattr(self, "delivered", digest), "F14", "a second, different delivery")
            return []
        k = len(self.neighbours)
        refuse_if(len(m["present"]) != (k + 7) // 8 or any(bit(m["present"], i) for i in range(k, 8 * len(m["present"]))), "F15", "bitmap")
        present = [j for i, j in enumerate(self.neighbours) if bit(m["present"], i)]
        refuse_if(len(present) != len(m["sealed"]), "F15", "boxes and bits differ in number")
        self.held, failed = {}, []
        for j, box in zip(present, m["sealed"]):
            plain = keys.open_box(self.e, self.keys[j]["epk"], self.sid, j, self.index, box)
            if plain is None or shares.parse(plain[:32]) is None or shares.parse(plain[32:]) is None:
                failed.append(j)
            else:
                self.held[j] = plain[:32], plain[32:]
        refuse_if(len(self.held) + self.own() < self.roster["t"], "F09", f"{len(self.held)} boxes open")
        self.delivered, self.y = digest, self.mask()
        return self.charge(failed)

    def own(self):
        return 1 if self.ring.k == self.ring.size - 1 else 0

    def mask(self):
        o, bits = self.open, self.open["word_bits"]
        y = [a + b for a, b in zip(self.noised, keys.mask_words(o["prg"], keys.self_key(shares.to_bytes(self.b), self.sid, o["prg"]), o["d"], bits))]
        for j in self.held:
            key = keys.pair_key(self.s, self.keys[j]["spk"], self.sid, self.index, j, o["prg"])
            sign = 1 if j > self.index else -1
            y = [a + sign * b for a, b in zip(y, keys.mask_words(o["prg"], key, o["d"], bits))]
        return b"".join((v % 2**bits).to_bytes(bits // 8, "little") for v in y)

    def charge(self, failed):
        self.charges += 1
        self.ledger({"seq": self.charges, "round": self.open["round"], "sid": self.sid.hex(), "units": self.open["rho_units"]})
        masked_with = bytearray((len(self.neighbours) + 7) // 8)
        for i, j in enumerate(self.neighbours):
            masked_with[i // 8] |= (j in self.held) << (i % 8)
        pieces = [self.y[i:i + wire.CHUNK] for i in range(0, len(self.y), wire.CHUNK)]
        self.phase = "uploading"
        return [self.sign("input", b"input", {"sid": self.sid, "masked_with": bytes(masked_with), "failed": failed, "length": len(self.y),
                                              "chunks": [keys.sha256(p) for p in pieces], "y_hash": keys.sha256(self.y), "ledger_seq": self.charges})]

    def on_input_state(self, m):
        if self.phase != "uploading" or m["sid"] != self.sid or m["offset"] != 0:
            return []
        return [("chunk", {"sid": self.sid, "offset": i, "data": self.y[i:i + wire.CHUNK]}) for i in range(0, len(self.y), wire.CHUNK)]

    def on_receipt(self, m):
        signed = wire.body("receipt", m)[:-68]
        refuse_if(m["index"] != self.index or m["y_hash"] != keys.sha256(self.y) or not keys.verifies(self.pins["coordinator"], b"receipt", signed, m["sig"]), "F07", "receipt")
        self.phase = "sent"

    # -- R3

    def on_survivors(self, m):
        if m["sid"] != getattr(self, "sid", None):
            return []
        entries, digest = self.log.follow(m["evidence"]), keys.sha256(m["bitmap"])
        if self.phase in ("confirming", "answered"):
            refuse_if(digest != self.digest, "F14", "another set of survivors")
            return []
        refuse_if(self.phase not in ("sent", "uploading"), "F13", "asked before the vector was sent")
        last = self.span(entries, self.roster_index + 1)
        r = last.record
        refuse_if(last.kind != "Survivors" or r["open"] != self.open_hash or r["roster"] != self.roster_hash or r["cohort"] != self.cohort, "F01", "not this session's Survivors")
        n, members = self.roster["n"], set(self.ring.members(self.cohort))
        refuse_if(r["sid"] != self.sid or r["bitmap_hash"] != digest or len(m["bitmap"]) != (n + 7) // 8, "F13", "session or bitmap")
        survivors = {i for i in range(8 * len(m["bitmap"])) if bit(m["bitmap"], i)}
        refuse_if(any(i >= n for i in survivors), "F15", "bits beyond the roster")
        refuse_if(len(survivors) != r["count"] or self.index not in survivors or not survivors <= members, "F13", "the set contradicts its record")
        size = self.ring.size
        refuse_if(len(survivors) < max(self.open["n_min"], size - size * self.open["delta_bp"] // 10000), "F12", f"{len(survivors)} survivors")
        alive = [j for j in self.neighbours if j in survivors]
        refuse_if(any(j not in self.held for j in alive), "F13", "a survivor that this device did not mask with")
        refuse_if(len(alive) + self.own() < self.roster["t"], "F12", f"{len(alive)} neighbours survive")
        self.digest, self.survivors, self.record, self.survivors_hash = digest, survivors, r, last.hash
        if self.open["mode"] == SM:
            self.phase = "confirming"
            return [self.sign("confirm", b"confirm", {"sid": self.sid, "digest": digest})]
        return self.answer()

    def on_confirmed(self, m):
        if self.phase != "confirming" or m["sid"] != self.sid:
            return []
        order, good = [c["index"] for c in m["confirms"]], 0
        refuse_if(order != [j for j in self.neighbours if j in set(order)], "F15", "not neighbours in ring order")
        for c in m["confirms"]:
            key = self.keys[c["index"]]["cert"]["idpk"]
            refuse_if(m["digest"] != self.digest and keys.verifies(key, b"confirm", self.sid + m["digest"], c["sig"]), "F13", "a neighbour signed another set")
            refuse_if(not keys.verifies(key, b"confirm", self.sid + m["digest"], c["sig"]), "F07", "a confirmation does not verify")
            good += 1
        refuse_if(good + self.own() < self.roster["t"], "F12", f"{good} neighbours confirm")
        return self.answer()

    def answer(self):
        """One kind of share for each neighbour, once."""
        self.phase = "answered"
        of_b = [{"index": j, "share": self.held[j][1]} for j in self.neighbours if j in self.held and j in self.survivors]
        of_m = [{"index": j, "share": self.held[j][0]} for j in self.neighbours if j in self.held and j not in self.survivors]
        return [self.sign("reveal", b"reveal", {"sid": self.sid, "has_own": 1, "own_b": shares.to_bytes(self.b), "self_shares": of_b, "pair_shares": of_m})]

    def on_close(self, m):
        if self.phase == "idle" or m["open_hash"] != self.open_hash:
            return []
        (last,) = self.log.follow(m["evidence"])
        self.counted = False
        if last.kind == "RoundClose" and self.phase == "answered":
            refuse_if(last.record["survivors"][self.cohort] != self.survivors_hash, "F02", "closed over other survivors")
            leaf = merkle.leaf(wire.u32(self.index) + keys.sha256(self.y))
            self.counted = merkle.included(m["input_index"], self.record["count"], leaf, m["input_proof"], self.record["inputs_root"])
            refuse_if(not self.counted, "F13", "the vector is not in inputs_root")
        self.ended, self.phase = last, "idle"
        self.m = self.b = self.e = self.s = self.held = None

    def on_hang_up(self, m):
        raise ConnectionError(f"code {m['code']}: {m['detail'].decode()}")


def clip_scale(o):
    """R of privacy.md section 3, for callers that quantise."""
    c, d = o["C_int"], o["d"]
    return sqrt(c * c - d / 4 - sqrt(2 * 20 * log(2)) * (c + sqrt(d) / 2)), struct.unpack(">f", wire.u32(o["C"]))[0]
