"""RFC 6962 proofs (log.md section 4), by recursion on the definition of the tree."""

from .keys import sha256


def leaf(data):
    """Hash of a leaf."""
    return sha256(b"\x00", data)


def node(left, right):
    """Hash of an inner node."""
    return sha256(b"\x01", left, right)


def half(n):
    """The largest power of two below n."""
    return 1 << ((n - 1).bit_length() - 1)


def root_of(index, size, leaf_hash, proof):
    """The root that an inclusion proof gives, or None (RFC 6962 §2.1.1)."""
    if size == 1:
        return leaf_hash if not proof else None
    if not proof:
        return None
    k, last = half(size), proof[-1]
    if index < k:
        left = root_of(index, k, leaf_hash, proof[:-1])
        return left and node(left, last)
    right = root_of(index - k, size - k, leaf_hash, proof[:-1])
    return right and node(last, right)


def included(index, size, leaf_hash, proof, root):
    """Whether the leaf is at index of the tree."""
    return index < size and root_of(index, size, leaf_hash, list(proof)) == root


def both(old, size, proof, old_root, whole):
    """The roots of the old and the new tree that a consistency proof gives (RFC 6962 §2.1.2)."""
    if old == size:
        if whole:
            return old_root, old_root
        return (proof[0], proof[0]) if len(proof) == 1 else (None, None)
    if not proof:
        return None, None
    k, last = half(size), proof[-1]
    if old <= k:
        a, b = both(old, k, proof[:-1], old_root, whole)
        return a, b and node(b, last)
    a, b = both(old - k, size - k, proof[:-1], old_root, False)
    return a and node(last, a), b and node(last, b)


def consistent(old, old_root, size, root, proof):
    """Whether the new tree begins with the old one."""
    proof = list(proof)
    if old == 0:
        return not proof
    if old == size:
        return not proof and old_root == root
    return old < size and both(old, size, proof, old_root, True) == (old_root, root)
