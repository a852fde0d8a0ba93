"""A terminal's screen as an SVG: for the documentation, made by the tests."""

import re
from html import escape

WIDTH, HEIGHT = 8.4, 18
BACKGROUND, FOREGROUND = "14161b", "e0e2ea"
NAMED = {
    "default": None,
    "black": "07080d",
    "red": "ffc0b9",
    "green": "b3f6c0",
    "brown": "fce094",
    "blue": "a6dbff",
    "magenta": "ffcaff",
    "cyan": "8cf8f7",
    "white": "eef1f8",
}


def colour(name, default):
    if name in NAMED:
        return NAMED[name] or default
    return name if len(name) == 6 else NAMED.get(name.replace("bright", ""), default) or default


def runs(row, columns):
    """Neighbours that look the same: `(column, text, foreground, background, bold, italic)`."""
    out = []
    for column in range(columns):
        cell = row[column]
        front, back = colour(cell.fg, FOREGROUND), colour(cell.bg, BACKGROUND)
        if cell.reverse:
            front, back = back, front
        look = (front, back, cell.bold, cell.italics)
        if out and out[-1][2:] == look:
            out[-1] = (out[-1][0], out[-1][1] + cell.data, *look)
        else:
            out.append((column, cell.data, *look))
    return out


def svg(screen):
    width, height = screen.columns * WIDTH + 16, screen.lines * HEIGHT + 16
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" font-size="14"',
        ' font-family="DejaVu Sans Mono, Menlo, Consolas, monospace">',
        f'<rect width="100%" height="100%" rx="6" fill="#{BACKGROUND}"/>\n',
    ]
    for line in range(screen.lines):
        top = 8 + line * HEIGHT
        for column, text, front, back, bold, italic in runs(screen.buffer[line], screen.columns):
            left = 8 + column * WIDTH
            if back != BACKGROUND:
                size = f'width="{len(text) * WIDTH:.1f}" height="{HEIGHT}"'
                parts.append(f'<rect x="{left:.1f}" y="{top}" {size} fill="#{back}"/>')
            style = (' font-weight="bold"' if bold else "") + (' font-style="italic"' if italic else "")
            # Viewers let several spaces be one, so each word has its own place.
            for word in re.finditer(r"\S+(?: \S+)*", text):
                shown, at = word.group(), left + word.start() * WIDTH
                length = f'textLength="{len(shown) * WIDTH:.1f}"'
                parts.append(f'<text x="{at:.1f}" y="{top + 13}" {length} fill="#{front}"{style}>{escape(shown)}</text>')
        parts.append("\n")
    return "".join(parts) + "</svg>\n"
