#!/usr/bin/env python3
"""PyTorch's scores of NeuMF, all titles for 256 users with the hidden layers 32-16 and 64-32: scores a second by width, as JSON.

The peer of BenchmarkNeuMF in gpu/score; `make gpu-bench` runs both on the same GPU. As there, the
users' vectors and what titles give to the first layer are at hand, and float32 sums are float32's (no TF32); "tf32" has the same with
TF32 allowed. Users go in pieces of 128, which was faster than 8 and 32. Times are the device's, between CUDA events, the median of 11.
"""
import json
import statistics

import torch


def rate(titles=62_000, users=256, dim=32, piece=128, rounds=11):
    torch.manual_seed(54)

    def draw(*shape):
        return torch.randn(*shape, device="cuda") * 0.2

    hidden, units = dim, dim // 2
    query, vectors, bias = draw(users, dim), draw(titles, dim), draw(titles)
    mine, theirs = draw(users, hidden), draw(titles, hidden)
    weights, lift, out = draw(units, hidden), draw(units), draw(units)
    scores = torch.empty(users, titles, device="cuda")
    times = []
    for _ in range(rounds + 2):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for at in range(0, users, piece):
            first = torch.relu(mine[at : at + piece, None, :] + theirs[None])
            second = torch.relu(torch.addmm(lift, first.view(-1, hidden), weights.T))
            mlp = (second @ out).view(-1, titles)
            scores[at : at + piece] = torch.addmm(bias, query[at : at + piece], vectors.T) + mlp
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) / 1000)
    return users * titles / statistics.median(times[2:])


with torch.no_grad():
    found = {}
    for name, allowed in (("float32", False), ("tf32", True)):
        torch.backends.cuda.matmul.allow_tf32 = allowed
        found[name] = {str(dim): rate(dim=dim) for dim in (32, 64)}
    print(json.dumps(found))
