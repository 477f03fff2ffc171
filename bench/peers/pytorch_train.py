"""Trains NeuMF or a two-tower model with PyTorch on one thread and prints samples a CPU-second.

The work is that of BenchmarkPeer in model/batch: the same shapes, the same samples in the same batches (see
draw), the same loss. Batches are made before the clock starts; what is timed is processor time of the whole process over the training
loop alone. Where PyTorch offers a choice, the faster one is taken: one table of 64 for a user's GMF and MLP halves rather than two of
32, the fused Adam, set_to_none.
"""

import argparse
import os
import time

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

USERS, ITEMS = 6040, 3706  # MovieLens 1M
WIDTH, LAYERS, TOWER = 32, (64, 32, 16, 8), (32, 64, 32)
BATCH, POSITIVE_IN = 256, 5  # four negatives a positive


def mix(x):
    """The finaliser of splitmix64, over an array."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def draw(count, negatives):
    """Sample k is the same in Go and here: a user, a title (those watched are skewed to the popular) and whether it was watched."""
    h1 = mix((np.arange(1, count + 1, dtype=np.uint64)) * np.uint64(0x9E3779B97F4A7C15))
    h2 = mix(h1 + np.uint64(1))
    h3 = mix(h2 + np.uint64(1))
    users = (h1 >> np.uint64(32)) % np.uint64(USERS)
    unit = (h3 >> np.uint64(40)).astype(np.float64) / (1 << 24)
    watched = np.floor(ITEMS * unit * unit).astype(np.int64)
    labels = np.ones(count, dtype=bool)
    if negatives:
        labels = h2 % np.uint64(POSITIVE_IN) == 0
    items = np.where(labels, watched, (h3 % np.uint64(ITEMS)).astype(np.int64))
    return torch.from_numpy(users.astype(np.int64)), torch.from_numpy(items), torch.from_numpy(labels.astype(np.float32))


class NeuMF(nn.Module):
    def __init__(self, sparse):
        super().__init__()
        self.users = nn.Embedding(USERS, 2 * WIDTH, sparse=sparse)
        self.items = nn.Embedding(ITEMS, 2 * WIDTH, sparse=sparse)
        for table in (self.users, self.items):
            nn.init.normal_(table.weight, std=0.01)
        steps = []
        for fan, out in zip(LAYERS, LAYERS[1:]):
            steps += [nn.Linear(fan, out), nn.ReLU()]
        self.mlp = nn.Sequential(*steps)
        self.out = nn.Linear(WIDTH + LAYERS[-1], 1)

    def forward(self, users, items, labels):
        u, i = self.users(users), self.items(items)
        hidden = self.mlp(torch.cat((u[:, WIDTH:], i[:, WIDTH:]), 1))
        score = self.out(torch.cat((u[:, :WIDTH] * i[:, :WIDTH], hidden), 1)).squeeze(1)
        return F.binary_cross_entropy_with_logits(score, labels)


class TwoTower(nn.Module):
    def __init__(self, sparse, layers):
        super().__init__()
        self.users = nn.Embedding(USERS, TOWER[0], sparse=sparse)
        self.items = nn.Embedding(ITEMS, TOWER[0], sparse=sparse)
        for table in (self.users, self.items):
            nn.init.normal_(table.weight, std=0.1)
        self.user, self.item = nn.Identity(), nn.Identity()
        if layers:
            tower = lambda: nn.Sequential(nn.Linear(TOWER[0], TOWER[1]), nn.ReLU(), nn.Linear(TOWER[1], TOWER[2]))
            self.user, self.item = tower(), tower()
        self.register_buffer("diagonal", torch.arange(BATCH))

    def forward(self, users, items, labels):
        scores = self.user(self.users(users)) @ self.item(self.items(items)).T
        return F.cross_entropy(scores, self.diagonal)


def optimisers(model, adam):
    settings = {"lr": 1e-3}
    if adam != "dense-unfused":
        settings["fused"] = True
    if adam != "sparse":
        return [torch.optim.Adam(model.parameters(), **settings)]
    tables = [model.users.weight, model.items.weight]
    dense = [p for name, p in model.named_parameters() if name not in ("users.weight", "items.weight")]
    steps = [torch.optim.SparseAdam(tables, lr=1e-3)]
    return steps + ([torch.optim.Adam(dense, **settings)] if dense else [])


def train(model, steps, batches):
    loss = None
    for users, items, labels in batches:
        for step in steps:
            step.zero_grad(set_to_none=True)
        loss = model(users, items, labels)
        loss.backward()
        for step in steps:
            step.step()
    return loss.item()


def main():
    parse = argparse.ArgumentParser()
    parse.add_argument("--model", choices=("neumf", "two-tower", "tables"), required=True)
    parse.add_argument("--adam", choices=("sparse", "dense", "dense-unfused"), required=True)
    parse.add_argument("--batches", type=int, default=600)
    args = parse.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    sparse = args.adam == "sparse"
    model = NeuMF(sparse) if args.model == "neumf" else TwoTower(sparse, layers=args.model == "two-tower")
    steps = optimisers(model, args.adam)
    warm = 30
    columns = draw((warm + args.batches) * BATCH, negatives=args.model == "neumf")
    batches = list(zip(*(torch.split(c, BATCH) for c in columns)))
    train(model, steps, batches[:warm])
    began = time.process_time()
    loss = train(model, steps, batches[warm:])
    spent = time.process_time() - began
    if not np.isfinite(loss):
        raise SystemExit(f"the loss is {loss}")
    print(args.batches * BATCH / spent)


main()
