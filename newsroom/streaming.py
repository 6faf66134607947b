"""Files on their way in: what is too long, too much, or from nobody is counted and thrown away as it arrives.

The first of FILE_UPLOAD_HANDLERS. A file that was not kept comes out of the form as `NotKept`, with its true length,
so that its field can say in a sentence what was wrong; the disk never held more of it than the cap.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest

UPLOAD_CAP = 60 * 1024 * 1024
"""Bytes of one file that the newsroom's own forms take."""
REQUEST_CAP = 20 * UPLOAD_CAP
"""Bytes of all files that come with one request."""


class NotKept(UploadedFile):  # type: ignore[type-arg]
    """A file of which nothing was kept. `size`: the bytes that came."""


class CappedUploads(FileUploadHandler):
    """Lets a file through to the handlers behind it while it is within the caps and its sender is known."""

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        self._before = self._received = 0
        self._is_from_nobody = False

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """A file begins."""
        super().new_file(*args, **kwargs)
        self._before += self._received
        self._received = 0
        self._is_from_nobody = is_from_nobody(self.request)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """The same bytes, or None: then no handler behind this one sees them."""
        self._received += len(raw_data)
        if not self._is_too_much:
            return raw_data
        self._let_go()
        return None

    def file_complete(self, file_size: int) -> UploadedFile[Any] | None:
        """None where the file is for the handlers behind this one to give."""
        if not self._is_too_much:
            return None
        return NotKept(io.BytesIO(), self.file_name, self.content_type, self._received, self.charset)

    @property
    def _is_too_much(self) -> bool:
        is_too_long = self._received > UPLOAD_CAP or self._before + self._received > REQUEST_CAP
        return is_too_long or self._is_from_nobody

    def _let_go(self) -> None:
        """Delete what the handlers behind wrote of it so far."""
        for handler in getattr(self.request, "upload_handlers", ()):
            if handler is not self and (half := getattr(handler, "file", None)) is not None:
                with contextlib.suppress(OSError, ValueError):
                    half.close()


def is_from_nobody(request: HttpRequest | None) -> bool:
    """Whether nobody signed in, and no token came either, which its own door will judge."""
    user = getattr(request, "user", None)
    if request is None or user is None or request.headers.get("Authorization"):
        return False
    return not user.is_authenticated
