"""Plays the transcripts of testdata/vectors to this client: every byte that it sends, and every refusal, must be as written down."""

import json
import pathlib
import unittest

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from csa1 import log, shares, terms, wire
from csa1.device import Device
from csa1.refusal import Refused

VECTORS = pathlib.Path(__file__).parent.parent / "testdata" / "vectors"


def load(name):
    """A file of testdata/vectors."""
    return json.loads((VECTORS / name).read_text())


def scalar_of(drawn):
    """The scalar that 32 drawn bytes give, or None where they are drawn again (3.4)."""
    v = int.from_bytes(bytes.fromhex(drawn), "little") % 2**253
    return v if 0 < v < shares.L else None


class Spent:
    """A ledger in memory."""

    last = 0

    def append(self, entry):
        """Takes the next entry."""
        self.last = entry["seq"]


class Player:
    """A device whose draws are those of a transcript."""

    def __init__(self, t):
        d, self.now = t["device"], 0
        pins = {name: bytes.fromhex(d[name]) for name in ("authority", "coordinator", "log_key")}
        pins.update(log_origin=d["log_origin"], policy=log.Policy.parse(d["witnesses"]) if d["witnesses"] else None)
        cert = wire.decode(wire.CERT, bytes.fromhex(d["cert"]))
        zero = lambda o: [0] * o["d"]
        self.device = Device(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(d["seed"])), cert, pins, terms.DEMO, zero, lambda: self.now, Spent())
        scalars, strings = self.secrets(t)
        self.device.draw = {"scalar": lambda: scalars.pop(0), "bytes": lambda n: strings.pop(0)}
        raw = bytes.fromhex(t["noised"])
        noised = [int.from_bytes(raw[i:i + 4], "little") for i in range(0, len(raw), 4)]
        self.device.add_noise = lambda x, variance: [noised.pop(0) for _ in x]  # the vector, then the clip bit
        self.coefficients(t)

    @staticmethod
    def secrets(t):
        """What R0 draws: m and b, then e."""
        drawn = next(s for s in t["steps"] if s["event"] == "trained")["random"][1:]  # after the coins' key
        scalars = [v for v in map(scalar_of, drawn[:-2]) if v]
        return scalars, [bytes.fromhex(drawn[-2])]

    def coefficients(self, t):
        """What R1 draws: the polynomials of m and of b."""
        drawn = next(s for s in t["steps"] if s["event"] == "message" and s["frame"][6:8] == "07")["random"]
        bit = len(t["noised"]) > len(next(s for s in t["steps"] if s["event"] == "trained")["update"])
        drawn = drawn[2 if bit else 1:]  # after the noise's key, and the bit's
        values = [v for v in map(scalar_of, drawn) if v]
        self.device.draw["m"], self.device.draw["b"] = values[:len(values) // 2], values[len(values) // 2:]

    def play(self, step):
        """Frames that answer a step; training is over as soon as there is an offer."""
        self.now = step["at"]
        if step["event"] == "connected":
            return [wire.frame(*self.device.hello())]
        if step["event"] == "trained":
            return [wire.frame(*m) for m in self.waiting]
        if step["event"] == "model":
            return self.device.model_arrived(bytes.fromhex(step["hash"]))
        if step["event"] != "message":
            return None
        data = bytes.fromhex(step["frame"])
        name, message = wire.read_frame(reader(data))
        answers = self.device.step(name, message)
        if name == "offer":
            self.waiting, answers = answers, []
        return [wire.frame(*m) for m in answers]


def reader(data):
    """read(n) over bytes."""
    at = 0

    def read(n):
        """The next n bytes."""
        nonlocal at
        at += n
        return data[at - n:at]

    return read


class Transcripts(unittest.TestCase):
    """What the specification's own devices did, done by this one."""

    def whole(self, name):
        """Plays a transcript to its end."""
        t = load(name)
        player, sent, want = Player(t), [], []
        for step in t["steps"]:
            sent += player.play(step) or []
            want += [bytes.fromhex(f) for f in step.get("sends", [])]
        self.assertEqual([f[3] for f in sent], [f[3] for f in want])
        for mine, theirs in zip(sent, want):
            self.assertEqual(mine.hex(), theirs.hex(), wire.TYPES[theirs[3]][0])
        self.assertEqual(player.device.phase, "answered")

    def test_witnessed(self):
        """Mode W."""
        self.whole("witnessed.json")

    def test_consistency(self):
        """Mode SM."""
        self.whole("consistency.json")

    def test_packed(self):
        """Words of fewer bits."""
        self.whole("packed.json")

    def test_cohorts(self):
        """Groups that are summed apart."""
        self.whole("cohorts.json")

    def test_clip_bit(self):
        """A word more, with its own noise."""
        self.whole("clip-bit.json")

    def test_asked_again(self):
        """After a lost connection the coordinator asks again, with evidence from the tree of hello; the answer is the same bytes."""
        for name in ("witnessed.json", "consistency.json"):
            t, again = load(name), []
            player = Player(t)
            for step in t["steps"]:
                player.play(step)
                if step["event"] != "message" or wire.TYPES[int(step["frame"][6:8], 16)][0] not in ("offer", "roster", "delivery", "survivors"):
                    continue
                asked, message = wire.read_frame(reader(bytes.fromhex(step["frame"])))
                if "evidence" in message:
                    message["evidence"].update(old_size=player.device.log.size, consistency=[])
                player.device.hello()
                answers = player.device.step(asked, message)
                first = player.waiting if asked == "offer" else [wire.read_frame(reader(bytes.fromhex(f))) for f in step["sends"]]
                self.assertEqual(answers, first, asked)
                again.append(asked)
            self.assertEqual(again, ["offer", "roster", "delivery", "survivors"], name)

    def test_refusals(self):
        """Each lie is refused with the code that the list gives."""
        known = [r for r in load("refused.json") if r["transcript"] != "hybrid"]  # this client knows suites of X25519 and Ed25519 alone
        self.assertEqual({r["refused"] for r in known}, {f"F{n:02}" for n in range(1, 18)})
        for r in known:
            with self.subTest(r["why"]):
                t = load(r["transcript"] + ".json")
                player = Player(t)
                for step in t["steps"][:r["step"] + (1 if r["again"] else 0)]:
                    player.play(step)
                with self.assertRaises(Refused) as refused:
                    player.play({"at": t["steps"][r["step"]]["at"], "event": "message", **r})
                self.assertEqual(refused.exception.code, r["refused"])


if __name__ == "__main__":
    unittest.main()
