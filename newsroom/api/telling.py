"""Rows as callers get them, each with what this caller may do about it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.urls import reverse
from django.utils import timezone

from detection import gate, registry, wording
from detection.concluded import heard_by
from detection.models import Asset, Override
from detection.standing import evidence_of, present_analyses
from detection.views.state import state_of
from newsroom import permissions
from newsroom.api import shapes
from newsroom.api.callers import Caller
from newsroom.models import Photo, Placement, Story, StoryState

REVIEW, OVERRIDE = "detection.review_analysis", "detection.override_hold"
CHANGE, PUBLISH = "newsroom.change_story", "newsroom.publish_story"
_FILES = ("original", "preview", "overlay")


def address(name: str, *args: object) -> str:
    """The address of one of the API's doors."""
    return reverse(f"api:{name}", args=args)


def story_actions(story: Story, caller: Caller, *, report: gate.Report | None = None) -> list[str]:
    """What this caller may do with a story that they may read. `report`: the gate's, where it was asked."""
    found = _moves(story, caller, change=caller.may(CHANGE, story), publish=caller.may(PUBLISH, story))
    is_open = report is not None and report.refuses
    may_break = is_open and found["publish"] and report is not None and gate.can_break(report, by=caller.user)
    return _offered(caller, **found, break_glass=may_break)


def _moves(story: Story, caller: Caller, *, change: bool, publish: bool) -> dict[str, bool]:
    """What fits the story's state, for somebody who may change, or publish, what stands on its desk."""
    is_out = story.state == StoryState.PUBLISHED
    return {
        "upload": change,
        "submit": change and story.state in (StoryState.DRAFT, StoryState.WITHDRAWN),
        "schedule": publish and not is_out and caller.may_schedule(story),
        "publish": publish,
        "withdraw": publish and (is_out or story.state == StoryState.SCHEDULED),
    }


def what_holds(report: gate.Report, caller: Caller) -> dict[str, Any]:
    """A refusal of the gate, with what this caller may do about it."""
    body = report.as_json()
    may_break = ["break_glass"] if gate.can_break(report, by=caller.user) else []
    return {
        **body,
        "openEvidence": gate.seen_in(report),
        "actions": caller.within([*body["actions"], *may_break]),
    }


def _offered(caller: Caller, **permitted: bool) -> list[str]:
    return caller.within(["look", *(action for action, is_permitted in permitted.items() if is_permitted)])


def story_rows(stories: list[Story], caller: Caller) -> list[shapes.StoryRow]:
    """A list of stories; three queries, however many there are."""
    keys = [story.pk for story in stories]
    held = {
        permission: set(permissions.stories(caller.user, permission).filter(pk__in=keys).values_list("pk", flat=True))
        for permission in (CHANGE, PUBLISH)
    }
    rows = []
    for story in stories:
        change, publish = (story.pk in keys for keys in held.values())
        offered = _offered(caller, **_moves(story, caller, change=change, publish=publish))
        rows.append(shapes.StoryRow(**_story(story), actions=offered))
    return rows


def _story(story: Story) -> dict[str, Any]:
    return {
        "slug": story.slug,
        "headline": story.headline,
        "desk": story.desk.slug,
        "state": story.state,
        "publish_at": story.publish_at,
        "published_at": story.published_at,
        "updated_at": story.updated_at,
        "href": address("read_story", story.slug),
    }


def story_in_full(story: Story, caller: Caller) -> shapes.Story:
    """One story, judged now."""
    report = gate.report(story, user=caller.user)
    given = list(Override.objects.filter(Override.about(story)).select_related("asset"))
    return shapes.Story(
        **_story(story),
        body=story.body,
        level=report.level,
        would_be_refused=report.refuses,
        open_evidence=gate.seen_in(report),
        sentence=report.sentence,
        pictures=[_line(line, caller) for line in report.lines],
        overrides=[override_shape(one, story, caller) for one in given],
        actions=story_actions(story, caller, report=report),
    )


def _line(line: gate.Line, caller: Caller) -> shapes.PlacedPicture:
    asset_id = str(line.asset.public_id) if line.asset else None
    return shapes.PlacedPicture(
        asset_id=asset_id,
        photo=line.placed.picture.pk,
        label=line.label,
        use=line.placed.use,
        reader_label=line.placed.reader_label,
        signal=line.signal,
        why=line.why,
        sentence=line.sentence,
        level=line.level,
        level_sentence=wording.level_sentence(line.level, line.who_can_clear),
        cleared_by=line.cleared_by,
        who_can_clear=list(line.who_can_clear),
        evidence=line.evidence,
        needs_label=line.needs_label,
        is_live=line.is_live,
        href=address("read_picture", asset_id) if asset_id else None,
        actions=caller.within(line.actions),
    )


def line_of(story: Story, asset: Asset, caller: Caller) -> shapes.PlacedPicture | None:
    """One picture in one story, judged now; None where it doesn't stand there."""
    found = (line for line in gate.report(story, user=caller.user).lines if line.asset is not None)
    return next((_line(line, caller) for line in found if line.asset and line.asset.pk == asset.pk), None)


def override_shape(given: Override, story: Story, caller: Caller) -> shapes.OverrideShape:
    """One override. Whether it is in force is asked now, and not of what was stored."""
    evidence = evidence_of(given.asset, present_analyses(given.asset))
    may_revoke = given.revoked_at is None and caller.may(OVERRIDE, story)
    return shapes.OverrideShape(
        id=str(given.public_id),
        asset_id=str(given.asset.public_id),
        scope=given.scope,
        reason_code=given.reason_code,
        note=given.note,
        by=given.author_label,
        created_at=given.created_at,
        ends_at=given.ends_at,
        is_in_force=given.is_in_force(evidence=evidence, now=timezone.now()),
        actions=caller.within(["revoke"] if may_revoke else []),
    )


def picture_rows(photos: list[Photo], caller: Caller) -> list[shapes.PictureRow]:
    """A list of pictures; at most five queries, however many there are."""
    assets = assets_of(photos)
    keys = [photo.pk for photo in photos]
    judged = set(permissions.photos(caller.user, REVIEW).filter(pk__in=keys).values_list("pk", flat=True))
    heard = heard_by(caller.user, list(assets.values()))
    rows = []
    for photo in photos:
        asset = assets.get(photo.pk)
        said = heard[asset.pk].latest if asset is not None else None
        rows.append(_picture_row(photo, asset, said.conclusion if said else None, photo.pk in judged, caller))
    return rows


def assets_of(photos: Iterable[Photo]) -> dict[int, Asset]:
    """The assets of these pictures by the pictures' keys."""
    return {int(key): asset for (_type, key), asset in Asset.objects.of_many(photos).items()}


def _picture_row(
    photo: Photo, asset: Asset | None, conclusion: str | None, may_judge: bool, caller: Caller
) -> shapes.PictureRow:
    return shapes.PictureRow(
        asset_id=str(asset.public_id) if asset else None,
        photo=photo.pk,
        label=str(photo),
        file_name=photo.original_name,
        source_tier=photo.source_tier,
        desk=photo.desk.slug if photo.desk else None,
        keep_inside=photo.keep_inside,
        uploaded_at=photo.created_at,
        signal=asset.signal if asset else "not_checked",
        why=asset.why or None if asset else None,
        conclusion=conclusion,
        evidence=asset.evidence if asset else "",
        href=address("read_picture", asset.public_id) if asset else None,
        actions=_offered(caller, decide=may_judge and asset is not None),
    )


def uploaded(photo: Photo, story: Story, caller: Caller) -> shapes.Uploaded:
    """The receipt of an upload."""
    asset = Asset.objects.of(photo).first()
    return shapes.Uploaded(
        asset_id=str(asset.public_id) if asset else None,
        photo=photo.pk,
        file_name=photo.original_name,
        story=story.slug,
        source_tier=photo.source_tier,
        keep_inside=photo.keep_inside,
        uploaded_at=photo.created_at,
        href=address("read_picture", asset.public_id) if asset else None,
        actions=_offered(caller, decide=asset is not None and caller.may(REVIEW, photo)),
    )


def evidence_about(asset: Asset, caller: Caller) -> dict[str, Any]:
    """The detection app's own words about a picture, with addresses that a token opens."""
    state = state_of(asset, reader=caller.user)
    for found in [*state["detectors"], *([state["detector"]] if state["detector"] else [])]:
        if found["overlayUrl"]:
            query = found["overlayUrl"].partition("?")[2]
            found["overlayUrl"] = f"{address('read_file', asset.public_id, 'overlay')}?{query}"
    return state


def picture_in_full(asset: Asset, photo: Photo, caller: Caller) -> shapes.Picture:
    """One picture: the evidence, where it stands, and its files."""
    readable = permissions.stories(caller.user, "newsroom.view_story").filter(
        pk__in=Placement.objects.filter(photo=photo).values("story")
    )
    state = evidence_about(asset, caller)
    has_overlay = any(found["overlayUrl"] for found in state["detectors"])
    names = [name for name in _FILES if name != "overlay" or has_overlay]
    return shapes.Picture.model_validate(
        {
            **state,
            "photo": photo.pk,
            "label": str(photo),
            "fileName": photo.original_name,
            "sourceTier": photo.source_tier,
            "stories": list(readable.order_by("slug").values_list("slug", flat=True)),
            "files": {name: address("read_file", asset.public_id, name) for name in names},
            "actions": _offered(caller, decide=caller.may(REVIEW, photo)),
        }
    )


def photo_of(asset: Asset) -> Photo | None:
    """The picture behind an asset, or None where it is gone or another host's."""
    if asset.content_type_id != registry.content_type(Photo).pk or asset.detached_at is not None:
        return None
    return Photo.objects.select_related("desk").filter(pk=asset.object_key).first()
