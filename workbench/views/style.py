"""The style of the bench's HTML: one sheet for a page of its own, a notebook's output and the boundary editor.

Everything is scoped to `.vlmbench`. Colours follow the notebook's theme where it has one (JupyterLab, VS Code, marimo),
else the reader's `prefers-color-scheme`.
"""

from __future__ import annotations

from functools import lru_cache

from workbench.views.palette import ADDED, DARK, LIGHT, REMOVED, ROLE_COLOUR, SEVERITY_COLOUR, Look

_SHADES = {
    "light": {
        "paper": "#fbfcfe",
        "ink": "#1c2430",
        "muted": "#5f6978",
        "line": "#e1e6ed",
        "brand": "#0b5d30",
        "panel": "#f1f4f8",
        "curve": "#0b7a43",
        "link": "#0a58a8",
    },
    "dark": {
        "paper": "#10141b",
        "ink": "#d7dee9",
        "muted": "#8b96a6",
        "line": "#252d39",
        "brand": "#8ff0b4",
        "panel": "#171d26",
        "curve": "#6fd39a",
        "link": "#7db8f5",
    },
}
_DARK_HOSTS = 'body[data-jp-theme-light="false"],body.vscode-dark,body.vscode-high-contrast,.dark'
_LIGHT_HOSTS = 'body[data-jp-theme-light="true"],body.vscode-light,body.vscode-high-contrast-light'
# An id that no element has makes these rules stronger than any that a notebook has for tables and headings.
_SCOPE = ":is(.vlmbench,#vlmbench#vlmbench)"
_MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
_RULES = f"""
{{background:var(--paper);color:var(--ink);font:14px/1.5 system-ui,sans-serif;max-width:72rem;\
padding:.6rem .9rem;border-radius:6px}}
*{{box-sizing:border-box}}
h1{{font-size:1.15rem;line-height:1.35;font-weight:700;margin:0;color:var(--brand);overflow-wrap:anywhere}}
header{{margin:0 0 .8rem}}
.about{{display:flex;flex-wrap:wrap;gap:.1rem 1.6rem;margin:.3rem 0;font-size:.85rem}}
.about div{{display:flex;gap:.45rem;min-width:0}}
.about dt{{color:var(--muted)}}
.about dd{{margin:0;min-width:0;overflow-wrap:anywhere}}
nav ul{{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;margin:0 0 .8rem;padding:0 0 .5rem;\
border-bottom:1px solid var(--line)}}
a{{color:var(--link);text-decoration:underline;text-underline-offset:2px}}
[aria-current]{{color:var(--ink);font-weight:600;text-decoration:none}}
:target{{outline:2px solid var(--link);outline-offset:4px;border-radius:3px}}
.states{{padding-left:1.4rem}}
.states li{{margin:.35rem 0}}
.index div{{display:flex;gap:1rem;padding:.45rem 0;border-top:1px solid var(--line)}}
.index dt{{flex:0 0 6rem;font-weight:600}}
.index dd{{margin:0;min-width:0;overflow-wrap:anywhere}}
img.small{{max-width:96px;max-height:96px;vertical-align:middle;border-radius:3px;margin:.15rem .3rem}}
h2{{font-size:.95rem;line-height:1.4;font-weight:600;margin:1.4rem 0 .5rem;color:var(--ink)}}
:is(style+h2,style+section h2){{margin-top:.2rem}}
p{{margin:.3rem 0}}
:is(.facts,.path,.share,.hint,.cut,.muted){{color:var(--muted);font-weight:400}}
.legend{{margin:.6rem 0;display:flex;flex-wrap:wrap;gap:.25rem .75rem}}
.turn{{display:flex;gap:1rem;padding:.35rem 0;border-top:1px solid var(--line)}}
.role{{flex:0 0 7rem;font-weight:600;overflow-wrap:anywhere}}
.text{{flex:1;min-width:0;font:13px/1.75 {_MONO};white-space:pre-wrap;overflow-wrap:anywhere;tab-size:4}}
.t{{border-radius:2px;unicode-bidi:isolate;text-decoration:none}}
.warning-line{{color:var(--warning)}}
table{{border-collapse:collapse;font-size:.9rem;margin:.3rem 0;border:0;table-layout:auto}}
tr{{background:none}}
:is(th,td){{text-align:left;vertical-align:baseline;padding:.2rem 1.2rem .2rem 0;border:0;background:none;\
white-space:normal;max-width:32rem;overflow-wrap:break-word}}
th{{font-weight:400;color:var(--muted);white-space:nowrap}}
:is(th,td).n{{text-align:right;font-variant-numeric:tabular-nums}}
:is(code,pre){{font:12.5px/1.6 {_MONO};background:var(--panel);color:var(--ink);border-radius:3px;border:0}}
code{{padding:.1rem .3rem}}
pre{{padding:.7rem .9rem;margin:.5rem 0;white-space:pre-wrap;overflow-wrap:anywhere;max-height:32rem;overflow:auto}}
pre .gone{{color:var(--error)}}
pre .new{{color:var(--curve)}}
pre .note{{color:var(--muted)}}
.scroll{{overflow-x:auto}}
.findings{{list-style:none;padding:0;margin:.4rem 0}}
.findings li{{margin:.4rem 0;padding:0}}
:is(.error,.warning,.note) b{{color:inherit}}
.error>b{{color:var(--error)}}
.warning>b{{color:var(--warning)}}
.note>b{{color:var(--note)}}
.outcome{{font-size:1.05rem;font-weight:600;margin:.2rem 0}}
:is(.pass,.yes){{color:var(--brand)}}
:is(.fail,.no){{color:var(--error)}}
:is(.doubtful){{color:var(--warning)}}
.bar{{display:inline-block;width:6rem;height:.5rem;border-radius:3px;background:var(--line);overflow:hidden}}
.bar i{{display:block;height:100%;background:var(--curve)}}
svg{{display:block;max-width:100%;height:auto;margin:.5rem 0}}
svg text{{font:11px system-ui,sans-serif;fill:var(--muted)}}
svg .grid{{stroke:var(--line);stroke-width:1}}
svg .goal{{stroke:var(--muted);stroke-width:1;stroke-dasharray:4 4}}
svg .curve{{stroke:var(--curve);stroke-width:2;fill:none;stroke-linejoin:round}}
svg .end{{fill:var(--curve)}}
svg .column{{fill:var(--curve)}}
.histograms{{display:flex;flex-wrap:wrap;gap:.4rem 2.5rem}}
figure{{margin:.2rem 0;flex:0 1 20rem;min-width:0}}
.pictures{{display:flex;flex-wrap:wrap;gap:.6rem 1.2rem;margin:.5rem 0}}
.boxed{{flex:0 1 28rem}}
.boxed img{{display:block;max-width:100%;height:auto;border-radius:3px}}
.boxed i{{display:inline-block;width:.7em;height:.7em;border-radius:2px}}
.cause{{border-top:1px solid var(--line);padding:.2rem 0 .4rem}}
.rows{{margin:.3rem 0;padding-left:1.2rem}}
.rows li{{margin:.35rem 0;overflow-wrap:anywhere}}
.paste{{overflow-wrap:anywhere;user-select:all}}
details summary{{cursor:pointer;color:var(--muted)}}
"""
_NARROW = """\
.turn{display:block}
.role{display:block}
.index div{display:block}
:is(th,td){padding-right:.7rem}
.bar{width:2.2rem}
h2{overflow-wrap:anywhere}"""
"""The rules for a phone: what stands side by side elsewhere stands below each other."""


@lru_cache(maxsize=1)
def style() -> str:
    """The sheet, some 6 kB."""
    light, dark = _variables("light"), _variables("dark")
    rules, narrow = (
        "".join(f"{_SCOPE}{_apart(line)}" for line in text.split("\n")) for text in (_RULES.strip(), _NARROW)
    )
    return (
        f".vlmbench{{{light}}}@media (prefers-color-scheme:dark){{.vlmbench{{{dark}}}}}"
        f":is({_LIGHT_HOSTS}) .vlmbench{{{light}}}:is({_DARK_HOSTS}) .vlmbench{{{dark}}}{rules}{_tokens()}"
        f"@media (max-width:34rem){{{narrow}}}"
    )


PAGE_STYLE = (
    ":root{color-scheme:light dark}body{margin:0;background:#fbfcfe}"
    "@media (prefers-color-scheme:dark){body{background:#10141b}}"
    ".page{max-width:72rem;margin:0 auto;padding:1rem}"
)
"""The rules that a whole page needs besides the sheet."""


def _apart(line: str) -> str:
    return line if line.startswith("{") else f" {line}"


def _variables(theme: str) -> str:
    shades = {**_SHADES[theme], **SEVERITY_COLOUR[theme]}
    for look, paint in (DARK if theme == "dark" else LIGHT).items():
        shades |= {f"f{look:d}": paint.foreground, f"b{look:d}": paint.background or "transparent"}
    for number, colour in enumerate(ROLE_COLOUR[theme]):
        shades[f"r{number}"] = colour
    for name, paint in (("add", ADDED[theme]), ("rem", REMOVED[theme])):
        shades |= {f"{name}-f": paint.foreground, f"{name}-b": paint.background}
    return ";".join(f"--{name}:{value}" for name, value in shades.items())


def _tokens() -> str:
    rules = [
        f"{_SCOPE} .k{look:d}{{color:var(--f{look:d});background:var(--b{look:d})"
        + (";text-decoration:underline;text-underline-offset:3px" if paint.underline else "")
        + (";font-weight:600" if paint.bold else "")
        + "}"
        for look, paint in LIGHT.items()
    ]
    assert set(LIGHT) == set(Look)
    rules += [f"{_SCOPE} .o{number}{{color:var(--r{number})}}" for number in range(len(ROLE_COLOUR["light"]))]
    rules += [
        f"{_SCOPE} .add{{color:var(--add-f);background:var(--add-b);font-weight:600}}",
        f"{_SCOPE} .rem{{color:var(--rem-f);background:var(--rem-b);text-decoration:line-through}}",
    ]
    return "".join(rules)
