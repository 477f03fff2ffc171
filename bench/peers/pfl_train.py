"""Trains devices' updates with pfl-research on one thread and prints updates a CPU-second.

The work is that of BenchmarkDevice in model/batch: NeuMF over one title table of 3,706 x 32 with a person's vector of 32 and an MLP of
64-32-16-8; a device takes the round's parameters, one epoch of plain SGD over 825 samples in batches of 256 (the same samples, see draw),
the difference, its clip, and adds it to the sum. pfl's own SimulatedBackend and FederatedAveraging drive it, in one process; what is timed is
processor time of the whole process over the devices of a round, after a round to warm up. Samples lie in tensors before the clock starts.
"""

import argparse
import os
import time

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"
os.environ["PFL_PYTORCH_DEVICE"] = "cpu"

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from pfl.aggregate.simulate import SimulatedBackend
from pfl.algorithm.base import NNAlgorithmParams
from pfl.algorithm.federated_averaging import FederatedAveraging
from pfl.common_types import Population
from pfl.context import CentralContext
from pfl.data.dataset import Dataset
from pfl.data.federated_dataset import FederatedDataset
from pfl.hyperparam import NNEvalHyperParams, NNTrainHyperParams
from pfl.metrics import Weighted
from pfl.model.pytorch import PyTorchModel
from pfl.privacy import CentrallyAppliedPrivacyMechanism, NormClippingOnly

ITEMS, WIDTH, LAYERS = 3706, 32, (64, 32, 16, 8)
SAMPLES, BATCH, POSITIVE_IN = 825, 256, 5  # 165 ratings, four negatives each
RATE, CLIP = 0.1, 0.5


def mix(x):
    """The finaliser of splitmix64, over an array."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def draw(count):
    """Sample k is the same in Go and here: a title (those watched are skewed to the popular) and whether it was watched."""
    h1 = mix((np.arange(1, count + 1, dtype=np.uint64)) * np.uint64(0x9E3779B97F4A7C15))
    h2 = mix(h1 + np.uint64(1))
    h3 = mix(h2 + np.uint64(1))
    unit = (h3 >> np.uint64(40)).astype(np.float64) / (1 << 24)
    watched = np.floor(ITEMS * unit * unit).astype(np.int64)
    labels = h2 % np.uint64(POSITIVE_IN) == 0
    items = np.where(labels, watched, (h3 % np.uint64(ITEMS)).astype(np.int64))
    return torch.from_numpy(items), torch.from_numpy(labels.astype(np.float32))


class NeuMF(nn.Module):
    def __init__(self):
        super().__init__()
        self.user = nn.Parameter(0.01 * torch.randn(WIDTH))
        self.items = nn.Embedding(ITEMS, WIDTH)
        nn.init.normal_(self.items.weight, std=0.01)
        steps = []
        for fan, out in zip(LAYERS, LAYERS[1:]):
            steps += [nn.Linear(fan, out), nn.ReLU()]
        self.mlp = nn.Sequential(*steps)
        self.out = nn.Linear(WIDTH + LAYERS[-1], 1)

    def forward(self, items):
        i = self.items(items)
        u = self.user.expand_as(i)
        return self.out(torch.cat((u * i, self.mlp(torch.cat((u, i), 1))), 1)).squeeze(1)

    def loss(self, items, labels, eval=False):
        return F.binary_cross_entropy_with_logits(self(items), labels)

    def metrics(self, items, labels, eval=False):
        return {"loss": Weighted(self.loss(items, labels).item() * len(items), len(items))}


def main():
    parse = argparse.ArgumentParser()
    parse.add_argument("--devices", type=int, default=200)
    args = parse.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    items, labels = draw(args.devices * SAMPLES)
    people = {str(k): Dataset((items[k * SAMPLES:(k + 1) * SAMPLES], labels[k * SAMPLES:(k + 1) * SAMPLES])) for k in range(args.devices)}
    order = iter(list(people) * 2)
    data = FederatedDataset(people.__getitem__, lambda: next(order))
    module = NeuMF()
    model = PyTorchModel(module, torch.optim.SGD, torch.optim.SGD(module.parameters(), lr=1.0))
    clip = CentrallyAppliedPrivacyMechanism(NormClippingOnly(order=2, clipping_bound=CLIP))
    backend = SimulatedBackend(training_data=data, val_data=data, postprocessors=[clip])
    params = NNAlgorithmParams(central_num_iterations=2, evaluation_frequency=0, train_cohort_size=args.devices, val_cohort_size=0)
    local = NNTrainHyperParams(local_num_epochs=1, local_learning_rate=RATE, local_batch_size=BATCH)
    algorithm = FederatedAveraging()

    def round_of(devices):
        context = CentralContext(current_central_iteration=1, do_evaluation=False, cohort_size=devices, population=Population.TRAIN,
                                 model_train_params=local, model_eval_params=NNEvalHyperParams(local_batch_size=None), algorithm_params=params)
        return backend.gather_results(model, algorithm, central_context=context)

    round_of(max(1, args.devices // 10))
    began = time.process_time()
    statistics, metrics = round_of(args.devices)
    spent = time.process_time() - began
    total = [t for t in statistics.get_weights()[1]]
    if not all(bool(torch.isfinite(t).all()) for t in total) or not any(bool((t != 0).any()) for t in total):
        raise SystemExit("the sum of the updates is empty or not finite")
    print(args.devices / spent)


main()
