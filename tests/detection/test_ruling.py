"""Changing the policy: a preview that counts as a hand does, and an activation that is one step, with a reason."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from detection import gate, policy, ruling, sampling, sweeping
from detection.errors import EvidenceChanged, NotPermitted, Refused
from detection.models import Asset, AuditEvent, PolicyVersion, moments
from detection.vocabulary import Level, PlacedUse
from tests.conftest import Clock, person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
WHY = "The desk was asked too often about staff pictures."
EDIT = "/admin/detection/policyversion/edit/"


@pytest.fixture
def otto(db: None) -> Any:
    """May change the policy."""
    return person("otto", "change_policy")


def changed(**at: Any) -> dict[str, Any]:
    """The default with one cell of the levels changed: `changed(strong={"undeclared": "hold"})`."""
    made = copy.deepcopy(policy.DEFAULT)
    for row, cells in at.items():
        made["levels"][row].update(cells)
    return made


@pytest.fixture
def seeded(looked_at: Callable[..., Asset]) -> None:
    """Seven pictures: 3 strong, 2 with some signs, 2 without."""
    for seed, score in enumerate((0.99, 0.97, 0.95, 0.7, 0.6, 0.1, 0.02)):
        looked_at(seed=seed, verdict="likely_ai" if score > 0.5 else "likely_human", ai_score=score)
    assert sorted(Asset.objects.values_list("signal", flat=True)) == ["none_found"] * 2 + ["some"] * 2 + ["strong"] * 3


@pytest.mark.usefixtures("seeded")
def test_a_preview_counts_as_one_counts_by_hand() -> None:
    tiers = set(Asset.objects.values_list("source_tier", flat=True))
    assert tiers == {"undeclared"}
    found = ruling.preview(changed(some={"undeclared": "acknowledge"}, none_found={"undeclared": "notice"}))
    assert found.looked_at == 7
    assert found.before == {Level.ACKNOWLEDGE: 3, Level.NOTICE: 2, Level.CLEAR: 2}
    assert found.after == {Level.ACKNOWLEDGE: 5, Level.NOTICE: 2}
    assert found.moved == {(Level.NOTICE, Level.ACKNOWLEDGE): 2, (Level.CLEAR, Level.NOTICE): 2}
    assert (found.asked_before, found.asked_after) == (5, 5)
    assert [(level, new, old) for level, new, old in found.rows() if new or old] == [
        (Level.ACKNOWLEDGE, 5, 3),
        (Level.NOTICE, 2, 2),
        (Level.CLEAR, 0, 2),
    ]
    cuts = {**policy.DEFAULT, "thresholds": {"first": {"some": 0.05, "strong": 0.65}}}
    assert ruling.preview(cuts).after == {Level.ACKNOWLEDGE: 4, Level.NOTICE: 2, Level.CLEAR: 1}
    assert ruling.preview(cuts, last=2).looked_at == 2


@pytest.mark.usefixtures("seeded")
def test_what_was_previewed_is_what_the_gate_then_says(otto: Any, article: Callable[..., Any]) -> None:
    story = article(*Asset.objects.order_by("pk"))
    document = changed(some={"undeclared": "hold"})
    found = ruling.preview(document)
    ruling.activate(document, by=otto, reason=WHY, based_on=1)
    levels = [line.base_level for line in gate.report(story).lines]
    assert {level: levels.count(level) for level in set(levels)} == dict(found.after)


def test_an_activation_is_a_version_an_event_and_a_reason(otto: Any, erin: Any) -> None:
    document = changed(strong={"undeclared": "hold"})
    with pytest.raises(NotPermitted):
        ruling.activate(document, by=erin, reason=WHY, based_on=1)
    assert AuditEvent.objects.get(action="gate.denied").facts["permission"] == ruling.PERMISSION
    for wrong, reason in ((document, "short"), (policy.DEFAULT, WHY), ({**document, "min_note": 0}, WHY)):
        with pytest.raises(Refused):
            ruling.activate(wrong, by=otto, reason=reason, based_on=1)
    made = ruling.activate(document, by=otto, reason=WHY, based_on=1)
    assert (made.number, PolicyVersion.current().number, PolicyVersion.objects.count()) == (2, 2, 2)
    [event] = AuditEvent.objects.filter(action="policy.activated")
    assert event.facts["changed"] == ['levels.strong.undeclared: "acknowledge" → "hold"']
    assert event.actor_id == otto.pk
    with pytest.raises(EvidenceChanged):
        ruling.activate(changed(some={"ugc": "hold"}), by=otto, reason=WHY, based_on=1)
    assert PolicyVersion.objects.count() == 2


@pytest.mark.usefixtures("seeded")
def test_signals_on_lists_follow_with_the_sweep(otto: Any, clock: Clock) -> None:
    assert ruling.rejudge(clock.now()) == 0
    document = {**policy.DEFAULT, "thresholds": {"first": {"some": 0.05, "strong": 0.65}}}
    ruling.activate(document, by=otto, reason=WHY, based_on=1)
    sweeping.sweep(moments.now())
    assert Asset.objects.filter(signal="strong").count() == 4
    assert set(Asset.objects.values_list("policy_number", flat=True)) == {2}
    assert ruling.rejudge(clock.now()) == 0


@pytest.mark.usefixtures("seeded")
def test_desks_may_differ(otto: Any, article: Callable[..., Any], host: Callable[..., None]) -> None:
    host(article={"desk": lambda one: one.title})
    document = {
        **policy.DEFAULT,
        "desks": {"Sports": {"levels": {"strong": {"undeclared": "clear"}}, "four_eyes": True}},
    }
    ruling.activate(document, by=otto, reason=WHY, based_on=1)
    strong = Asset.objects.filter(signal="strong").first()
    levels = {title: gate.report(article(strong, title=title)).level for title in ("News", "Sports")}
    assert levels == {"News": Level.ACKNOWLEDGE, "Sports": Level.CLEAR}
    rules = PolicyVersion.current().rules
    assert (rules.four_eyes, rules.of_desk("Sports").four_eyes, rules.of_desk("News") is rules) == (False, True, True)
    assert ruling.preview(document, desk="Sports").moved == {}
    with pytest.raises(Refused, match="desks.Sports"):
        policy.Rules.parse({**policy.DEFAULT, "desks": {"Sports": {"thresholds": {}}}})


@pytest.mark.usefixtures("seeded")
def test_shadow_mode_never_refuses(
    otto: Any, erin: Any, article: Callable[..., Any], configure: Callable[..., None]
) -> None:
    """The strictest policy there is, and nothing is refused; all of it is shown and recorded."""
    everything = {row: dict.fromkeys(cells, "stop") for row, cells in policy.DEFAULT["levels"].items()}
    ruling.activate({**policy.DEFAULT, "levels": everything}, by=otto, reason=WHY, based_on=1)
    story = article(*Asset.objects.all())
    assert not gate.authorise(story, by=erin).is_allowed
    configure(MODE="shadow")
    answer = gate.authorise(story, by=erin)
    assert answer.is_allowed
    assert gate.report(story).level is Level.STOP
    assert "Shadow mode: nothing is refused." in gate.report(story).sentence
    assert AuditEvent.objects.filter(action="gate.passed").exists()


def form(page: str) -> dict[str, str]:
    """The edit form's fields as a browser would send them back unchanged."""
    found = dict(re.findall(r'<input(?=[^>]*name="([^"]+)")(?=[^>]*value="([^"]*)")[^>]*>', page))
    for name, body in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.S):
        found[name] = re.search(r'value="([^"]*)" selected', body)[1] if " selected" in body else ""
    ticked = re.findall(r'<input type="checkbox" name="([^"]+)" checked', page)
    return {name: value for name, value in found.items() if name != "csrfmiddlewaretoken"} | dict.fromkeys(ticked, "on")


@pytest.mark.usefixtures("seeded")
def test_the_page_previews_and_activates(otto: Any) -> None:
    client = Client()
    client.force_login(otto)
    page = client.get(EDIT).content.decode()
    fields = form(page)
    unchanged = client.post(EDIT, {**fields, "preview": ""}).content.decode()
    assert "No picture among them would be judged differently." in unchanged
    assert "What is changed" not in unchanged, "a form that is sent back unchanged changes nothing"
    fields["level.some.undeclared"] = "acknowledge"
    shown = client.post(EDIT, {**fields, "preview": ""}).content.decode()
    assert "On the last 7 pictures" in shown
    assert "was 3" in shown
    assert "levels.some.undeclared" in shown
    assert PolicyVersion.objects.count() == 1
    short = client.post(EDIT, {**fields, "activate": "", "reason": "no"})
    assert (short.status_code, "Nothing was changed." in short.content.decode()) == (400, True)
    wrong = client.post(EDIT, {**fields, "activate": "", "reason": WHY, "min_note": "many"})
    assert (wrong.status_code, "min_note" in wrong.content.decode()) == (400, True)
    done = client.post(EDIT, {**fields, "activate": "", "reason": WHY}, follow=True)
    assert "Policy 2 is in force." in done.content.decode()
    again = client.post(EDIT, {**fields, "level.some.ugc": "hold", "activate": "", "reason": WHY})
    assert (again.status_code, PolicyVersion.objects.count()) == (409, 2)


def test_a_desk_s_page_keeps_only_what_differs(otto: Any) -> None:
    client = Client()
    client.force_login(otto)
    fields = form(client.get(f"{EDIT}?desk=sports").content.decode())
    assert (fields["desk"], "min_note" in fields) == ("sports", False)
    fields["level.strong.staff"] = "hold"
    client.post(EDIT, {**fields, "activate": "", "reason": WHY})
    own = PolicyVersion.current().document["desks"]
    assert own["sports"]["levels"] == {"strong": {"staff": "hold"}}
    fields = form(client.get(f"{EDIT}?desk=sports").content.decode())
    client.post(EDIT, {**fields, "level.strong.staff": "acknowledge", "activate": "", "reason": WHY})
    assert PolicyVersion.current().document["desks"] == {}


def test_labelled_use_standards_and_the_sample_are_edited_with_the_rest(otto: Any) -> None:
    client = Client()
    client.force_login(otto)
    fields = form(client.get(EDIT).content.decode())
    assert (fields["use.illustration"], fields["use.subject"], fields["sample"]) == ("on", "on", "")
    del fields["use.illustration"]
    shown = client.post(EDIT, {**fields, "sample": "50", "preview": ""}).content.decode()
    assert "labelled_use.default" in shown
    assert "Of the 0 without signs" in shown or "would be about" in shown
    wrong = client.post(EDIT, {**fields, "sample": "101", "activate": "", "reason": WHY})
    assert (wrong.status_code, "a number from 0 to 100" in wrong.content.decode()) == (400, True)
    client.post(EDIT, {**fields, "sample": "50", "activate": "", "reason": WHY})
    rules = PolicyVersion.current().rules
    assert (rules.labelled_uses("sports"), rules.sample) == (frozenset({PlacedUse.SUBJECT}), 50)
    assert sampling.share(rules) == 50

    desk = f"{EDIT}?desk=sports"
    fields = form(client.get(desk).content.decode())
    assert "use.illustration" not in fields
    assert "sample" not in fields, "chance draws for the whole house"
    del fields["use.subject"]
    client.post(EDIT, {**fields, "standards": "on", "activate": "", "reason": WHY})
    labelled = PolicyVersion.current().document["labelled_use"]
    assert labelled == {"default": ["subject"], "desks": {"sports": []}, "standards": ["sports"]}
    fields = form(client.get(desk).content.decode())
    assert fields["standards"] == "on"
    del fields["standards"]
    client.post(EDIT, {**fields, "use.subject": "on", "activate": "", "reason": WHY})
    assert PolicyVersion.current().document["labelled_use"] == {"default": ["subject"], "desks": {}, "standards": []}


def test_the_page_is_read_by_others_and_changed_by_none_of_them(erin: Any, sam: Any) -> None:
    """F08."""
    client = Client()
    client.force_login(erin)
    page = client.get(EDIT).content.decode()
    assert "Put it in force" not in page
    fields = form(page)
    fields["level.strong.staff"] = "hold"
    assert client.post(EDIT, {**fields, "activate": "", "reason": WHY}).status_code == 403
    client.force_login(sam)
    assert client.get(EDIT).status_code == 403
