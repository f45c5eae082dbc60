"""What stands on a page as the browser draws it."""

from __future__ import annotations

from typing import Any

from browser import Tab

PICTURES = """
(() => {
  const box = (r) => [r.left, r.top, r.right, r.bottom];
  const cut = (a, b) => [Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])];
  const texts = (svg) => [...svg.querySelectorAll('text')].map((text) => {
    const own = box(text.getBoundingClientRect());
    const around = text.ownerSVGElement === svg ? own : box(text.ownerSVGElement.getBoundingClientRect());
    return {
      told: text.textContent, box: own, seen: cut(own, around), label: text.classList.contains('label'),
      room: text.ownerSVGElement === svg ? null : text.ownerSVGElement.width.baseVal.value,
      width: text.getBBox().width,
    };
  });
  return [...document.querySelectorAll('figure')].map((figure) => {
    const svg = [...figure.querySelectorAll('div > svg')].filter((one) => one.getClientRects().length)[0];
    if (!svg) return { kind: figure.className, empty: figure.querySelector('.empty')?.textContent };
    const marks = [...svg.querySelectorAll('.mark')];
    return {
      kind: figure.className, box: box(svg.getBoundingClientRect()), texts: texts(svg),
      pictures: [...figure.querySelectorAll('div > svg')].filter((one) => one.getClientRects().length).length,
      marks: marks.map((mark) => box(mark.getBoundingClientRect())),
      points: marks.reduce((sum, mark) => sum + Number(mark.dataset.points || 0), 0),
      role: svg.getAttribute('role'),
      spoken: svg.getAttribute('aria-labelledby').split(' ').map((id) => document.getElementById(id)?.textContent),
    };
  });
})()
"""

CONTRASTS = """
(() => {
  const channels = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
  const over = (top, share, under) => top.slice(0, 3).map((c, i) => c * share + under[i] * (1 - share));
  const light = (colour) => {
    const [r, g, b] = colour.map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [dark, bright] = [light(a), light(b)].sort((x, y) => x - y);
    return (bright + 0.05) / (dark + 0.05);
  };
  const paper = channels(getComputedStyle(document.body).backgroundColor);
  const under = (text) => {
    const cell = text.previousElementSibling;
    if (!cell || cell.tagName !== 'rect' || !cell.matches('.matrix .mark')) return paper;
    const style = getComputedStyle(cell);
    return over(channels(style.fill), Number(style.fillOpacity), paper);
  };
  const words = [...document.querySelectorAll('svg text')].map((t) => [
    t.textContent, ratio(channels(getComputedStyle(t).fill), under(t))]);
  const told = [...document.querySelectorAll('h1, h2, h3, p, li, a, th, td, dt, dd, summary, figcaption')].map((t) => [
    t.textContent, ratio(channels(getComputedStyle(t).color), paper)]);
  return [...words, ...told];
})()
"""


async def pictures(tab: Tab) -> list[dict[str, Any]]:
    """The figures of the page, each with what is seen of it."""
    found: list[dict[str, Any]] = await tab.run(PICTURES)
    return found


async def contrasts(tab: Tab) -> list[tuple[str, float]]:
    """All texts of the page, each with its contrast to what is behind it."""
    return [(told, ratio) for told, ratio in await tab.run(CONTRASTS)]


def beyond(picture: dict[str, Any], slack: float = 1.0) -> list[Any]:
    """Marks without an area, and marks and texts that stick out of their picture."""
    left, top, right, bottom = picture["box"]
    boxes = [*picture["marks"], *(text["seen"] for text in picture["texts"] if text["seen"][2] > text["seen"][0])]
    return [
        box
        for box in boxes
        if box[0] < left - slack or box[1] < top - slack or box[2] > right + slack or box[3] > bottom + slack
    ] + [box for box in picture["marks"] if box[2] <= box[0] or box[3] <= box[1]]


def overlaps(picture: dict[str, Any], slack: float = 1.5) -> list[tuple[str, str]]:
    """Pairs of texts that stand upon one another; lines of a font reach a little into their neighbours."""
    texts = sorted(picture["texts"], key=lambda text: text["seen"][1])
    found = []
    for i, one in enumerate(texts):
        for other in texts[i + 1 :]:
            a, b = one["seen"], other["seen"]
            if b[1] >= a[3]:
                break
            # Letters do not fill the height of their line: a fifth above and below stays white.
            high = 0.2 * ((a[3] - a[1]) + (b[3] - b[1]))
            if min(a[2], b[2]) - max(a[0], b[0]) > slack and min(a[3], b[3]) - max(a[1], b[1]) > high:
                found.append((one["told"], other["told"]))
    return found
