"""Boxes opened and the vector masked (secure-aggregation.md 7.2, 7.4)."""

from . import keys, shares
from .refusal import refuse_if, bit
from .terms import words


def open_boxes(delivery, neighbours, peers, e, sid, index):
    """The shares that neighbours sealed for this device: by index, (of m, of b) of 32 bytes each; and whose boxes do not open."""
    present, k = delivery["present"], len(neighbours)
    refuse_if(len(present) != (k + 7) // 8 or any(bit(present, i) for i in range(k, 8 * len(present))), "F15", "bitmap")
    senders = [j for i, j in enumerate(neighbours) if bit(present, i)]
    refuse_if(len(senders) != len(delivery["sealed"]) or delivery["share_cts"] or delivery["mask_cts"], "F15", "boxes and bits differ in number")
    held, failed = {}, []
    for j, box in zip(senders, delivery["sealed"]):
        plain = keys.open_box(e, peers[j]["epk"], sid, j, index, box)
        if plain is None or shares.parse(plain[:32]) is None or shares.parse(plain[32:]) is None:
            failed.append(j)
        else:
            held[j] = plain[:32], plain[32:]
    return held, failed


def masked(noised, o, sid, index, b, s, peers):
    """y_i as it travels: the noised integers, the self mask of b, and a pair mask with s for each of peers, mod 2^w."""
    prg, d, bits = o["prg"], words(o), o["word_bits"]
    y = [v + m for v, m in zip(noised, keys.mask_words(prg, keys.self_key(b, sid, prg), d, bits))]
    for j, bundle in peers.items():
        sign, key = 1 if j > index else -1, keys.pair_key(s, bundle["spk"], sid, index, j, prg)
        y = [v + sign * m for v, m in zip(y, keys.mask_words(prg, key, d, bits))]
    return b"".join((v % 2**bits).to_bytes(bits // 8, "little") for v in y)


def bitmap(bits):
    """The bitmap of a list of truths."""
    out = bytearray((len(bits) + 7) // 8)
    for i, one in enumerate(bits):
        out[i // 8] |= bool(one) << (i % 8)
    return bytes(out)
