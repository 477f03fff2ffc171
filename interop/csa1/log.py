"""The log as a device sees it: records (log.md section 3), checkpoints, cosignatures and witness policy (section 5)."""

import base64
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from . import merkle, wire
from .keys import sha256, verifies

H = 32
STRING = ("bytes", 4032)
RECORDS = {
    1: ("PolicyChange", [("ceiling_units", "u64"), ("period_seconds", "u64"), ("P", "u32"), ("b", "u32"), ("n_min", "u32"), ("gamma_bp", "u16"),
                         ("delta_bp", "u16")]),
    2: ("CodeRelease", [("code_hash", H), ("name", STRING), ("version", "u32")]),
    3: ("Question", [("id", STRING), ("version", "u32"), ("purpose", STRING), ("kind", "u8"), ("layout_hash", H), ("d", "u32"), ("C", "u32"), ("C_int", "u32"),
                     ("sigma_tot_sq", "u64"), ("n_min", "u32"), ("P", "u32"), ("b", "u32"), ("share_bp", "u32"), ("expiry", "u64"), ("code_hash", H),
                     ("result", STRING)]),
    4: ("RoundOpen", [("round", "u64"), ("opened_at", "u64"), ("prev_round", H), ("question", H), ("model_in", H), ("code_hash", H), ("layout_hash", H),
                      ("d", "u32"), ("word_bits", "u16"), ("x_max", "u32"), ("kex", "u16"), ("prg", "u16"), ("sig", "u16"), ("mode", "u16"),
                      ("seed_kind", "u16"), ("gamma_bp", "u16"), ("delta_bp", "u16"), ("lambda", "u16"), ("eta", "u16"), ("n_target", "u32"),
                      ("n_min", "u32"), ("cohorts", "u32"), ("C", "u32"), ("C_int", "u32"), ("sigma_tot_sq", "u64"), ("sigma_bit_sq", "u64"),
                      ("rho_units", "u64"), ("P", "u32"), ("b", "u32"), ("deadlines", 20), ("witness_policy", H)]),
    5: ("Roster", [("open", H), ("n", "u32"), ("k", "u32"), ("t", "u32"), ("root", H)]),
    6: ("Survivors", [("open", H), ("roster", H), ("cohort", "u32"), ("sid", H), ("count", "u32"), ("bitmap_hash", H), ("inputs_root", H)]),
    7: ("RoundClose", [("open", H), ("roster", H), ("survivors", ("list", 32, H)), ("sum_hash", ("list", 32, H)), ("model_out", H), ("serve_hash", H),
                       ("u1", "u32"), ("u2", "u32"), ("u3", "u32"), ("honest_noise", "u64"), ("C", "u32"), ("rho_units", "u64"), ("rho_cum_bound", "u64"),
                       ("phase_millis", 20), ("drops", ("list", 64, [("reason", "u16"), ("count", "u32")]))]),
    8: ("Abort", [("open", H), ("phase", "u16"), ("reason", "u16"), ("detail", STRING), ("u1", "u32"), ("u2", "u32"), ("u3", "u32")]),
    9: ("BudgetExhausted", [("question", H), ("round", "u64")]),
}


class BadProof(Exception):
    """F01."""


@dataclass
class Entry:
    """An entry that was proved to lie in the log: record has the fields of its kind, hash is that of 2.3."""

    index: int
    hash: bytes
    kind: str
    record: dict


@dataclass
class Witness:
    """One line of a policy: name, key id of 4 bytes, Ed25519 key."""

    name: str
    id: bytes
    key: bytes


@dataclass
class Policy:
    """5.5: whose cosignatures count, and how many are a quorum."""

    witnesses: list
    quorum: int
    id: bytes

    @staticmethod
    def parse(text):
        """Reads a policy's text; ValueError where it has another form."""
        lines = text.split("\n")
        witnesses = []
        for line in lines:
            m = re.fullmatch(r"witness (\S+) ([^+ ]+)\+([0-9a-f]{8})\+(\S+)", line)
            if m:
                raw = base64.b64decode(m[4], validate=True)
                ident = sha256(m[2].encode(), b"\n", raw)[:4]
                if m[1] != m[2] or raw[0] != 4 or len(raw) != 33 or ident.hex() != m[3]:
                    raise ValueError(f"not a witness: {line}")
                witnesses.append(Witness(m[1], ident, raw[1:]))
        m = re.fullmatch(r"group witnesses (\d+) (.*)", lines[len(witnesses)])
        policy = Policy(witnesses, int(m[1]), sha256(text.encode()))
        if m[2].split(" ") != [w.name for w in witnesses] or lines[len(witnesses) + 1:] != ["quorum witnesses", ""] or not 1 <= policy.quorum <= len(witnesses):
            raise ValueError("not a witness policy")
        return policy


@dataclass
class Checkpoint:
    """A signed tree: size and root."""

    size: int
    root: bytes
    cosignatures: list  # 76 bytes each, in policy order
    time: int           # the least of their times, 0 without any


def note_key_id(name, kind, key):
    """The 4 bytes that name a key in a note."""
    return sha256(name.encode(), b"\n", bytes([kind]), key)[:4]


def signed_by(key, message, signature):
    """Whether a note's text is signed."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


def open_checkpoint(note, origin, log_key, policy):
    """5.1 to 5.4, strictly: one encoding, a quorum where there is a policy."""
    text, gap, tail = note.partition(b"\n\n")
    text += b"\n"
    lines = text.decode().split("\n")
    signatures = tail.decode().split("\n")
    if not gap or len(lines) != 4 or lines[0] != origin or signatures.pop() != "" or not re.fullmatch(r"0|[1-9]\d*", lines[1]):
        raise BadProof("the checkpoint is not three lines and signatures")
    raw = [signature_line(s) for s in signatures]
    if not raw or raw[0][0] != origin or raw[0][1][:4] != note_key_id(origin, 1, log_key) or not signed_by(log_key, text, raw[0][1][4:]):
        raise BadProof("the checkpoint is not signed by the log")
    root = base64.b64decode(lines[2], validate=True)
    if len(root) != 32 or base64.b64encode(root).decode() != lines[2]:
        raise BadProof("the checkpoint's root is not one")
    cosigned, times = cosignatures(raw[1:], text, policy)
    return Checkpoint(int(lines[1]), root, cosigned, min(times, default=0))


def signature_line(line):
    """Name and bytes of a signature line."""
    m = re.fullmatch("— (\\S+) (\\S+)", line)
    if not m:
        raise BadProof("a signature line has another form")
    raw = base64.b64decode(m[2], validate=True)
    if base64.b64encode(raw).decode() != m[2]:
        raise BadProof("a signature line has loose base64")
    return m[1], raw


def cosignatures(lines, text, policy):
    """The 76 bytes and the time of each cosignature; BadProof where they are no quorum, or out of policy order."""
    out, times = [], []
    names = [w.name for w in policy.witnesses] if policy else []
    last = -1
    for name, raw in lines:
        if name not in names or names.index(name) <= last or len(raw) != 76:
            raise BadProof(f"a line of {name}, out of order or of no witness")
        last = names.index(name)
        w, time = policy.witnesses[last], int.from_bytes(raw[4:12], "big")
        message = b"cosignature/v1\ntime " + str(time).encode() + b"\n" + text
        if raw[:4] != w.id or not 0 < time < 2**63 or not signed_by(w.key, message, raw[12:]):
            raise BadProof(f"the cosignature of {name} does not verify")
        out.append(raw)
        times.append(time)
    if policy and len(out) < policy.quorum:
        raise BadProof(f"{len(out)} witnesses signed, a quorum is {policy.quorum}")
    return out, times


def open_entry(data, coordinator):
    """The kind and fields of an entry (log.md section 2)."""
    record, signature = data[:-64], data[-64:]
    if not verifies(coordinator, b"record", record, signature):
        raise BadProof("an entry is not signed by the coordinator")
    kind, version = int.from_bytes(record[:2], "big"), int.from_bytes(record[2:4], "big")
    if kind not in RECORDS or version != (2 if kind == 7 else 1):
        raise BadProof(f"a record of kind {kind}, version {version}")
    name, schema = RECORDS[kind]
    return name, wire.decode(schema, record[4:])


class Log:
    """The newest tree that this device has seen; it only ever grows."""

    def __init__(self, origin, log_key, coordinator, policy):
        self.origin, self.log_key, self.coordinator, self.policy = origin, log_key, coordinator, policy
        self.size, self.root, self.time = 0, b"", 0

    def follow(self, evidence):
        """Entries of the evidence, each proved to lie in the checkpoint's tree."""
        cp = open_checkpoint(evidence["checkpoint"], self.origin, self.log_key, self.policy)
        if cp.size < self.size or not merkle.consistent(self.size, self.root, cp.size, cp.root, evidence["consistency"]):
            raise BadProof("the log is no extension of the one seen before")
        out = []
        for e in evidence["entries"]:
            h = merkle.leaf(e["bytes"])
            if not merkle.included(e["index"], cp.size, h, e["proof"], cp.root):
                raise BadProof(f"entry {e['index']} is not in the tree")
            out.append(Entry(e["index"], h, *open_entry(e["bytes"], self.coordinator)))
        self.size, self.root, self.time = cp.size, cp.root, cp.time or self.time
        return out
