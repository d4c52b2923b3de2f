"""Sources, incidents, events, rules as the API shows them, for the appliance in memory."""

from typing import Any
from uuid import UUID

NOW = "2026-05-01T12:00:00Z"
RULE_ID = "8c3ad1e6-0000-4000-8000-000000000001"


def source(name: str, *, place: int = 0, enabled: bool = True) -> dict[str, Any]:
    return {
        "id": str(UUID(int=100 + place)),
        "name": name,
        "format": "auto",
        "listener": "",
        "state": "never",
        "enabled": enabled,
        "last_event_at": None,
        "events_24h": 0,
        "rate_per_second": 0.0,
        "clock_skew_seconds": None,
        "lost_datagrams": None,
        "quarantined": 0,
        "duplicates": 0,
        "options": {},
        "durability": "node",
        "signed": False,
        "detail": None,
    }


def incident(number: int, **changes: Any) -> dict[str, Any]:
    why = {
        "summary": "Two findings belong together.",
        "clauses": [],
        "rarity": [],
        "entities": [],
        "next_steps": ["What else root did"],
        "searches": [],
    }
    return {
        "id": str(UUID(int=1000 + number)),
        "number": number,
        "title": f"Incident {number}",
        "status": "new",
        "severity": "high",
        "risk": 70,
        "owner": None,
        "tags": [],
        "techniques": [{"id": "T1018", "name": "x"}],
        "tactics": ["discovery"],
        "entities": [{"kind": "host", "value": "web1", "role": "subject", "weak": False}],
        "findings_count": 2,
        "events_count": 2,
        "first_event_at": NOW,
        "last_event_at": NOW,
        "created_at": NOW,
        "updated_at": NOW,
        "version": 1,
        "why": why,
        "closure": None,
        "acknowledged_by": None,
        "acknowledged_at": None,
        "allowed_transitions": [{"to": "acknowledged", "needs_reason": False}],
        "timeline": [],
    } | changes


def event(place: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "id": str(UUID(int=2000 + place)),
        "event_time": NOW,
        "received_at": NOW,
        "host": "web1",
        "kind": "sshd",
        "channel": "",
        "code": "",
        "source": {"id": str(UUID(int=1)), "name": "imports"},
        "summary": f"event {place}",
        "fields": {"User": "root"},
    } | changes


def rule(**changes: Any) -> dict[str, Any]:
    return {
        "id": RULE_ID,
        "title": "A rule",
        "level": "high",
        "status": "test",
        "author": "Somebody",
        "state": "active",
        "reason": None,
        "detail": "",
        "logsource": {"product": "windows", "category": None, "service": None},
        "techniques": ["T1018"],
        "tactics": [],
        "origin": "imported",
        "path": "a.yml",
        "last_match_at": None,
        "matches_24h": 3,
        "seen_logsource": True,
        "description": "Says what.",
        "references": [],
        "falsepositives": [],
        "definition": "",
        "text": "title: A rule\n",
        "version": "abc",
    } | changes


def user(email: str) -> dict[str, Any]:
    return {"id": str(UUID(int=3)), "name": "A", "email": email, "roles": ["soc_analyst"], "status": "active"}


def load_report() -> dict[str, Any]:
    problems = [{"path": "bad.yml", "rule_id": None, "title": "Bad", "reason": "syntax", "detail": "line 3"}]
    return {
        "id": str(UUID(int=4)),
        "version": "b33de4607c3e0000",
        "loaded_at": NOW,
        "by": "root",
        "origin": "rules",
        "counts": {"files": 3, "active": 2, "inactive": 1},
        "reasons": {"syntax": 1},
        "problems": problems,
    }
