"""Probes of a model before and after a run: its loss per token, what it writes, what the pictures are worth."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from workbench.models.towers import media_dtype
from workbench.overfit.loss import trained_nll
from workbench.overfit.training import Collator, to_device

if TYPE_CHECKING:
    import numpy.typing as npt

    from workbench.bench import Bench
    from workbench.row import Row

DEPENDS = 0.1
"""A token's loss that changes by this many nats when pictures are exchanged depends on them."""


@dataclass(frozen=True, slots=True)
class RowLoss:
    """The loss of a row's trained tokens, `[m]` in nats, and their places in the row."""

    row: int
    nll: list[float]
    places: list[int]

    @property
    def mean(self) -> float:
        return sum(self.nll) / len(self.nll) if self.nll else 0.0


class Examiner:
    """Measurements of a model on the rows of a plan, one row at a time, without gradients."""

    def __init__(self, bench: Bench, rows: Sequence[int], collator: Collator, *, trim: bool) -> None:
        self.bench, self.rows, self.collator, self.trim = bench, rows, collator, trim

    def losses(self, model: Any, pictures: dict[int, list[Any]] | None = None) -> list[RowLoss]:
        """The loss of every trained token; with `pictures`, as if the rows had these instead of their own."""
        model.eval()
        found, dtype = [], media_dtype(model)
        for index in self.rows:
            row = self.bench.row(index)
            messages = row.conversation.messages
            if pictures is not None:
                messages = with_pictures(messages, pictures[index])
            inputs = self.collator.inputs([messages], tools=[row.conversation.tools])
            inputs = to_device(inputs, model.device, dtype)
            labels = torch.from_numpy(row.mask.labels[None, :]).to(model.device)
            with torch.no_grad():
                nll, _ = trained_nll(model, inputs, labels, trim=self.trim)
            places = np.flatnonzero(labels[0].cpu().numpy() != -100)
            # The first token of a row is predicted by nothing.
            found.append(RowLoss(index, nll.cpu().tolist(), [int(place) for place in places if place > 0]))
        return found

    def decode(self, model: Any, limit: int, losses: Sequence[RowLoss] = ()) -> dict[str, Any]:
        """Each trained turn written greedily from its own generation prompt, up to `limit` tokens beyond its length.

        `losses`: of these rows, so that each turn comes with the largest loss that one of its tokens has.
        """
        model.eval()
        turns, dtype = [], media_dtype(model)
        by_place = {row_loss.row: dict(zip(row_loss.places, row_loss.nll, strict=True)) for row_loss in losses}
        stops = stop_ids(model, self.bench)
        for index in self.rows:
            for message, places in trained_turns(self.bench.row(index)):
                talk = self.bench.row(index).conversation
                inputs = self.collator.inputs([talk.messages[:message]], prompt=True, tools=[talk.tools])
                inputs = to_device(inputs, model.device, dtype)
                length = inputs["input_ids"].shape[1]
                ids = self.bench.row(index).rendering.input_ids
                same_start = inputs["input_ids"][0].tolist() == ids[:length].tolist()
                # What the prompt writes already, such as a line break after the role, is not asked for again.
                asked = places[places >= length] if same_start else places
                wanted = ids[asked].tolist()
                measured = by_place.get(index, {})
                worst = max(asked.tolist(), key=lambda place: measured.get(place, 0.0), default=-1)
                with torch.no_grad():
                    made = model.generate(**inputs, max_new_tokens=min(limit, len(wanted) + 8), do_sample=False)
                generated = made[0, length:].tolist()
                cut = next((place + 1 for place, token in enumerate(generated) if token in stops), None)
                decoded, expected = _without(generated[:cut], stops), _without(wanted, stops)
                turns.append(
                    {
                        "row": index,
                        "message": message,
                        "exact": decoded == expected,
                        "stopped": cut is not None,
                        "ends": bool(set(wanted) & stops),
                        "wanted": self._text(expected),
                        "got": self._text(decoded),
                        "worst": measured.get(worst),
                        "worst_text": self._text([int(ids[worst])]) if worst in measured else None,
                    }
                )
        return {"turns": turns}

    def _text(self, ids: Sequence[int]) -> str:
        return str(self.bench.loaded.tokenizer.decode(ids))

    def swapped(self) -> tuple[dict[int, list[Any]] | None, str]:
        """Every row's pictures taken from the next row that has others, in its own sizes; or None, and why."""
        own = {index: pictures_of(self.bench.row(index)) for index in self.rows}
        having = [index for index in self.rows if own[index]]
        if not having:
            return None, "no row has a picture"
        if len({_look(own[index][0]) for index in having}) < 2:
            return None, "no two rows have different pictures"
        taken: dict[int, list[Any]] = {index: [] for index in self.rows}
        for place, index in enumerate(having):
            others = [
                candidate
                for candidate in [*having[place + 1 :], *having[:place]]
                if _look(own[candidate][0]) != _look(own[index][0])
            ]
            theirs = own[others[0]]
            taken[index] = [
                theirs[number % len(theirs)].resize(picture.size) for number, picture in enumerate(own[index])
            ]
        return taken, ""


def swap_result(own: Sequence[RowLoss], other: Sequence[RowLoss]) -> dict[str, Any]:
    """The rise of the loss on tokens that depend on the picture, when the pictures are exchanged."""
    before = np.array([nll for row_loss in own for nll in row_loss.nll])
    after = np.array([nll for row_loss in other for nll in row_loss.nll])
    depends = np.abs(after - before) >= DEPENDS
    rise = float((after - before)[depends].mean()) if depends.any() else 0.0
    largest = float(np.abs(after - before).max()) if len(before) else 0.0
    return {"applicable": True, "rise": rise, "tokens": int(depends.sum()), "of": len(before), "largest": largest}


def trained_turns(row: Row) -> list[tuple[int, npt.NDArray[np.int64]]]:
    """The turns of a row whose content is trained: the message, and where the trained tokens of it are, in order."""
    mask, trace = row.mask, row.trace
    found = []
    for number in np.flatnonzero(mask.spans.trained).tolist():
        first, stop = int(mask.spans.content[number]), int(mask.spans.stop[number])
        owners = trace.message[first:stop]
        owners = owners[owners >= 0]
        places = first + np.flatnonzero(mask.keep[first:stop])
        if len(owners) and len(places):
            found.append((int(owners[0]), places))
    return found


def stop_result(decoded: dict[str, Any], losses: Sequence[RowLoss], bench: Bench, stops: set[int]) -> dict[str, Any]:
    """The numbers of answers that stop and of answers with a trained end, and the loss of those ends."""
    turns = decoded["turns"]
    nll = []
    for row_loss in losses:
        ids = bench.row(row_loss.row).rendering.input_ids
        nll += [value for value, place in zip(row_loss.nll, row_loss.places, strict=True) if int(ids[place]) in stops]
    return {
        "of": len(turns),
        "stopped": sum(turn["stopped"] for turn in turns),
        "trained": sum(turn["ends"] for turn in turns),
        "nll": sum(nll) / len(nll) if nll else None,
    }


def stop_ids(model: Any, bench: Bench) -> set[int]:
    """The ids at which generation stops: the generation config's, else the tokenizer's."""
    eos = getattr(model.generation_config, "eos_token_id", None)
    ids = set(eos) if isinstance(eos, list) else {eos} if eos is not None else set()
    return ids or ({bench.loaded.eos_id} if bench.loaded.eos_id is not None else set())


def _without(ids: Sequence[int], stops: set[int]) -> list[int]:
    """The ids before the first that stops."""
    return list(ids[: next((place for place, token in enumerate(ids) if token in stops), len(ids))])


def _parts(messages: Sequence[Any]) -> list[tuple[int, int, str]]:
    """The places of the pictures: message, part, and the key that holds them."""
    found = []
    for number, message in enumerate(messages):
        content = message.get("content")
        for place, part in enumerate(content if isinstance(content, list) else ()):
            if isinstance(part, dict) and part.get("type") == "image":
                key = next((key for key in ("image", "url", "path", "base64") if key in part), None)
                if key is not None:
                    found.append((number, place, key))
    return found


def pictures_of(row: Row) -> list[Any]:
    """A row's pictures, read, in order."""
    from transformers.image_utils import load_image

    messages = row.conversation.messages
    return [load_image(messages[number]["content"][place][key]) for number, place, key in _parts(messages)]


def with_pictures(messages: Sequence[Any], pictures: Sequence[Any]) -> list[Any]:
    """The messages with other pictures in the places of theirs."""
    changed = [dict(message) for message in messages]
    for (number, place, key), picture in zip(_parts(messages), pictures, strict=True):
        content = list(changed[number]["content"])
        part = {name: value for name, value in content[place].items() if name != key}
        content[place] = part | {"image": picture}
        changed[number]["content"] = content
    return changed


def _look(picture: Any) -> str:
    return hashlib.sha256(picture.convert("RGB").resize((64, 64)).tobytes()).hexdigest()


def logged_factor(
    model: Any, inputs: dict[str, Any], labels: torch.Tensor, accumulation: int, *, by_tokens: bool
) -> tuple[float, float]:
    """The model's own loss, and by what Trainer would multiply it when it logs: probed with two numbers of items.

    A loss that does not follow `num_items_in_batch`, on a model that Trainer takes to do so, is summed over the micro
    batches of a step and divided by nothing. `by_tokens`: whether the Trainer that is to train takes it so.
    """

    with torch.no_grad():
        plain = float(model(**inputs, labels=labels, use_cache=False).loss)
        if accumulation < 2 or not by_tokens:
            return plain, 1.0
        items = int((labels[:, 1:] != -100).sum())
        by_items, by_double = (
            float(model(**inputs, labels=labels, num_items_in_batch=count, use_cache=False).loss)
            for count in (items, 2 * items)
        )
    follows = abs(by_items - 2 * by_double) <= 1e-3 * max(1.0, abs(by_items))
    return plain, 1.0 if follows else float(accumulation)
