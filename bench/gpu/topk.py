#!/usr/bin/env python3
"""PyTorch's best 100 of titles x 64 in half precision, batches of 256: queries a second by number of titles, as JSON.

The peer of BenchmarkTop in gpu/topk; `make gpu-bench` runs both on the same GPU. Times are the device's, between CUDA events, the median of 21
rounds of ten batches; lists stay on the device.
"""
import json
import statistics

import torch


def rate(titles, dim=64, batch=256, n=100, rounds=21, each=10):
    torch.manual_seed(50)
    vectors = torch.randn(titles, dim, device="cuda", dtype=torch.half)
    queries = torch.randn(batch, dim, device="cuda", dtype=torch.half)
    times = []
    for _ in range(rounds + 3):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(each):
            torch.topk(queries @ vectors.T, n)
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) / each / 1000)
    return batch / statistics.median(times[3:])


print(json.dumps({str(titles): rate(titles) for titles in (62_000, 1_000_000)}))
