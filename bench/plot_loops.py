# SPDX-License-Identifier: BSD-2-Clause
# Draws what bench_loops --json prints as bench/loops.svg: milliseconds and megabytes of a decoded token
# against its position, both axes logarithmic.
#
#     ./bench_loops --json --threads 1 | python3 bench/plot_loops.py > bench/loops.svg
import json
import math
import sys

COLOURS = {"full": "#b2182b", "gdn-full": "#2166ac", "gdn-dsa": "#e08214", "gdn-window": "#1b7837"}
NAMES = {"full": "full attention", "gdn-full": "4 delta rule : 1 full", "gdn-dsa": "4 delta rule : 1 sparse",
         "gdn-window": "4 delta rule : 1 window"}
WIDTH, HEIGHT, LEFT, TOP, GAP = 360, 260, 60, 40, 90


def ticks(low, high, base):
    first, last = math.floor(math.log(low, base) + 1e-9), math.ceil(math.log(high, base) - 1e-9)
    return [base**i for i in range(first, last + 1)]


def panel(rows, value, title, left):
    xs, ys = [r["position"] for r in rows], [value(r) for r in rows]
    xt, yt = [x for x in ticks(min(xs), max(xs), 2)], ticks(min(ys), max(ys), 2)

    def at(v, t, size):
        return size * math.log(v / t[0]) / math.log(t[-1] / t[0])

    out = [f'<g transform="translate({left},{TOP})">',
           f'<text x="{WIDTH / 2}" y="-16" text-anchor="middle" font-weight="bold">{title}</text>']
    for t in yt:
        y = HEIGHT - at(t, yt, HEIGHT)
        out.append(f'<path d="M0 {y:.1f}H{WIDTH}" stroke="#ddd"/>'
                   f'<text x="-8" y="{y + 4:.1f}" text-anchor="end">{t:g}</text>')
    for t in xt[::2]:
        x = at(t, xt, WIDTH)
        name = f"{t // 1024}K" if t >= 1024 else str(t)
        out.append(f'<path d="M{x:.1f} 0V{HEIGHT}" stroke="#ddd"/>'
                   f'<text x="{x:.1f}" y="{HEIGHT + 18}" text-anchor="middle">{name}</text>')
    for model, colour in COLOURS.items():
        points = [(at(r["position"], xt, WIDTH), HEIGHT - at(value(r), yt, HEIGHT))
                  for r in rows if r["model"] == model]
        line = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        out.append(f'<path d="M{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
    out.append(f'<text x="{WIDTH / 2}" y="{HEIGHT + 38}" text-anchor="middle">tokens in the context</text></g>')
    return out


def main():
    rows = [json.loads(line) for line in sys.stdin if line.startswith("{")]
    rows = [r for r in rows if r["op"] == "loops"]
    width, height = 2 * (LEFT + WIDTH) + GAP, TOP + HEIGHT + 80
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
           f'font-family="sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="white"/>']
    out += panel(rows, lambda r: r["seconds"] * 1e3, "ms a token", LEFT)
    out += panel(rows, lambda r: r["bytes"] / 2**20, "MiB a token reads and writes", 2 * LEFT + WIDTH + 30)
    for i, (model, colour) in enumerate(COLOURS.items()):
        x, y = LEFT + i * 215, height - 14
        out.append(f'<path d="M{x} {y - 4}h24" stroke="{colour}" stroke-width="2"/>'
                   f'<text x="{x + 30}" y="{y}">{NAMES[model]}</text>')
    print("\n".join(out + ["</svg>"]))


if __name__ == "__main__":
    main()
