"""A bucket that speaks S3, for STORAGE_URL: files are streamed, every wait is bounded, and no address is given out.

Its errors are those of its client, which `detection.stored` turns into ours.
"""

from __future__ import annotations

from typing import Any, NoReturn

from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError
from django.core.files.base import File
from django.utils.deconstruct import deconstructible
from storages.backends.s3 import S3Storage

CONNECT_TIMEOUT = 2
"""Seconds till a server must have taken a connection."""
TIMEOUT = 5
"""Seconds that a server may be silent, where STORAGE_URL says nothing else."""
ATTEMPTS = 2
"""Of each request; a scan is tried again by its row, and a person by themselves."""


class Streamed(File):  # type: ignore[type-arg]
    """An object as it comes in. django-storages' own file fetches the whole of it, however large, at the first read."""

    def __init__(self, body: Any, name: str, size: int) -> None:
        super().__init__(body, name=name)
        self.mode = "rb"
        self.size = size


@deconstructible(path="newsroom.bucket.BucketStorage")
class BucketStorage(S3Storage):  # type: ignore[misc]
    """Private files in one bucket. `timeout`: seconds that the server may be silent."""

    def __init__(self, *, timeout: int = TIMEOUT, addressing_style: str = "auto", **options: Any) -> None:
        client_config = Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=timeout,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            signature_version="s3v4",
            s3={"addressing_style": addressing_style},
            # Servers that are not Amazon's often don't know the newer checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        fixed = {"file_overwrite": False, "default_acl": None, "querystring_auth": True, "gzip": False}
        transfer = TransferConfig(use_threads=False)
        super().__init__(client_config=client_config, transfer_config=transfer, **fixed, **options)

    def url(self, *args: Any, **kwargs: Any) -> NoReturn:
        """None: every file is served by a view that asks who is reading."""
        raise NotImplementedError("Files of this newsroom have no address of their own.")

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        if mode != "rb":
            raise ValueError(f"A file in a bucket is read with mode rb and written with save(); {mode!r} is neither.")
        client = self.connection.meta.client
        try:
            answer = client.get_object(Bucket=self.bucket_name, Key=self._normalize_name(name))
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "NoSuchKey":
                raise  # also a bucket that is gone, which is no statement about this file
            raise FileNotFoundError(name) from error
        return Streamed(answer["Body"], name, answer["ContentLength"])

    def size(self, name: str) -> int:
        """Bytes. Raises FileNotFoundError where the object is gone, the client's error where the bucket is."""
        try:
            return int(super().size(name))
        except FileNotFoundError:
            self.connection.meta.client.head_bucket(Bucket=self.bucket_name)
            raise
