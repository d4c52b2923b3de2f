"""Values for `%placeholders%`: the `expand` modifier names lists that only the site knows."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Final

from sigma.types import (
    Placeholder,
    SigmaCasedString,
    SigmaRegularExpression,
    SigmaString,
    SigmaStringPartType,
    SigmaType,
)

from appliance.detection.sigma.refusals import Refused
from appliance.detection.sigma.rules import Reason

_MOST_VALUES: Final = 10_000


def with_values(value: SigmaType, expand: Mapping[str, Sequence[str]]) -> list[SigmaType]:
    """
    The values a value stands for: itself, unless it holds placeholders.

    Raises:
        Refused: A placeholder has no value list, or they multiply to more than 10,000 values.
    """
    if isinstance(value, SigmaRegularExpression) and value.contains_placeholder():
        expanded = _expanded(value.regexp, expand)
        return [SigmaRegularExpression(str(each), set(value.flags)) for each in expanded]
    if isinstance(value, SigmaString) and value.contains_placeholder():
        return list(_expanded(value, expand))
    return [value]


def _expanded(value: SigmaString, expand: Mapping[str, Sequence[str]]) -> list[SigmaString]:
    missing = sorted({part.name for part in value.s if isinstance(part, Placeholder)} - expand.keys())
    if missing:
        names = ", ".join(f"%{name}%" for name in missing)
        raise Refused(Reason.PLACEHOLDERS, f"Needs a value list for {names}.")
    choices = [_choices(part, expand) for part in value.s]
    combinations = list(islice(product(*choices), _MOST_VALUES + 1))
    if len(combinations) > _MOST_VALUES:
        raise Refused(Reason.PLACEHOLDERS, "The value lists multiply to more than 10,000 values.")
    return [_joined(type(value), combination) for combination in combinations]


def _choices(
    part: SigmaStringPartType, expand: Mapping[str, Sequence[str]]
) -> list[list[SigmaStringPartType]]:
    if not isinstance(part, Placeholder):
        return [[part]]
    # As in a rule, `*` and `?` in a site's value are wildcards.
    return [list(SigmaString(text).s) for text in expand[part.name]]


def _joined(kind: type[SigmaString], combination: tuple[list[SigmaStringPartType], ...]) -> SigmaString:
    joined = SigmaCasedString() if kind is SigmaCasedString else SigmaString()
    joined.s = list(_merged(part for parts in combination for part in parts))
    return joined


def _merged(parts: Iterator[SigmaStringPartType]) -> Iterator[SigmaStringPartType]:
    held = ""
    for part in parts:
        if isinstance(part, str):
            held += part
            continue
        if held:
            yield held
        held = ""
        yield part
    if held:
        yield held
