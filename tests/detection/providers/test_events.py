"""Every detector that calls back, at our door: the contract of `callback_cases`, and what each is configured with."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any, ClassVar

import pytest

import detection.providers
from detection.errors import ProviderMisconfigured
from detection.models import Analysis
from detection.providers.events import CalledBack, Subject
from detection.providers.generic import GenericProvider
from detection.providers.hive import HiveProvider
from tests.contracts.callback_cases import CallbackContract
from tests.detection import calling
from tests.detection.calling import SECRET


class TestGenericEvents(CallbackContract):
    backend = "detection.providers.generic.GenericProvider"

    def completed(self, row: Analysis, vendor_id: str = "an_1") -> dict[str, Any]:
        return calling.completed(row, vendor_id=vendor_id)

    def _failed(self, row: Analysis, vendor_id: str, *, retryable: bool) -> dict[str, Any]:
        error = {"code": "x", "message": "It failed.", "retryable": retryable}
        event = calling.completed(row, vendor_id=vendor_id, status="failed", error=error)
        return {**event, "type": "image.analysis.failed"}

    def lost(self, row: Analysis, vendor_id: str = "an_1") -> dict[str, Any]:
        return self._failed(row, vendor_id, retryable=True)

    def refused(self, row: Analysis, vendor_id: str = "an_1") -> dict[str, Any]:
        return self._failed(row, vendor_id, retryable=False)


class TestGenericEventsOfTheOlderShape(TestGenericEvents):
    """The analysis stands beside `type`."""

    def completed(self, row: Analysis, vendor_id: str = "an_1") -> dict[str, Any]:
        whole = calling.completed(row, vendor_id=vendor_id)
        return {**whole.pop("data"), **whole}


class TestGenericEventsAfterTheGuide(TestGenericEvents):
    """Plain HMAC."""

    options: ClassVar[dict[str, Any]] = {"signing": "hmac"}
    secret = "a-plain-secret-of-the-guide-0123456789"
    other_secret = "another-secret-of-the-guide-0123456789"


class TestHiveEvents(CallbackContract):
    """Not signed: each picture has an address of its own."""

    backend = "detection.providers.hive.HiveProvider"

    def completed(self, row: Analysis, vendor_id: str = "an_1") -> dict[str, Any]:
        heads = [("ai_generated", 0.98), ("not_ai_generated", 0.02), ("none", 0.9), ("deepfake", 0.01)]
        classes = [{"class": name, "score": score} for name, score in heads]
        output = [{"time": 0, "classes": classes}]
        said = {"code": "0", "message": "SUCCESS"}
        response = {"input": {"id": vendor_id, "model": "ai_gen", "model_version": 1}, "output": output}
        return {
            "id": vendor_id,
            "code": 200,
            "metadata": str(row.public_id),
            "status": [{"status": said, "response": response}],
        }

    def _failed(self, row: Analysis, vendor_id: str, code: str) -> dict[str, Any]:
        task = {"status": {"code": code, "message": "no"}, "response": {}}
        return {"id": vendor_id, "code": 200, "metadata": str(row.public_id), "status": [task]}

    def lost(self, row: Analysis, vendor_id: str = "an_1") -> dict[str, Any]:
        return self._failed(row, vendor_id, "1000")

    def refused(self, row: Analysis, vendor_id: str = "an_1") -> dict[str, Any]:
        return self._failed(row, vendor_id, "3200")


def test_every_detector_that_calls_back_keeps_the_contract() -> None:
    tested = {one.backend.rpartition(".")[2] for one in (TestGenericEvents, TestHiveEvents)}
    found = set()
    for module in pkgutil.iter_modules(detection.providers.__path__):
        for name, kind in vars(importlib.import_module(f"detection.providers.{module.name}")).items():
            if isinstance(kind, type) and getattr(kind, "calls_back", False) is True and kind is not CalledBack:
                assert issubclass(kind, CalledBack), name
                found.add(name)
    assert found == tested


def make(kind: type[CalledBack] = GenericProvider, **options: Any) -> CalledBack:
    return kind("vendor", {"base_url": "https://detector.example", "api_key": "sk", **options})


@pytest.mark.parametrize("secret", ["short", "whsec_short", "this is no base64 at all"])
def test_a_secret_that_can_sign_nothing_is_refused_by_name(secret: str) -> None:
    with pytest.raises(ProviderMisconfigured, match="webhook_secrets") as raised:
        make(callbacks="on", webhook_secrets=[SECRET, secret])
    assert secret not in str(raised.value)
    assert make(callbacks="off", webhook_secrets=[secret]).calls_back is False


def test_secrets_may_be_a_list_or_a_comma_list() -> None:
    both = f"{SECRET}, {calling.OTHER}"
    assert make(callbacks="on", webhook_secrets=both).webhook_secrets == (SECRET, calling.OTHER)


def test_whether_it_can_tell_good_from_bad() -> None:
    assert make(callbacks="on", webhook_secrets=SECRET).can_verify is True
    assert make(callbacks="on").can_verify is False
    assert make(HiveProvider, callbacks="on").can_verify is True


def test_an_unknown_way_of_signing_is_refused_by_name() -> None:
    with pytest.raises(ProviderMisconfigured, match="signing"):
        make(signing="md5")


def test_what_an_event_is_about() -> None:
    generic, hive = make(), make(HiveProvider)
    assert generic.event_of({"id": "ev", "data": {"reference": "r", "id": "b", "request_id": "a"}}) == Subject("r", "a")
    assert generic.event_of({"reference": None, "id": "b"}) == Subject("", "b")
    assert generic.event_of({"data": 7, "reference": ["r"]}) == Subject()
    assert hive.event_of({"metadata": "r", "id": "t", "task_id": "u"}) == Subject("r", "t")
    assert hive.event_of({"metadata": {}, "task_id": "u"}) == Subject("", "u")
