"""Devices: how the work of a step is shared; one file each."""

from akl_bench.registry import Registry
from akl_bench.training.devices.base import Devices as Devices

registry: Registry[Devices] = Registry("devices", "akl_bench.training.devices", "Devices")
