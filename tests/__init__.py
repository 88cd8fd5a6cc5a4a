"""The tests: a package, lest one of that name that others have installed be found in its place."""
