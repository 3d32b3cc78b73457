"""The devices that a run may see: one, chosen by the environment of its process, so that nothing spreads over more."""

from __future__ import annotations

from collections.abc import Mapping

VISIBLE = "CUDA_VISIBLE_DEVICES"


def one_device(device: str, environment: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The device's name inside of a process that sees no other, and the variables that make it so.

    `device` counts among the devices that this process may see. One that is not among them is left as it is: the run
    then says that there is none.
    """
    kind, _, number = device.partition(":")
    if kind == "cpu":
        return device, {VISIBLE: ""}
    if kind not in ("auto", "cuda") or not (number or "0").isdigit():
        return device, {}
    place = int(number or 0)
    listed = visible(environment)
    if listed is None:
        return kind, {VISIBLE: str(place)}
    if place >= len(listed):
        return device, {}
    return kind, {VISIBLE: listed[place]}


def first_devices(count: int, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that leave a launcher the first `count` devices of those that this process may see."""
    listed = visible(environment)
    return {VISIBLE: ",".join(map(str, range(count)) if listed is None else listed[:count])}


def visible(environment: Mapping[str, str]) -> list[str] | None:
    """The devices that an environment names, by number or identifier; None where it names none and all are seen."""
    text = environment.get(VISIBLE)
    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    # As CUDA reads the list: what follows the first that is not valid is not seen.
    return names[: next((place for place, name in enumerate(names) if name.startswith("-")), len(names))]


def gpus(device: str = "auto") -> int:
    """The number of GPUs that the processes of a launcher can have; none where the run is to be on another device."""
    if not device.startswith(("auto", "cuda")):
        return 0
    import torch

    return int(torch.cuda.device_count())
