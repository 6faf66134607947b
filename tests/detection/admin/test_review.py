"""The review page: what it shows, and what each of its forms records or refuses to."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from detection.errors import ProviderDown
from detection.models import Analysis, Asset, AuditEvent, Note, Review, StoredOverlay
from detection.testing.draining import drain
from tests.conftest import asset_of
from tests.detection.admin import cast

OFFER = b'name="action" value="second_opinion"'


def address(asset: Asset, subject: Any = None) -> str:
    url = reverse("admin:detection_asset_review", args=[asset.public_id])
    return f"{url}?for={cast.name_of(subject)}" if subject else url


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_the_word_stands_before_the_number_and_the_estimate_says_so(client: Any, erin: Any) -> None:
    asset = cast.strong()
    client.force_login(erin)
    page = text(client.get(address(asset)))
    assert page.index("Strong signs of AI generation") < page.index("94 of 99")
    assert "It can be wrong in both directions" in page
    assert "Compression map: cannot show AI" in page
    assert '<details class="d-map" open' not in page


def test_raw_evidence_is_escaped(client: Any, erin: Any) -> None:
    asset = cast.declared()
    client.force_login(erin)
    page = client.get(address(asset)).content.decode()
    assert "<script>alert(1)</script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_nothing_on_the_page_is_inline_script_or_style(client: Any, dana: Any) -> None:
    asset = cast.strong()
    client.force_login(dana)
    page = client.get(address(asset, cast.article(asset))).content.decode()
    assert " style=" not in page
    assert "<style" not in page
    assert " onclick=" not in page
    assert all("src=" in tag.split(">")[0] for tag in page.split("<script")[1:])


def test_a_get_writes_nothing(client: Any, erin: Any, django_assert_num_queries: Any) -> None:
    asset = cast.strong()
    client.force_login(erin)
    before = AuditEvent.objects.count(), Asset.objects.get(pk=asset.pk).touched
    client.get(address(asset))
    assert (AuditEvent.objects.count(), Asset.objects.get(pk=asset.pk).touched) == before


def test_a_stranger_finds_no_such_picture(client: Any, sam: Any) -> None:
    asset = cast.plate()
    client.force_login(sam)
    assert client.get(address(asset)).status_code == 404


@pytest.mark.parametrize("name", ["otherhost.article:999", "otherhost.article:abc", "nobody.knows:1", "nonsense"])
def test_a_story_that_is_not_there_is_not_found(client: Any, erin: Any, name: str) -> None:
    asset = cast.plate()
    client.force_login(erin)
    assert client.get(f"{address(asset)}?for={name}").status_code == 404


def test_the_story_shows_its_level_and_who_can_clear_it(client: Any, erin: Any, dana: Any) -> None:
    asset = cast.declared()
    client.force_login(erin)
    page = text(client.get(address(asset, cast.article(asset))))
    assert "On hold" in page
    assert "Dana Example" in page
    assert "Override for this story" not in page


def test_a_ready_overlay_is_shown_with_its_caution(client: Any, erin: Any) -> None:
    asset = cast.strong()
    StoredOverlay.objects.create(
        analysis=Analysis.objects.get(asset=asset, provider="first"), kind="heatmap", status="ready", file="o.png"
    )
    client.force_login(erin)
    page = text(client.get(address(asset)))
    assert "They do not mark what was changed" in page
    assert "overlay?g=1" in page


def test_without_overlay_it_says_why_there_is_nothing_to_highlight(client: Any, erin: Any) -> None:
    client.force_login(erin)
    assert "there is nothing to highlight" in text(client.get(address(cast.plate())))


def test_a_conclusion_is_recorded_and_the_reader_is_sent_back(client: Any, erin: Any) -> None:
    asset = cast.plate(verdict="uncertain")
    story = cast.article(asset)
    client.force_login(erin)
    answer = client.post(
        address(asset, story),
        {"action": "decide", "conclusion": "accepted", "evidence": asset.evidence, "note": "Saw the negative."},
    )
    assert answer.status_code == 302
    assert cast.name_of(story) in answer["Location"]
    review = Review.objects.get()
    assert (review.conclusion, review.note, review.author_label) == ("accepted", "Saw the negative.", "Erin Example")
    page = text(client.get(address(asset)))
    assert "No objection to using it (Erin Example" in page
    assert "Undo my decision" in page


def test_evidence_that_changed_records_nothing_and_keeps_the_note(client: Any, erin: Any) -> None:
    asset = cast.plate()
    client.force_login(erin)
    answer = client.post(
        address(asset),
        {"action": "decide", "conclusion": "cannot_determine", "evidence": "0" * 64, "note": "Typed with care."},
    )
    assert answer.status_code == 409
    assert "Typed with care." in text(answer)
    assert "The evidence changed" in text(answer)
    assert f'value="{asset.evidence}"' in text(answer)
    assert not Review.objects.exists()


def test_without_a_conclusion_the_page_says_what_is_missing(client: Any, erin: Any) -> None:
    asset = cast.plate()
    client.force_login(erin)
    answer = client.post(address(asset), {"action": "decide", "evidence": asset.evidence, "note": "Kept words."})
    assert answer.status_code == 400
    assert "Choose a conclusion." in text(answer)
    assert "Kept words." in text(answer)


def test_a_reader_of_the_history_may_look_and_not_decide(client: Any) -> None:
    avery = cast.person("avery", "view_audit")
    asset = cast.plate()
    client.force_login(avery)
    assert "Record my conclusion" not in text(client.get(address(asset)))
    answer = client.post(address(asset), {"action": "decide", "conclusion": "accepted", "evidence": asset.evidence})
    assert answer.status_code == 403
    assert not Review.objects.exists()


def test_an_own_conclusion_can_be_taken_back_for_ten_minutes(client: Any, erin: Any) -> None:
    asset = cast.plate()
    client.force_login(erin)
    client.post(address(asset), {"action": "decide", "conclusion": "accepted", "evidence": asset.evidence})
    review = Review.objects.get()
    client.post(address(asset), {"action": "undo", "review": review.public_id})
    assert Review.objects.filter(reverses=review).exists()
    assert "Undo my decision" not in text(client.get(address(asset)))


def test_after_ten_minutes_the_undo_button_is_gone(client: Any, erin: Any) -> None:
    asset = cast.plate()
    client.force_login(erin)
    client.post(address(asset), {"action": "decide", "conclusion": "accepted", "evidence": asset.evidence})
    Review.objects.update(created_at=timezone.now() - timedelta(minutes=11))
    assert "Undo my decision" not in text(client.get(address(asset)))


def test_looking_again_begins_a_new_generation(client: Any, erin: Any) -> None:
    asset = cast.plate()
    client.force_login(erin)
    client.post(address(asset), {"action": "look_again"})
    assert Asset.objects.get(pk=asset.pk).generation == asset.generation + 1


def test_nobody_looks_again_without_the_permission(client: Any) -> None:
    avery = cast.person("avery", "view_audit")
    asset = cast.plate()
    client.force_login(avery)
    answer = client.post(address(asset), {"action": "look_again"})
    assert answer.status_code == 403
    assert Asset.objects.get(pk=asset.pk).generation == asset.generation


def test_a_second_opinion_asks_the_other_detector(client: Any, erin: Any) -> None:
    asset = cast.plate(verdict="likely_human", ai_score=0.02)
    client.force_login(erin)
    assert OFFER in client.get(address(asset)).content
    client.post(address(asset), {"action": "second_opinion"})
    assert Analysis.objects.filter(asset=asset, provider="second", is_second_opinion=True).exists()
    assert OFFER not in client.get(address(asset)).content, "nobody is left to be asked"


def test_the_history_says_in_words_why_a_detector_is_tried_again(
    client: Any, erin: Any, scripted: Callable[..., Any], plate: Callable[..., Any]
) -> None:
    scripted().will_fail(ProviderDown("It answered 503: maintenance."))
    asset = asset_of(plate())
    drain()
    client.force_login(erin)

    page = client.get(address(asset)).content.decode()

    assert "Why: It answered 503: maintenance." in page
    assert "provider_down" not in page


def test_an_unknown_button_is_refused(client: Any, erin: Any) -> None:
    asset = cast.plate()
    client.force_login(erin)
    assert client.post(address(asset), {"action": "publish_everything"}).status_code == 400


def test_a_picture_that_is_gone_still_shows_its_record_to_a_reader_of_the_history(client: Any) -> None:
    avery = cast.person("avery", "view_audit")
    asset = cast.plate("Gone picture")
    asset.picture().delete()
    client.force_login(avery)
    page = text(client.get(address(asset)))
    assert "Gone picture" in page
    assert "not in the newsroom any more" in page


def test_only_with_a_reason_and_the_permission_is_a_picture_let_outside(client: Any, erin: Any, dana: Any) -> None:
    asset = cast.plate()
    Asset.objects.filter(pk=asset.pk).update(kept_inside=True)
    client.force_login(erin)
    assert "Release outside" not in text(client.get(address(asset)))
    assert client.post(address(asset), {"action": "release", "reason": "Agency agrees."}).status_code == 403
    client.force_login(dana)
    assert "Release outside" in text(client.get(address(asset)))
    refused = client.post(address(asset), {"action": "release", "reason": "They agree."})
    assert refused.status_code == 400
    assert "They agree." in text(refused)
    assert client.post(address(asset), {"action": "release", "reason": "The agency agrees to it."}).status_code == 302
    assert not Asset.objects.get(pk=asset.pk).kept_inside


def test_others_see_who_is_looking(client: Any, erin: Any, dana: Any) -> None:
    asset = cast.plate()
    client.force_login(dana)
    client.post(address(asset), {"action": "claim"})
    assert "Being looked at" not in text(client.get(address(asset)))
    client.force_login(erin)
    assert "Dana Example, until" in text(client.get(address(asset)))


FORBIDDEN = {
    "decide": {"conclusion": "accepted"},
    "claim": {},
    "look_again": {},
    "second_opinion": {},
    "release": {"reason": "The agency agrees to it."},
}


@pytest.mark.parametrize("action", FORBIDDEN)
def test_a_403_is_true_about_the_record(client: Any, action: str) -> None:
    asset = cast.plate()
    client.force_login(cast.person("avery", "view_audit"))
    typed = {"action": action, "evidence": asset.evidence, **FORBIDDEN[action]}
    answer = client.post(address(asset), typed)
    assert answer.status_code == 403
    assert "The attempt is recorded." in text(answer)
    assert AuditEvent.objects.filter(action="gate.denied", asset=asset).count() == 1


def test_where_ai_is_declared_the_label_is_suggested_in_both_forms(client: Any, dana: Any) -> None:
    asset = cast.declared()
    client.force_login(dana)
    page = client.get(address(asset, cast.article(asset))).content.decode()
    assert re.findall(r'name="reader_label" value="([^"]*)"', page) == ["Image generated with AI."] * 2


def test_what_a_person_concluded_suggests_the_label(client: Any, dana: Any) -> None:
    asset = cast.strong()
    story = cast.article(asset)
    client.force_login(dana)
    assert 'name="reader_label" value' not in client.get(address(asset, story)).content.decode()
    typed = {"action": "decide", "conclusion": "confirmed_ai_altered", "evidence": asset.evidence}
    client.post(address(asset, story), {**typed, "reason_code": "original_seen", "note": "The agency says so itself."})
    assert 'value="Image altered with AI."' in client.get(address(asset, story)).content.decode()


def test_the_way_back_is_kept_through_the_page_and_a_decision(client: Any, erin: Any) -> None:
    asset = cast.strong()
    story = cast.article(asset)
    here = f"{address(asset, story)}&next=/admin/otherhost/article/"
    client.force_login(erin)
    assert '<input type="hidden" name="next" value="/admin/otherhost/article/">' in client.get(here).content.decode()
    typed = {"action": "decide", "conclusion": "waiting_for_source", "evidence": asset.evidence}
    assert client.post(here, typed)["Location"] == here


def test_no_foreign_page_is_offered_as_the_way_back(client: Any, erin: Any) -> None:
    asset = cast.strong()
    client.force_login(erin)
    page = client.get(f"{address(asset, cast.article(asset))}&next=https://elsewhere.example/").content.decode()
    assert 'name="next"' not in page


def test_what_somebody_knows_is_noted_and_shown_and_a_refused_form_keeps_its_words(client: Any, erin: Any) -> None:
    """C11, G5."""
    asset = cast.strong()
    client.force_login(erin)
    words = {"action": "note", "evidence": asset.evidence, "did_geolocation": "on", "note": "Two other shots fit."}
    refused = client.post(address(asset), words | {"evidence": "0" * 64})
    assert refused.status_code == 409
    assert "Two other shots fit." in text(refused)
    assert client.post(address(asset), {"action": "note", "evidence": asset.evidence}).status_code == 400
    assert client.post(address(asset), words | {"note": "x" * 4001}).status_code == 400
    assert not Note.objects.exists()

    assert client.post(address(asset), words).status_code == 302
    page = text(client.get(address(asset)))
    assert "Place and time compared</strong>" in page
    assert "Two other shots fit." in page
    assert "Noted about the picture" in page


def test_the_source_is_asked_its_answer_written_down_and_the_question_stays_open(client: Any, erin: Any) -> None:
    asset = cast.strong()
    client.force_login(erin)
    client.post(address(asset), {"action": "decide", "conclusion": "waiting_for_source", "evidence": asset.evidence})
    page = text(client.get(address(asset)))
    assert "The source was asked. Write down here what it answers." in page
    assert "mailto:?subject=Your%20picture" in page
    for word in ("fake", "suspicio", "AI", "detect"):
        assert word not in page.partition('id="source-message">')[2].partition("</pre>")[0]
    answer = {"action": "note", "evidence": asset.evidence, "source_answered": "Sent the raw file at 14:02."}
    client.post(address(asset), answer)
    page = text(client.get(address(asset)))
    assert "The source has answered. A conclusion is still to be recorded." in page
    assert Asset.objects.get(pk=asset.pk).conclusion == "waiting_for_source"


def test_search_engines_are_linked_never_asked_and_not_for_a_picture_kept_inside(client: Any, erin: Any) -> None:
    asset = cast.strong()
    client.force_login(erin)
    page = text(client.get(address(asset)))
    assert 'href="https://tineye.com/" target="_blank" rel="noopener noreferrer"' in page
    assert "download=" in page
    Asset.objects.filter(pk=asset.pk).update(kept_inside=True)
    twin = text(client.get(address(cast.strong("The same file again"))))
    for kept in (text(client.get(address(asset))), twin):
        assert "tineye" not in kept


@pytest.mark.parametrize(
    ("name", "said"),
    [("erin", "The story stays held until Dana Example clears it."), ("dana", "Stories of your desk can publish")],
)
def test_each_conclusion_says_above_the_button_what_it_would_do(
    client: Any, erin: Any, dana: Any, name: str, said: str
) -> None:
    asset = cast.declared()
    client.force_login({"erin": erin, "dana": dana}[name])
    page = text(client.get(address(asset, cast.article(asset))))
    accepted = page.partition('data-for="accepted">')[2].partition("</p>")[0]
    assert accepted.startswith(said)
    assert page.index("Nothing is sent by this, and the story stays held.") < page.index("Record my conclusion")
    assert "It stands with the picture and changes no story." in text(client.get(address(asset)))


def test_an_overlay_that_no_longer_fits_the_picture_is_not_shown(client: Any, erin: Any) -> None:
    """E6."""
    asset = cast.strong()
    row = Analysis.objects.get(asset=asset, provider="first")
    StoredOverlay.objects.create(analysis=row, kind="heatmap", status="ready", file="o.png", width=30, height=90)
    client.force_login(erin)
    page = text(client.get(address(asset)))
    assert "do not fit this picture" in page
    assert "overlay?g=1" not in page


def test_the_storys_other_pictures_stand_beside_it_those_that_ask_first(client: Any, dana: Any) -> None:
    """E8."""
    asset, held = cast.strong(), cast.declared()
    quiet = cast.plate("Quiet", seed=40, verdict="likely_human", ai_score=0.02)
    client.force_login(dana)
    page = text(client.get(address(asset, cast.article(asset, quiet, held))))
    others = page.partition('class="d-others"')[2].partition("</nav>")[0]
    assert "1 other picture needs a look" in others
    assert others.index(str(held.public_id)) < others.index(str(quiet.public_id))
    assert str(asset.public_id) not in others
