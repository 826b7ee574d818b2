"""The still picture that a video is made of: the prompt, readable, on a colour of the task's own."""

import colorsys
from functools import cache
from pathlib import Path
from zlib import crc32

from PIL import Image, ImageDraw, ImageFont, ImageOps

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_LONGEST = 600
# Pillow's own font knows Latin only; these know more, the first ones Chinese, Japanese and Korean too.
_WIDE_FONTS = (
    "/usr/share/fonts/**/NotoSansCJK-Regular.tt[cf]",
    "/usr/share/fonts/**/NotoSansCJK*.tt[cf]",
    "/usr/share/fonts/**/NotoSans*SC-Regular.[ot]tf",
    "/usr/share/fonts/**/SourceHanSans*",
    "/usr/share/fonts/**/wqy-*.tt[cf]",
    "/usr/share/fonts/**/DroidSansFallback*.ttf",
    "/System/Library/Fonts/PingFang.ttc",
    "/System/Library/Fonts/Hiragino Sans GB.ttc",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
    "/Library/Fonts/Arial Unicode.ttf",
    "C:/Windows/Fonts/msyh.ttc",
    "/usr/share/fonts/**/DejaVuSans.ttf",
)


def draw(width: int, height: int, *, prompt: str, label: str, stamp: str = "") -> Image.Image:
    """An RGB image. `label` goes below the prompt, `stamp` into a corner as a watermark."""
    picture = _background(width, height, seed=label)
    pen = ImageDraw.Draw(picture)
    short = min(width, height)
    margin = round(short * 0.08)
    room = (width - 2 * margin, height - 4 * margin)
    text, font, spacing = _fitted(" ".join(prompt.split())[:_LONGEST] or "(no prompt)", room, short)
    pen.multiline_text((margin, margin), text, font=font, fill="white", spacing=spacing)
    small = _font("", max(10, round(short * 0.032)))
    pen.text((margin, height - 1.9 * margin), label, font=small, fill=(255, 255, 255, 200))
    if stamp:
        mark = _font("", max(12, round(short * 0.05)))
        x = width - margin - pen.textlength(stamp, font=mark)
        pen.text((x, height - 2 * margin), stamp, font=mark, fill="white", stroke_width=2, stroke_fill="black")
    return picture


def _background(width: int, height: int, *, seed: str) -> Image.Image:
    hue = crc32(seed.encode()) % 360 / 360
    dark, light = (_rgb(hue, 0.75, 0.22), _rgb((hue + 0.08) % 1, 0.6, 0.5))
    return ImageOps.colorize(Image.linear_gradient("L").resize((width, height)), light, dark)


def _rgb(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def _fitted(text: str, room: tuple[int, int], short: int) -> tuple[str, Font, int]:
    """The text in lines, in the biggest type that has room for all of it."""
    for share in (0.11, 0.08, 0.06, 0.045, 0.033, 0.025):
        size = max(8, round(short * share))
        font, spacing = _font(text, size), round(size * 0.3)
        lines = _wrapped(text, font, room[0])
        fit = max(1, int(room[1] // (size * 1.15 + spacing)))
        if len(lines) <= fit:
            break
    return "\n".join(lines[:fit]), font, spacing


def _wrapped(text: str, font: Font, width: int) -> list[str]:
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if font.getlength(longer) <= width:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for character in word:  # Chinese has no spaces to break at
            if font.getlength(lines[-1] + character) > width:
                lines.append("")
            lines[-1] += character
    return lines


def _font(text: str, size: int) -> Font:
    if all(ord(character) < 0x250 for character in text):
        return ImageFont.load_default(size)
    path = _wide_font()
    return ImageFont.truetype(path, size) if path else ImageFont.load_default(size)


@cache
def _wide_font() -> str | None:
    for pattern in _WIDE_FONTS:
        anchor = Path(pattern).anchor
        for path in sorted(Path(anchor).glob(pattern.removeprefix(anchor))):
            try:
                ImageFont.truetype(str(path), 12)
            except OSError:
                continue
            return str(path)
    return None
