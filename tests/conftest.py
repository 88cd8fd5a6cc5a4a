"""What all tests share: hypothesis measures no time, since a slow machine is no error."""

from __future__ import annotations

from importlib.util import find_spec

# The machine that `make gpu` runs on may lack it, and its tests do without.
if find_spec("hypothesis"):
    from hypothesis import settings

    settings.register_profile("initkit", deadline=None)
    settings.load_profile("initkit")
