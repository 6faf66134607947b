"""The demo's own pictures, drawn by code. `draw` by name is the one door; nothing is read and nobody is shown."""

from __future__ import annotations

from PIL import Image

from newsroom.demo.drawings import flower_bed, gallery, harbour, landing, snow_street, stand_in, storm

SCENES = {
    "landing": landing.draw,
    "flower_bed": flower_bed.draw,
    "harbour": harbour.draw,
    "gallery": gallery.draw,
    "storm": storm.draw,
    "snow_street": snow_street.draw,
    "stand_in_rocket": stand_in.rocket,
    "stand_in_cup": stand_in.cup,
    "stand_in_cat": stand_in.cat,
    "stand_in_deep_field": stand_in.deep_field,
    "stand_in_lawn": stand_in.lawn,
    "stand_in_terrace": stand_in.terrace,
}
"""Every drawing by its name; those that begin with `stand_in` say so on their face."""


def draw(name: str) -> Image.Image:
    """The drawing of this name, the same pixels each time, in up to four seconds. Raises KeyError for another name."""
    return SCENES[name]()
