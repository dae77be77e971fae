import torch

from akl_bench.training.devices import registry


def test_one_device_keeps_and_adds_nothing():
    one = registry.create("one")
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = torch.tensor([1.0, 2.0])
    one.sum_grads([parameter])
    assert parameter.grad.tolist() == [1, 2]
    assert one.is_first
    assert one.share([1, 2, 3]) == [1, 2, 3]
    assert one.total(2.5) == 2.5
