"""CPU time of one SecAgg+ round of Flower's deployment engine, all processes together, for one device.

Starts a SuperLink and SuperNodes on loopback as Flower's documentation does, and runs an app of 1 and of several rounds: the
difference is what a round costs, without the start of the processes that stay. A device's share is a tenth of everything,
as in the figure this is compared with; so the coordinator's side, gRPC, serialisation, and the interpreter that the engine
starts for every message are in it. The client's own work is to add noise to the model.

Prints one JSON object. Nothing is left behind: every process is a child of this one, and all are ended by their id.
"""

import argparse
import ctypes
import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "peer"
version = "1.0.0"
license = "Apache-2.0"
dependencies = []

[tool.hatch.build.targets.wheel]
packages = ["."]

[tool.flwr.app]
publisher = "peer"

[tool.flwr.app.components]
serverapp = "peer.app:server"
clientapp = "peer.app:client"

[tool.flwr.app.config]
rounds = 1
secure = 1
devices = 10
parameters = 127000
threshold = 6

[tool.flwr.federations]
default = "loopback"

[tool.flwr.federations.loopback]
address = "127.0.0.1:{control}"
insecure = true
"""

APP = '''
import numpy as np
from flwr.client import ClientApp, NumPyClient
from flwr.client.mod import secaggplus_mod
from flwr.common import ndarrays_to_parameters
from flwr.server import LegacyContext, ServerApp, ServerConfig
from flwr.server.strategy import FedAvg
from flwr.server.workflow import DefaultWorkflow, SecAggPlusWorkflow
import os


class Adds(NumPyClient):
    def fit(self, parameters, config):
        rng = np.random.default_rng()
        return [p + rng.standard_normal(p.shape, dtype=np.float32) / 10 for p in parameters], 1, {}


client = ClientApp(client_fn=lambda _ctx: Adds().to_client(), mods=[secaggplus_mod] if os.environ["PEER_SECURE"] == "1" else [])
server = ServerApp()


@server.main()
def main(grid, context):
    c = context.run_config
    n = int(c["devices"])
    strategy = FedAvg(fraction_fit=1.0, fraction_evaluate=0.0, min_fit_clients=n, min_available_clients=n,
                      initial_parameters=ndarrays_to_parameters([np.zeros(int(c["parameters"]), np.float32)]))
    context = LegacyContext(context=context, config=ServerConfig(num_rounds=int(c["rounds"])), strategy=strategy)
    if int(c["secure"]):
        fit = SecAggPlusWorkflow(num_shares=n, reconstruction_threshold=int(c["threshold"]), max_weight=1.0)
        DefaultWorkflow(fit_workflow=fit)(grid, context)
    else:
        DefaultWorkflow()(grid, context)
    print("PEER DONE")
'''


def adopt():
    """Orphans of our children become ours, so that their time is counted when they end."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(36, 1, 0, 0, 0) != 0:  # PR_SET_CHILD_SUBREAPER
        raise OSError(ctypes.get_errno(), "prctl")


def children():
    """Ids of all living descendants, deepest last."""
    parent = {}
    for p in pathlib.Path("/proc").iterdir():
        if p.name.isdigit():
            try:
                parent[int(p.name)] = int((p / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                pass
    out = [os.getpid()]
    for p in out:
        out += [c for c, q in parent.items() if q == p]
    return out[1:]


def end_all():
    for sig, wait in ((signal.SIGTERM, 10), (signal.SIGKILL, 5)):
        for p in children():
            try:
                os.kill(p, sig)
            except OSError:
                pass
        until = time.monotonic() + wait
        while time.monotonic() < until and children():
            reap()
            time.sleep(0.1)
    reap()


def reap():
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return


def free_ports(n):
    """The first of n ports in a row that nobody listens on."""
    for base in range(39091, 60000, 100):
        held = []
        try:
            for port in range(base, base + n):
                s = socket.socket()
                held.append(s)
                s.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
        finally:
            for s in held:
                s.close()
    raise RuntimeError("no free ports")


def run(folder, bin_, a, rounds):
    """CPU seconds of all processes of one run."""
    port = free_ports(10 + a.devices)
    env = dict(os.environ, FLWR_HOME=str(folder / "home"), FLWR_TELEMETRY_ENABLED="0", PEER_SECURE="0" if a.plain else "1", PATH=f"{bin_}:{os.environ['PATH']}")
    (folder / "app" / "pyproject.toml").write_text(PYPROJECT.format(control=port + 2))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    log_name = folder / f"log-{rounds}.txt"
    log = open(log_name, "w")

    def start(*args):
        return subprocess.Popen(args, env=env, stdout=log, stderr=subprocess.STDOUT, cwd=folder)

    start(f"{bin_}/flower-superlink", "--insecure", "--serverappio-api-address", f"127.0.0.1:{port}", "--fleet-api-address", f"127.0.0.1:{port + 1}",
          "--control-api-address", f"127.0.0.1:{port + 2}")
    time.sleep(3)
    for i in range(a.devices):
        start(f"{bin_}/flower-supernode", "--insecure", "--superlink", f"127.0.0.1:{port + 1}", "--clientappio-api-address", f"127.0.0.1:{port + 10 + i}",
              "--node-config", f"partition-id={i}")
    time.sleep(3)
    began = time.monotonic()
    config = f"rounds={rounds} secure={0 if a.plain else 1} devices={a.devices} parameters={a.parameters} threshold={a.threshold}"
    said = folder / f"run-{rounds}.txt"
    with open(said, "w") as out:
        call = subprocess.Popen([f"{bin_}/flwr", "run", str(folder / "app"), "loopback", "--stream", "--run-config", config], env=env, cwd=folder,
                                stdout=out, stderr=subprocess.STDOUT)
    done = False

    def seen():
        return said.read_text() + log_name.read_text()

    try:
        while time.monotonic() - began < a.timeout and not done:
            ended = call.poll() is not None
            done = "PEER DONE" in seen()
            if ended and call.returncode != 0:
                break
            time.sleep(0.2)
    finally:
        took = time.monotonic() - began
        end_all()
        log.close()
    if not done:
        raise RuntimeError(f"the run of {rounds} rounds did not end in {took:.0f} s:\n{seen()[-4000:]}")
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime, took


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--devices", type=int, default=10)
    p.add_argument("--parameters", type=int, default=127_000)
    p.add_argument("--threshold", type=int, default=6)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--timeout", type=int, default=600)
    p.add_argument("--plain", action="store_true", help="rounds without secure aggregation")
    a = p.parse_args()
    adopt()
    bin_ = os.path.dirname(sys.executable)
    with tempfile.TemporaryDirectory() as d:
        folder = pathlib.Path(d)
        (folder / "app" / "peer").mkdir(parents=True)
        (folder / "app" / "peer" / "__init__.py").write_text("")
        (folder / "app" / "peer" / "app.py").write_text(APP)
        one, wall1 = run(folder, bin_, a, 1)
        many, wall = run(folder, bin_, a, a.rounds)
    rounds = a.rounds - 1
    json.dump({"cpu_seconds": (many - one) / rounds / a.devices, "wall_seconds_a_round": (wall - wall1) / rounds, "cpu_seconds_of_runs": [one, many]}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
