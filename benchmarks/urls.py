"""The newsroom's addresses, and `/smallest/`: verify an HMAC over the body, insert one row, answer."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from benchmarks.models import Smallest
from newsroom.urls import urlpatterns as _newsroom

KEY = base64.b64decode(os.environ["BENCH_SECRET"].removeprefix("whsec_"))


@csrf_exempt
def smallest(request: HttpRequest) -> HttpResponse:
    """As short as it can be and still be right."""
    event_id, moment = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    digest = hmac.new(KEY, f"{event_id}.{moment}.".encode() + request.body, hashlib.sha256).digest()
    if not hmac.compare_digest(b"v1," + base64.b64encode(digest), request.headers["webhook-signature"].encode()):
        return HttpResponse(status=401)
    Smallest.objects.create(event_id=event_id, body=request.body)
    return HttpResponse(status=202)


urlpatterns = [path("smallest/", smallest), *_newsroom]
