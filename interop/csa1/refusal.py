"""What a device refuses with (secure-aggregation.md section 12)."""


class Refused(Exception):
    """The device's part in the round is over; code is one of F01 to F17."""

    def __init__(self, code, why):
        super().__init__(f"{code}: {why}")
        self.code = code


def refuse_if(wrong, code, why):
    """Raises Refused where wrong is true."""
    if wrong:
        raise Refused(code, why)


def bit(bitmap, i):
    """Bit i of a bitmap (protocol.md section 5)."""
    return bitmap[i // 8] >> (i % 8) & 1
