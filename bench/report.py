"""Figures of rounds in turn: medians, spread and ratios, as a table, as JSON and as a picture."""
import json
import statistics
from xml.sax.saxutils import escape

BAR, GAP, LEFT, WIDTH = 16, 6, 320, 420


class Case:
    """What was measured of several gateways in one case: their figures, round by round."""

    def __init__(self, name, unit, reference, more_is_better=True):
        self.name, self.unit, self.reference, self.more_is_better = name, unit, reference, more_is_better
        self.figures = {}

    def add(self, who, figure):
        self.figures.setdefault(who, []).append(figure)

    def ratios(self, who, to):
        """Of each round, to what the other one did in the same round."""
        return [own / other if other else 0.0 for own, other in zip(self.figures[who], self.figures[to])]

    def table(self):
        lines = [f"{self.name} [{self.unit}]"]
        for who, figures in self.figures.items():
            line = f"  {who:24} {statistics.median(figures):12,.1f}   ({min(figures):,.1f} to {max(figures):,.1f})"
            for to in self.reference:
                if to in self.figures and to != who:
                    ratios = self.ratios(who, to)
                    line += f"   {statistics.median(ratios):.2f} of {to} ({min(ratios):.2f} to {max(ratios):.2f})"
            lines.append(line)
        return "\n".join(lines)

    def to_json(self):
        return {"case": self.name, "unit": self.unit, "more_is_better": self.more_is_better,
                "figures": {who: {"rounds": figures, "median": statistics.median(figures),
                                  "ratios": {to: statistics.median(self.ratios(who, to))
                                             for to in self.reference if to in self.figures and to != who}}
                            for who, figures in self.figures.items()}}


def write_json(path, machine, cases):
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"machine": machine, "cases": [case.to_json() for case in cases]}, file, indent=1)
        file.write("\n")


def write_svg(path, cases):
    """Bars, a case below the other, each as a part of the largest of its case."""
    parts, y = [], 10
    for case in cases:
        y += 20
        parts.append(f'<text x="10" y="{y}" font-weight="bold">{escape(case.name)} [{escape(case.unit)}]</text>')
        y += GAP
        largest = max(statistics.median(figures) for figures in case.figures.values()) or 1
        for who, figures in case.figures.items():
            middle = statistics.median(figures)
            length = WIDTH * middle / largest
            parts.append(f'<text x="{LEFT - 10}" y="{y + BAR - 3}" text-anchor="end">{escape(who)}</text>'
                         f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" fill="#4a7ba6"/>'
                         f'<text x="{LEFT + length + 6:.1f}" y="{y + BAR - 3}">{middle:,.1f}</text>')
            y += BAR + GAP
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 120}" height="{y + 20}" '
                   f'font-family="sans-serif" font-size="12">\n' + "\n".join(parts) + "\n</svg>\n")
