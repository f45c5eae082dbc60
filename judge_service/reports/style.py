"""How the page looks: on light and dark screens, wide and narrow ones, and on paper."""

from __future__ import annotations

from typing import Final

_LIGHT: Final = """
  color-scheme: light;
  --paper: #ffffff; --raised: #f6f7f8; --ink: #1a1d21; --soft: #5a616b; --line: #e2e5e8; --strong: #9aa1aa;
  --cool: #1f6aa5; --warm: #b9541a; --cool-cell: #2f7fbd; --warm-cell: #d9793b;
"""
_DARK: Final = """
  color-scheme: dark;
  --paper: #14171a; --raised: #1c2024; --ink: #e8eaed; --soft: #a6adb7; --line: #2c3137; --strong: #6b737d;
  --cool: #74b6e8; --warm: #f09a5e; --cool-cell: #3f86bd; --warm-cell: #b8612a;
"""

_TEXT: Final = """
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  overflow-wrap: anywhere;
}
main { max-width: 768px; margin: 0 auto; padding: 64px 24px 96px; }
h1, h2, .lead { font-family: Charter, "Bitstream Charter", "Sitka Text", Cambria, Georgia, serif; }
h1 { font-size: 2.3rem; line-height: 1.18; font-weight: 700; letter-spacing: -.01em; margin: 0 0 24px; }
h2 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 12px; padding-top: 26px; border-top: 1px solid var(--line); }
h3, figcaption, caption { font-size: 1rem; line-height: 1.4; font-weight: 650; }
p { margin: 0 0 14px; }
section { margin-top: 56px; }
a { color: var(--cool); text-decoration-thickness: 1px; text-underline-offset: 3px; }
.kicker { margin: 0 0 10px; color: var(--soft); font-size: .8rem; letter-spacing: .08em; text-transform: uppercase; }
.lead { font-size: 1.32rem; line-height: 1.5; margin: 0 0 16px; }
.summary { border-left: 3px solid var(--cool); padding-left: 22px; }
.summary ul { margin: 0; padding-left: 1.1em; }
.summary li { margin: 0 0 6px; }
.summary li::marker { color: var(--strong); }
nav { margin-top: 30px; color: var(--soft); font-size: .9rem; }
nav a { margin-right: 1.2em; white-space: nowrap; }
.note, .empty, details { color: var(--soft); font-size: .88rem; line-height: 1.55; }
.note, .empty { margin: 8px 0 0; max-width: 62ch; }
details { margin-top: 10px; }
details p { margin: 8px 0 0; max-width: 66ch; }
summary { cursor: pointer; width: fit-content; }
summary:hover { color: var(--ink); }
:focus-visible { outline: 2px solid var(--cool); outline-offset: 3px; }
.facts { color: var(--soft); font-size: .88rem; }
.facts h2 { font-size: 1.1rem; color: var(--ink); }
dl { display: grid; grid-template-columns: minmax(7em, max-content) 1fr; gap: 4px 22px; margin: 0; }
dt { font-weight: 600; }
dd { margin: 0; }
"""

_TABLES: Final = """
.table { margin: 26px 0 0; }
.scroll { overflow: auto; margin-top: 6px; }
.scroll.long { max-height: 85vh; border-bottom: 1px solid var(--strong); }
table { border-collapse: collapse; width: 100%; font-size: .9rem; line-height: 1.45; color: var(--ink); }
th, td { padding: 7px 0 7px 20px; text-align: left; vertical-align: baseline; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { padding-left: 2px; }
th:last-child, td:last-child { padding-right: 2px; }
thead th {
  position: sticky; top: 0; background: var(--paper); color: var(--soft); font-weight: 600; font-size: .82rem;
  line-height: 1.3; vertical-align: bottom; border-bottom: 0; box-shadow: inset 0 -1px var(--strong);
}
tbody th { font-weight: 400; }
tbody tr:hover > * { background: var(--raised); }
thead th { overflow-wrap: normal; }
.short { white-space: nowrap; }
.name { min-width: 10em; }
.prose { min-width: 17em; }
.number { text-align: right; font-variant-numeric: tabular-nums lining-nums; white-space: nowrap; }
thead .number { white-space: normal; }
"""

_PLOTS: Final = """
figure { margin: 34px 0 0; }
figcaption { margin-bottom: 12px; }
figure svg { display: block; height: auto; max-width: 100%; }
.wide-only.big, .narrow-only.big { overflow-x: auto; }
.big svg { max-width: none; }
.narrow-only { display: none; }
svg text { font-size: 12.5px; fill: var(--ink); font-variant-numeric: tabular-nums; }
.intervals .label, .intervals .value, .histogram .value {
  paint-order: stroke; stroke: var(--paper); stroke-width: 4px;
}
svg .tick, svg .axis { fill: var(--soft); }
svg .grid { stroke: var(--line); }
svg .reference { stroke: var(--strong); stroke-width: 1.2; stroke-dasharray: 4 3; }
svg .whisker { stroke: var(--cool); stroke-width: 2.5; stroke-linecap: round; opacity: .5; }
svg .mark { fill: var(--cool); }
svg .mark.open { fill: var(--paper); stroke: var(--cool); stroke-width: 2; }
svg .point { fill-opacity: .45; }
svg .cell { shape-rendering: crispEdges; }
svg .bubble { fill-opacity: .8; stroke: var(--paper); }
svg .gap { stroke: var(--warm); stroke-width: 1.5; }
svg .fit { fill: none; stroke: var(--warm); stroke-width: 2.2; stroke-linejoin: round; }
svg .cool { fill: var(--cool-cell); }
svg .warm { fill: var(--warm-cell); }
svg .small, svg .small .label { font-size: 10px; }
svg .cool, svg .warm { stroke: var(--line); stroke-width: .5; }
svg .void { fill: none; stroke: var(--line); stroke-dasharray: 2 2; }
svg .mark:hover { stroke: var(--ink); stroke-width: 1.5; }
@media (max-width: 680px) {
  main { padding: 32px 16px 64px; }
  h1 { font-size: 1.75rem; }
  .lead { font-size: 1.15rem; }
  .wide-only { display: none; }
  .narrow-only { display: block; }
  figure svg { width: 100%; max-width: 460px; }
  .big svg { width: auto; max-width: none; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 8px; }
}
"""

_PAPER: Final = """
@page { size: A4; margin: 18mm 18mm 20mm; }
@media print {
  body { font-size: 10.5pt; line-height: 1.5; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  h1 { font-size: 22pt; }
  section { margin-top: 30px; }
  nav { display: none; }
  .wide-only { display: block; }
  .narrow-only { display: none; }
  figure svg, .big svg { width: auto; max-width: 100%; max-height: 215mm; }
  h1, h2, h3, figcaption, caption, .lead, thead { break-after: avoid; }
  figure, tr, dt, .summary { break-inside: avoid; }
  .scroll { max-height: none; overflow: visible; }
  table { font-size: 8.5pt; }
  th, td { padding: 4px 0 4px 9px; }
  .name, .prose { min-width: 5em; }
  thead th { font-size: 7.5pt; }
  thead th { position: static; box-shadow: none; }
  thead th { border-bottom: 1px solid var(--strong); }
  p, li { orphans: 3; widows: 3; }
  details.numbers { display: none; }
  summary { list-style: none; font-weight: 600; }
  details::details-content { content-visibility: visible; height: auto; }
}
"""

STYLE: Final = (
    f":root {{{_LIGHT}}}\n@media screen and (prefers-color-scheme: dark) {{ :root {{{_DARK}}} }}"
    f"{_TEXT}{_TABLES}{_PLOTS}{_PAPER}"
)
