"""Objects that answer a misspelt name with the one that was meant, also where no interpreter does, as in notebooks."""

from typing import Any

from dedup_assets.engine.core.spelling import did_you_mean


class NamedAttributes:
    """The base of results: a name that is not there is answered with those that are."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - it never returns, unless a property failed before
        """Raise AttributeError that names what was meant, and all names where nothing resembles it."""
        if name.startswith("_") or hasattr(type(self), name):
            return object.__getattribute__(self, name)  # raises what the property raised
        names = [each for each in dir(self) if not each.startswith("_")]
        inner = [f"results.{each}" for each in dir(self.__dict__.get("results")) if not each.startswith("_")]
        nested = f"results.{name}"
        meant = f" (did you mean {nested!r}?)" if nested in inner else did_you_mean(name, names)
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}{meant}: it has {', '.join(names)}")
