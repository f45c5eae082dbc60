"""Plots as pictures within the page, without a library: text, lines and shapes of SVG."""
