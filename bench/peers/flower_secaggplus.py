"""CPU time of Flower's SecAgg+ for one device and round, measured in one process.

Flower's own SecAggPlusWorkflow asks; Flower's own secaggplus_mod answers for each of the nodes. Between them stands a grid
that hands messages over in memory and takes the process's CPU time around every call of the mod. So the figure holds the
device's protocol work alone: key pairs, sharing, sealing, opening, quantising, masking, and the mod's state between stages.
It holds no training, no serialisation, no gRPC, no interpreter start: all of that would only make it larger.

Prints one JSON object. The decoded average is compared with the plain one, so that a run that measures nonsense fails.
"""

import argparse
import json
import sys
import time

import numpy as np
from flwr.client.mod import secaggplus_mod
from flwr.common import Code, ConfigRecord, Context, FitRes, Message, RecordDict, Status, ndarrays_to_parameters, parameters_to_ndarrays
from flwr.common import recorddict_compat as compat
from flwr.common.constant import MessageType
from flwr.common.secure_aggregation.secaggplus_constants import RECORD_KEY_CONFIGS, Key
from flwr.server import LegacyContext
from flwr.server.client_manager import SimpleClientManager
from flwr.server.strategy import FedAvg
from flwr.server.workflow import SecAggPlusWorkflow
from flwr.server.workflow.constant import MAIN_CONFIGS_RECORD, MAIN_PARAMS_RECORD
from flwr.server.workflow.constant import Key as WorkflowKey


class Proxy:
    """What the workflow wants of a client: its id."""

    def __init__(self, node_id):
        self.node_id = node_id
        self.cid = str(node_id)


class Strategy(FedAvg):
    """Asks every node and keeps the averaged vector."""

    def __init__(self, nodes):
        super().__init__()
        self.nodes = nodes
        self.average = None

    def configure_fit(self, server_round, parameters, client_manager):
        from flwr.common import FitIns

        return [(Proxy(n), FitIns(parameters, {})) for n in self.nodes]

    def aggregate_fit(self, server_round, results, failures):
        if failures or len(results) != len(self.nodes):
            raise RuntimeError(f"{len(failures)} failures, {len(results)} results")
        self.average = parameters_to_ndarrays(results[0][1].parameters)[0]
        return results[0][1].parameters, {}


class Grid:
    """Hands messages over in memory and times the mod."""

    def __init__(self, updates):
        self.updates = updates
        self.contexts = {n: Context(run_id=1, node_id=n, node_config={}, state=RecordDict(), run_config={}) for n in updates}
        self.cpu = {}  # stage -> seconds over all nodes

    def send_and_receive(self, messages, *, timeout=None):
        out = []
        for m in messages:
            node = m.metadata.dst_node_id
            # As over a network, a node has its own copy; the mod takes fields out of it.
            copy = Message(content=RecordDict({RECORD_KEY_CONFIGS: ConfigRecord(dict(m.content.config_records[RECORD_KEY_CONFIGS]))}), dst_node_id=node, message_type=MessageType.TRAIN)
            stage = m.content.config_records[RECORD_KEY_CONFIGS][Key.STAGE]

            def fit(msg, _ctx, node=node):
                res = FitRes(Status(Code.OK, ""), ndarrays_to_parameters([self.updates[node]]), 1, {})
                paused = time.process_time()
                reply = Message(compat.fitres_to_recorddict(res, keep_input=False), reply_to=msg)
                self.outside += time.process_time() - paused
                return reply

            self.outside = 0.0
            start = time.process_time()
            reply = secaggplus_mod(copy, self.contexts[node], fit)
            self.cpu[stage] = self.cpu.get(stage, 0.0) + time.process_time() - start - self.outside
            reply.metadata._src_node_id = node  # what a runtime sets
            out.append(reply)
        return out


def play(devices, size, threshold, rng):
    nodes = list(range(1, devices + 1))
    updates = {n: rng.standard_normal(size, dtype=np.float32) / 10 for n in nodes}
    strategy = Strategy(nodes)
    state = RecordDict()
    state.config_records[MAIN_CONFIGS_RECORD] = ConfigRecord({WorkflowKey.CURRENT_ROUND: 1})
    state.array_records[MAIN_PARAMS_RECORD] = compat.parameters_to_arrayrecord(ndarrays_to_parameters([np.zeros(size, np.float32)]), False)
    context = LegacyContext(Context(run_id=1, node_id=0, node_config={}, state=state, run_config={}), strategy=strategy, client_manager=SimpleClientManager())
    context.state = state
    grid = Grid(updates)
    SecAggPlusWorkflow(num_shares=devices, reconstruction_threshold=threshold, max_weight=1.0)(grid, context)
    if strategy.average is None:
        raise RuntimeError("the workflow halted")
    worst = float(np.abs(strategy.average - np.mean([updates[n] for n in nodes], axis=0)).max())
    if worst > 1e-4:
        raise RuntimeError(f"the average is off by {worst}")
    return {stage: seconds / devices for stage, seconds in grid.cpu.items()}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--devices", type=int, default=10)
    p.add_argument("--parameters", type=int, default=127_000)
    p.add_argument("--threshold", type=int, default=6)
    p.add_argument("--rounds", type=int, default=3)
    a = p.parse_args()
    rng = np.random.default_rng(1)
    runs = [play(a.devices, a.parameters, a.threshold, rng) for _ in range(a.rounds)]
    best = min(runs, key=lambda r: sum(r.values()))
    json.dump({"cpu_seconds": sum(best.values()), "stages": best}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
