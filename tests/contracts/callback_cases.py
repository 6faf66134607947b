"""What every detector that calls back owes the house, once: at our own door, from the bytes to the verdict.

A subclass gives `backend`, `options`, and the vendor's events. Whether the vendor signs is read from the class.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from django.test import Client
from django.utils import timezone

from detection import signing
from detection.models import Analysis, WebhookDelivery
from detection.providers import providers
from detection.views import webhooks
from tests.detection import calling
from tests.detection.calling import ADDRESS, BASE, again, body_of, path_to, post, ring_and_apply, row_of, states, the

Upload = Callable[..., Any]


def with_another_letter(text: str, at: int) -> str:
    """The text with one letter changed, `at` counted from its end."""
    return f"{text[:at]}{'1' if text[at] == '0' else '0'}{text[at:][1:]}"


@pytest.mark.django_db
class CallbackContract:
    """The detector under test is called "vendor"."""

    backend: ClassVar[str]
    options: ClassVar[dict[str, Any]] = {}
    secret: ClassVar[str] = calling.SECRET
    other_secret: ClassVar[str] = calling.OTHER
    polls: ClassVar[bool] = True

    def completed(self, row: Analysis, vendor_id: str = "an_1") -> dict[str, Any]:
        """The vendor's event that brings a verdict."""
        raise NotImplementedError

    def lost(self, row: Analysis, vendor_id: str = "an_1") -> dict[str, Any]:
        """The vendor's event that says: failed, and passing."""
        raise NotImplementedError

    def refused(self, row: Analysis, vendor_id: str = "an_1") -> dict[str, Any]:
        """The vendor's event that says: failed, because of this picture."""
        raise NotImplementedError

    unreadable: ClassVar[tuple[bytes, ...]] = (
        b"not json",
        b" ",
        b"[]",
        b"null",
        b'{"data": NaN}',
        b'{"a": 1, "a": 2}',
        b'{"a": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b'{"a": ' + b"9" * 5_000 + b"}",
        b"\xff\xfe\x00",
        b'{"a": "\xc3"}',
        b'{"data": []}',
        b'{"type": "account.closed"}',
        b'{"a": "\\ud800"}',
        b'{"a": 1e999}',
    )

    def configured(self, **options: Any) -> dict[str, Any]:
        given = {"base_url": ADDRESS, "api_key": "sk", "callbacks": "on", **self.options, **options}
        if "webhook_secrets" not in given and self.signs:
            given["webhook_secrets"] = [self.secret]
        return {"vendor": {"BACKEND": self.backend, "OPTIONS": given}}

    @property
    def signs(self) -> bool:
        module, _, name = self.backend.rpartition(".")
        return bool(getattr(__import__(module, fromlist=[name]), name).signs_events)

    @pytest.fixture(autouse=True)
    def _house(self, settings: Any, configure: Callable[..., None]) -> None:
        settings.DETECTION_PROVIDERS = self.configured()
        configure(PUBLIC_BASE_URL=BASE, PROVENANCE=False)
        webhooks.refusals = webhooks.Refusals()

    def headers(self, body: bytes, *, event_id: str = "ev_1", secret: str = "", off: float = 0) -> dict[str, str]:
        """As the vendor signs; nothing where it signs nothing."""
        if not self.signs:
            return {}
        scheme = the().scheme
        now = timezone.now().timestamp() + off
        return signing.sign(scheme, signing.key_of(scheme, secret or self.secret), body, event_id=event_id, now=now)

    def path(self, row: Analysis) -> str:
        return path_to(row=row)

    def send(self, client: Client, row: Analysis, event: Any, **options: Any) -> int:
        body = body_of(event)
        return post(client, body, self.headers(body, **options), path=self.path(row)).status_code

    def test_a_good_event_brings_the_verdict(self, client: Client, plate: Upload) -> None:
        """A01."""
        picture = plate()
        row = calling.waiting(picture)
        assert self.send(client, row, self.completed(row)) == 202
        assert row_of(picture).status == "awaiting_callback"
        ring_and_apply()
        row = row_of(picture)
        assert (row.status, row.verdict, states()) == ("complete", "likely_ai", ["applied"])
        assert row.raw

    def test_with_and_without_the_last_slash(self, client: Client, plate: Upload) -> None:
        """A11."""
        row = calling.waiting(plate())
        body = body_of(self.completed(row))
        for path in (self.path(row), self.path(row).rstrip("/")):
            assert post(client, body, self.headers(body), path=path).status_code in (200, 202)

    def test_a_bad_or_missing_credential_leaves_no_row(self, client: Client, plate: Upload) -> None:
        """A04."""
        row = calling.waiting(plate())
        body = body_of(self.completed(row))
        bad: list[tuple[dict[str, str], str, bytes]] = []
        if self.signs:
            good = self.headers(body)
            bad += [({}, self.path(row), body), (good, self.path(row), body + b" ")]
            bad += [
                ({**good, name: with_another_letter(value, -2)}, self.path(row), body)
                for name, value in good.items()
                if "id" not in name
            ]
        else:
            path = self.path(row)
            bad += [
                ({}, path_to(), body),
                ({}, with_another_letter(path, -2), body),
                ({}, path.replace("-0.", "-1."), body),
            ]
            bad += [({}, path_to() + "token/", body), ({}, path[:-10], body)]
        answers = [post(client, sent, headers, path=path) for headers, path, sent in bad]
        assert {answer.status_code for answer in answers} == {401}
        assert {answer.content for answer in answers} == {b"Not accepted.\n"}
        assert WebhookDelivery.objects.count() == 0

    def test_a_stale_moment_is_refused(self, client: Client, plate: Upload) -> None:
        """A07."""
        row = calling.waiting(plate())
        event = self.completed(row)
        found = [self.send(client, row, event, off=off) for off in (-301, 302, -290, 290)]
        assert found == ([401, 401, 202, 200] if self.signs else [202, 200, 200, 200])

    def test_another_vendors_credential_is_none_here(self, client: Client, plate: Upload, settings: Any) -> None:
        settings.DETECTION_PROVIDERS = {
            **self.configured(),
            "other": self.configured(webhook_secrets=[self.other_secret])["vendor"],
        }
        row = calling.waiting(plate())
        body = body_of(self.completed(row))
        if self.signs:
            answer = post(client, body, self.headers(body, secret=self.other_secret), path=self.path(row))
        else:
            answer = post(client, body, {}, path=self.path(row).replace("/vendor/", "/other/"))
        assert answer.status_code == 401
        assert WebhookDelivery.objects.count() == 0

    def test_both_secrets_are_good_while_one_is_changed(self, client: Client, plate: Upload, settings: Any) -> None:
        """A18."""
        if not self.signs:
            pytest.skip("this vendor signs nothing: its address is the credential")
        settings.DETECTION_PROVIDERS = self.configured(webhook_secrets=[self.other_secret, self.secret])
        first, second = calling.waiting(plate()), calling.waiting(plate("B", seed=2), "an_2")
        assert self.send(client, first, self.completed(first), secret=self.secret) == 202
        assert (
            self.send(client, second, self.completed(second, "an_2"), secret=self.other_secret, event_id="ev_2") == 202
        )
        assert [row.slot for row in WebhookDelivery.objects.order_by("pk")] == [1, 0]
        settings.DETECTION_PROVIDERS = self.configured(webhook_secrets=[self.other_secret])
        providers.reset()
        assert self.send(client, first, self.completed(first), secret=self.secret, event_id="ev_3") == 401

    def test_without_a_secret_nothing_is_believed(
        self, client: Client, plate: Upload, settings: Any, logged: Any
    ) -> None:
        """A06."""
        row = calling.waiting(plate())
        settings.DETECTION_PROVIDERS = self.configured(webhook_secrets=[])
        body = body_of(self.completed(row))
        headers = {**self.headers(body), "X-Webhook-Secret": self.secret} if self.signs else {}
        answer = post(client, body, headers, path=f"{self.path(row)}?secret={self.secret}")
        assert answer.status_code == (503 if self.signs else 202)
        assert WebhookDelivery.objects.count() == (0 if self.signs else 1)

    def test_too_big_is_refused(self, client: Client, plate: Upload) -> None:
        """A14."""
        row = calling.waiting(plate())
        assert self.send(client, row, b'{"a": "' + b"x" * 65_528 + b'"}') == 413
        assert WebhookDelivery.objects.count() == 0
        assert self.send(client, row, b'{"a": "' + b"x" * 65_527 + b'"}') == 202

    def test_the_same_once_more_is_known(self, client: Client, plate: Upload) -> None:
        """A02, A09."""
        picture = plate()
        row = calling.waiting(picture)
        event = self.completed(row)
        assert [self.send(client, row, event) for _time in range(3)] == [202, 200, 200]
        ring_and_apply()
        assert self.send(client, row, event) == 200
        delivery = WebhookDelivery.objects.get()
        assert (delivery.state, delivery.repeats, row_of(picture).status) == ("applied", 3, "complete")

    def test_early_is_as_good_as_in_time(self, client: Client, plate: Upload) -> None:
        """A19: before the submission has returned; what the worker writes after that changes nothing."""
        picture = plate()
        row = calling.sending(picture)
        assert self.send(client, row, self.completed(row)) == 202
        again()
        assert (row_of(picture).status, states()) == ("complete", ["applied"])
        assert row.lease_token
        assert not calling.scanning.accept(row, calling.Accepted(provider_reference="an_1"), lease=row.lease_token)
        assert row_of(picture).status == "complete"

    def test_late_changes_nothing(self, client: Client, plate: Upload) -> None:
        """A08, A21."""
        picture = plate()
        row = calling.waiting(picture)
        assert calling.scanning.apply_result(row, calling.the().read_event(body_of(self.completed(row))))  # type: ignore[arg-type]
        for event in (self.lost(row), self.refused(row), self.completed(row)):
            assert self.send(client, row, event, event_id=f"ev_{event!s}"[:3] + str(len(str(event)))) in (200, 202)
        again()
        assert row_of(picture).status == "complete"
        found = set(WebhookDelivery.objects.values_list("state", "reason"))
        assert found == {("ignored", "The check had ended before; it stays as it ended.")}

    def test_a_failure_that_passes_is_tried_again(self, client: Client, plate: Upload) -> None:
        picture = plate()
        row = calling.waiting(picture)
        self.send(client, row, self.lost(row))
        again()
        row = row_of(picture)
        assert (row.status, row.redrives, states()) == ("retry_pending", 1, ["applied"])

    def test_a_refused_picture_ends(self, client: Client, plate: Upload) -> None:
        picture = plate()
        row = calling.waiting(picture)
        self.send(client, row, self.refused(row))
        again()
        assert (row_of(picture).status, states()) == ("rejected", ["applied"])

    def test_a_failure_waits_for_the_worker_that_is_sending(self, client: Client, plate: Upload) -> None:
        picture = plate()
        row = calling.sending(picture)
        self.send(client, row, self.refused(row))
        again()
        assert (row_of(picture).status, states()) == ("scanning", ["waiting"])
        calling.scanning.accept(row, calling.Accepted(provider_reference="an_1"), lease=row.lease_token)  # type: ignore[arg-type]
        again()
        assert (row_of(picture).status, states()) == ("rejected", ["applied"])

    def test_an_event_of_an_earlier_try_changes_nothing(self, client: Client, plate: Upload) -> None:
        picture = plate()
        row = calling.waiting(picture)
        event, path = body_of(self.completed(row)), self.path(row)
        row.note(redrives=1, provider_reference="an_2")
        assert post(client, event, self.headers(event), path=path).status_code == 202
        again()
        assert (row_of(picture).status, states()) == ("awaiting_callback", ["ignored"])

    def test_what_cannot_be_read_is_kept_as_failed(self, client: Client, plate: Upload) -> None:
        """A17."""
        picture = plate()
        row = calling.waiting(picture)
        for number, body in enumerate(self.unreadable):
            assert self.send(client, row, body, event_id=f"ev_{number}") == 202, body[:30]
        again()
        found = WebhookDelivery.objects.all()
        wrong = [(bytes(one.body or b"")[:30], one.state) for one in found if one.state not in ("failed", "unmatched")]
        assert wrong == []
        assert all(one.reason.endswith(".") for one in found)
        assert row_of(picture).status == "awaiting_callback"

    def test_fields_that_are_new_harm_nothing(self, client: Client, plate: Upload) -> None:
        """A17."""
        picture = plate()
        row = calling.waiting(picture)
        event = {**self.completed(row), "resent_on": "2026-05-01", "extra": {"deep": [1, {"x": None}]}}
        assert self.send(client, row, event) == 202
        again()
        assert row_of(picture).status == "complete"

    def test_fields_that_are_missing_are_for_a_person(self, client: Client, plate: Upload) -> None:
        """A17: each field of the event left out, one at a time; the check is never answered by a guess."""
        row = calling.waiting(plate())
        whole = json.loads(body_of(self.completed(row)))
        for number, name in enumerate(whole):
            body = body_of({key: value for key, value in whole.items() if key != name})
            assert self.send(client, row, body, event_id=f"ev_{number}") == 202
        again()
        assert set(states()) <= {"applied", "failed", "unmatched", "ignored"}

    def test_what_is_kept_names_no_secret(self, client: Client, plate: Upload) -> None:
        picture = plate()
        row = calling.waiting(picture)
        path = self.path(row)
        event = {**self.completed(row), "echo": f"{BASE}{path}", "said": self.secret}
        assert self.send(client, row, event) == 202
        again()
        kept = json.dumps(row_of(picture).raw)
        if self.signs:
            assert self.secret not in kept
        else:
            assert path.rstrip("/").rpartition("/")[2] not in kept
