"use strict";
// The address after # is the page's whole state: every control writes it, and drawing reads it.
// Whatever a submission wrote goes through textContent; nothing is ever parsed as HTML.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { boards, columns, statuses, rows, floors } = data;
  const byKey = new Map(columns.map((column) => [column.key, column]));
  const count = rows.id.length;
  const PER_PAGE = 50;
  const TEXT_COLUMNS = { rank: "Rank", name: "Name", status: "Checked", board: "Board", method: "Method", backbone: "Backbone" };
  const FILTERS = ["task", "setting", "tier", "status"];
  const narrow = matchMedia("(max-width: 640px)");
  const at = (id) => document.getElementById(id);

  function make(tag, options = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(options)) {
      if (name === "text") element.textContent = value;
      else if (value !== null && value !== undefined) element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null));
    return element;
  }

  // --- state ---------------------------------------------------------------------------------
  const largest = boards.reduce((best, board) => (board.rows > best.rows ? board : best), boards[0]);
  const search = Array.from({ length: count }, (_, row) =>
    [rows.name[row], rows.by[row], rows.method[row], rows.id[row]].join("\n").toLowerCase());

  function defaults() {
    return { task: largest.task, setting: largest.setting, tier: largest.tier, status: "all", q: "",
      sort: largest.rankedBy, dir: "best", cols: null, page: 1, row: "" };
  }

  function read() {
    const state = defaults();
    const given = new URLSearchParams(location.hash.slice(1));
    for (const name of FILTERS) if (choices(name).includes(given.get(name))) state[name] = given.get(name);
    state.q = (given.get("q") || "").slice(0, 200);
    const visible = shownBoards(state);
    if (visible.length && !visible.some((board) => board.rankedBy === state.sort)) state.sort = visible[0].rankedBy;
    const sort = given.get("sort");
    if (byKey.has(sort) || Object.hasOwn(TEXT_COLUMNS, sort)) state.sort = sort;
    if (given.get("dir") === "worst") state.dir = "worst";
    if (given.has("cols")) state.cols = given.get("cols").split(".").filter((key) => byKey.has(key) || Object.hasOwn(TEXT_COLUMNS, key));
    state.page = Math.max(1, Math.floor(Number(given.get("page"))) || 1);
    state.row = (given.get("row") || "").slice(0, 300);
    return state;
  }

  function written(state) {
    const usual = defaults();
    const visible = shownBoards(state);
    if (visible.length && !visible.some((board) => board.rankedBy === usual.sort)) usual.sort = visible[0].rankedBy;
    const words = new URLSearchParams();
    for (const name of [...FILTERS, "q", "sort", "dir", "page", "row"]) {
      if (String(state[name]) !== String(usual[name])) words.set(name, state[name]);
    }
    if (state.cols) words.set("cols", state.cols.join("."));
    return "#" + words.toString();
  }

  let state = defaults();
  function go(change) {
    const next = { ...state, page: 1, ...change };
    history.replaceState(null, "", written(next));
    draw();
  }

  // --- which rows, in which order --------------------------------------------------------------
  function choices(name) {
    const values = name === "status" ? statuses.map((status) => status.name) : [...new Set(boards.map((board) => board[name]))].sort();
    return ["all", ...values];
  }

  function shownBoards(wanted) {
    return boards.filter((board) => ["task", "setting", "tier"].every((name) => wanted[name] === "all" || board[name] === wanted[name]));
  }

  function chosen() {
    const visible = new Set(shownBoards(state));
    const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
    const found = [];
    for (let row = 0; row < count; row++) {
      if (!visible.has(boards[rows.board[row]])) continue;
      if (state.status !== "all" && statuses[rows.status[row]].name !== state.status) continue;
      if (words.every((word) => search[row].includes(word))) found.push(row);
    }
    return found;
  }

  const rankMetric = (board) => (rows.values[state.sort]?.best && state.sort in board.metrics ? state.sort : board.rankedBy);
  const rankOf = (row, end) => rows.values[rankMetric(boards[rows.board[row]])][end][row];

  function sortKey(key) {
    if (key === "rank") return (row) => { const best = rankOf(row, "best"); return best === null ? null : best * 1e6 + rankOf(row, "worst"); };
    if (key === "status") return (row) => rows.status[row];
    if (key === "board") return (row) => rows.board[row];
    if (key in TEXT_COLUMNS) return (row) => rows[key][row].toLowerCase();
    return (row) => rows.values[key].v[row];
  }

  function sorted(found) {
    const key = sortKey(state.sort);
    const keys = new Map(found.map((row) => [row, key(row)]));
    // unverified numbers are sorted below verified ones
    const ranks = rows.values[state.sort]?.best || null;
    const some = ranks && found.some((row) => ranks[row] !== null);
    // texts made elsewhere are ranked apart, below the runs
    const unranked = (row) => (!some ? 0 : ranks[row] === null ? 2 : rows.scored[row] ? 1 : 0);
    const up = (byKey.get(state.sort)?.better === "higher" ? -1 : 1) * (state.dir === "worst" ? -1 : 1);
    return found.sort((one, other) => {
      const a = keys.get(one), b = keys.get(other);
      if (some && unranked(one) !== unranked(other)) return unranked(one) - unranked(other);
      if (a === b) return one - other;
      if (a === null) return 1; // what is missing stands last, whichever way
      if (b === null) return -1;
      return (a < b ? -1 : 1) * up;
    });
  }

  // --- drawing ---------------------------------------------------------------------------------
  function shownColumns() {
    if (state.cols) return state.cols;
    const several = shownBoards(state).length > 1;
    const measured = shownBoards(state).flatMap((board) => Object.keys(board.metrics));
    const main = byKey.has(state.sort) ? state.sort : (shownBoards(state)[0] || largest).rankedBy;
    if (narrow.matches) return ["rank", "name", main];
    const numbers = columns.filter((column) => column.key === main || (column.shown && (column.source !== columns[0].source || measured.includes(column.key))));
    return ["rank", "name", "status", ...(several ? ["board"] : []), ...numbers.map((column) => column.key)];
  }

  const shown = (value, digits) => (value === null || value === undefined ? "–" : value.toFixed(digits));
  const boardName = (board) => `${board.task} · ${board.setting} · ${board.tier}`;
  const rowAddress = (row) => { const board = boards[rows.board[row]]; return `${board.task}/${board.setting}/${board.tier}/${rows.id[row]}`; };

  function draw() {
    state = read();
    const order = sorted(chosen());
    const pages = Math.max(1, Math.ceil(order.length / PER_PAGE));
    state.page = Math.min(state.page, pages);
    const first = (state.page - 1) * PER_PAGE;
    drawFilters();
    drawBoard();
    drawTable(order, order.slice(first, first + PER_PAGE));
    drawPages(order.length, first, pages);
    openRow(state.row);
  }

  function drawFilters() {
    for (const name of FILTERS) {
      const select = at(name);
      if (!select.options.length) select.append(...choices(name).map((value) => make("option", { value, text: value })));
      select.value = state[name];
    }
    if (document.activeElement !== at("q")) at("q").value = state.q;
    const now = shownColumns();
    const box = at("columns");
    if (box.children.length === 1) {
      const names = [...Object.entries(TEXT_COLUMNS), ...columns.map((column) => [column.key, column.title])];
      for (const [key, label] of names) {
        const tick = make("input", { type: "checkbox", value: key });
        tick.addEventListener("change", () => {
          const ticked = [...box.querySelectorAll("input:checked")].map((each) => each.value);
          go({ cols: ticked.includes("name") ? ticked : ["name", ...ticked], page: state.page });
        });
        box.append(make("label", {}, tick, label));
      }
    }
    for (const tick of box.querySelectorAll("input")) { tick.checked = now.includes(tick.value); tick.disabled = tick.value === "name"; }
    at("link").setAttribute("href", written({ ...state, cols: now }));
  }

  function drawBoard() {
    const visible = shownBoards(state);
    const lines = visible.length === 1 ? [boardRules(visible[0])] : [
      visible.length ? `${visible.length} boards: scores and ranks are comparable only within a board.` : "No board has this task, setting and tier."];
    const files = visible.map((board) => make("a", { href: `boards/${boards.indexOf(board)}.csv`, download: "", text: `${boardName(board)} as CSV` }));
    const marks = visible.flatMap((board) => [...Object.values(board.failed), ...withoutDirection(board)].map((why) => (visible.length === 1 ? why : `${boardName(board)}: ${why}`)));
    at("board").replaceChildren(...[...lines, ...marks].map((text) => make("p", { text })), make("p", { class: "files" }, ...files));
  }

  const withoutDirection = (board) => Object.keys(board.metrics).filter((key) => !byKey.get(key).better).map((key) =>
    `${byKey.get(key).title} is not installed where this page was made, so which end is better is not known: it gives no ranks, and its lowest value is on top.`);

  function boardRules(board) {
    const sampling = [board.temperature ? `temperature ${board.temperature}, top-p ${board.top_p}, ${board.samples} text(s) an example` : "greedy",
      board.top_k && board.temperature ? `top-k ${board.top_k}` : "",
      board.repetition_penalty === 1 ? "" : `repetition penalty ${board.repetition_penalty}`,
      board.stop.length ? `further ends ${JSON.stringify(board.stop)}` : "",
      board.strip.join() === "think" ? "" : `hidden blocks ${board.strip.join(", ") || "none"}`].filter(Boolean).join(", ");
    const below = floors.some((floor) => boards[floor.board] === board) ? " Grey rows are floors: texts made from the data without a model." : "";
    const check = board.texts ? "rows include their texts, which are scored again" : "texts may not be published: numbers only";
    return `${board.examples} test examples of ${board.users} users (data ${board.fingerprint.slice(0, 12)}), at most ${board.max_new_tokens} new tokens, ${sampling}; ${check}.${below}`;
  }

  function drawTable(order, page) {
    const keys = shownColumns();
    const scale = scaleOf(order);
    at("table").tHead.replaceChildren(make("tr", {}, ...keys.map((key) => heading(key, scale))));
    at("table").tBodies[0].replaceChildren(...page.map((row) => make("tr", {}, ...keys.map((key) => cell(row, key, scale)))),
      ...shownFloors().map((floor) => make("tr", { class: "floor" }, ...keys.map((key) => floorCell(floor, key)))));
  }

  // Texts made from the data without a model: grey, below every page of rows, never ranked.
  function shownFloors() {
    const visible = new Set(shownBoards(state));
    return floors.filter((floor) => visible.has(boards[floor.board]));
  }

  function floorCell(floor, key) {
    if (key === "name") return make("td", { class: "name" }, floor.name, make("span", { class: "under", text: floor.meaning }));
    if (key === "board") return make("td", { text: boardName(boards[floor.board]) });
    if (!byKey.has(key)) return make("td", { class: key === "rank" ? "number" : null, text: key === "status" ? "floor" : "–" });
    const { v, low, high } = floor.values[key] || { v: [null] };
    const { digits } = byKey.get(key);
    const td = make("td", { class: "number", text: shown(v[0], digits) });
    if (low) td.append(make("span", { class: "interval", text: `[${shown(low[0], digits)}, ${shown(high[0], digits)}]` }));
    return td;
  }

  function heading(key, scale) {
    const column = byKey.get(key);
    const current = state.sort === key;
    const mark = shownBoards(state).some((board) => board.failed[key]) ? " ‡" : "";
    const label = (column ? column.title : TEXT_COLUMNS[key]) + mark;
    const down = (column?.better === "higher") === (state.dir === "best");
    const button = make("button", { type: "button", "data-sort": key, text: label + (current ? (down ? " ▾" : " ▴") : "") });
    button.addEventListener("click", () => {
      go({ sort: key, dir: current && state.dir === "best" ? "worst" : "best", cols: state.cols });
      document.querySelector(`[data-sort="${CSS.escape(key)}"]`)?.focus();
    });
    const under = key === "rank" ? `by ${metricLabel()}` : key === scale?.key ? `bar: ${shown(scale.low, 1)} to ${shown(scale.high, 1)}` : "";
    return make("th", { scope: "col", class: column || key === "rank" ? "number" : null, title: column ? `${column.meaning}; ${column.source}` : null,
      "aria-sort": current ? (down ? "descending" : "ascending") : null }, button, under ? make("span", { class: "faint", text: under }) : null);
  }

  function metricLabel() {
    const names = [...new Set(shownBoards(state).map((board) => byKey.get(rankMetric(board)).title))];
    return names.length === 1 ? names[0] : "each board's metric";
  }

  function scaleOf(order) {
    const key = rows.values[state.sort]?.low ? state.sort : (shownBoards(state)[0] || largest).rankedBy;
    const { v, low, high } = rows.values[key];
    let least = Infinity, most = -Infinity;
    for (const row of order) {
      if (v[row] === null) continue;
      least = Math.min(least, low?.[row] ?? v[row]);
      most = Math.max(most, high?.[row] ?? v[row]);
    }
    return least < most ? { key, low: least, high: most } : null;
  }

  function cell(row, key, scale) {
    if (key === "rank") {
      const best = rankOf(row, "best"), worst = rankOf(row, "worst");
      return make("td", { class: "number", text: best === null ? "–" : best === worst ? String(best) : `${best}–${worst}` });
    }
    if (key === "name") {
      const link = make("a", { href: written({ ...state, row: rowAddress(row) }), "data-row": rowAddress(row) }, make("bdi", { text: rows.name[row] }));
      const status = shownColumns().includes("status") ? "" : ` · ${statuses[rows.status[row]].name}`;
      return make("td", { class: "name" }, link, make("span", { class: "under" }, make("bdi", { text: rows.by[row] }), status, rows.scored[row] ? " · scored only" : ""));
    }
    if (key === "status") return make("td", { class: "status" }, ...statusMark(row));
    if (key === "board") return make("td", { text: boardName(boards[rows.board[row]]) });
    if (key in TEXT_COLUMNS) return make("td", {}, make("bdi", { text: rows[key][row] }));
    return numberCell(row, key, scale);
  }

  const statusMark = (row) => {
    const name = statuses[rows.status[row]].name;
    return [make("span", { class: "mark", "data-status": name }), name];
  };

  function numberCell(row, key, scale) {
    const { digits } = byKey.get(key);
    const { v, low, high } = rows.values[key];
    const td = make("td", { class: "number", text: shown(v[row], digits) });
    if (low && low[row] !== null) {
      td.append(make("span", { class: "interval", text: `[${shown(low[row], digits)}, ${shown(high[row], digits)}]` }));
      if (scale && key === scale.key) td.append(track(v[row], low[row], high[row], scale));
    }
    return td;
  }

  function track(value, low, high, scale) {
    const percent = (number) => `${(100 * (number - scale.low)) / (scale.high - scale.low)}%`;
    const band = make("span", { class: "band" }), dot = make("span", { class: "dot" });
    band.style.left = percent(low);
    band.style.right = `calc(100% - ${percent(high)})`;
    dot.style.left = percent(value);
    return make("span", { class: "track", "aria-hidden": "true" }, band, dot);
  }

  function drawPages(total, first, pages) {
    const column = byKey.get(state.sort)?.title || TEXT_COLUMNS[state.sort];
    const order = (byKey.get(state.sort)?.better ? ["best", "worst"] : ["first", "last"])[state.dir === "best" ? 0 : 1] + " on top";
    const range = total ? `${first + 1}–${Math.min(first + PER_PAGE, total)} of ${total} rows` : "no row";
    const below = rows.values[state.sort]?.best ? " Rows without a rank are below the others." : "";
    at("summary").textContent = `Showing ${range}, sorted by ${column}, ${order}.${below}`;
    const step = (text, page, id) => {
      const button = make("button", { type: "button", text, id });
      button.disabled = page < 1 || page > pages;
      button.addEventListener("click", () => { go({ page }); at(id)?.focus(); });
      return button;
    };
    at("pages").replaceChildren(...(pages === 1 ? [] : [step("Previous", state.page - 1, "previous"),
      make("span", { text: `page ${state.page} of ${pages}` }), step("Next", state.page + 1, "next")]));
  }

  const openRow = rowDetails({ data, make, at, shown, byKey, narrow, boardName, rowAddress, statusMark, closed(row) {
    go({ row: "", page: state.page });
    document.querySelector(`[data-row="${CSS.escape(row)}"]`)?.focus();
  } });

  // --- the reader's actions ----------------------------------------------------------------------
  for (const name of FILTERS) at(name).addEventListener("change", (event) => go({ [name]: event.target.value }));
  at("q").addEventListener("input", (event) => go({ q: event.target.value }));
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", draw);
  narrow.addEventListener("change", draw);
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName || "");
    if (event.key === "/" && !typing && !at("details").open) { event.preventDefault(); at("q").focus(); }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const links = [...document.querySelectorAll("a[data-row]")];
    const here = links.indexOf(document.activeElement);
    if (step && here >= 0 && links[here + step]) { event.preventDefault(); links[here + step].focus(); }
  });
  draw();
})();
