"""The key schedule (secure-aggregation.md section 7), signatures (2.4) and certificates (protocol.md section 10)."""

import hashlib
import hmac

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from . import wire

PREFIX = b"cinesync/csa1/"
P25519 = 2**255 - 19
KEY_BYTES = {1: 16, 2: 32, 3: 32}  # L, by mask generator


def sha256(*parts):
    """H over the parts, one after the other."""
    h = hashlib.sha256()
    for p in parts:
        h.update(p)
    return h.digest()


def kdf(secret, label, context, size):
    """HKDF-SHA-256 with an empty salt (RFC 5869)."""
    info, out, block = PREFIX + label + b"\x00" + context, b"", b""
    prk = hmac.digest(b"\x00" * 32, secret, "sha256")
    for i in range((size + 31) // 32):
        block = hmac.digest(prk, block + info + bytes([i + 1]), "sha256")
        out += block
    return out[:size]


def sign(key, label, data):
    """An Ed25519 signature under a label (2.4)."""
    return key.sign(PREFIX + label + b"\x00" + data)


def verifies(public, label, data, signature):
    """Whether it is one."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, PREFIX + label + b"\x00" + data)
        return True
    except (InvalidSignature, ValueError):
        return False


def cert_is_good(cert, authority, cls, now):
    """Issued by the authority, of the class, and valid at now."""
    signed = wire.encode(wire.CERT, cert)[:67]
    return cert["class"] == cls and cert["not_before"] <= now <= cert["not_after"] and verifies(authority, b"cert", signed, cert["sig"])


def canonical_point(k):
    """7.5: below p, and not of low order, which the agreement shows by giving zero."""
    if int.from_bytes(k, "little") >= P25519:
        return False
    try:
        agree(b"\x08" + b"\x00" * 31, k)
        return True
    except ValueError:
        return False


def raw(key):
    """The 32 bytes of a public key."""
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def public(secret):
    """The X25519 public key of 32 secret bytes."""
    return raw(X25519PrivateKey.from_private_bytes(secret).public_key())


def agree(secret, peer):
    """X25519; ValueError where it gives zero."""
    return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(peer))


def mask_secret(m, open_hash):
    """s_i."""
    return kdf(m, b"x25519", open_hash, 32)


def commitment(b, open_hash):
    """bc_i."""
    return sha256(PREFIX + b"bcommit", open_hash, b)


def graph_seed(open_hash, roster_hash, cosignatures):
    """5.6, for every seed kind."""
    return sha256(PREFIX + b"graph", open_hash, roster_hash, *cosignatures)


def session_id(open_hash, roster_hash, seed, cohort):
    """sid."""
    return sha256(PREFIX + b"sid", open_hash, roster_hash, seed, wire.u32(cohort))


def pair_key(s, peer_spk, sid, i, j, prg):
    """K_ij, from either end."""
    return kdf(agree(s, peer_spk), b"mask", sid + wire.u32(min(i, j)) + wire.u32(max(i, j)), KEY_BYTES[prg])


def self_key(b, sid, prg):
    """K_i."""
    return kdf(b, b"self", sid, KEY_BYTES[prg])


def box_key(e, peer_epk, sid, source, target):
    """The sealing key from source to target."""
    return kdf(agree(e, peer_epk), b"share", sid + wire.u32(source) + wire.u32(target), 16)


def seal(e, peer_epk, sid, source, target, shares):
    """The 80 bytes of a box around 64 bytes of shares."""
    return AESGCM(box_key(e, peer_epk, sid, source, target)).encrypt(b"\x00" * 12, shares, sid + wire.u32(source) + wire.u32(target))


def open_box(e, peer_epk, sid, source, target, box):
    """The 64 bytes of shares, or None where the box does not open."""
    try:
        return AESGCM(box_key(e, peer_epk, sid, source, target)).decrypt(b"\x00" * 12, box, sid + wire.u32(source) + wire.u32(target))
    except InvalidTag:
        return None


def keystream(prg, key, size):
    """6.3: from counter 0."""
    if prg == 3:
        algorithm, mode = algorithms.ChaCha20(key, b"\x00" * 16), None
    else:
        algorithm, mode = algorithms.AES(key), modes.CTR(b"\x00" * 16)
    return Cipher(algorithm, mode).encryptor().update(b"\x00" * size)


def mask_words(prg, key, d, bits):
    """The first d words of a mask."""
    v = bits // 8
    stream = keystream(prg, key, d * v)
    return [int.from_bytes(stream[v * j:v * j + v], "little") for j in range(d)]
