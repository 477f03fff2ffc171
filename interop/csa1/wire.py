"""Frames and messages (protocol.md sections 2 to 5): strict reading, canonical writing."""

import struct

MAGIC, VERSION = b"CS", 2
CONTROL, BUNDLE, ROSTER_BUNDLE, DATA, CHUNK = 65536, 1 << 20, 8 << 20, 262400, 262144

TYPES = {
    1: ("hello", CONTROL), 2: ("welcome", BUNDLE), 3: ("offer", BUNDLE), 4: ("model-get", CONTROL), 5: ("model-part", DATA),
    6: ("advertise", CONTROL), 7: ("roster", ROSTER_BUNDLE), 8: ("shares", ROSTER_BUNDLE), 9: ("delivery", ROSTER_BUNDLE),
    10: ("input", CONTROL), 11: ("input-state", CONTROL), 12: ("chunk", DATA), 13: ("receipt", CONTROL), 14: ("survivors", BUNDLE),
    15: ("reveal", BUNDLE), 16: ("close", BUNDLE), 17: ("hang-up", CONTROL), 18: ("confirm", CONTROL), 19: ("confirmed", ROSTER_BUNDLE),
    20: ("delta-get", CONTROL), 21: ("delta-part", DATA),
}
NUMBERS = {name: n for n, (name, _) in TYPES.items()}


class Malformed(Exception):
    """Bytes that the protocol does not know."""


def u32(v):
    """Four bytes, big-endian."""
    return struct.pack(">I", v)


def u64(v):
    """Eight bytes, big-endian."""
    return struct.pack(">Q", v)


# A schema is a list of (name, kind). A kind is "u8" … "u64", a number of bytes, ("bytes", N), or ("list", N, kind or schema).
ENTRY = [("index", "u64"), ("bytes", ("bytes", 4096)), ("proof", ("list", 64, 32))]
EVIDENCE = [("checkpoint", ("bytes", 8192)), ("old_size", "u64"), ("consistency", ("list", 64, 32)), ("entries", ("list", 4096, ENTRY))]
CERT = [("idpk", 32), ("class", "u8"), ("not_before", "u64"), ("not_after", "u64"), ("quota", "u16"), ("serial", 16), ("sig", 64)]
KEY = [("cert", CERT), ("spk", 32), ("epk", 32), ("bc", 32), ("kem", ("bytes", 2432)), ("cert_pq", ("bytes", 3732)), ("sig", 64),
       ("sig_pq", ("bytes", 2420))]
PEER = [("index", "u32"), ("key", KEY), ("proof", ("list", 64, 32))]
SIGS = [("sig", 64), ("sig_pq", ("bytes", 2420))]
SHARE = [("index", "u32"), ("share", 32)]
BOXES = [("sealed", ("list", 16384, 80)), ("share_cts", ("list", 16384, 1120)), ("mask_cts", ("list", 16384, 1120))]

MESSAGES = {
    "hello": [("tree_size", "u64"), ("round", "u64"), ("open_hash", 32)],
    "welcome": [("evidence", EVIDENCE), ("last_header", ("bytes", 65536)), ("round", "u64")],
    "offer": [("evidence", EVIDENCE), ("code", ("bytes", 16384)), ("model_size", "u64")],
    "model-get": [("hash", 32), ("offset", "u64")],
    "model-part": [("hash", 32), ("offset", "u64"), ("total", "u64"), ("data", ("bytes", CHUNK))],
    "delta-get": [("base", 32), ("hash", 32), ("offset", "u64")],
    "delta-part": [("base", 32), ("hash", 32), ("offset", "u64"), ("total", "u64"), ("data", ("bytes", CHUNK))],
    "advertise": [("open_hash", 32), ("key", KEY)],
    "roster": [("evidence", EVIDENCE), ("seed_checkpoint", ("bytes", 8192)), ("seed_proof", ("list", 64, 32)), ("open_hash", 32), ("index", "u32"),
               ("peers", ("list", 16384, PEER))],
    "shares": [("sid", 32)] + BOXES + SIGS,
    "delivery": [("sid", 32), ("present", ("bytes", 2048))] + BOXES,
    "input": [("sid", 32), ("masked_with", ("bytes", 2048)), ("failed", ("list", 16384, "u32")), ("length", "u64"), ("chunks", ("list", 2000, 32)),
              ("y_hash", 32), ("ledger_seq", "u64")] + SIGS,
    "input-state": [("sid", 32), ("offset", "u64")],
    "chunk": [("sid", 32), ("offset", "u64"), ("data", ("bytes", CHUNK))],
    "receipt": [("sid", 32), ("index", "u32"), ("y_hash", 32)] + SIGS,
    "survivors": [("sid", 32), ("evidence", EVIDENCE), ("bitmap", ("bytes", 2048))],
    "reveal": [("sid", 32), ("has_own", "u8"), ("own_b", 32), ("self_shares", ("list", 16384, SHARE)), ("pair_shares", ("list", 16384, SHARE))] + SIGS,
    "close": [("open_hash", 32), ("evidence", EVIDENCE), ("input_proof", ("list", 64, 32)), ("input_index", "u32")],
    "hang-up": [("code", "u16"), ("detail", ("bytes", 1024)), ("retry_after", "u32")],
    "confirm": [("sid", 32), ("digest", 32)] + SIGS,
    "confirmed": [("sid", 32), ("digest", 32), ("confirms", ("list", 16384, [("index", "u32")] + SIGS))],
}
WIDTHS = {"u8": 1, "u16": 2, "u32": 4, "u64": 8}
WHOLE_OR_EMPTY = {"kem", "cert_pq", "sig_pq"}


class Reader:
    """Takes fields off bytes and refuses what is not there."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        """The next n bytes."""
        if self.at + n > len(self.data):
            raise Malformed(f"{n} bytes are wanted at {self.at}, {len(self.data) - self.at} are left")
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, n):
        """An integer of n bytes."""
        return int.from_bytes(self.take(n), "big")

    def counted(self, most, name):
        """A count of at most so many."""
        n = self.number(4)
        if n > most:
            raise Malformed(f"{name}: {n}, at most {most} are allowed")
        return n

    def field(self, name, kind):
        """A value of a kind."""
        if isinstance(kind, int):
            return self.take(kind)
        if isinstance(kind, str):
            return self.number(WIDTHS[kind])
        if isinstance(kind, list):
            return {n: self.field(n, k) for n, k in kind}
        if kind[0] == "bytes":
            n = self.counted(kind[1], name)
            if name in WHOLE_OR_EMPTY and n not in (0, kind[1]):
                raise Malformed(f"{name}: {n} bytes, want none or {kind[1]}")
            return self.take(n)
        return [self.field(name, kind[2]) for _ in range(self.counted(kind[1], name))]

    def end(self):
        """Refuses what is left."""
        if self.at != len(self.data):
            raise Malformed(f"{len(self.data) - self.at} bytes follow the last field")


def encode(kind, value):
    """Bytes of a value of a kind."""
    if isinstance(kind, int):
        if len(value) != kind:
            raise Malformed(f"{len(value)} bytes, want {kind}")
        return bytes(value)
    if isinstance(kind, str):
        return value.to_bytes(WIDTHS[kind], "big")
    if isinstance(kind, list):
        return b"".join(encode(k, value[n]) for n, k in kind)
    if kind[0] == "bytes":
        return u32(len(value)) + value
    return u32(len(value)) + b"".join(encode(kind[2], v) for v in value)


def decode(kind, data):
    """The value that all of data is."""
    r = Reader(data)
    value = r.field("", kind)
    r.end()
    return value


def body(name, message):
    """Bytes of a message's body."""
    return encode(MESSAGES[name], message)


def frame(name, message):
    """Bytes of a message's frame."""
    data = body(name, message)
    return MAGIC + bytes([VERSION, NUMBERS[name]]) + u32(0) + u32(len(data)) + data


def read_frame(read):
    """Reads a frame by read(n), which gives exactly n bytes: (name, message)."""
    header = read(12)
    magic, version, number, flags, length = struct.unpack(">2sBBII", header)
    if magic != MAGIC or version != VERSION:
        raise Malformed("not a frame of version 2")
    if number not in TYPES or flags:
        raise Malformed(f"type {number}, flags {flags}")
    name, limit = TYPES[number]
    if length > limit:
        raise Malformed(f"{name}: body of {length} bytes, at most {limit} are allowed")
    return name, decode(MESSAGES[name], read(length))
