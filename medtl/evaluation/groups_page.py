"""The page of groups found without labels: who is in them, what stands out, agreement with what is known."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from medtl.functional.grouping import Agreement

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1c2733; }
table { border-collapse: collapse; }
th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #d8dee5; }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }
figure { display: inline-block; margin: 0 .6rem .6rem 0; vertical-align: top; width: 6.5rem; }
figcaption { font-size: 11px; color: #5a6a7a; } img { width: 6rem; image-rendering: auto; }
"""


@dataclass(frozen=True)
class Group:
    """One group.

    Attributes:
        name: its number, or ``outside``.
        size: scans.
        stands_out: sentences on what is much more frequent in it.
        pictures: file and caption of the scans nearest to its middle.
    """

    name: str
    size: int
    stands_out: tuple[str, ...]
    pictures: tuple[tuple[str, str], ...]


def groups_page(
    run: str, groups: Sequence[Group], agreements: Mapping[str, Mapping[str, Agreement]], notes: Sequence[str],
    simulated: bool,
) -> str:
    """The page as HTML; everything that came from a user is escaped.

    Args:
        run: its name.
        groups: largest first.
        agreements: by way of grouping and by what is known.
        notes: facts to repeat.
        simulated: whether the scans were simulated.
    """
    lines = [
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
        f"<title>{escape(run)}: groups</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(run)}: groups found without labels</h1>",
        "<p>Scans are grouped by the features that the network's head reads. A group that no class, site or scanner "
        "explains may be a finding that nobody labelled, or an artefact: look at it. Text burned into pixels is masked."
        "</p>",
    ]
    if simulated:
        lines.append("<p><strong>The scans are SIMULATED.</strong></p>")
    lines += [f"<p>{escape(note)}</p>" for note in notes]
    lines.append("<h2>Agreement with what is known</h2><table><tr><th>groups by</th><th>against</th><th>ARI</th>"
                 "<th>NMI</th><th>by chance</th><th>purity</th><th>by chance</th><th>p</th></tr>")
    for way, against in agreements.items():
        for name, a in against.items():
            cells = (f"{a.ari:.3f}", f"{a.nmi:.3f}", f"{a.null_nmi:.3f}", f"{a.purity:.3f}", f"{a.null_purity:.3f}",
                     f"{a.p_value:.3f}")
            lines.append(f"<tr><td>{escape(way)}</td><td>{escape(name)}</td>"
                         + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    lines.append("</table>")
    for group in groups:
        title = "Outside every group" if group.name == "outside" else f"Group {escape(group.name)}"
        lines.append(f"<h2>{title}: {group.size} scans</h2>")
        told = group.stands_out or ("No class, site or scanner stands out.",)
        lines += [f"<p>{escape(line)}</p>" for line in told]
        lines += [f"<figure><img src=\"{escape(name)}\" alt=\"a member\"><figcaption>{escape(caption)}</figcaption>"
                  "</figure>" for name, caption in group.pictures]
    lines.append("</body></html>")
    return "\n".join(lines) + "\n"
