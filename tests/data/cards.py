"""Rows in the shapes of further public data sets, small ones of our own: none of them may go in without a word."""

from __future__ import annotations

from typing import Any

from workbench.data.media import StoredPicture

Row = dict[str, Any]
# The beginning of a JPEG in base64.
R = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJ"

CARDS: dict[str, Row] = {
    "Docmatix": {
        "images": [{"bytes": None, "path": "p.png"}],
        "texts": [{"user": "What is the total?", "assistant": "12 euro.", "source": "pdf_1"}],
    },
    "ChartQA": {
        "image": {"bytes": None, "path": "p.png"},
        "query": "How many bars?",
        "label": ["4"],
        "human_or_machine": 0,
    },
    "VQAv2": {
        "question_id": 1,
        "image_id": 9,
        "image": "p.png",
        "question": "What colour?",
        "question_type": "what color",
        "answers": [{"answer": "red", "answer_confidence": "yes", "answer_id": 1}],
        "multiple_choice_answer": "red",
    },
    "InfographicVQA": {
        "questionId": 65718,
        "question": "How many?",
        "image_local_name": "38404.jpeg",
        "image_url": "https://example.org/38404.jpeg",
        "answers": ["7"],
        "data_split": "train",
        "ocr_output_file": "38404.json",
    },
    "ScienceQA": {
        "image": {"bytes": None, "path": "p.png"},
        "question": "Which is a magnet?",
        "choices": ["a", "b"],
        "answer": 0,
        "hint": "",
        "task": "closed choice",
        "lecture": "Magnets pull.",
        "solution": "It is b.",
    },
    "SROIE": {
        "image": {"bytes": None, "path": "p.png"},
        "words": ["TOTAL", "12"],
        "bboxes": [[1, 2, 3, 4], [5, 6, 7, 8]],
        "ner_tags": [0, 1],
    },
    "CORD": {"image": {"bytes": None, "path": "p.png"}, "ground_truth": '{"gt_parse": {"menu": []}}'},
    "PixMo points": {
        "image_url": "https://example.org/x.jpg",
        "image_sha256": "ab",
        "points": [{"x": 10.1, "y": 20.2}],
        "count": 1,
        "label": "button",
        "collection_method": "pointing",
    },
    "PixMo ask": {
        "image_url": "https://example.org/x.jpg",
        "question": "[USER] What is it? [ASSISTANT]",
        "answer": "A button.",
    },
    "Molmo pointing (messages)": {
        "messages": [
            {"role": "user", "content": "Point to the button."},
            {"role": "assistant", "content": '<point x="10.1" y="20.2" alt="button">button</point>'},
        ],
        "image": "p.png",
    },
    "RLHF-V": {
        "image": {"bytes": None, "path": "p.png"},
        "ds_name": "RLHF-V",
        "text": '{"question": "What?", "chosen": "A", "rejected": "B"}',
        "origin_dataset": "x",
        "image_path": "p.png",
    },
    "Vision-Flan": {
        "id": "VQA_1",
        "image": "p.png",
        "task_name": "vqa",
        "conversations": [{"from": "human", "value": "What is it?\n<image>"}, {"from": "gpt", "value": "A square."}],
    },
    "M3IT": {
        "instruction": "Answer the question.",
        "inputs": "What is it?",
        "image_base64_str": [R],
        "outputs": "A square.",
    },
    "Video-ChatGPT": {"q": "What happens?", "a": "A man runs.", "video_id": "v_p1QGn0IzfW0"},
    "LLaVA-Video": {
        "id": "1",
        "data_source": "0_30_s",
        "video": "academic/v.mp4",
        "conversations": [
            {"from": "human", "value": "<image>\nWhat happens?"},
            {"from": "gpt", "value": "A man runs."},
        ],
    },
    "AudioCaps": {
        "audiocap_id": 91139,
        "youtube_id": "r1nicOVtvkQ",
        "start_time": 130,
        "audio": {"bytes": None, "path": "a.wav"},
        "caption": "A woman talks.",
    },
    "Infinity-MM": {
        "id": "1",
        "type": "gpt4o",
        "image": "p.png",
        "conversations": [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "A square."}],
        "lang": "en",
    },
    "ShareGPT4V": {
        "id": "000",
        "image": "coco/train2017/000.jpg",
        "conversations": [
            {"from": "human", "value": "Describe it.\n<image>"},
            {"from": "gpt", "value": "A square on a table."},
        ],
    },
    "VisualWebInstruct": {
        "idx": "1",
        "question": "Solve for x.",
        "short_answer": "3",
        "answer": "x = 3",
        "images": ["p.png", "q.png"],
    },
    "LLaVA-OneVision": {
        "id": "1",
        "image": {"bytes": None, "path": "p.png"},
        "conversations": [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "A square."}],
        "data_source": "x",
    },
    "Cambrian": {
        "id": "1",
        "source": "x.json",
        "image": "p.png",
        "conversations": [
            {"from": "system", "value": "You see."},
            {"from": "human", "value": "<image>What is it?"},
            {"from": "gpt", "value": "A square."},
        ],
    },
    "MMInstruct": {
        "image": "images/p.png",
        "conversations": [
            {"from": "human", "value": "<image>\nQuestion: what?"},
            {"from": "gpt", "value": "Answer: a square."},
        ],
        "domain": "poster",
    },
    "OpenHermes-V (human/gpt in messages)": {
        "messages": [{"role": "human", "content": "<image>What is it?"}, {"role": "gpt", "content": "A square."}],
        "images": ["p.png"],
    },
    "MAmmoTH-VL": {
        "id": "1",
        "conversations": [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "A square."}],
        "image": ["p.png", "q.png"],
    },
    "FineVision": {
        "images": [{"bytes": None, "path": "p.png"}],
        "texts": [{"user": "What?", "assistant": "A square."}],
        "relevance_ratings": [5],
    },
    "GUI agent (AGUVIS)": {
        "image": "p.png",
        "recipient": "all",
        "conversations": [
            {"from": "system", "value": "You act."},
            {"from": "human", "value": "<image>Click the button."},
            {"from": "gpt", "value": "pyautogui.click(0.1, 0.2)", "recipient": "os"},
        ],
    },
    "WebSight": {"image": {"bytes": None, "path": "p.png"}, "text": "<html></html>", "llm_generated_idea": "A page."},
    "Interleaved (OBELICS)": {
        "images": ["https://example.org/a.jpg", None],
        "texts": [None, "A text."],
        "metadata": "[]",
    },
    "TRL vision": {
        "prompt": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What?"}]}],
        "completion": [{"role": "assistant", "content": "A square."}],
        "images": ["p.png"],
    },
}


def stored(value: Any) -> Any:
    """A row as `datasets` hands it over: a cell of an Image or Audio column is an object of its own."""
    if isinstance(value, dict):
        is_cell = set(value) == {"bytes", "path"}
        return StoredPicture(**value) if is_cell else {key: stored(item) for key, item in value.items()}
    return [stored(item) for item in value] if isinstance(value, list) else value
