"""One of two processes on CPUs that share the demo's model out with FSDP2, as accelerate does it on accelerators.

accelerate itself starts FSDP on accelerators alone, so its own function is called here with a stand-in for the
accelerator: sharding, loading and gathering are the real ones, over gloo. Started with the folder of a plan, and
"shared" or "alone"; writes what it measured into the folder as JSON, a file for each rank.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from workbench.overfit import runner
from workbench.overfit.checksums import checksums, local
from workbench.overfit.loss import trained_nll
from workbench.overfit.plan import Plan
from workbench.overfit.runs import PLAN
from workbench.overfit.sharding import adapter_tensors, let_generate, parted
from workbench.overfit.training import to_device

STEPS = 3


def shared_out(model: Any, sharding: dict[str, Any]) -> Any:
    """The model as accelerate's own function shares it out."""
    from accelerate.utils import FullyShardedDataParallelPlugin
    from accelerate.utils.fsdp_utils import fsdp2_prepare_model

    plugin = FullyShardedDataParallelPlugin(
        fsdp_version=2,
        auto_wrap_policy="transformer_based_wrap",
        transformer_cls_names_to_wrap=sharding["wrap"],
        reshard_after_forward=sharding["reshard_after_forward"],
        cpu_ram_efficient_loading=sharding["cpu_ram_efficient_loading"],
    )
    accelerator = SimpleNamespace(
        state=SimpleNamespace(fsdp_plugin=plugin),
        device=torch.device("cpu"),
        mixed_precision="no",
        is_main_process=int(os.environ["RANK"]) == 0,
        process_index=int(os.environ["RANK"]),
        torch_device_mesh=None,
    )
    return fsdp2_prepare_model(accelerator, model)


def main(folder: Path, how: str) -> None:
    plan = Plan.read(folder / PLAN)
    shared = how == "shared"
    if shared:
        torch.distributed.init_process_group("gloo")
    torch.manual_seed(0)
    run = runner._Run(plan, folder, None)
    run.prepare()
    model = shared_out(run.model, plan.sharding) if shared else run.model
    told: dict[str, Any] = {"events": []}
    run.tell = lambda event, **fields: told["events"].append({"event": event, **fields})
    assert run.measure(model)
    frozen = checksums(parted(model))
    told["parts"] = sum(hasattr(one, "full_tensor") for one in model.parameters())
    told["of"] = sum(1 for _ in model.parameters())
    told["held"] = sum(local(one).numel() for one in model.parameters())
    told["losses"] = []
    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=1e-3)
    model.train()
    for _ in range(STEPS):
        batch = run.collator(range(len(plan.rows)))
        batch.pop("rows")
        labels = batch.pop("labels")
        nll, _ = trained_nll(model, to_device(batch, "cpu", torch.float32), labels, trim=run.trim)
        nll.mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        told["losses"].append(float(nll.mean()))
    told["after"] = [one.nll for one in run.examiner.losses(model)]
    told["moved"] = [name for name, was in checksums(parted(model)).items() if frozen[name] != was]
    let_generate(model)
    told["decoded"] = [turn["got"] for turn in run.examiner.decode(model, 16)["turns"]]
    told["adapter"] = {name: float(one.double().sum()) for name, one in adapter_tensors(model).items()}
    (folder / f"told-{os.environ.get('RANK', '0')}.json").write_text(json.dumps(told), "utf-8")
    if shared:
        torch.distributed.destroy_process_group()
        # All is told. Threads of gloo that outlive the group abort the process now and then while Python ends.
        os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
