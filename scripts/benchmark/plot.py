"""Draws each row's figure as a share of what its target allows, as SVG.

The bar that ends left of the line has met its target.  Rows without a target are drawn against the
native figure, and pale.  Colours follow the reader's light or dark preference, and no row is told
by colour alone: what has missed its target is also written so.
"""

from html import escape

from benchmark.rows import Within

_WIDTH = 860
_LABEL_WIDTH = 140
_TEXT_WIDTH = 210
_TOP = 82
_ROW_HEIGHT = 22
_BAR_HEIGHT = 12
_BOTTOM = 30
_SHARE_MAX = 2.0  # Longer bars are cut, and say so.

_LEGEND = "blue: met; orange: missed; grey: no target, beside native (1 is as fast)"

_STYLE = """\
  svg { font: 12px system-ui, "DejaVu Sans", sans-serif; }
  .ground { fill: #ffffff; } .text { fill: #1f2328; } .faint { fill: #59636e; }
  .grid { stroke: #d1d9e0; } .target { stroke: #1f2328; stroke-width: 1.5; }
  .met { fill: #2f7bd6; } .missed { fill: #c4552d; } .free { fill: #a9b4bf; }
  .title { font-size: 15px; font-weight: 600; } .end { text-anchor: end; }
  .middle { text-anchor: middle; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; } .text { fill: #e6edf3; } .faint { fill: #9198a1; }
    .grid { stroke: #30363d; } .target { stroke: #e6edf3; }
    .met { fill: #58a6ff; } .missed { fill: #f0883e; } .free { fill: #59636e; }
  }
"""


def _x(share):
    return _LABEL_WIDTH + (_WIDTH - _LABEL_WIDTH - _TEXT_WIDTH) * share / _SHARE_MAX


def _text(x, y, words, kind):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(words)}</text>'


def _line(x, top, bottom, kind):
    return f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}" class="{kind}"/>'


def _figure(result):
    """What the bar stands for: the ratio, or the figure itself where the target is one."""
    outcome = result.outcome
    if isinstance(result.row.target, Within):
        return f"{outcome.mount.median:.3g} {outcome.mount.unit}"
    return f"ratio {outcome.ratio:.3g}"


def _bar(result, y):
    share = min(result.share, _SHARE_MAX)
    kind = {True: "met", False: "missed", None: "free"}[result.met]
    width = max(_x(share) - _x(0), 1)
    words = _figure(result)
    if result.row.target:
        words += f", target {str(result.row.target).removeprefix('<= ')}"
    if result.met is False:
        words += ", missed"
    if result.share > _SHARE_MAX:
        words = f"\N{RIGHTWARDS ARROW} {words}"
    x, height = f"{_x(0):.1f}", f'height="{_BAR_HEIGHT}" rx="2"'
    return [
        f"<g><title>{escape(result.row.work)}</title>",
        _text(_LABEL_WIDTH - 8, y + _BAR_HEIGHT - 2, result.row.name, "text end"),
        f'<rect x="{x}" y="{y}" width="{width:.1f}" {height} class="{kind}"/>',
        _text(_x(_SHARE_MAX) + 10, y + _BAR_HEIGHT - 2, words, "faint"),
        "</g>",
    ]


def as_svg(results):
    drawn = [result for result in results if result.share is not None]
    bottom = _TOP + _ROW_HEIGHT * len(drawn)
    height = bottom + _BOTTOM
    svg = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" role="img">',
        f"<style>\n{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{height}" class="ground"/>',
        _text(16, 24, "reposfs as a share of its target: shorter is better", "text title"),
        _text(16, 44, _LEGEND, "faint"),
        _text(_x(1), _TOP - 10, "target", "text middle"),
    ]
    for share in (0, 0.5, 1.5, 2):
        svg.append(_line(_x(share), _TOP - 4, bottom, "grid"))
        svg.append(_text(_x(share), bottom + 16, f"{share:g}", "faint middle"))
    for number, result in enumerate(drawn):
        svg += _bar(result, _TOP + _ROW_HEIGHT * number + (_ROW_HEIGHT - _BAR_HEIGHT) // 2)
    svg.append(_line(_x(1), _TOP - 4, bottom, "target"))
    svg.append(_text(_x(1), bottom + 16, "1", "text middle"))
    svg.append("</svg>")
    return "\n".join(svg) + "\n"
