"""Who is who among the demo's pictures: the words beside each, and what each is made from. `pictures` asks."""

from __future__ import annotations

from dataclasses import dataclass

from detection.vocabulary import SourceTier


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """One picture of the demo before it is made.

    `photograph`: the file it comes from, "" for a drawing. `scene`: the drawing, or the stand-in where there is no
    photograph. `is_signed`: carries a credential of the demo's authority, so that all of these are made together.
    """

    key: str
    filename: str
    headline: str
    caption: str
    alt_text: str
    source_tier: SourceTier
    scene: str
    credit: str = ""
    photograph: str = ""
    is_signed: bool = False


CAST: tuple[Role, ...] = (
    Role(
        key="rocket",
        filename="rocket-on-the-pad.jpg",
        headline="Eighteen minutes to go",
        caption="The rocket on its pad shortly before the launch window opens.",
        alt_text="A white rocket between lattice towers under a deep blue evening sky.",
        source_tier=SourceTier.AGENCY,
        scene="stand_in_rocket",
        photograph="rocket.jpg",
    ),
    Role(
        key="landing",
        filename="landing-in-the-desert.jpg",
        headline="The landing, as a reader sent it",
        caption="A craft comes down in a desert; sent in by a reader after the launch.",
        alt_text="A small spacecraft on four legs descends on a flame over a desert at sunset.",
        source_tier=SourceTier.UGC,
        scene="landing",
        credit="Sent in by a reader",
        is_signed=True,
    ),
    Role(
        key="cup",
        filename="the-cup.heic",
        headline="The cup that sells the café",
        caption="An espresso at the counter, an hour before opening.",
        alt_text="A red cup and saucer with coffee on a wooden table.",
        source_tier=SourceTier.FREELANCE,
        scene="stand_in_cup",
        photograph="coffee.png",
    ),
    Role(
        key="cat",
        filename="cat-home.jpg",
        headline="Home after nine days",
        caption="The cat on the evening of its return.",
        alt_text="A tabby cat with green eyes looks past the camera.",
        source_tier=SourceTier.STAFF,
        scene="stand_in_cat",
        photograph="chelsea.png",
        is_signed=True,
    ),
    Role(
        key="lawn",
        filename="readers-lawn.jpg",
        headline="A lawn left to itself",
        caption="A reader stopped mowing in May.",
        alt_text="Long grass seen from above.",
        source_tier=SourceTier.UGC,
        scene="stand_in_lawn",
        photograph="grass.png",
    ),
    Role(
        key="flower_bed",
        filename="readers-flower-bed.png",
        headline="Everything at once",
        caption="A flower bed in late light, sent in by a reader.",
        alt_text="Red, pink, yellow and violet flowers in front of a blurred green hedge.",
        source_tier=SourceTier.UGC,
        scene="flower_bed",
        credit="Sent in by a reader",
    ),
    Role(
        key="cut_off",
        filename="readers-upload-cut-off.jpg",
        headline="An upload that stopped half way",
        caption="The rest of this file never arrived.",
        alt_text="A picture that cannot be opened.",
        source_tier=SourceTier.UGC,
        scene="flower_bed",
        credit="Sent in by a reader",
    ),
    Role(
        key="too_large",
        filename="readers-garden-plan.png",
        headline="A garden plan, scanned very large",
        caption="A scan with more pixels than are read here.",
        alt_text="A scan that is too large to be examined.",
        source_tier=SourceTier.UGC,
        scene="",
        credit="Sent in by a reader",
    ),
    Role(
        key="moonrise",
        filename="launch-with-moon.jpg",
        headline="The launch, with a moon",
        caption="The pad under a full moon.",
        alt_text="A white rocket between lattice towers, with a full moon in the sky beside it.",
        source_tier=SourceTier.FREELANCE,
        scene="stand_in_rocket",
        photograph="rocket.jpg",
        is_signed=True,
    ),
    Role(
        key="moonrise_copy",
        filename="launch-with-moon-copy.jpg",
        headline="The same picture, warmer",
        caption="The pad under a full moon, in another crop of colours.",
        alt_text="The rocket and the full moon again, in warmer colours.",
        source_tier=SourceTier.FREELANCE,
        scene="stand_in_rocket",
        photograph="rocket.jpg",
        is_signed=True,
    ),
    Role(
        key="harbour",
        filename="harbour-tip.jpg",
        headline="The harbour, an hour after midnight",
        caption="From a source who does not want to be known.",
        alt_text="A fishing boat with lit windows before a harbour with cranes at night.",
        source_tier=SourceTier.UNKNOWN,
        scene="harbour",
        credit="Source known to the desk",
    ),
    Role(
        key="deep_field",
        filename="deep-field.jpg",
        headline="As far as anybody has looked",
        caption="Thousands of galaxies in a patch of sky smaller than the moon.",
        alt_text="Galaxies of many colours on a black sky.",
        source_tier=SourceTier.AGENCY,
        scene="stand_in_deep_field",
        photograph="hubble_deep_field.jpg",
    ),
    Role(
        key="gallery",
        filename="who-owns-a-picture.jpg",
        headline="Who owns a picture?",
        caption="Illustration: a gallery with one frame left empty.",
        alt_text="Two landscapes and one empty golden frame on a gallery wall, a red bench in front.",
        source_tier=SourceTier.STAFF,
        scene="gallery",
        credit="Illustration: the newsroom",
    ),
    Role(
        key="storm",
        filename="storm-front.jpg",
        headline="The front arrives",
        caption="Clouds over fields on Saturday evening.",
        alt_text="Dark clouds over a wheat field with a farm and a lone tree, light along the horizon.",
        source_tier=SourceTier.AGENCY,
        scene="storm",
        credit="Agency",
    ),
    Role(
        key="snow_street",
        filename="first-snow.jpg",
        headline="First snow",
        caption="The first snow of the year on Sunday night.",
        alt_text="Snow falls on a street of old houses with lit windows and a church tower at its end.",
        source_tier=SourceTier.FREELANCE,
        scene="snow_street",
        credit="Freelance",
    ),
    Role(
        key="terrace",
        filename="summer-palace-terrace.jpg",
        headline="The terrace, relaid",
        caption="The brick of the summer palace's terrace after the repair.",
        alt_text="Rows of paving brick.",
        source_tier=SourceTier.STAFF,
        scene="stand_in_terrace",
        photograph="brick.png",
    ),
)
