"""
From the text of a Sigma file to parsed rules, or to the reason why a document is none.

Invariants:
- pySigma's objects end here: callers get `ParsedRule` with our own tree.
- No document makes another fail, and nothing raises: a refusal is a value.
"""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec
import yaml
from sigma.exceptions import SigmaError, SigmaRegularExpressionError
from sigma.rule import SigmaRule
from sigma.rule.base import SigmaYAMLLoader

from appliance.detection.attack import table as attack
from appliance.detection.sigma.counting import with_counts_spelled_out
from appliance.detection.sigma.refusals import Refused
from appliance.detection.sigma.rules import Inactive, Reason, Rule, RuleSource
from appliance.detection.sigma.translating import translate
from appliance.detection.sigma.tree import Node
from appliance.telemetry.events import LogSource

_NAMELESS_RULES: Final = UUID("a6c5e5c2-6a0e-5d0b-8f6c-6d1f0a4b7e11")
_LARGEST_SOURCE_BYTES: Final = 1_048_576
_INACTIVE_STATUSES: Final = {
    "deprecated": "Its author marked the rule as deprecated; another one replaces it.",
    "unsupported": "Its author marked the rule as unsupported: it needs what Sigma cannot say.",
}


class ParsedRule(msgspec.Struct, frozen=True, tag="rule"):
    """A rule with its condition; routing and compiling come later."""

    rule: Rule
    tree: Node


class Refusal(msgspec.Struct, frozen=True, tag="refusal"):
    """A document that is no active rule."""

    inactive: Inactive


Outcome = ParsedRule | Refusal


def parse(source: RuleSource, expand: Mapping[str, Sequence[str]]) -> tuple[Outcome, ...]:
    """
    What each document of a source is, in order.

    Args:
        source: One file; several documents are separated by `---`.
        expand: Value lists for the placeholders of the `expand` modifier, by name without `%`.
    """
    if len(source.text) > _LARGEST_SOURCE_BYTES:
        return (_refuse(source, None, Reason.NOT_YAML, "The file is larger than 1 MiB."),)
    outcomes: list[Outcome] = []
    try:
        for number, document in enumerate(_documents(source.text)):
            outcomes.append(_outcome(source, number, document, expand))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        first_line = " ".join(str(error).split())[:300]
        outcomes.append(_refuse(source, None, Reason.NOT_YAML, f"The file is not YAML: {first_line}"))
    return tuple(outcomes)


def _documents(text: str) -> Iterator[Any]:
    # pySigma's loader is PyYAML's safe one; the subclass only refuses a key given twice.
    for document in yaml.load_all(text, Loader=SigmaYAMLLoader):
        if document is not None:
            yield document


def _outcome(source: RuleSource, number: int, document: Any, expand: Mapping[str, Sequence[str]]) -> Outcome:
    try:
        return _parsed(source, number, document, expand)
    except Refused as refused:
        return _refuse(source, document, refused.reason, refused.explanation)
    except SigmaRegularExpressionError as error:
        explanation = f"The expression is none that runs in linear time (RE2): {error}"
        return _refuse(source, document, Reason.REGEX, explanation)
    except SigmaError as error:
        return _refuse(source, document, Reason.INVALID, str(error))
    except (TypeError, ValueError, AttributeError, KeyError, RecursionError) as error:
        # pySigma trusts the shape of some parts of a document; a wrong shape ends in one of these.
        return _refuse(source, document, Reason.INVALID, f"The document has the wrong shape: {error!r}")


def _parsed(
    source: RuleSource, number: int, document: Any, expand: Mapping[str, Sequence[str]]
) -> ParsedRule:
    _check_kind(document)
    sigma_rule = SigmaRule.from_dict(_as_known(document))
    status = str(sigma_rule.status or "")
    if status in _INACTIVE_STATUSES:
        raise Refused(Reason.STATUS, _INACTIVE_STATUSES[status])
    tree = translate(sigma_rule.detection, expand)
    version = blake2b(f"{number}\0{source.text}".encode(errors="surrogatepass"), digest_size=8).hexdigest()
    return ParsedRule(_rule(source, sigma_rule, status, version), tree)


def _check_kind(document: Any) -> None:
    if not isinstance(document, Mapping):
        raise Refused(Reason.INVALID, "The document is no mapping of keys to values.")
    if "correlation" in document:
        raise Refused(Reason.UNSUPPORTED, "Correlation rules need state; only single-event rules run so far.")
    if "filter" in document:
        raise Refused(Reason.UNSUPPORTED, "Sigma filters are not applied so far; add the filter to the rule.")
    if "action" in document:
        raise Refused(
            Reason.UNSUPPORTED, "Rule collections with `action` left the Sigma standard; split them."
        )
    if document.get("taxonomy", "sigma") != "sigma":
        raise Refused(
            Reason.UNSUPPORTED, f"Field names of the taxonomy {document['taxonomy']!r} are unknown."
        )


def _as_known(document: Any) -> dict[str, Any]:
    """The document with what pySigma does not know (`utf16le`, `2 of`) spelled as it does."""
    detection = document.get("detection")
    if not isinstance(detection, Mapping):
        return dict(document)
    return {**document, "detection": with_counts_spelled_out(_renamed(detection))}


def _renamed(part: Any) -> Any:
    if isinstance(part, Mapping):
        return {_renamed_key(key): _renamed(value) for key, value in part.items()}
    return [_renamed(item) for item in part] if isinstance(part, list) else part


def _renamed_key(key: Any) -> Any:
    if not isinstance(key, str) or "utf16le" not in key:
        return key
    field, *modifiers = key.split("|")
    return "|".join([field, *("wide" if name == "utf16le" else name for name in modifiers)])


def _rule(source: RuleSource, parsed: SigmaRule, status: str, version: str) -> Rule:
    tags = tuple(str(tag) for tag in parsed.tags)
    meaning = attack.read_tags(tags)
    return Rule(
        id=_id(parsed, version),
        title=parsed.title,
        level=str(parsed.level or "medium"),
        status=status,
        author=_text(parsed.author),
        description=_text(parsed.description),
        references=tuple(map(_text, parsed.references)),
        falsepositives=tuple(map(_text, parsed.falsepositives)),
        tags=tags,
        techniques=meaning.techniques,
        tactics=meaning.tactics or _tactics_of(meaning.techniques),
        unverified_tags=meaning.unverified,
        unknown_tags=meaning.unknown,
        logsource=LogSource(parsed.logsource.category, parsed.logsource.product, parsed.logsource.service),
        definition=_text(parsed.logsource.definition),
        mapped=True,
        version=version,
        owner=source.owner,
        path=source.path,
        license=_text(parsed.license),
    )


def _id(parsed: SigmaRule, version: str) -> str:
    return str(parsed.id).lower() if parsed.id else str(uuid5(_NAMELESS_RULES, version))


def _tactics_of(techniques: tuple[str, ...]) -> tuple[str, ...]:
    known = attack.techniques()
    named = {tactic for technique in techniques for tactic in known[technique].tactics}
    return tuple(tactic for tactic in attack.TACTICS if tactic in named)


def _refuse(source: RuleSource, document: Any, reason: Reason, explanation: str) -> Refusal:
    fields = document if isinstance(document, Mapping) else {}
    title, rule_id = _text(fields.get("title")), _text(fields.get("id"))
    return Refusal(Inactive(source.path, title, rule_id, source.owner, reason, explanation))


def _text(value: object) -> str:
    return "" if value is None else str(value)
