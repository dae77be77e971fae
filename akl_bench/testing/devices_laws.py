"""The laws that all devices keep, as seen by one of their processes."""

from collections.abc import Iterator

import torch

from akl_bench.testing.laws import Law, Seen, broken
from akl_bench.training.devices.base import Devices


def _share(devices: Devices) -> Iterator[Seen]:
    for n in (1, 5, 8):
        rows = [f"row-{i}" for i in range(n)]
        mine = list(devices.share(list(rows)))
        in_order = [row for row in rows if row in mine]
        yield broken(mine != in_order, f"{n} rows: {mine} is no part of them in their order")
        yield broken(devices.total(len(mine)) != n, f"{n} rows: shares of {len(mine)} are not all")
        again = list(devices.share(rows))
        yield broken(again != mine, f"{n} rows: {mine}, then {again}")


def _total(devices: Devices) -> Iterator[Seen]:
    processes = devices.total(1.0)
    whole = processes >= 1 and processes == int(processes)
    yield broken(not whole, f"the ones of all processes add up to {processes}")
    for value in (0.0, -2.5, 1e9):
        total = devices.total(value)
        yield broken(total != value * processes, f"{value} of {processes:g} is {total}")
    firsts = devices.total(float(devices.is_first))
    yield broken(firsts != 1, f"{firsts:g} processes of {processes:g} say that they are the first")


def _sum_grads(devices: Devices) -> Iterator[Seen]:
    values = [torch.randn(4, 3, generator=torch.Generator().manual_seed(0)), torch.ones(2)]
    parameters = [torch.nn.Parameter(torch.zeros_like(value)) for value in values]
    idle = torch.nn.Parameter(torch.zeros(2))
    for parameter, value in zip(parameters, values, strict=True):
        parameter.grad = value.clone()
    devices.sum_grads([*parameters, idle])
    for parameter, value in zip(parameters, values, strict=True):
        # The same gradient everywhere: the sum is a multiple of it.
        assert parameter.grad is not None
        error = (parameter.grad - devices.total(1.0) * value).abs().max()
        yield float(error), "error of the sum of equal gradients"
        yield broken(bool(parameter.detach().any()), "a parameter was changed")
    nothing = idle.grad is None or not idle.grad.any()
    yield broken(not nothing, "a parameter without a gradient got one")


LAWS: dict[str, Law] = {
    "share": (_share, 0.0),
    "total": (_total, 0.0),
    "sum of gradients": (_sum_grads, 1e-6),
}
