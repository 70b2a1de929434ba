"""A run's status as one page that holds all it needs: units, replicas and losses over time."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import ceil, log10
from pathlib import Path

from raycre.workflows.status.read import RunStatus
from raycre.workflows.status.words import STATES, length_of_time, moment

POINTS = 600  # of a line at most: more are not to be told apart
LOSSES = 200  # rows of the table of losses at most
_TICKS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400)

_STYLE = Path(__file__).with_name("timeline.css")

Points = Sequence[tuple[float, float]]


def timeline_page(status: RunStatus) -> str:
    """Return the page, HTML without anything from elsewhere."""
    begin, end = _span(status)
    title = f"{status.name}: {status.verb} {STATES.get(status.state, status.state)}"
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="soft">{escape(status.run)} · looked at {moment(status.now)}</p>',
        *(f"<p>{escape(sentence)}</p>" for sentence in status.said),
        _facts(status),
    ]
    if end > begin:
        bands = [(stay.began, stay.ended) for stay in status.stays]
        if status.units is not None and status.units.at:
            at, known = status.units.at, float(status.units.known)
            line: list[tuple[float, float]] = [
                (begin, known),
                *((t, known + i) for i, t in enumerate(at, 1)),
                (end, known + len(at)),
            ]
            body += [
                f"<h2>{escape(status.units.what)} done</h2>",
                _plot(line, begin, end, "done", f"{status.units.what} done over time", bands, steps=False),
            ]
        if status.steps:
            line = [(begin, 0.0), *((step.at, float(step.n)) for step in status.steps)]
            line.append((end, line[-1][1]))
            lost = [kill.at for kill in status.kills]
            body += [
                "<h2>Replicas at work</h2>",
                _plot(line, begin, end, "replicas", "replicas over time", bands, lost=lost),
            ]
        body.append(
            '<p class="soft">Shaded: a driver held the folder.'
            + (" Red: a replica was lost." if status.kills else "")
            + "</p>"
        )
    body += [_stays(status), _losses(status), _folds(status)]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE.read_text()}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _span(status: RunStatus) -> tuple[float, float]:
    units = status.units.at if status.units is not None else []
    times = [*units, *(t for stay in status.stays for t in (stay.began, stay.ended))]
    times += [status.now] if status.state == "running" else []
    return (min(times), max(times)) if times else (0.0, 0.0)


def _facts(status: RunStatus) -> str:
    units, facts = status.units, []
    if units is not None and units.total is not None:
        facts += [("done", f"{units.done:,} of {units.total:,}"), ("pending", f"{units.pending:,}"),
                  ("failed", f"{len(units.failed):,}")]  # fmt: skip
    elif units is not None:
        facts.append(("done", f"{units.done:,}"))
    if status.rate is not None:
        facts.append(("an hour", f"{status.rate:,.1f}"))
    if status.eta is not None:
        facts.append(("left", length_of_time(status.eta)))
    if status.stays:
        facts += [("lost replicas", f"{len(status.kills):,}"),
                  ("replica-hours", f"{(status.replica_seconds or 0) / 3600:,.2f}")]  # fmt: skip
    if status.cost is not None:
        facts.append((f"cost so far, on {status.priced_as}", f"{status.cost:,.2f}"))
    return f"<dl>{''.join(f'<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>' for k, v in facts)}</dl>"


def _plot(
    points: Points, begin: float, end: float, kind: str, label: str, bands: Points,
    *, steps: bool = True, lost: Sequence[float] = (),
) -> str:  # fmt: skip
    """A line over time. Shapes are stretched to the page's width; words are set beside them, unstretched."""
    top = _round_up(max(y for _, y in points))

    def x(at: float) -> float:
        return round(1000 * (at - begin) / (end - begin), 2)

    def y(value: float) -> float:
        return round(100 - 100 * value / top, 2)

    thinned = _thinned(points)
    path = f"M{x(thinned[0][0])} {y(thinned[0][1])}"
    for at, value in thinned[1:]:
        path += f"H{x(at)}V{y(value)}" if steps else f"L{x(at)} {y(value)}"
    shapes = [f'<rect x="{x(a)}" y="0" width="{max(1.0, x(b) - x(a)):.2f}" height="100"/>' for a, b in bands]
    shapes += [f'<line class="grid" x1="0" x2="1000" y1="{v}" y2="{v}"/>' for v in (0, 50)]
    shapes += [f'<line class="lost" x1="{x(at)}" x2="{x(at)}" y1="0" y2="100"/>' for at in lost]
    shapes.append(f'<path class="{kind}" d="{path}"/>')
    words = [f'<span class="y" style="bottom:{p}%">{_number(top * p / 100)}</span>' for p in (0, 50, 100)]
    words += _time_words(begin, end)
    return (
        f'<div class="plot" role="img" aria-label="{escape(label)}"><svg viewBox="0 0 1000 100" '
        f'preserveAspectRatio="none">{"".join(shapes)}</svg>{"".join(words)}</div>'
    )


def _time_words(begin: float, end: float) -> list[str]:
    """Times since the begin, at round places: three on a narrow page have room."""
    span = end - begin
    step = next((t for t in _TICKS if span / t <= 3.5), 86400 * ceil(span / 86400 / 3))
    words = ['<span class="x first" style="left:0">0</span>']
    at = step
    while at <= 0.86 * span:
        words.append(f'<span class="x" style="left:{100 * at / span:.2f}%">{length_of_time(at)}</span>')
        at += step
    return [*words, f'<span class="x last" style="left:100%">{length_of_time(span)}</span>']


def _thinned(points: Points) -> Points:
    step = max(1, ceil(len(points) / POINTS))
    return [*points[:-1:step], points[-1]]


def _round_up(value: float) -> float:
    """The next of 2, 4, 6, 10, 20, 40, …: half of it is whole, too."""
    if value <= 2:
        return 2.0
    scale = 10.0 ** int(log10(value))
    return next(scale * m for m in (1, 2, 4, 6, 8, 10) if scale * m >= value)


def _number(value: float) -> str:
    return f"{value:,.0f}"


def _stays(status: RunStatus) -> str:
    rows = [
        f"<tr><td>{moment(stay.began)}</td><td class=n>{length_of_time(stay.ended - stay.began)}</td>"
        f"<td>{escape(f'{stay.how} {stay.error}'.strip())}</td><td>{escape(stay.host)}</td></tr>"
        for stay in status.stays
    ]
    return _table("Drivers", ("from", "for", "end", "host"), rows)


def _losses(status: RunStatus) -> str:
    rows = [
        f"<tr><td>{moment(kill.at)}</td><td>{escape(kill.why)}</td></tr>" for kill in status.kills[-LOSSES:]
    ]
    more = len(status.kills) - len(rows)
    return _table(f"Losses{f' (the last {LOSSES})' if more else ''}", ("at", "why"), rows)


def _folds(status: RunStatus) -> str:
    rows = [
        f"<tr><td>{escape(f'{fold.run} fold {fold.fold}'.strip())}</td><td>{fold.state}</td>"
        f"<td class=n>{fold.epoch} of {fold.epochs}</td>"
        f"<td class=n>{'' if fold.auprc is None else f'{fold.auprc:.3f}'}</td></tr>"
        for fold in (status.units.folds if status.units is not None else ())
    ]
    return _table("Folds", ("fold", "state", "epoch", "auPRC"), rows)


def _table(title: str, heads: Sequence[str], rows: Sequence[str]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{name}</th>" for name in heads)
    return f"<h2>{title}</h2><div class=table><table><tr>{head}</tr>{''.join(rows)}</table></div>"
