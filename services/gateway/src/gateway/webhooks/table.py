"""Reports as an operator reads them, and as a script does."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.webhooks.findings import Finding, Report

INDENT = "  "


def as_table(reports: Sequence[Report], done: Mapping[str, Sequence[str]]) -> str:
    """One block for each account: what it is, what the platform says, what is wrong.

    Args:
        reports: one for each account.
        done: account → what was set.
    """
    return "\n\n".join(_block(report, done.get(report.account, ())) for report in reports) + "\n"


def as_json(reports: Sequence[Report], done: Mapping[str, Sequence[str]]) -> str:
    """The same for scripts."""
    accounts: list[dict[str, Any]] = [
        {
            "platform": report.platform,
            "account": report.account,
            "title": report.title,
            "facts": dict(report.facts),
            "findings": [_finding_as_json(finding) for finding in report.findings],
            "done": list(done.get(report.account, ())),
        }
        for report in reports
    ]
    well = not any(report.findings for report in reports)
    return json.dumps({"well": well, "accounts": accounts}, indent=2, ensure_ascii=False) + "\n"


def _finding_as_json(finding: Finding) -> dict[str, str]:
    return {"name": finding.name, "says": finding.says, "remedy": finding.remedy}


def _block(report: Report, done: Sequence[str]) -> str:
    title = " ".join(part for part in (report.platform, report.account, report.title) if part)
    lines = [f"{title}: {_state(report)}"]
    width = max(map(len, report.facts), default=0)
    lines += [f"{INDENT}{name:<{width}}  {fact}" for name, fact in report.facts.items()]
    lines += [f"{INDENT}+ {one}" for one in done]
    for finding in report.findings:
        lines.append(f"{INDENT}! {finding.name}: {finding.says}")
        lines.append(f"{INDENT}  -> {finding.remedy}")
    return "\n".join(lines)


def _state(report: Report) -> str:
    count = len(report.findings)
    if not report.is_known:
        return "cannot be looked at"
    return "well" if not count else f"{count} finding{'s' if count > 1 else ''}"
