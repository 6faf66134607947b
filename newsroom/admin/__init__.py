"""The newsroom's admin: stories with their pictures, the pictures themselves, desks and who works on them."""

from __future__ import annotations

from newsroom.admin import desks, photos, stories

__all__ = ["desks", "photos", "stories"]
