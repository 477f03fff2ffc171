"""A device's side of a round (secure-aggregation.md sections 9 and 12): what it sends, and what it refuses."""

import secrets

from . import keys, log as thelog, masking, noise, roster, shares, survivors, terms, wire
from .refusal import Refused, refuse_if
from .ring import Ring, SM, degree_is_safe


class Device:
    """One device in one round after the other. step gives the messages that answer one message.

    vector(RoundOpen) gives d integers within the clip. ledger has last, the sequence of its newest entry, and append(entry), which
    is durable when it returns. clock() is in Unix seconds. Session secrets live in memory alone: a device that is started anew is
    out of the round that it was in (9.1).
    """

    def __init__(self, key, cert, pins, floor, vector, clock, ledger):
        self.key, self.cert, self.pins, self.floor = key, cert, pins, floor
        self.vector, self.clock, self.ledger = vector, clock, ledger
        self.log = thelog.Log(pins["log_origin"], pins["log_key"], pins["coordinator"], pins["policy"])
        self.round = self.opened = 0
        self.phase = "idle"
        self.open_hash = self.sid = self.index = self.noised = None
        self.sent = {}          # what answered each step, to be sent again and never made anew
        self.uploading = False  # this round's chunks are under way on this connection
        self.add_noise = noise.added
        self.draw = {"scalar": shares.draw, "bytes": secrets.token_bytes}

    def hello(self):
        """The first message of a connection."""
        self.uploading = False
        active = self.phase != "idle"
        return "hello", {"tree_size": self.log.size, "round": self.round if active else 0, "open_hash": self.open_hash if active else bytes(32)}

    def step(self, name, message):
        """Messages to send, as (name, message) pairs. After Refused the session's secrets are gone."""
        try:
            handler = getattr(self, "on_" + name.replace("-", "_"), None)
            refuse_if(handler is None, "F15", f"{name} has no place here")
            return handler(message) or []
        except thelog.BadProof as e:
            self.erase()
            raise Refused("F01", str(e)) from e
        except Refused:
            self.erase()
            raise

    def erase(self):
        """Ends the session (11.4)."""
        self.phase, self.sid, self.sent = "idle", None, {}
        self.m = self.b = self.e = self.s = self.held = None

    def signed(self, name, message):
        """The message under its own label, kept for another asking."""
        message = dict(message, sig=bytes(64), sig_pq=b"")
        message["sig"] = keys.sign(self.key, name.encode(), wire.body(name, message)[:-68])
        self.sent[name] = [(name, message)]
        return self.sent[name]

    # -- welcome, offer, R0

    def on_welcome(self, m):
        """The newest tree; an old copy of the ledger counts as spent (privacy.md 7.4)."""
        self.log.follow(m["evidence"])
        if m["last_header"]:
            header = wire.decode(wire.MESSAGES["input"], m["last_header"])
            mine = keys.verifies(self.cert["idpk"], b"input", m["last_header"][:-68 - len(header["sig_pq"])], header["sig"])
            refuse_if(not mine, "F07", "the last header is not signed by this device")
            refuse_if(header["ledger_seq"] > self.ledger.last, "F10", f"entry {header['ledger_seq']} was signed, the ledger ends at {self.ledger.last}")

    def on_offer(self, m):
        """Checks of 12.1, without consent and model: this device asks nobody and trains on nothing."""
        entries = self.log.follow(m["evidence"])
        refuse_if(not entries or entries[-1].kind != "RoundOpen", "F01", "the last entry is no RoundOpen")
        last, shown = entries[-1], {e.kind: e for e in entries}
        if self.phase != "idle" and last.hash == self.open_hash:
            return self.sent["advertise"] if self.phase == "advertised" else []
        o, question, policy = last.record, shown.get("Question"), shown.get("PolicyChange")
        terms.check_times(o, self.clock(), self.log.time if self.log.policy else None, self.opened)
        refuse_if(o["round"] <= self.round, "F11", "the round is not a new one")
        refuse_if(question is None or question.hash != o["question"], "F17", "the question is not shown")
        terms.check_terms(o, question.record, policy and policy.record, self.log.policy, self.floor)
        refuse_if(keys.sha256(m["code"]) != o["code_hash"], "F05", "the code is another")
        self.erase()
        self.open, self.open_hash, self.open_index = o, last.hash, last.index
        self.round, self.opened = o["round"], o["opened_at"]
        self.index = self.noised = None
        return self.advertise()

    def model_arrived(self, digest):
        """The file that was fetched has this hash (12.1, last)."""
        if digest != self.open["model_in"]:
            self.erase()
            raise Refused("F04", "the file is not the model that was logged")

    def advertise(self):
        """Fresh secrets, and R0."""
        self.m, self.b, self.e = self.draw["scalar"](), self.draw["scalar"](), self.draw["bytes"](32)
        self.s = keys.mask_secret(shares.to_bytes(self.m), self.open_hash)
        bundle = roster.own_bundle(self.key, self.cert, self.s, self.e, shares.to_bytes(self.b), self.open_hash)
        self.bundle, self.phase = bundle, "advertised"
        self.sent["advertise"] = [("advertise", {"open_hash": self.open_hash, "key": bundle})]
        return self.sent["advertise"]

    # -- R1

    def on_roster(self, m):
        """Checks of 12.2, then shares for every neighbour."""
        if m["open_hash"] != self.open_hash or self.phase not in ("advertised", "shared"):
            return []
        entries = self.log.follow(m["evidence"])
        last = roster.last_of(entries, self.open_index + 1, lambda e: e.kind in ("Roster", "Abort") and e.record["open"] == self.open_hash)
        refuse_if(last.kind != "Roster" or last.record["open"] != self.open_hash, "F01", "the last entry is not the Roster")
        if self.phase == "shared":
            refuse_if(last.hash != self.roster_hash or m["index"] != self.index, "F14", "another roster")
            return self.sent["shares"]
        o, r = self.open, last.record
        refuse_if(not degree_is_safe(r["n"], o["cohorts"], o["gamma_bp"], o["delta_bp"], o["lambda"], o["eta"], o["mode"], r["k"], r["t"]), "F03", "(k, t)")
        refuse_if(r["n"] // o["cohorts"] < o["n_min"], "F03", "the roster is too small")
        terms.check_ring(o, r["n"])
        refuse_if(m["index"] >= r["n"], "F15", "index")
        self.roster, self.roster_hash, self.roster_index, self.index = r, last.hash, last.index, m["index"]
        seed = keys.graph_seed(self.open_hash, last.hash, roster.seed_cosignatures(self.log, o["mode"], m, last))
        self.ring = Ring(r["n"], o["cohorts"], r["k"], seed)
        self.cohort, self.neighbours = self.ring.cohort(m["index"]), self.ring.neighbours(m["index"])
        self.own = 1 if self.ring.k == self.ring.size - 1 else 0  # the own share counts in the complete graph (5.5)
        self.sid = keys.session_id(self.open_hash, last.hash, seed, self.cohort)
        refuse_if([p["index"] for p in m["peers"]] != [m["index"]] + self.neighbours, "F08", "the neighbours are not those of the seed")
        self.peers = roster.check_peers(m["peers"], r, self.index, self.bundle, o, self.open_hash, self.pins["authority"])
        return self.share()

    def share(self):
        """Noise for the vector, and R1."""
        o = self.open
        h_min = terms.honest_survivors(o, self.roster["n"])
        variance = noise.local_variance(o["sigma_tot_sq"], h_min)
        x = self.vector(o)
        terms.check_vector(o, x)
        self.noised = self.add_noise(x, variance)
        if o["sigma_bit_sq"]:  # the clip did not cut its vector
            self.noised += self.add_noise([0], noise.local_variance(o["sigma_bit_sq"], h_min))
        xs = [self.ring.x(j) for j in self.neighbours]
        parts = [shares.split(v, self.roster["t"], xs, self.draw.get(name)) for name, v in (("m", self.m), ("b", self.b))]
        boxes = [keys.seal(self.e, self.peers[j]["epk"], self.sid, self.index, j, ms + bs) for j, ms, bs in zip(self.neighbours, *parts)]
        self.phase = "shared"
        return self.signed("shares", {"sid": self.sid, "sealed": boxes, "share_cts": [], "mask_cts": []})

    # -- R2

    def on_delivery(self, m):
        """Checks of 12.3, then mask, charge and R2."""
        if self.sid is None or m["sid"] != self.sid:
            return []
        digest = keys.sha256(wire.body("delivery", m))
        if self.phase != "shared":
            refuse_if(digest != self.delivered, "F14", "a second, different delivery")
            return self.sent["input"] if self.phase in ("uploading", "sent") else []
        self.held, failed = masking.open_boxes(m, self.neighbours, self.peers, self.e, self.sid, self.index)
        refuse_if(len(self.held) + self.own < self.roster["t"], "F09", f"{len(self.held)} boxes open")
        partners = {j: self.peers[j] for j in self.held}
        self.y = masking.masked(self.noised, self.open, self.sid, self.index, shares.to_bytes(self.b), self.s, partners)
        self.delivered = digest
        return self.charge(failed)

    def charge(self, failed):
        """The ledger's entry first, then the header of R2."""
        seq = self.ledger.last + 1
        self.ledger.append({"seq": seq, "round": self.round, "sid": self.sid.hex(), "units": self.open["rho_units"]})
        masked_with = masking.bitmap([j in self.held for j in self.neighbours])
        pieces = [keys.sha256(self.y[i:i + wire.CHUNK]) for i in range(0, len(self.y), wire.CHUNK)]
        self.phase, self.uploading = "uploading", False
        return self.signed("input", {"sid": self.sid, "masked_with": masked_with, "failed": failed, "length": len(self.y), "chunks": pieces,
                                     "y_hash": keys.sha256(self.y), "ledger_seq": seq})

    def on_input_state(self, m):
        """The first behind an input on a connection says where to go on; later ones acknowledge."""
        if self.phase != "uploading" or m["sid"] != self.sid or self.uploading:
            return []
        size, at = len(self.y), m["offset"]
        refuse_if(at > size or at % wire.CHUNK and at != size, "F15", f"offset {at} in a vector of {size} bytes")
        self.uploading = True
        return [("chunk", {"sid": self.sid, "offset": i, "data": self.y[i:i + wire.CHUNK]}) for i in range(at, size, wire.CHUNK)]

    def on_receipt(self, m):
        """S has y_i (8.2)."""
        if self.phase not in ("uploading", "sent") or m["sid"] != self.sid:
            return []
        good = keys.verifies(self.pins["coordinator"], b"receipt", wire.body("receipt", m)[:-68], m["sig"])
        refuse_if(m["index"] != self.index or m["y_hash"] != keys.sha256(self.y) or not good, "F07", "receipt")
        self.phase = "sent"

    # -- R3

    def on_survivors(self, m):
        """Checks of 12.4, then, once, the answer."""
        if self.sid is None or m["sid"] != self.sid:
            return []
        entries, digest = self.log.follow(m["evidence"]), keys.sha256(m["bitmap"])
        if self.phase in ("confirming", "answered"):
            refuse_if(digest != self.digest, "F14", "another set of survivors")
            return self.sent["confirm" if self.phase == "confirming" else "reveal"]
        refuse_if(self.phase not in ("sent", "uploading"), "F13", "asked before the vector was sent")
        last = roster.last_of(entries, self.roster_index + 1, self.rivals_survivors)
        r, n = last.record, self.roster["n"]
        mine = last.kind == "Survivors" and r["open"] == self.open_hash and r["roster"] == self.roster_hash and r["cohort"] == self.cohort
        refuse_if(not mine, "F01", "not this session's Survivors")
        refuse_if(r["sid"] != self.sid or r["bitmap_hash"] != digest, "F13", "session or bitmap")
        alive = survivors.named(m["bitmap"], n)
        survivors.check_set(alive, r["count"], self.index, set(self.ring.members(self.cohort)))
        survivors.check_size(alive, self.ring.size, self.open, self.neighbours, self.held, self.own, self.roster["t"])
        self.digest, self.survivors, self.record, self.survivors_hash = digest, alive, r, last.hash
        if self.open["mode"] == SM:
            self.phase = "confirming"
            return self.signed("confirm", {"sid": self.sid, "digest": digest})
        return self.answer()

    def rivals_survivors(self, e):
        """8.3: what may not lie between the Roster and this cohort's Survivors."""
        if e.kind == "Survivors":
            return e.record["roster"] == self.roster_hash and e.record["cohort"] == self.cohort
        return e.kind in ("Roster", "Abort") and e.record["open"] == self.open_hash

    def on_confirmed(self, m):
        """Mode SM: t neighbours confirm the same set (9.2)."""
        if self.phase != "confirming" or m["sid"] != self.sid:
            return []
        good = survivors.count_confirms(m, self.sid, self.digest, self.neighbours, self.peers)
        refuse_if(good + self.own < self.roster["t"], "F12", f"{good} neighbours confirm")
        return self.answer()

    def answer(self):
        """One kind of share for each neighbour, once."""
        self.phase = "answered"
        masked = [j for j in self.neighbours if j in self.held]
        of_b = [{"index": j, "share": self.held[j][1]} for j in masked if j in self.survivors]
        of_m = [{"index": j, "share": self.held[j][0]} for j in masked if j not in self.survivors]
        return self.signed("reveal", {"sid": self.sid, "has_own": 1, "own_b": shares.to_bytes(self.b), "self_shares": of_b, "pair_shares": of_m})

    def on_close(self, m):
        """Checks of 12.6. ended is the round's last entry; counted whether this vector is in the sum, None where it cannot be told."""
        if self.phase == "idle" or m["open_hash"] != self.open_hash:
            return []
        entries = self.log.follow(m["evidence"])
        refuse_if(len(entries) != 1 or entries[0].kind not in ("RoundClose", "Abort") or entries[0].record["open"] != self.open_hash, "F01", "no end of this round")
        self.ended, self.counted = entries[0], None
        if self.ended.kind == "RoundClose":
            self.counted = self.is_counted(m, self.ended.record)
        self.ended_sid = self.sid
        self.erase()

    def is_counted(self, m, record):
        """Whether y_i is under inputs_root, which only a device that was shown Survivors knows."""
        refuse_if(self.phase != "advertised" and record["roster"] != self.roster_hash, "F02", "closed over another roster")
        if self.phase not in ("confirming", "answered"):
            return None
        survivors.check_close(m, record, self.record, self.survivors_hash, self.cohort, wire.u32(self.index) + keys.sha256(self.y))
        return True
