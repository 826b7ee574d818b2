"""A video's size in pixels, and the two words that say the same: 1280x720 is 720p in 16:9."""

from __future__ import annotations

import re

_SIDES = {360: "360p", 480: "480p", 540: "540p", 720: "720p", 1080: "1080p", 1440: "2K", 2160: "4K"}
_RATIOS = ("16:9", "9:16", "4:3", "3:4", "1:1", "21:9", "3:2", "2:3")
_NEAR = 0.02  # 854x480 is 16:9, too


def shape(size: str) -> tuple[str, str]:
    """The resolution and the ratio of "1280x720", "720p", "16:9"; two empty words if it is none of ours."""
    pixels = re.fullmatch(r"(\d{1,5})[xX*×](\d{1,5})", size, re.ASCII)
    if pixels:
        width, height = int(pixels[1]), int(pixels[2])
        resolution = _SIDES.get(min(width, height), "")
        near = [ratio for ratio in _RATIOS if resolution and abs(width / height / _quotient(ratio) - 1) < _NEAR]
        return (resolution, near[0]) if near else ("", "")
    if re.fullmatch(r"\d{3,4}[pP]|\dK", size, re.ASCII):
        return size.replace("P", "p"), ""
    return ("", size) if size in _RATIOS else ("", "")


def pixels(resolution: str, aspect_ratio: str) -> str:
    """The size in pixels, as in 1280x720, if both words are known."""
    short = next((side for side, word in _SIDES.items() if word == resolution), 0)
    if not short or aspect_ratio not in _RATIOS:
        return ""
    quotient = _quotient(aspect_ratio)
    width, height = max(short, short * quotient), max(short, short / quotient)
    return f"{round(width / 2) * 2}x{round(height / 2) * 2}"


def _quotient(ratio: str) -> float:
    across, down = ratio.split(":")
    return int(across) / int(down)
