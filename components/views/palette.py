"""The sequential colour map of every attention picture, in a light and a dark version.

Both are straight lines in OKLCH lightness (Ottosson 2020, "A perceptual color space for image processing"):
equal steps of weight are equal steps of lightness, so the map reads the same in greyscale and for
colour-blind eyes. 0 is the page's own colour. ``components/widgets/shared.js`` holds the same stops; a test
keeps the two equal.
"""

from __future__ import annotations

import numpy as np

STOPS = 17
PAGE = {False: "#ffffff", True: "#16181d"}


def oklch_to_linear_rgb(lightness: float, chroma: float, hue: float) -> np.ndarray:
    """Linear sRGB [3] of an OKLCH colour; components outside 0..1 are out of gamut. ``hue`` in degrees."""
    a, b = chroma * np.cos(np.radians(hue)), chroma * np.sin(np.radians(hue))
    to_cone = np.array(
        [
            [1, 0.3963377774, 0.2158037573],
            [1, -0.1055613458, -0.0638541728],
            [1, -0.0894841775, -1.2914855480],
        ]
    )
    to_rgb = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    return to_rgb @ (to_cone @ np.array([lightness, a, b])) ** 3


def to_hex(lightness: float, chroma: float, hue: float) -> str:
    """``#rrggbb`` of an OKLCH colour; where the screen cannot show it, chroma gives way."""
    rgb = oklch_to_linear_rgb(lightness, chroma, hue)
    while chroma > 1e-3 and (rgb.min() < -1e-4 or rgb.max() > 1 + 1e-4):
        chroma *= 0.97
        rgb = oklch_to_linear_rgb(lightness, chroma, hue)
    rgb = np.clip(rgb, 0, 1)
    rgb = np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(float(value) * 255):02x}" for value in rgb)


def stops(dark: bool = False) -> list[str]:
    """``STOPS`` evenly spaced colours from weight 0 (the page) to weight 1."""
    first, last, hue_first, hue_last = (0.21, 0.97, -60.0, 95.0) if dark else (1.0, 0.28, 85.0, -35.0)
    # Weight 0 is the page itself, so that an empty cell is not seen.
    colours = [PAGE[dark]]
    for t in np.linspace(0, 1, STOPS)[1:]:
        chroma = 0.158 * np.sin(np.pi * (0.03 + 0.89 * t)) ** 0.8
        colours.append(to_hex(first + (last - first) * t, chroma, hue_first + (hue_last - hue_first) * t))
    return colours


def colorscale(dark: bool = False) -> list[list]:
    """The stops as a Plotly colour scale: ``[[0.0, "#ffffff"], ..., [1.0, "#2d1c33"]]``."""
    return [[index / (STOPS - 1), colour] for index, colour in enumerate(stops(dark))]
