"""Make the demo model and all that comes with it: `python -m sample_data.make.demo_model --out sample_data/demo-model`.

Writes a folder that `AutoProcessor` and `AutoModelForImageTextToText` load, and beside it the rows and pictures. Every
draw is seeded. The tokenizer, the processor, the rows and the pictures come out the same each time; the weights depend
on the order of floating-point sums, so on another machine they differ a little and answer as well.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from transformers import (
    AutoModelForImageTextToText,
    AutoProcessor,
    Gemma4AudioFeatureExtractor,
    Gemma4ForConditionalGeneration,
    Gemma4ImageProcessor,
    Gemma4Processor,
    Gemma4VideoProcessor,
    GemmaTokenizer,
    GenerationConfig,
)

from sample_data.make.demo_evaluation import SEED, exact, interview, quiz
from sample_data.make.demo_rows import write_rows
from sample_data.make.demo_tokenizer import build_tokenizer
from sample_data.make.demo_training import PATCH, POOL, Round, Settings, demo_config, initialise, train

TEMPLATE = Path(__file__).parents[1] / "demo_template.jinja"

SOFT_TOKENS = 70
"""The fewest the image processor takes; a square picture uses 64 of them."""

FRAMES = 4
"""Frames taken from a video, so that a video is about as long as four pictures."""

MELS = 16
"""Bands of the audio features: the two convolutions of the demo's audio tower make its width from just so many."""


def build_processor(tokenizer: GemmaTokenizer) -> Gemma4Processor:
    """The processor for pictures, audio and video around a tokenizer."""
    sight = {"patch_size": PATCH, "pooling_kernel_size": POOL, "max_soft_tokens": SOFT_TOKENS}
    return Gemma4Processor(
        feature_extractor=Gemma4AudioFeatureExtractor(feature_size=MELS),
        image_processor=Gemma4ImageProcessor(**sight),
        tokenizer=tokenizer,
        video_processor=Gemma4VideoProcessor(**sight, num_frames=FRAMES),
        chat_template=TEMPLATE.read_text(encoding="utf-8"),
        image_seq_length=SOFT_TOKENS,
    )


def build_model(tokenizer: GemmaTokenizer, seed: int) -> Gemma4ForConditionalGeneration:
    """The untrained model, in float32."""
    torch.manual_seed(seed)
    model = Gemma4ForConditionalGeneration(demo_config(tokenizer)).float()
    initialise(model)
    return model


def save(model: Gemma4ForConditionalGeneration, processor: Gemma4Processor, out: Path) -> None:
    """Write model and processor into one folder, the weights in bfloat16."""
    turn = processor.tokenizer.convert_tokens_to_ids("<turn|>")
    stops = [processor.tokenizer.eos_token_id, turn]
    ends = {"eos_token_id": stops, "pad_token_id": processor.tokenizer.pad_token_id}
    model.generation_config = GenerationConfig(bos_token_id=processor.tokenizer.bos_token_id, do_sample=False, **ends)
    for part in (model.config.text_config, model.config.vision_config, model.config.audio_config):
        part.dtype = torch.bfloat16
    model.to(torch.bfloat16).save_pretrained(out)
    # Weights are written for the owner alone; this folder is for everybody.
    (out / "model.safetensors").chmod(0o644)
    processor.save_pretrained(out)
    # Releases of transformers name the vision tower's rope differently, and each takes its own where none is named.
    written = json.loads((out / "config.json").read_text("utf-8"))
    written["vision_config"].pop("rope_parameters", None)
    (out / "config.json").write_text(json.dumps(written, indent=2, sort_keys=True) + "\n", "utf-8")


def report(folder: Path, size: int = 200) -> dict[str, float]:
    """Load a folder as a user would and measure it: shares of exact answers, from 0 to 1, and the number of weights."""
    model = AutoModelForImageTextToText.from_pretrained(folder).eval()
    processor = AutoProcessor.from_pretrained(folder)
    known, new = quiz(SEED, size), quiz(SEED + 1, size, held_out=True)
    blind = known.shuffled()
    return {
        "exact": exact(known, interview(model, processor, known)),
        "exact, pictures shuffled": exact(known, interview(model, processor, blind)),
        "exact, pairs left out of training": exact(new, interview(model, processor, new)),
        "parameters": float(sum(p.numel() for p in model.parameters())),
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the model; the rows go beside it")
    parser.add_argument("--quick", action="store_true", help="a few steps only, to see that everything runs")
    parser.add_argument("--rows-only", action="store_true", help="write the rows and pictures, train nothing")
    parser.add_argument("--report-only", action="store_true", help="measure the model that is in the folder")
    options = parser.parse_args()
    if options.report_only:
        print(report(options.out))
        return
    write_rows(options.out.parent)
    if options.rows_only:
        return
    # A fixed number of threads keeps the order of sums, and so the weights, the same on one machine.
    torch.set_num_threads(2)
    settings = Settings(pictures=200, warm_steps=5, rounds=(Round(5, 1e-3, 1),)) if options.quick else Settings()
    tokenizer = build_tokenizer()
    model = build_model(tokenizer, settings.seed)
    seconds = train(model, tokenizer, settings, lambda line: print(line, flush=True))
    save(model, build_processor(tokenizer), options.out)
    print(f"trained in {seconds / 60:.1f} min", report(options.out, size=4 if options.quick else 200))


if __name__ == "__main__":
    main()
