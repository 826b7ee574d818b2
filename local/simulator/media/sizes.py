"""How large a video is, by its words for that."""

SHORT_SIDES = {"360p": 360, "540p": 540, "720p": 720, "1080p": 1080, "2K": 1440, "4K": 2160, "8K": 4320}
RATIOS = {"16:9": (16, 9), "9:16": (9, 16), "1:1": (1, 1), "4:3": (4, 3), "3:4": (3, 4)}


def pixels(resolution: str, aspect_ratio: str) -> tuple[int, int]:
    """Width and height; both even, as yuv420p needs them."""
    short = SHORT_SIDES[resolution]
    across, down = RATIOS[aspect_ratio or "16:9"]
    scale = short / min(across, down)
    return round(across * scale / 2) * 2, round(down * scale / 2) * 2
