"""The demo model's tokenizer: Gemma 4's low ids, then a small byte-pair vocabulary made from the world's own text.

Ids 0 to 493 are those of Gemma 4: control tokens, runs of newlines and spaces, HTML tags, bytes. So `<|turn>` is 105, a
newline 107 and two newlines 108, and they merge as they do there, which is what makes turn markers fragile. Only what
lies above is different: the media tokens follow at 494, then single characters, then what was learnt.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter

from tokenizers import Tokenizer, models, trainers
from transformers import GemmaTokenizer

from sample_data.make.picture_world import scene

VOCABULARY = 1536
RUN = 31
"""The longest run of newlines, or of spaces, that is one token."""

SPACE = "\u2581"

CONTROL = {
    0: "<pad>",
    1: "<eos>",
    2: "<bos>",
    3: "<unk>",
    4: "<mask>",
    46: "<|tool>",
    47: "<tool|>",
    48: "<|tool_call>",
    49: "<tool_call|>",
    50: "<|tool_response>",
    51: "<tool_response|>",
    52: '<|"|>',
    98: "<|think|>",
    100: "<|channel>",
    101: "<channel|>",
    105: "<|turn>",
    106: "<turn|>",
}

MEDIA = ("<|image>", "<|audio>", "<|image|>", "<|audio|>", "<image|>", "<audio|>", "<|video|>")
"""In the order of their real ids, which are far above this vocabulary."""

_NAMES = {
    "image_token": "<|image|>",
    "boi_token": "<|image>",
    "eoi_token": "<image|>",
    "audio_token": "<|audio|>",
    "boa_token": "<|audio>",
    "eoa_token": "<audio|>",
    "sot_token": "<|turn>",
    "eot_token": "<turn|>",
    "soc_token": "<|channel>",
    "eoc_token": "<channel|>",
    "think_token": "<|think|>",
    "escape_token": '<|"|>',
    "str_token": "<|tool_response>",
    "etr_token": "<tool_response|>",
    "stc_token": "<|tool_call>",
    "etc_token": "<tool_call|>",
    "std_token": "<|tool>",
    "etd_token": "<tool|>",
}

_TAGS = (
    ("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"),
    ("h1", "h2", "h3", "h4", "h5", "h6", "blockquote"),
    ("strong", "em", "b", "i", "u", "s", "sub", "sup", "code"),
    ("a", "html", "body", "img", "span", "bbox", "ul", "li", "div", "iframe", "footer"),
)

_ROLES = ("model", "user", "system", "assistant", "tool", "developer", "thought")

_COMMON = """
about above after again against all also although always am among an and another answer any are around as ask at away
back base batch be because been before begin being below best better between big bit book both boundary but by call
came can case cat change chat check child city class clean clear close code colour column come config content control
corner could country data date day dear default did different do does dog done down draw each early edge edit eight
empty end epoch error even ever every example eye face fact fail false far fast father few file find fine first five
fix follow food for form found four freeze friend from full function gave get give go good got gradient great group
hand happy hard has have he head hello help her here high him his hold home hour house how idea if image import
important in input into is it item its json just keep key kind know label language large last late layer learn least
leave left length less let letter life light like line list little load long look loss lost low made main make man
many map mask match may me mean message middle might mind minute more morning most mother move much must my name near
need never new next night nine none not note nothing now number of off often old on once one only open or order other
our out output over own page pair part path people perhaps picture place plain play please plus point print prompt
prove put python question quick rate read real reason red rest result return right role room row rule run said same
saw say school score second see sentence set seven shape she shift short should show side simple since six size small
so some soon space span speak special stand start step still stop story string such sum sure table take talk tell
template ten test text than thank that the their them then there these they thing think this those three through time
to today together token too took top train tree true try turn two type under until up upon us use value verdict very
view vision wait walk want was water way we week weight well went were what when where which while white who whole why
will wind window with without word work world would write wrong year yes yet you young your zero I You He She It We
They This That These The A An And But Or If In On At To For From With Without Please Hello Thank Thanks Who Why When
Which Can Could Do Does Did Was Were Will Would Should My Your Our First Second Then Next Now Here None True False
self def class lambda import print async await const http https www com org net
"""


def _low() -> list[str]:
    """The strings of ids 0 to 493."""
    names: list[str] = []
    unused = 0
    for number in range(107):
        if number in CONTROL:
            names.append(CONTROL[number])
        elif number == 5:
            names.append("[multimodal]")
        else:
            names.append(f"<unused{unused}>")
            unused += 1
    names += ["\n" * n for n in range(1, RUN + 1)]
    names += [SPACE * n for n in range(2, RUN + 1)]
    for group in _TAGS:
        names += [f"<{tag}>" for tag in group] + [f"</{tag}>" for tag in group]
    names += [f"<0x{byte:02X}>" for byte in range(256)]
    return names


def _runs(character: str) -> list[tuple[str, str]]:
    """The merges that make runs of one character, longest left half first: the order decides how a run is split."""
    return [(character * a, character * b) for a in range(RUN - 1, 0, -1) for b in range(RUN - a, 0, -1)]


def _words() -> Counter[str]:
    """Words with weights to learn merges from, each with its leading space mark where it has one."""
    rng = random.Random(7)
    counts: Counter[str] = Counter()
    for _ in range(3000):
        view = scene(rng)
        for question, answer in [*view.turns(rng, 4), view.inventory()]:
            for line in (question, answer):
                counts.update(re.findall(rf"{SPACE}?[A-Za-z]+", line.replace(" ", SPACE)))
    for word in _COMMON.split():
        counts[SPACE + word] += 8
    for word in _ROLES:
        counts[word] += 400
        counts[SPACE + word] += 200
    return counts


def build_tokenizer() -> GemmaTokenizer:
    """Make the tokenizer, of exactly `VOCABULARY` tokens; the same each time."""
    alphabet = [SPACE, "\t", *map(chr, range(33, 127))]
    low = [*_low(), *MEDIA]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(low),
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        show_progress=False,
    )
    learner = Tokenizer(models.BPE())
    # No pre-tokenizer: each string is one word, so that nothing merges across a space, a newline or a full stop.
    learner.train_from_iterator((w for w, n in sorted(_words().items()) for _ in range(n)), trainer)
    learned = learner.get_vocab()
    names = [*low, *sorted(learned, key=lambda name: learned[name])]
    if len(names) != VOCABULARY or len(set(names)) != VOCABULARY:
        raise RuntimeError(f"the vocabulary came out at {len(names)} tokens, {len(set(names))} of them different")
    merges = _runs("\n") + _runs(SPACE) + _merges(learner)
    vocab = {name: number for number, name in enumerate(names)}
    return GemmaTokenizer(
        vocab=vocab,
        merges=merges,
        add_bos_token=False,
        model_max_length=int(1e30),
        padding_side="left",
        extra_special_tokens=["<|video|>"],
        **_NAMES,
    )


def _merges(learner: Tokenizer) -> list[tuple[str, str]]:
    """The merges that were learnt, in their order, which only the saved form of a tokenizer tells."""
    return [(left, right) for left, right in json.loads(learner.to_str())["model"]["merges"]]
