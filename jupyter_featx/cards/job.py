"""Draw the status of a job: a small card for a notebook, a few lines for a terminal, one for a progress bar.

The card is plain HTML with inline styles and no script, in JupyterLab's own colours where it has them: it
stays readable in a dark theme, in other front ends, and in a saved notebook.
"""

from __future__ import annotations

import math
import time
from html import escape
from typing import TYPE_CHECKING

from jupyter_featx.cards.wording import counted, duration, one_line, rate, short_time

if TYPE_CHECKING:
    from jupyter_featx.state import JobStatus

GREEN = "var(--jp-success-color1, #2e7d32)"
RED = "var(--jp-error-color1, #d32f2f)"
BLUE = "var(--jp-brand-color1, #1976d2)"
AMBER = "var(--jp-warn-color1, #ef6c00)"
GREY = "var(--jp-ui-font-color2, #757575)"
_TEXT = "var(--jp-ui-font-color1, var(--vscode-editor-foreground, #212121))"
_GROUND = "var(--jp-layout-color1, var(--vscode-editor-background, #ffffff))"
LINE = "var(--jp-border-color2, #d0d0d0)"
_SHADE = "var(--jp-layout-color2, var(--vscode-textCodeBlock-background, #eeeeee))"
_TRACK = "var(--jp-layout-color3, #dddddd)"
_MONO = "font-family:var(--jp-code-font-family, monospace);font-size:12px"

# state -> its icon and its colour; the word is the state's own. U+FE0E keeps an icon from becoming an emoji.
_LOOKS = {
    "new": ("○", GREY),
    "queued": ("◷", AMBER),
    "running": ("▶\ufe0e", BLUE),
    "completed": ("✔\ufe0e", GREEN),
    "failed": ("✖\ufe0e", RED),
    "cancelled": ("■", GREY),
}
_BAR_WIDTH = 30
_NOTES = 3  # the latest; the log has them all


def status_html(status: JobStatus, command: str = "%featx") -> str:
    """Return the card."""
    icon, colour = _LOOKS.get(_state(status), _LOOKS["new"])
    head = (
        f'<div style="margin-bottom:8px"><span style="color:{colour};font-weight:600">{icon} '
        f'{escape(_state(status))}</span>&ensp;<bdi style="font-weight:600">{_name(status)}</bdi>'
        f'&ensp;<span style="color:{GREY};{_MONO}">{_job_id(status)}</span></div>'
    )
    facts = f'<div style="color:{GREY}">{escape(_facts(status))}</div>' if _facts(status) else ""
    reason = _reason(status)
    if reason:
        reason = f'<div style="margin-top:4px;color:{colour}"><bdi>{escape(reason)}</bdi></div>'
    counts = _bar_html(status) + _counts_html(status)
    return frame(head + counts + facts + reason + _notes_html(status) + _next_html(status, command), colour)


def status_text(status: JobStatus, command: str = "%featx") -> str:
    """Return two to four lines."""
    icon = _LOOKS.get(_state(status), _LOOKS["new"])[0].rstrip("\ufe0e")
    name, job_id = one_line(status.name, 60), one_line(status.job_id, 60)
    lines = [f"{icon} {' '.join(filter(None, (job_id, f'({name})' if name else '', _state(status))))}"]
    if reason := _reason(status):
        lines[0] += f": {one_line(reason, 200)}"
    if status.total:
        lines.append(f"  {_bar_text(status)} {_counts(status)}")
    if facts := _facts(status):
        lines.append(f"  {facts}")
    lines += [f"  note: {one_line(note, 200)}" for note in status.notes[-_NOTES:]]
    if steps := _steps(status):
        lines.append("  next: " + " | ".join(f"{command} {verb} {job_id}" for verb, _ in steps))
    return "\n".join(lines)


def status_line(status: JobStatus) -> str:
    """Return one line, for a progress bar that is drawn over itself."""
    parts = [_state(status), _counts(status)]
    parts.append(_left(status))
    return f"{_bar_text(status, 20)} {', '.join(filter(None, parts))}"


def frame(inside: str, colour: str = BLUE) -> str:
    """Return a card around some HTML, with an edge in this colour."""
    return (
        f'<div style="box-sizing:border-box;max-width:640px;margin:4px 0;padding:10px 14px;'
        f"background:{_GROUND};"
        f"color:{_TEXT};border:1px solid {LINE};border-left:4px solid {colour};border-radius:4px;"
        f"font-family:var(--jp-ui-font-family, system-ui, sans-serif);font-size:13px;line-height:1.5;"
        f'overflow-wrap:anywhere;text-align:left">{inside}</div>'
    )


def next_html(steps: list[tuple[str, str]]) -> str:
    """Return the line that says what to type next: commands, and what each does."""
    if not steps:
        return ""
    shown = "".join(
        f'<span style="display:inline-block;margin-right:16px"><code style="{_MONO};color:{_TEXT};'
        f'background:{_SHADE};padding:1px 5px;border-radius:3px">{escape(what)}</code> '
        f'<span style="color:{GREY}">{escape(why)}</span></span> '
        for what, why in steps
    )
    return f'<div style="margin-top:8px;padding-top:8px;border-top:1px solid {LINE}">{shown}</div>'


def unfinished_note(status: JobStatus) -> str:
    """Return what to say beside the table of a job that is not complete; "" for one that is."""
    if _state(status) == "completed":
        return f"Job '{status.job_id}': {_reason(status)}" if status.missing else ""
    return f"Job '{status.job_id}' is {_state(status)}: these are the rows of {_counts(status)}."


def not_completed(status: JobStatus) -> str:
    """Return what to say to one who waited for a table that is not whole."""
    reason = _reason(status)
    said = f"Job '{status.job_id}' {'was ' if _state(status) == 'cancelled' else ''}{_state(status)}"
    said += f": {reason.rstrip('.')}." if reason else "."
    retry = "" if "%featx" in reason else f" Type '%featx retry {status.job_id}' to go on."
    return f"{said}{retry} '%featx result {status.job_id}' gives the rows there are."


def _state(status: JobStatus) -> str:
    return str(status.state)


def _name(status: JobStatus) -> str:
    return escape(one_line(status.name, 60) or "job")


def _job_id(status: JobStatus) -> str:
    return escape(one_line(status.job_id, 60))


def _reason(status: JobStatus) -> str:
    """Return why the job is where it is: the scheduler's own word, and what it means."""
    reason = one_line(status.reason, 400)
    if status.unknown_since is not None:
        since = time.strftime("%H:%M on %d %b", time.localtime(status.unknown_since))
        return f"unknown since {since}: {reason}"
    if reason in ("", "complete", _state(status)):
        return ""
    waiting = next((a for a in status.current if a.reason == status.reason and a.words), None)
    if waiting is None:
        return reason
    words = one_line(waiting.words, 300)
    if waiting.expected_start:
        start = time.strftime("%H:%M on %d %b", time.localtime(waiting.expected_start))
        words = f"{words.rstrip('.')}; it is expected to start at {start}"
    return f"{reason}: {words}"


def _notes_html(status: JobStatus) -> str:
    return "".join(
        f'<div style="margin-top:4px;color:{AMBER}"><bdi>{escape(one_line(note, 400))}</bdi></div>'
        for note in status.notes[-_NOTES:]
    )


def _counts(status: JobStatus) -> str:
    if not status.total:
        return ""
    words = [f"{status.done:,} of {status.total:,} done"]
    words += [f"{status.failed:,} failed"] if status.failed else []
    words += [f"{status.running:,} running"] if status.running else []
    return ", ".join(words)


def _counts_html(status: JobStatus) -> str:
    text = escape(_counts(status))
    failed = f"{status.failed:,} failed"
    if status.failed:
        text = text.replace(failed, f'<span style="color:{RED};font-weight:600">{failed}</span>')
    return f"<div>{text}</div>" if text else ""


def _facts(status: JobStatus) -> str:
    """Say how fast it goes, how long it takes, and where."""
    facts = []
    if status.items_per_second > 0 and not status.state.final:
        facts.append(rate(status.items_per_second))
    facts += [_left(status)] if _left(status) else []
    if not status.attempts:
        return ", ".join(facts)
    last = status.attempts[-1]
    place = counted(last.cores, "core") + (f" in {last.ranks:,} ranks" if last.ranks > 1 else "")
    if last.parts > 1:
        place = f"{last.parts:,} runs of {place}, {_begun(status):,} begun"
    else:
        place += f" of {one_line(last.host, 40)}" if last.host else ""
    facts.append(f"{_spent(status.seconds)} on {place}" if _begun(status) else place)
    if len(status.attempts) > last.parts:
        facts.append(f"attempt {len(status.attempts)}")
    if not status.state.final:  # a saved notebook shows this for ever: let it say when it was true
        facts.append(time.strftime("at %H:%M on %d %b", time.localtime(status.now)))
    return ", ".join(facts)


def _begun(status: JobStatus) -> int:
    return sum(1 for attempt in status.current if attempt.started)


def _spent(seconds: float) -> str:
    """Return the time of a run; for a short one whole seconds say too little."""
    return short_time(seconds) if seconds < 10 else duration(seconds)


def _left(status: JobStatus) -> str:
    """Say how long it will take; nothing while that cannot be said, or when every item is through."""
    return f"{duration(math.ceil(status.eta_seconds))} left" if status.eta_seconds else ""


def _shares(status: JobStatus) -> tuple[float, float, float]:
    """Return the parts of the whole that are done, failed and running; together at most one."""
    total = max(1, status.total)
    done = min(1.0, max(0, status.done) / total)
    failed = min(1.0 - done, max(0, status.failed) / total)
    return done, failed, min(1.0 - done - failed, max(0, status.running) / total)


def _bar_html(status: JobStatus) -> str:
    parts = ((GREEN, 1.0), (RED, 1.0), (BLUE, 0.45))
    inside = "".join(
        f'<div style="float:left;height:100%;width:{100 * max(share, 0.006):.2f}%;background:{colour};'
        f'opacity:{opacity}"></div>'
        for share, (colour, opacity) in zip(_shares(status), parts, strict=True)
        if share > 0
    )
    label = escape(_counts(status), quote=True)
    return (
        f'<div role="progressbar" aria-label="{label}" aria-valuemin="0" aria-valuemax="{status.total}" '
        f'aria-valuenow="{status.done + status.failed}" style="height:8px;margin-bottom:6px;'
        f'background:{_TRACK};border-radius:4px;overflow:hidden">{inside}</div>'
    )


def _bar_text(status: JobStatus, width: int = _BAR_WIDTH) -> str:
    done, failed, _ = _shares(status)
    ends = int(done * width), int((done + failed) * width)
    if status.failed and ends[0] == ends[1]:  # one failure in a million is still to be seen
        ends = max(0, ends[0] - 1), max(1, ends[1])
    return f"[{'█' * ends[0]}{'▒' * (ends[1] - ends[0])}{'░' * (width - ends[1])}]"


def _steps(status: JobStatus) -> list[tuple[str, str]]:
    """Return the verbs that make sense next, and what they do."""
    state, steps = _state(status), []
    if status.failed:
        steps.append(("errors", "why items failed"))
    elif state == "failed":
        steps.append(("log", "what it printed"))
    if state in ("failed", "cancelled") or (state == "completed" and (status.failed or status.missing)):
        steps.append(("retry", "run the rest" if status.remaining else "run these again"))
    if state == "completed":
        steps.append(("result", "the table"))
    if state in ("queued", "running"):
        steps += [("wait", "until it ends"), ("cancel", "keeps what is done")]
    return steps


def _next_html(status: JobStatus, command: str) -> str:
    job_id = one_line(status.job_id, 60)
    return next_html([(f"{command} {verb} {job_id}".rstrip(), why) for verb, why in _steps(status)])
