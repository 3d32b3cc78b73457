"""Train the demo model: first the vision tower alone on what lies where, then everything on questions and answers.

On two cores this takes a quarter of an hour. The vision tower is warmed up because without it the whole model stays
blind to shape for thousands of steps: the answers alone are too weak a signal.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import Gemma4Config, Gemma4ForConditionalGeneration, GemmaTokenizer

from sample_data.make.picture_world import BACKGROUNDS, PAIRS, SIZE, Scene, scene

PATCH = 6
POOL = 2
GRID = SIZE // PATCH // POOL
"""Soft tokens along one side of a picture."""

SYSTEMS = (
    "You answer questions about pictures.",
    "Answer in full sentences.",
    "Look at the picture and be brief.",
    "You are a helpful assistant.",
)

IGNORE = -100

RARE = ("Two", "Three", "Four", "Yes, there are", "There is nothing", "There are no")
"""Beginnings of the answers that few pictures allow."""


@dataclass(frozen=True)
class Round:
    """One pass of training everything, with a learning rate that rises and falls once."""

    steps: int
    rate: float
    echoes: int
    """Repetitions in the row without a picture; see `Writer.echo`."""
    hard: float = 0.0
    """Share of the rows that show two equal shapes and ask what is seldom asked: see `Writer.about`."""


@dataclass(frozen=True)
class Settings:
    """Settings of the training; the defaults are those of the committed weights."""

    seed: int = 1
    pictures: int = 20_000
    warm_steps: int = 400
    warm_batch: int = 32
    warm_rate: float = 3e-3
    batch: int = 16
    ramp: int = 100
    # Repeating random tokens costs a loss that drowns the pictures: much of it first, little of it at the end.
    rounds: tuple[Round, ...] = (
        Round(1500, 2e-3, 4),
        Round(1000, 1.5e-3, 1),
        Round(700, 1e-3, 1),
        Round(800, 1e-3, 1, hard=0.5),
        Round(650, 8e-4, 1, hard=0.5),
    )


@dataclass
class Corpus:
    """Pictures made ready once: patches `[n, 256, 108]` in uint8 and what fills each soft token, `[n, 64]`."""

    scenes: list[Scene] = field(default_factory=list)
    patches: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint8))
    cells: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))


def demo_config(tokenizer: GemmaTokenizer) -> Gemma4Config:
    """The smallest Gemma 4 that still has all its parts: shared keys and values, both kinds of layer, three towers."""
    names = ("boi", "eoi", "image", "boa", "audio", "eoa")
    ids = {name: tokenizer.convert_tokens_to_ids(getattr(tokenizer, f"{name}_token")) for name in names}
    return Gemma4Config(
        text_config={
            "vocab_size": len(tokenizer),
            "vocab_size_per_layer_input": len(tokenizer),
            "hidden_size": 128,
            "intermediate_size": 256,
            "num_hidden_layers": 4,
            "layer_types": ["sliding_attention", "full_attention"] * 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 1,
            "head_dim": 32,
            "global_head_dim": 64,
            "hidden_size_per_layer_input": 16,
            "num_kv_shared_layers": 2,
            "final_logit_softcapping": 30.0,
            "max_position_embeddings": 4096,
        },
        vision_config={
            "hidden_size": 96,
            "intermediate_size": 192,
            "num_hidden_layers": 3,
            "num_attention_heads": 3,
            "num_key_value_heads": 3,
            "head_dim": 32,
            "patch_size": PATCH,
            "pooling_kernel_size": POOL,
            # One row per patch along a side; the default of 10,240 would be most of the model.
            "position_embedding_size": 128,
        },
        audio_config={
            "hidden_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 4,
            "subsampling_conv_channels": [16, 8],
            "output_proj_dims": 32,
        },
        boi_token_id=ids["boi"],
        eoi_token_id=ids["eoi"],
        image_token_id=ids["image"],
        boa_token_id=ids["boa"],
        audio_token_id=ids["audio"],
        eoa_token_index=ids["eoa"],
        video_token_id=tokenizer.convert_tokens_to_ids("<|video|>"),
        tie_word_embeddings=True,
    )


def initialise(model: Gemma4ForConditionalGeneration) -> None:
    """Set starting weights that suit so small a model, in place.

    Attention is not scaled here, its queries and keys are normalised instead: with their scales at one the softmax
    starts nearly one-hot. And a position table of all ones cannot tell positions apart.
    """
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features**-0.5)
        elif isinstance(module, nn.Embedding):
            # The table is multiplied by the square root of its width on the way in.
            nn.init.normal_(module.weight, std=module.embedding_dim**-0.5)
        elif name.endswith("q_norm"):
            nn.init.constant_(module.weight, module.weight.numel() ** -0.5)
    nn.init.normal_(model.model.vision_tower.patch_embedder.position_embedding_table, std=0.3)
    model.tie_weights()


def patches_of(view: Scene) -> np.ndarray:
    """Cut a picture into patches as Gemma 4's image processor does: uint8 `[256, 108]`."""
    side = SIZE // PATCH
    pixels = np.asarray(view.picture()).reshape(side, PATCH, side, PATCH, 3)
    return pixels.transpose(0, 2, 1, 3, 4).reshape(side * side, -1)


def make_corpus(settings: Settings) -> Corpus:
    """Draw all training pictures; none has a held-out pair."""
    rng = random.Random(settings.seed)
    scenes = [scene(rng, held_out=False) for _ in range(settings.pictures)]
    patches = np.stack([patches_of(view) for view in scenes])
    return Corpus(scenes, patches, np.stack([view.cells(GRID).reshape(-1) for view in scenes]))


class Writer:
    """Writes conversations as token ids, as the chat template renders them, with labels on the answers only."""

    def __init__(self, tokenizer: GemmaTokenizer) -> None:
        self.tokenizer = tokenizer
        self._known: dict[str, list[int]] = {}
        soft = f"{tokenizer.boi_token}{tokenizer.image_token * GRID**2}{tokenizer.eoi_token}"
        self.image = tokenizer.encode(soft, add_special_tokens=False)
        self.end = tokenizer.convert_tokens_to_ids("<turn|>")
        special = set(tokenizer.all_special_ids)
        # Anything that can stand in a text: not the control tokens, and not the unused names that no text encodes to.
        self.plain = [i for i in range(107, len(tokenizer)) if i not in special and not 168 <= i < 238]

    def encode(self, text: str) -> list[int]:
        """The ids of a text, remembered: the world has few sentences."""
        if text not in self._known:
            self._known[text] = self.tokenizer.encode(text, add_special_tokens=False)
        return self._known[text]

    def conversation(self, turns: list[tuple[list[int], list[int]]], system: str | None) -> tuple[list[int], list[int]]:
        """Ids and labels of a whole conversation; questions and answers come as ids."""
        ids = self.encode("<bos>" + (f"<|turn>system\n{system}<turn|>\n" if system else ""))
        labels = [IGNORE] * len(ids)
        for question, answer in turns:
            asked = [*self.encode("<|turn>user\n"), *question, *self.encode("<turn|>\n<|turn>model\n")]
            ids = [*ids, *asked, *answer, self.end, *self.encode("\n")]
            labels += [*[IGNORE] * len(asked), *answer, self.end, IGNORE]
        return ids, labels

    def about(self, view: Scene, rng: random.Random, hard: bool = False) -> tuple[list[int], list[int]]:
        """Four questions about a picture, and at times the request to list everything.

        `hard` prefers questions whose answers are rare: several of one kind, or nothing at all.
        """
        turns = view.turns(rng, 6 if hard else 4)
        if hard:
            turns = sorted(turns, key=lambda turn: not turn[1].startswith(RARE))[:4]
            rng.shuffle(turns)
        if rng.random() < 0.5:
            turns[rng.randrange(4)] = view.inventory()
        encoded = [(self.encode(question), self.encode(answer)) for question, answer in turns]
        first, answer = encoded[0]
        encoded[0] = ([*self.image, *first] if rng.random() < 0.85 else [*first, *self.image], answer)
        return self.conversation(encoded, rng.choice(SYSTEMS) if rng.random() < 0.25 else None)

    def echo(self, view: Scene, rng: random.Random, count: int) -> tuple[list[int], list[int]]:
        """Requests to repeat something, without a picture.

        They make every token of the vocabulary occur in answers. One that never did keeps a loss that no adapter can
        remove, since the output weights are frozen then.
        """
        turns = []
        for _ in range(count):
            if rng.random() < 0.3:
                text = self.encode(rng.choice(view.turns(rng, 1)[0]))
            else:
                text = rng.choices(self.plain, k=rng.randint(1, 14))
            turns.append(([*self.encode("Repeat: "), *text], text))
        return self.conversation(turns, None)


def pixels_of(corpus: Corpus, picked: list[int]) -> tuple[Tensor, Tensor]:
    """Pixel values `[b, 256, 108]` from 0 to 1, and the (x, y) of each patch `[b, 256, 2]`."""
    side = SIZE // PATCH
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    positions = torch.stack([columns, rows], dim=-1).reshape(1, side * side, 2).expand(len(picked), -1, -1)
    return torch.from_numpy(corpus.patches[picked]).float() / 255, positions


def schedule(step: int, total: int, ramp: int, floor: float) -> float:
    """The share of the learning rate at a step: a linear rise, then a cosine down to `floor`."""
    if step < ramp:
        return (step + 1) / ramp
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * (step - ramp) / max(1, total - ramp)))


def train(model: Gemma4ForConditionalGeneration, tokenizer: GemmaTokenizer, settings: Settings, say: Callable) -> float:
    """Train the model in place, in float32, and return the seconds it took; `say` gets lines of progress."""
    began = time.monotonic()
    rng = random.Random(settings.seed + 1)
    corpus = make_corpus(settings)
    say(f"{len(corpus.scenes)} pictures made in {time.monotonic() - began:.0f} s")
    head = nn.Linear(model.config.vision_config.hidden_size, len(PAIRS) + len(BACKGROUNDS))
    model.train()
    _warm_up(model, head, corpus, settings, rng, say)
    for number, part in enumerate(settings.rounds):
        # Each round draws from its own seed, so that it can be run again from the weights of the one before.
        rng = random.Random(f"{settings.seed} round {number}") if number else rng
        _train_all(model, head, corpus, Writer(tokenizer), settings, part, rng, say)
    model.eval()
    return time.monotonic() - began


def _picks(corpus: Corpus, size: int, rng: random.Random, twins: int = 0) -> Iterator[list[int]]:
    """Batches of picture numbers, each picture once before any comes again; the first `twins` show equal shapes."""
    alike = [i for i, view in enumerate(corpus.scenes) if len({t.pair for t in view.things}) < len(view.things)]
    step = size - twins
    while True:
        order = rng.sample(range(len(corpus.scenes)), len(corpus.scenes))
        yield from (rng.sample(alike, twins) + order[i : i + step] for i in range(0, len(order) - step + 1, step))


def _warm_up(
    model: Gemma4ForConditionalGeneration,
    head: nn.Linear,
    corpus: Corpus,
    settings: Settings,
    rng: random.Random,
    say: Callable,
) -> None:
    """Teach the vision tower to say what fills each soft token, through a head that is thrown away afterwards."""
    weights = [*model.model.vision_tower.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=settings.warm_rate, betas=(0.9, 0.98), weight_decay=0.01)
    for step, picked in zip(range(settings.warm_steps), _picks(corpus, settings.warm_batch, rng), strict=False):
        optimizer.param_groups[0]["lr"] = settings.warm_rate * schedule(step, settings.warm_steps, 20, 0.05)
        pixels, positions = pixels_of(corpus, picked)
        seen = model.model.vision_tower(pixel_values=pixels, pixel_position_ids=positions).last_hidden_state
        logits, truth = head(_rms(seen)), torch.from_numpy(corpus.cells[picked]).reshape(-1)
        loss = F.cross_entropy(logits, truth)
        _update(optimizer, loss, weights)
        if step % 50 == 49:
            say(f"vision {step + 1}: loss {loss:.3f}, cells right {(logits.argmax(-1) == truth).float().mean():.3f}")


def _train_all(
    model: Gemma4ForConditionalGeneration,
    head: nn.Linear,
    corpus: Corpus,
    writer: Writer,
    settings: Settings,
    part: Round,
    rng: random.Random,
    say: Callable,
) -> None:
    """Teach the whole model to answer; new questions are drawn each time a picture comes up."""
    weights = [*(p for p in model.parameters() if p.requires_grad), *head.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=part.rate, betas=(0.9, 0.98), weight_decay=0.01)
    cap = model.config.text_config.final_logit_softcapping
    began = time.monotonic()
    hard = round(part.hard * settings.batch)
    for step, picked in zip(range(part.steps), _picks(corpus, settings.batch, rng, hard), strict=False):
        optimizer.param_groups[0]["lr"] = part.rate * schedule(step, part.steps, settings.ramp, 0.05)
        rows = [writer.about(corpus.scenes[i], rng, n < hard) for n, i in enumerate(picked)]
        rows.append(writer.echo(corpus.scenes[picked[0]], rng, part.echoes))
        # Padding on the right needs no attention mask: nothing that counts comes after it.
        width = max(len(ids) for ids, _ in rows)
        ids = torch.tensor([row + [0] * (width - len(row)) for row, _ in rows])
        labels = torch.tensor([row + [IGNORE] * (width - len(row)) for _, row in rows])
        pixels, positions = pixels_of(corpus, picked)
        features = model.model.get_image_features(pixels, positions, return_dict=True)
        seen = features.last_hidden_state
        hidden = model.model(input_ids=ids, mm_encoder_outputs={"image": features}, use_cache=False).last_hidden_state
        asked = labels[:, 1:] != IGNORE
        truth = labels[:, 1:][asked]
        # The output weights are the largest part of the model: apply them at the answers only.
        logits = cap * torch.tanh(model.lm_head(hidden[:, :-1][asked]) / cap)
        loss = F.cross_entropy(logits, truth)
        total = loss
        if step % 4 == 0:
            cells = torch.from_numpy(corpus.cells[picked]).reshape(-1)
            total = loss + 0.5 * F.cross_entropy(head(_rms(seen)), cells)
        _update(optimizer, total, weights)
        if step % 50 == 49:
            right = (logits.argmax(-1) == truth).float().mean()
            pace = (time.monotonic() - began) / (step + 1)
            say(f"answers {step + 1}: loss {loss:.3f}, tokens right {right:.3f}, {pace:.2f} s a step")


def _rms(values: Tensor) -> Tensor:
    """Soft tokens at unit scale, as the model's own projector normalises them."""
    flat = values.reshape(-1, values.shape[-1])
    return flat * torch.rsqrt(flat.pow(2).mean(-1, keepdim=True) + 1e-6)


def _update(optimizer: torch.optim.Optimizer, loss: Tensor, weights: list[nn.Parameter]) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(weights, 1.0)
    optimizer.step()
