"""Ask the demo model about pictures as a user would, and count the answers that are exactly right."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from transformers import PreTrainedModel, ProcessorMixin

from sample_data.make.picture_world import Scene, Turn, scene

LONGEST = 40
"""Tokens an answer may have; the longest true answer has fewer than 30."""


@dataclass(frozen=True)
class Quiz:
    """Pictures and, for each, the questions to ask with their true answers."""

    pictures: list[Image.Image]
    turns: list[list[Turn]]

    def shuffled(self) -> Quiz:
        """The same questions with each picture at another row: what is right then needed no picture."""
        return Quiz([*self.pictures[1:], self.pictures[0]], self.turns)


SEED = 777
"""Draws the pictures that the figures in README.md are measured on; training draws from other seeds."""


def quiz(seed: int, size: int, questions: int = 3, held_out: bool | None = False) -> Quiz:
    """Draw `size` scenes from a seed, with `questions` each; with `held_out` each has a pair that training left out."""
    rng = random.Random(seed)
    scenes: list[Scene] = [scene(rng, held_out) for _ in range(size)]
    return Quiz([view.picture() for view in scenes], [view.turns(rng, questions) for view in scenes])


def interview(
    model: PreTrainedModel, processor: ProcessorMixin, asked: Quiz, batch: int = 50
) -> list[list[str | None]]:
    """Ask everything, turn by turn, with the model's own earlier answers as history.

    Returns the answers in the quiz's shape; None where the model did not stop within `LONGEST` tokens.
    """
    answers: list[list[str | None]] = []
    for start in range(0, len(asked.turns), batch):
        turns, pictures = asked.turns[start : start + batch], asked.pictures[start : start + batch]
        talks: list[list[dict[str, Any]]] = [[] for _ in turns]
        heard: list[list[str | None]] = [[] for _ in turns]
        for number in range(len(turns[0])):
            for talk, row in zip(talks, turns, strict=True):
                image = [] if talk else [{"type": "image"}]
                talk.append({"role": "user", "content": [*image, {"type": "text", "text": row[number][0]}]})
            for talk, row, answer in zip(talks, heard, replies(model, processor, talks, pictures), strict=True):
                talk.append({"role": "assistant", "content": [{"type": "text", "text": answer or ""}]})
                row.append(answer)
        answers += heard
    return answers


@torch.no_grad()
def replies(
    model: PreTrainedModel, processor: ProcessorMixin, talks: list[list[dict[str, Any]]], pictures: list[Image.Image]
) -> list[str | None]:
    """The model's next answer in each conversation, each with one picture; None where it did not stop."""
    prompts = processor.apply_chat_template(talks, add_generation_prompt=True, tokenize=False)
    images = [[picture] for picture in pictures]
    inputs = processor(text=prompts, images=images, padding=True, add_special_tokens=False, return_tensors="pt")
    inputs = inputs.to(model.device, dtype=model.dtype)
    made = model.generate(**inputs, max_new_tokens=LONGEST, do_sample=False)[:, inputs["input_ids"].shape[1] :]
    stop = processor.tokenizer.convert_tokens_to_ids("<turn|>")
    found = []
    for ids in made.tolist():
        text = processor.tokenizer.decode(ids[: ids.index(stop)]) if stop in ids else None
        found.append(text)
    return found


def exact(asked: Quiz, answers: list[list[str | None]]) -> float:
    """The share of answers, from 0 to 1, that equal the true ones letter by letter."""
    pairs = [
        (true, given)
        for turns, row in zip(asked.turns, answers, strict=True)
        for (_, true), given in zip(turns, row, strict=True)
    ]
    return sum(true == given for true, given in pairs) / len(pairs)
