"""A table as LaTeX."""

from __future__ import annotations

from harness.reports.render.table import Field, Table

SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "−": "$-$", "–": "--", "×": r"$\times$", "↓": r"$\downarrow$", "·": r"$\cdot$",
    "λ": r"$\lambda$", "<": r"$<$", ">": r"$>$", "≤": r"$\leq$", "≥": r"$\geq$",
    "±": r"$\pm$", "÷": r"$\div$", "→": r"$\to$", "⟨": r"$\langle$", "⟩": r"$\rangle$",
    "‡": r"$\ddagger$", "⚑": r"$\star$", "▲": r"$\triangle$", "▼": r"$\bigtriangledown$",
    "“": "``", "”": "''", "’": "'", "…": r"\ldots{}",
    "∅": r"$\emptyset$", "␣": r"\textvisiblespace{}", "⏎": r"$\hookleftarrow$",
    "⇥": r"$\mapsto$",
}  # fmt: skip
"""Every character of ours that LaTeX reads as something else, or refuses, in its own commands."""


def to_latex(table: Table) -> str:
    """A booktabs table; significance letters are superscripts, the best value is bold."""
    table = table.ungrouped()
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        rf"\caption{{{latex(table.title)}. {latex(' '.join(table.notes))}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(table.columns) - 1)}}}",
        r"\toprule",
        " & ".join(latex(column.head) for column in table.columns) + r" \\",
        r"\midrule",
    ]
    lines += [" & ".join(map(_field, row)) + r" \\" for row in table.shown()]
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def latex(text: str) -> str:
    """Text with LaTeX's special characters escaped."""
    return "".join(SPECIAL.get(character, character) for character in " ".join(text.split("\n")))


def _field(field: Field) -> str:
    text = latex(str(field))
    if text.startswith(("[", "*")):  # at the start of a row, an argument of the line break before
        text = f"{{{text[0]}}}{text[1:]}"
    if field.best:
        text = rf"\textbf{{{text}}}"
    return text + (rf"$^{{\mathrm{{{field.letters}}}}}$" if field.letters else "")
