"""The queue "Waiting for you": what stands in it for whom, in which order, and how it is narrowed, claimed and kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from detection import gate, registry, reviewing, waiting
from detection.models import Asset, AuditEvent, Claim, Place, PolicyVersion, Preference
from detection.policy import DEFAULT
from detection.vocabulary import Conclusion
from tests.detection.admin import cast
from tests.otherhost.models import Article, Plate

QUEUE = "/admin/detection/queue/"
NOTE = "The photographer sent us the raw file."


@pytest.fixture
def tiers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that knows its sources, and when its articles go out."""
    _register(
        monkeypatch, registry._assets, "otherhost.plate", source_tier=lambda plate: plate.title.split()[0].lower()
    )
    _register(monkeypatch, registry._publishables, "otherhost.article", publish_at="goes_out_at")


def _register(monkeypatch: pytest.MonkeyPatch, table: dict[str, Any], name: str, **changes: Any) -> None:
    kind = table[name]
    fields = {field: getattr(kind, field) for field in kind.__dataclass_fields__}
    monkeypatch.setitem(table, name, kind.__class__(**{**fields, **changes}))


def shown(client: Any, user: Any, query: str = "") -> list[str]:
    """The queue as this person reads it: each picture's name."""
    client.force_login(user)
    return [row.title for row in client.get(QUEUE + query).context["rows"]]


def held_in(*titles: str, minutes: int | None = None, name: str = "An article") -> Article:
    """An article with strong pictures, noted as a host's save would be."""
    pictures = [cast.strong(title, seed=len(title) + index + 40) for index, title in enumerate(titles)]
    article = cast.article(*pictures, title=name)
    if minutes is not None:
        article.goes_out_at = timezone.now() + timedelta(minutes=minutes)
        article.save()
    waiting.note(article)
    return article


def test_the_queue_holds_what_asks_for_a_person_and_lets_go_of_what_was_concluded(client: Any, erin: Any) -> None:
    asking = cast.strong("Coffee")
    cast.plate("Garden", seed=2, verdict="likely_human", ai_score=0.04)
    assert reverse("admin:detection_queue_changelist") == QUEUE
    assert shown(client, erin) == ["Coffee"]
    client.post(
        reverse("admin:detection_asset_review", args=[asking.public_id]),
        {"action": "decide", "conclusion": "accepted", "evidence": asking.evidence},
    )
    assert shown(client, erin) == []


def test_the_next_to_go_out_stands_first_then_the_higher_level(client: Any, erin: Any, tiers: None) -> None:
    held_in("Staff later", minutes=300)
    held_in("Ugc now", "Staff now", minutes=20)
    held_in("Staff whenever", "Ugc whenever")
    assert shown(client, erin) == ["Ugc now", "Staff now", "Staff later", "Ugc whenever", "Staff whenever"]
    page = client.get(QUEUE).content.decode()
    assert "in 19 minutes" in page or "in 20 minutes" in page
    assert "No time set" in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Ugc soon", "Staff later"]),
        ("?tier=ugc", ["Ugc soon"]),
        ("?signal=strong", ["Ugc soon", "Staff later"]),
        ("?signal=some", []),
        ("?state=soon", ["Ugc soon"]),
        ("?state=overdue", []),
        ("?state=unchecked", []),
        ("?state=nonsense&tier=nonsense", ["Ugc soon", "Staff later"]),
        ("?age=4", []),
        ("?claimed=nobody", ["Staff later"]),
        ("?claimed=me", []),
        ("?claimed=others", ["Ugc soon"]),
        ("?down=1", []),
        ("?q=later", ["Staff later"]),
        ("?q=hour", ["Ugc soon"]),
        ("?desk=news", []),
    ],
)
def test_each_filter_narrows_the_queue(
    client: Any, erin: Any, dana: Any, tiers: None, query: str, expected: list[str]
) -> None:
    held_in("Ugc soon", minutes=30, name="The hour")
    held_in("Staff later", minutes=300)
    reviewing.claim(Asset.objects.get(label="Ugc soon"), by=dana)
    assert shown(client, erin, query) == expected


def test_a_hold_that_an_editor_judged_waits_for_whoever_may_clear_it(
    client: Any, erin: Any, dana: Any, tiers: None
) -> None:
    article = held_in("Ugc hold")
    asset = Asset.objects.get()
    reviewing.decide(asset, Conclusion.ACCEPTED, by=erin, evidence=asset.evidence, subject=article)
    assert shown(client, erin) == [], "she has said what she can"
    assert shown(client, dana) == ["Ugc hold"]
    assert "No objection to using it (Erin Example" in client.get(QUEUE).content.decode()
    reviewing.decide(
        asset, Conclusion.ACCEPTED, by=dana, evidence=asset.evidence, subject=article, note=NOTE, reason_code="other"
    )
    assert shown(client, dana) == []


def test_an_override_answers_until_it_ends_or_is_revoked(client: Any, dana: Any, tiers: None) -> None:
    article = held_in("Ugc hold")
    asset = Asset.objects.get()
    given = gate.override(article, asset, by=dana, evidence=asset.evidence, reason_code="other", note=NOTE)
    assert shown(client, dana) == []
    Place.objects.update(closed_until=timezone.now() - timedelta(seconds=1))
    assert shown(client, dana) == ["Ugc hold"], "it has ended by itself"
    waiting.reckon(asset)
    gate.revoke(given, by=dana, reason="The source withdrew it.")
    assert shown(client, dana) == ["Ugc hold"]


def test_an_acknowledgement_answers_for_its_story_alone(client: Any, erin: Any, tiers: None) -> None:
    article = held_in("Staff picture", name="First")
    asset = Asset.objects.get()
    second = cast.article(asset, title="Second")
    waiting.note(second)
    gate.acknowledge(article, asset, by=erin, evidence=asset.evidence, reason_code="original_seen")
    client.force_login(erin)
    assert [row.story for row in client.get(QUEUE).context["rows"]] == ["Second"]


def test_new_evidence_brings_a_picture_back(client: Any, erin: Any) -> None:
    asset = cast.strong("Coffee")
    reviewing.decide(asset, Conclusion.ACCEPTED, by=erin, evidence=asset.evidence)
    assert shown(client, erin) == []
    plate = asset.picture()
    from django.core.files.base import ContentFile

    from detection.testing import images

    plate.picture.save("other.jpg", ContentFile(images.photo_like(9)), save=True)
    cast.drain()
    assert shown(client, erin) == ["Coffee"]


def test_a_picture_leaves_its_story_and_its_story_leaves(client: Any, erin: Any) -> None:
    article = held_in("Alone", "Taken out")
    article.plates.remove(Plate.objects.get(title="Taken out"))
    waiting.note(article)
    client.force_login(erin)
    rows = client.get(QUEUE).context["rows"]
    assert {row.title: row.story for row in rows} == {"Alone": "An article", "Taken out": "In no story"}
    key = registry.key(article)
    article.delete()
    waiting.look("otherhost.Article", key)
    assert {row.story for row in client.get(QUEUE).context["rows"]} == {"In no story"}
    Plate.objects.get(title="Alone").delete()
    assert shown(client, erin) == ["Taken out"]


def test_what_a_host_saves_is_noted_after_its_commit(
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    asset = cast.strong("Coffee")
    with django_capture_on_commit_callbacks(execute=True):
        article = Article.objects.create(title="Before")
        article.plates.add(asset.picture())
        asset.picture().articles.add(Article.objects.create(title="From the other side"))
    assert set(Place.objects.values_list("subject_label", flat=True)) == {"Before", "From the other side"}
    with django_capture_on_commit_callbacks(execute=True):
        article.title = "After"
        article.save()
    assert Place.objects.filter(subject_label="After").count() == 1
    with django_capture_on_commit_callbacks(execute=True):
        article.delete()
    assert [place.subject_label for place in Place.objects.all()] == ["From the other side"]


def test_the_sweep_finds_what_no_signal_told(client: Any, erin: Any) -> None:
    asset = cast.strong("Coffee")
    Place.objects.all().delete()
    Article.plates.through.objects.create(article=Article.objects.create(title="Quietly"), plate=asset.picture())
    now = timezone.now()
    waiting.refresh(now)
    client.force_login(erin)
    assert [row.story for row in client.get(QUEUE).context["rows"]] == ["Quietly"]
    Article.objects.all().delete()
    Place.objects.all().delete()
    assert waiting.refresh(now) == 1
    assert shown(client, erin) == ["Coffee"], "a picture that asks and that no row tells of"


def test_another_policy_in_force_reorders_the_queue(client: Any, erin: Any, tiers: None) -> None:
    held_in("Staff picture")
    assert Place.objects.get().urge == 2
    document = {**DEFAULT, "levels": {**DEFAULT["levels"], "strong": {"staff": "hold"}}}
    PolicyVersion.objects.create(number=2, document=document, activated_at=timezone.now())
    waiting.refresh(timezone.now())
    assert Place.objects.get().urge == 3


def test_a_hosts_own_reason_makes_a_picture_ask(client: Any, erin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from detection.vocabulary import Level

    quiet = cast.plate("Garden", seed=2, verdict="likely_human", ai_score=0.04)
    reason = registry.Reason("complaint", "A reader complained.", Level.HOLD)
    _register(monkeypatch, registry._publishables, "otherhost.article", reasons=lambda article: [reason])
    waiting.note(cast.article(quiet))
    assert shown(client, erin) == ["Garden"]
    assert "On hold" in client.get(QUEUE).content.decode()


def test_the_queue_asks_no_more_queries_for_more_rows(client: Any, erin: Any, tiers: None) -> None:
    held_in("Ugc 1", minutes=20)
    client.force_login(erin)
    client.get(QUEUE)

    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(QUEUE)
        return len(captured)

    few = asked()
    article = held_in(*(f"Ugc {number}" for number in range(2, 9)), minutes=30)
    for asset in Asset.objects.all():
        reviewing.decide(asset, Conclusion.ACCEPTED, by=erin, evidence=asset.evidence, subject=article) if (
            asset.label != "Ugc 1"
        ) else None
        reviewing.claim(asset, by=erin)
    Place.objects.update(is_open=True, needs_holder=False)
    assert asked() <= few + 1, "who concluded is one look for the whole page"
    assert few + 1 <= 15


def test_claiming_is_shown_taken_over_and_given_back(client: Any, erin: Any, dana: Any) -> None:
    asset = cast.strong("Coffee")
    claim = reverse("admin:detection_queue_claim")
    client.force_login(erin)
    assert client.get(claim).status_code == 405
    answer = client.post(claim, {"asset": asset.public_id, "next": QUEUE + "#place-1"})
    assert answer["Location"] == QUEUE + "#place-1"
    assert "You, until" in client.get(QUEUE).content.decode()
    client.post(claim, {"asset": asset.public_id})
    assert AuditEvent.objects.filter(action="review.claimed").count() == 1, "renewed, not claimed anew"

    client.force_login(dana)
    page = client.get(QUEUE).content.decode()
    assert "Erin Example, until" in page
    assert "Take over" in page
    client.post(claim, {"asset": asset.public_id, "next": "https://elsewhere.example/"})
    event = AuditEvent.objects.filter(action="review.claimed").latest("pk")
    assert {value.name: value.value for value in event.personal.all()}["taken_from"] == "Erin Example"
    assert not reviewing.release(asset, by=erin), "hers no more"
    client.post(claim, {"asset": asset.public_id, "verb": "release"})
    assert not Claim.objects.exists()
    assert AuditEvent.objects.filter(action="review.released").exists()


def test_a_claim_ends_by_itself_and_with_the_decision(client: Any, erin: Any, dana: Any) -> None:
    asset = cast.strong("Coffee")
    reviewing.claim(asset, by=dana)
    Claim.objects.update(until=timezone.now() - timedelta(seconds=1))
    client.force_login(erin)
    assert "Dana Example, until" not in client.get(QUEUE).content.decode()
    reviewing.claim(asset, by=erin)
    reviewing.decide(asset, Conclusion.CANNOT_DETERMINE, by=erin, evidence=asset.evidence)
    assert not Claim.objects.exists()


def test_whoever_may_not_decide_has_an_empty_queue_and_claims_nothing(client: Any, sam: Any) -> None:
    asset = cast.strong("Coffee")
    avery = cast.person("avery", "view_audit")
    assert shown(client, avery) == []
    answer = client.post(reverse("admin:detection_queue_claim"), {"asset": asset.public_id})
    assert answer.status_code == 403
    assert AuditEvent.objects.filter(action="gate.denied").exists()
    client.force_login(sam)
    assert client.get(QUEUE).status_code == 403
    assert client.post(reverse("admin:detection_queue_claim"), {"asset": asset.public_id}).status_code == 404
    assert client.post(reverse("admin:detection_queue_preferences"), {"keys": "off"}).status_code == 403


def test_filters_are_saved_per_person_and_removed(client: Any, erin: Any, dana: Any) -> None:
    keep = reverse("admin:detection_queue_preferences")
    client.force_login(erin)
    client.post(keep, {"save": "Readers", "query": "tier=ugc&nonsense=1"})
    assert client.get(QUEUE).context["saved"] == [("Readers", "tier=ugc")]
    client.force_login(dana)
    assert client.get(QUEUE).context["saved"] == []
    client.force_login(erin)
    client.post(keep, {"remove": "Readers"})
    assert client.get(QUEUE).context["saved"] == []
    client.post(keep, {"keys": "off"})
    assert client.get(QUEUE).context["keys_on"] is False
    Preference.objects.filter(name="queue_filters").update(value={str(number): "" for number in range(20)})
    client.post(keep, {"save": "One too many", "query": "tier=ugc"})
    assert len(client.get(QUEUE).context["saved"]) == 20


def test_ones_own_decision_is_taken_back_from_the_queue(client: Any, erin: Any, dana: Any) -> None:
    asset = cast.strong("Coffee")
    review = reviewing.decide(asset, Conclusion.ACCEPTED, by=erin, evidence=asset.evidence)
    undo = reverse("admin:detection_queue_undo")
    client.force_login(dana)
    assert client.get(QUEUE).context["undoable"] == []
    assert client.post(undo, {"review": review.public_id}).status_code == 403
    client.force_login(erin)
    assert [one.pk for one in client.get(QUEUE).context["undoable"]] == [review.pk]
    client.post(undo, {"review": review.public_id, "next": QUEUE})
    assert shown(client, erin) == ["Coffee"]
    client.post(undo, {"review": review.public_id})
    assert "taken back already" in client.get(QUEUE).content.decode()
    assert client.post(undo, {"review": "nonsense"}).status_code == 404


def test_what_is_still_being_checked_waits_apart_until_its_story_is_near(
    client: Any, erin: Any, tiers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cast, "drain", lambda: None)
    article = cast.article(cast.plate("Ugc picture"))
    waiting.note(article)
    assert shown(client, erin) == []
    assert shown(client, erin, "?state=checking") == ["Ugc picture"]
    article.goes_out_at = timezone.now() + timedelta(minutes=30)
    waiting.note(article)
    assert shown(client, erin) == ["Ugc picture"]


def test_one_after_another_moves_on_by_itself_and_ends_at_the_list(client: Any, erin: Any, dana: Any) -> None:
    first, second, theirs = (
        held_in(title, minutes=minutes) for title, minutes in (("One", 10), ("Two", 20), ("X", 30))
    )
    for article in (first, second, theirs):
        Place.objects.filter(subject_key=registry.key(article)).update(due=article.goes_out_at)
    reviewing.claim(Asset.objects.get(label="X"), by=dana)
    client.force_login(erin)

    opened = client.get(reverse("admin:detection_queue_one") + "?signal=strong", follow=True)
    assert opened.context["asset"].label == "One"
    page, address = opened.content.decode(), opened.redirect_chain[-1][0]
    assert "the next picture comes by itself" in page
    decided = client.post(
        address,
        {"action": "decide", "conclusion": "accepted", "evidence": opened.context["asset"].evidence},
        follow=True,
    )
    assert decided.context["asset"].label == "Two"
    assert "One: No objection to using it." in decided.content.decode(), "and may be taken back there"

    skipped = client.get(decided.context["onward"], follow=True)
    assert skipped.redirect_chain[-1][0].startswith(QUEUE), "what somebody else looks at is passed over"
    assert "That was the last one. 2 pictures still ask" in skipped.content.decode()
    assert client.get(reverse("admin:detection_queue_one") + "?after=nonsense").status_code == 302


def test_a_decision_from_elsewhere_stays_on_its_page(client: Any, erin: Any) -> None:
    asset = cast.strong("Coffee")
    client.force_login(erin)
    review = reverse("admin:detection_asset_review", args=[asset.public_id])
    answer = client.post(
        f"{review}?next={QUEUE}", {"action": "decide", "conclusion": "accepted", "evidence": asset.evidence}
    )
    assert answer["Location"].startswith(review)


def test_a_row_opens_the_picture_with_a_conclusion_chosen_and_decides_nothing(client: Any, erin: Any) -> None:
    cast.strong("Coffee")
    client.force_login(erin)
    [row] = client.get(QUEUE).context["rows"]
    addresses = {key: address for key, address, _word in row.quick}
    assert set(addresses) == {"a", "x", "n"}, "in no story there is no story to let go"
    page = client.get(addresses["n"].partition("#")[0]).content.decode()
    assert 'value="cannot_determine" checked' in page
    assert not Asset.objects.get().reviews.exists()


def test_an_open_list_hears_what_arrived_and_who_did_what(client: Any, erin: Any, dana: Any) -> None:
    article = held_in("Decided", "Acknowledged", "Claimed", "Overridden")
    client.force_login(erin)
    listed = client.get(QUEUE)
    rows = {row.title: row.place.pk for row in listed.context["rows"]}
    address = f"{listed.context['news_url']}&shown={','.join(map(str, rows.values()))}"
    quiet = client.get(address).json()
    assert quiet == {"new": 0, "sentence": "", "done": {}, "claims": {}}

    about = {asset.label: asset for asset in Asset.objects.all()}
    known = {name: {"by": dana, "evidence": asset.evidence} for name, asset in about.items()}
    reviewing.decide(about["Decided"], Conclusion.ACCEPTED, subject=article, **known["Decided"])
    gate.acknowledge(article, about["Acknowledged"], reason_code="original_seen", **known["Acknowledged"])
    gate.override(article, about["Overridden"], reason_code="other", note=NOTE, **known["Overridden"])
    reviewing.claim(about["Claimed"], by=dana)
    cast.strong("New", seed=77)

    told = client.get(address).json()
    assert told["sentence"] == "1 new picture waits."
    assert told["claims"][str(rows["Claimed"])].startswith("Dana Example, until")
    assert told["done"][str(rows["Decided"])].startswith("No objection to using it (Dana Example")
    assert told["done"][str(rows["Acknowledged"])].startswith("Acknowledged for this story by Dana Example")
    assert "despite it, until" in told["done"][str(rows["Overridden"])]
    assert client.get(reverse("admin:detection_queue_news") + "?read=nonsense&shown=x,,1e9").json()["new"] == 0


def test_another_desks_rows_tell_an_open_list_nothing(client: Any, sam: Any, erin: Any) -> None:
    cast.strong("Coffee")
    place = Place.objects.get()
    news = reverse("admin:detection_queue_news")
    client.force_login(sam)
    assert client.get(f"{news}?shown={place.pk}").status_code == 403
    client.force_login(cast.person("avery", "view_audit"))
    reviewing.claim(place.asset, by=erin)
    assert client.get(f"{news}?shown={place.pk}").json()["claims"] == {}


BULK = "/admin/detection/queue/bulk/"
WORDS = {"step": "do", "conclusion": "accepted", "reason_code": "original_seen", "note": NOTE}


def picked() -> list[str]:
    """What the list's boxes carry when all are ticked."""
    return [f"{place.pk}:{place.asset.evidence}" for place in Place.objects.order_by("pk").select_related("asset")]


def test_several_are_decided_with_one_reason_and_of_each_is_told_what_became_of_it(
    client: Any, erin: Any, dana: Any, tiers: None
) -> None:
    """D10, D11: what one may not clear, what somebody looks at and what changed is left out and named."""
    held_in("Staff one", "Staff two", "Ugc on hold", "Staff claimed", "Staff changed", "Staff decided")
    chosen = picked()
    about = {asset.label: asset for asset in Asset.objects.all()}
    reviewing.claim(about["Staff claimed"], by=dana)
    changed = next(index for index, value in enumerate(chosen) if value.endswith(about["Staff changed"].evidence))
    chosen[changed] = chosen[changed].partition(":")[0] + ":other"
    article = Article.objects.get()
    done = about["Staff decided"]
    reviewing.decide(done, Conclusion.ACCEPTED, by=dana, evidence=done.evidence, subject=article)
    client.force_login(erin)

    preview = client.post(BULK, {"place": [*chosen, "999:x", "nonsense"]})
    assert sorted(item.row.title for item in preview.context["ready"]) == ["Staff one", "Staff two"]
    why = {item.row.title: item.left_out for item in preview.context["left_out"]}
    assert "only whoever may clear it" in why["Ugc on hold"]
    assert "Dana Example, until" in why["Staff claimed"]
    assert "evidence" in why["Staff changed"]
    assert "No objection to using it (Dana" in why["Staff decided"]
    assert "1 of the chosen is not yours to decide" in preview.content.decode()
    assert AuditEvent.objects.filter(action="review.concluded").count() == 1, "looking it over decides nothing"

    refused = client.post(BULK, {**WORDS, "place": chosen, "reason_code": ""})
    assert (refused.status_code, refused.context["problem"]) == (400, "Choose a reason. Nothing was recorded.")
    outcome = client.post(BULK, {**WORDS, "place": chosen})
    told = {item.row.title: sentence for item, _is_done, sentence in outcome.context["outcomes"]}
    assert (told["Staff one"], told["Staff two"], outcome.context["done"]) == ("Recorded.", "Recorded.", 2)
    assert told["Ugc on hold"] == why["Ugc on hold"]
    facts = AuditEvent.objects.filter(action="review.concluded").latest("pk").facts
    assert facts["reason"] == "original_seen"
    again = client.post(BULK, {**WORDS, "place": chosen})
    assert again.status_code == 400, "sent twice, nothing is decided twice"
    assert AuditEvent.objects.filter(action="review.concluded").count() == 3


def test_above_ten_their_number_is_typed(client: Any, erin: Any) -> None:
    """D10."""
    held_in(*(f"Picture {number}" for number in range(11)))
    client.force_login(erin)
    for typed in ("", "10", "eleven"):
        refused = client.post(BULK, {**WORDS, "place": picked(), "count": typed})
        assert "Type 11 into the field" in refused.context["problem"]
    assert client.post(BULK, {**WORDS, "place": picked(), "count": "11"}).context["done"] == 11
    assert shown(client, erin) == []


def test_a_chief_clears_several_holds_with_a_note_and_what_is_refused_is_named(
    client: Any, dana: Any, tiers: None
) -> None:
    article = held_in("Ugc one", "Ugc two")
    client.force_login(dana)
    short = client.post(BULK, {**WORDS, "note": "Short.", "place": picked()})
    assert {sentence for _item, _done, sentence in short.context["outcomes"]} == {
        "This clears a hold: write a note of at least 15 characters."
    }
    chosen = picked()
    key = registry.key(article)
    Place.objects.filter(asset__label="Ugc two").update(subject_key="0" * 32)
    told = client.post(BULK, {**WORDS, "place": chosen}).context["outcomes"]
    assert sorted(sentence for _item, _done, sentence in told) == [
        "Recorded.",
        "This story is not here any more. Nothing was recorded.",
    ]
    assert not Place.objects.filter(subject_key=key, is_open=True).exists()


def test_who_may_decide_nothing_chooses_nothing(client: Any, sam: Any) -> None:
    cast.strong("Coffee")
    client.force_login(cast.person("avery", "view_audit"))
    preview = client.post(BULK, {"place": picked()})
    assert (preview.context["ready"], preview.context["unknown"]) == ([], 1)
    assert "Coffee" not in preview.content.decode()
    assert client.post(BULK, {**WORDS, "place": picked()}).status_code == 400
    client.force_login(sam)
    assert client.post(BULK, {"place": picked()}).status_code == 403


def test_a_superuser_changes_nothing_there(client: Any) -> None:
    root = get_user_model().objects.create_superuser("root", password="x")
    client.force_login(root)
    assert client.get(QUEUE).status_code == 200
    assert client.get(reverse("admin:detection_queue_add")).status_code == 403
