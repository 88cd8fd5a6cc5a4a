"""Writes digests.txt: what every initializer gives, for ever.

    python -m tests.golden            # add lines for entries that have none yet; the others are checked
    python -m tests.golden --replace  # write every line anew: only for a stream of a new number

A line that changes means that published weights can no longer be made again, so nothing is replaced without
being asked for by name.
"""

from __future__ import annotations

import sys

from tests.golden.digests import DIGESTS, computed, read, write


def main(arguments: list[str]) -> str | None:
    """Bring the file up to date, and say what was done; a string is an error."""
    if arguments not in ([], ["--replace"]):
        return f"Unknown arguments: {arguments}. Allowed: none, or --replace."
    now, kept = computed(), read()
    changed = sorted(label for label in now if kept.get(label, now[label]) != now[label])
    gone = sorted(set(kept) - set(now))
    if (changed or gone) and not arguments:
        lines = [f"changed: {label}" for label in changed] + [f"gone:    {label}" for label in gone]
        return "\n".join([*lines, "Nothing was written. If this is a new stream, say --replace."])
    write(now)
    print(
        f"{DIGESTS.name}: {len(now)} lines, {len(set(now) - set(kept))} of them new, {len(changed)} replaced."
    )
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
