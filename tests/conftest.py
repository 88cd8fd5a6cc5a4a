"""What all tests share: hypothesis measures no time, since a slow machine is no error."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("initkit", deadline=None)
settings.load_profile("initkit")
