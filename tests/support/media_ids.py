"""Media ids of the families with a real tokenizer among the test data, written down apart from the specs."""

MEDIA_IDS = {
    "gemma3": {255999, 262144},
    "gemma3n": {262145, 262273, 255999, 262144},
    "gemma4": {258880, 258881, 255999, 258882, 256000, 258883, 258884},
    "gemma4_unified": {258880, 258881, 255999, 258882, 256000, 258883, 258884},
    "qwen2_vl": {151655},
    "qwen2_5_vl": {151655},
    "qwen3_vl": {151655},
    "qwen3_5": {248056, 248057},
    "llama3_2_vision": {128256},
    "llama4": {200090},
    "pixtral": {10},
    "mistral3": {10},
    "smolvlm2": {49190},
    "llava": {32000},
    "internvl": {151665, 151666, 151667},
}
"""Ids beside pad that axolotl masks with the family's real processor and its own template name."""
