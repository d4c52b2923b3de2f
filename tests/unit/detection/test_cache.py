"""The compiled-rule cache is only ever faster, never different, and trusts nothing it did not seal."""

import pytest

from appliance.detection.cache import RuleCache
from appliance.detection.compiling import compile_rule_set
from tests.unit.detection.rule_texts import document, event, selection, source

KEY = b"k" * 32
SOURCES = [source(document(selection(f__contains=text))) for text in ("abc", "bcd")]


def _load(directory, key=KEY, sources=SOURCES, **options):
    rule_set, report = compile_rule_set(sources, cache=RuleCache(directory, key), **options)
    assert list(rule_set.match(event(f="xabcx"))) == [0]
    assert list(rule_set.match(event(f="abcd"))) == [0, 1]
    return report.from_cache


def test_a_second_start_parses_nothing_again(tmp_path):
    assert _load(tmp_path) == 0
    assert _load(tmp_path) == 2


def test_another_key_reads_nothing_and_rebuilds(tmp_path):
    _load(tmp_path)

    assert _load(tmp_path, key=b"z" * 32) == 0


def test_only_a_changed_rule_is_parsed_again(tmp_path):
    _load(tmp_path)
    changed = [SOURCES[0], source(document(selection(f__contains="bcd"), title="Changed"))]

    assert _load(tmp_path, sources=changed) == 1


def test_value_lists_are_part_of_what_is_cached(tmp_path):
    _load(tmp_path)

    assert _load(tmp_path, expand={"Admins": ["root"]}) == 0


@pytest.mark.parametrize("position", [0, 40, -1])
def test_an_altered_file_is_rebuilt_and_never_used(tmp_path, position):
    _load(tmp_path)
    sizes = {}
    for path in tmp_path.iterdir():
        content = bytearray(path.read_bytes())
        content[position] ^= 1
        path.write_bytes(content)
        sizes[path.name] = len(content)

    assert _load(tmp_path) == 0
    assert _load(tmp_path) == 2
    assert {path.name: path.stat().st_size for path in tmp_path.iterdir()} == sizes


def test_a_file_under_another_files_name_is_not_used(tmp_path):
    cache = RuleCache(tmp_path, KEY)
    cache.write("one", b"content")

    (tmp_path / "one").rename(tmp_path / "two")

    assert cache.read("two") is None


def test_truncated_files_are_rebuilt(tmp_path):
    _load(tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:20])

    assert _load(tmp_path) == 0


def test_a_short_key_is_refused(tmp_path):
    with pytest.raises(ValueError, match="16 bytes"):
        RuleCache(tmp_path, b"short")
