"use strict";
// Sort a table by a click on its head, filter its rows by words, open the section of a link.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const groupOf = (row) => { // a row with the name of a group stays above the group's rows
    let group = null;
    for (const each of rows) {
      if (each.classList.contains("group")) group = each;
      if (each === row) return group;
    }
  };
  const groups = new Map(rows.map((row) => [row, groupOf(row)]));
  const order = [...new Set(groups.values())];
  const value = (row, column) => {
    const cell = row.cells[column];
    const text = (cell?.querySelector(".value") ?? cell)?.textContent.trim() ?? "";
    const number = parseFloat(text.replace(/[,\s]/g, "").replace("−", "-").replace("<", ""));
    return cell?.classList.contains("number") ? number : text.toLowerCase();
  };
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "sort";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const rising = head.getAttribute("aria-sort") === "descending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", rising ? "ascending" : "descending");
      const sign = rising ? 1 : -1;
      const missing = (one) => Number.isNaN(one) || one === "";
      const sorted = rows.filter((row) => !row.classList.contains("group")).sort((a, b) => {
        const [x, y] = [value(a, column), value(b, column)];
        if (missing(x) || missing(y)) return missing(x) - missing(y);
        return x === y ? 0 : (x < y ? -1 : 1) * sign;
      });
      for (const group of order) {
        if (group) body.append(group);
        body.append(...sorted.filter((row) => groups.get(row) === group));
      }
    });
  });
  if (rows.length < 8) continue;
  const filter = document.createElement("input");
  filter.type = "search";
  filter.placeholder = "filter rows";
  filter.setAttribute("aria-label", "filter rows");
  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/);
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !row.classList.contains("group") && !words.every((word) => text.includes(word));
    }
  });
  table.parentElement.before(filter);
}
const open = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const details = target?.closest("details");
  if (details && !details.open) {
    details.open = true;
    target.scrollIntoView();
  }
};
addEventListener("hashchange", open);
open();
