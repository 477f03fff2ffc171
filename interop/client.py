"""A device of csa1 for tests: `python3 client.py --dir DIR --address HOST:PORT --rounds N`.

It takes part in N rounds with a real coordinator, over TLS on TCP, under policy demo (privacy.md section 9). It does not train and does
not download the model: any vector within the clip is one that a device may send, and this one draws small integers from a seed. It keeps
its session in memory, so a client that is started anew is out of the round that it was in; a connection that is lost costs nothing.

DIR/device.json holds, in hex unless said otherwise: seed (Ed25519), cert (131 bytes), authority, coordinator, log_key; as text
log_origin and witness_policy (empty: none); as a number vector_seed. DIR/ledger.jsonl is the ledger: a line is on the disk before the
vector that it pays for leaves.

It prints a line of JSON for each round that ended: round, outcome, counted, sid, index, and noised, the vector mod 2^w before its
masks. A device keeps that to itself; here a test owns both sides and compares sums.
"""

import argparse
import json
import os
import pathlib
import random
import sys
import threading
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from csa1 import link, log, terms, wire
from csa1.device import Device
from csa1.refusal import Refused

PAUSE, MOST = 0.2, 10.0  # seconds before another try, at first and at most


class Ledger:
    """Lines of JSON in a file, numbered from 1. A line that does not follow the one before counts as spent: nothing is repaired."""

    def __init__(self, path):
        self.path, self.last = path, 0
        for line in path.read_text().splitlines() if path.exists() else []:
            seq = json.loads(line)["seq"]
            if seq != self.last + 1:
                raise SystemExit(f"{path}: entry {seq} follows entry {self.last}")
            self.last = seq

    def append(self, entry):
        """Durable when it returns."""
        with open(self.path, "a", encoding="utf-8") as f:
            f.write(json.dumps(entry) + "\n")
            f.flush()
            os.fsync(f.fileno())
        self.last = entry["seq"]


class Client:
    """One device and its way to the coordinator."""

    def __init__(self, folder, address):
        config = json.loads((folder / "device.json").read_text())
        self.pins = {name: bytes.fromhex(config[name]) for name in ("authority", "coordinator", "log_key")}
        self.pins.update(log_origin=config["log_origin"], policy=log.Policy.parse(config["witness_policy"]) if config["witness_policy"] else None)
        self.address, self.key, self.cert = address, Ed25519PrivateKey.from_private_bytes(bytes.fromhex(config["seed"])), bytes.fromhex(config["cert"])
        draws = random.Random(config["vector_seed"])
        vector = lambda o: small_vector(draws, o)
        self.device = Device(self.key, wire.decode(wire.CERT, self.cert), self.pins, terms.DEMO, vector, time.time, Ledger(folder / "ledger.jsonl"))
        self.retry_after = 0

    def run(self, rounds):
        """Takes part until so many rounds have ended."""
        ended, pause = 0, PAUSE
        while ended < rounds:
            try:
                for report in self.connection():
                    print(json.dumps(report), flush=True)
                    ended, pause = ended + 1, PAUSE
                    if ended == rounds:
                        return
            except (OSError, EOFError) as e:
                print(f"lost the coordinator: {e}", file=sys.stderr, flush=True)
            threading.Event().wait(max(self.retry_after, random.uniform(pause / 2, pause)))
            self.retry_after, pause = 0, min(2 * pause, MOST)

    def connection(self):
        """One connection; gives a report for each round that ends on it."""
        conn = link.Link(self.address, self.key, self.cert, self.pins["authority"], self.pins["coordinator"], time.time())
        try:
            conn.send(*self.device.hello())
            while True:
                name, message = conn.receive()
                if name == "hang-up":
                    self.retry_after = message["retry_after"]
                    raise ConnectionError(f"hang-up {message['code']}: {message['detail'].decode()}")
                active = self.device.phase != "idle"
                for answer in self.device.step(name, message):
                    conn.send(*answer)
                if active and self.device.phase == "idle":
                    yield self.report()
        except GeneratorExit:
            conn.send("hang-up", {"code": 0, "detail": b"", "retry_after": 0})
            raise
        except Refused as e:
            conn.send("hang-up", {"code": 4, "detail": e.code.encode(), "retry_after": 0})
            raise
        finally:
            conn.close()

    def report(self):
        """What a round that ended came to."""
        d = self.device
        words = [v % 2**d.open["word_bits"] for v in d.noised] if d.noised else []
        return {"round": d.round, "outcome": d.ended.kind, "counted": d.counted, "sid": d.ended_sid.hex() if d.ended_sid else "", "index": d.index, "noised": words}


def small_vector(draws, o):
    """Integers from −1 to 1, which 6.5 puts within the clip: Σx² ≤ d ≤ C_int²."""
    return [draws.randint(-1, 1) for _ in range(o["d"])]


def main():
    """Exit status 1: the device refused, and stderr says why."""
    flags = argparse.ArgumentParser(description="Take part in rounds of csa1.")
    flags.add_argument("--dir", type=pathlib.Path, required=True, help="folder with device.json")
    flags.add_argument("--address", required=True, help="host:port of the coordinator over TCP")
    flags.add_argument("--rounds", type=int, default=1, help="rounds to take part in")
    args = flags.parse_args()
    try:
        Client(args.dir, args.address).run(args.rounds)
    except (Refused, wire.Malformed) as e:
        raise SystemExit(f"refused: {e}") from e


if __name__ == "__main__":
    main()
