"use strict";
// The dialog of one row: its details come from a script file next to the page, which works from disk.
// Text of a submission goes through textContent here too.
function rowDetails({ data, make, at, shown, byKey, narrow, boardName, rowAddress, statusMark, closed }) {
  const { boards, statuses, rows } = data;
  const files = new Map(); // file name → promise of what its script hands to `take`
  const waiting = new Map();
  window.leaderboard = { take(name, value) { waiting.get(name)?.(value); } };

  function file(name) {
    if (!files.has(name)) {
      files.set(name, new Promise((done, failed) => {
        waiting.set(name, done);
        const script = make("script", { src: name });
        script.addEventListener("error", () => { files.delete(name); failed(new Error(name)); });
        document.head.append(script);
      }));
    }
    return files.get(name);
  }

  const dialog = at("details");
  let opened = "";
  function open(wanted) {
    if (!wanted) { opened = ""; if (dialog.open) dialog.close(); return; }
    if (opened === wanted) return;
    opened = wanted;
    const found = rows.id.findIndex((_, each) => rowAddress(each) === wanted);
    const row = found < 0 ? undefined : found;
    const inside = at("inside");
    const close = make("button", { type: "button", id: "close", text: "Close" });
    close.addEventListener("click", () => dialog.close());
    const title = make("h2", { id: "title" }, make("bdi", { text: row === undefined ? "No such row" : rows.name[row] }));
    inside.replaceChildren(make("div", { class: "top" }, title, close));
    if (!dialog.open) dialog.showModal();
    close.focus();
    if (row === undefined) { inside.append(make("p", { text: `${wanted} is not on this page; it may have been withdrawn.` })); return; }
    const place = boards[rows.board[row]];
    const body = make("div", {}, make("p", { text: "Loading …" }));
    inside.append(body);
    const mine = `rows/${Math.floor(row / data.perFile)}.js`, theirs = `boards/${rows.board[row]}.js`;
    Promise.all([file(mine), file(theirs)]).then(
      ([details, examples]) => { if (opened === rowAddress(row)) body.replaceChildren(...inDetail(row, place, details[row % data.perFile], examples)); },
      (error) => body.replaceChildren(make("p", { class: "notice", text: `${error.message} was not found next to this page; it has the details.` })));
  }
  dialog.addEventListener("close", () => {
    const row = opened;
    opened = "";
    if (row) closed(row);
  });

  function inDetail(row, board, details, examples) {
    const parts = [make("p", {}, make("bdi", { text: rows.by[row] }), " · ", boardName(board))];
    if (details.link) parts.push(make("p", {}, make("a", { href: details.link, rel: "noopener noreferrer nofollow", text: details.link })));
    if (details.note) parts.push(make("p", { class: "note", dir: "auto", text: details.note }));
    parts.push(make("h3", {}, ...statusMark(row)), ...checks(row, details.verification));
    parts.push(make("h3", { text: "Scores" }), scoreTable(row, board));
    parts.push(...curveParts(details.curves, board));
    parts.push(...exampleParts(details.examples, details.samples, examples));
    parts.push(make("h3", { text: "Provenance" }), facts(provenance(details)));
    parts.push(make("details", {}, make("summary", { text: "All settings" }), facts(details.settings)));
    return parts;
  }

  function provenance({ method, backbone, run, costs }) {
    const count = (number) => `${number.toLocaleString("en")} parameters`;
    return {
      Method: method,
      Backbone: [backbone.name, backbone.parameters === null ? "" : count(backbone.parameters), backbone.reasoner && `reasoner ${backbone.reasoner}`, backbone.quantization,
        backbone.method_parameters && `${count(backbone.method_parameters)} in all`].filter(Boolean).join(", "),
      Run: `${run.run_id}, seed ${run.seed}, ${run.started}`,
      Command: run.command,
      Harness: `${run.harness}, commit ${run.commit || "unknown"}${run.clean ? "" : ", with uncommitted changes"}`,
      Device: `${costs.device}, ${costs.dtype}, ${costs.threads} threads`,
    };
  }

  function checks(row, verification) {
    const lines = [statuses[rows.status[row]].meaning];
    if (verification) {
      const gaps = Object.values(verification.largest);
      if (gaps.length) lines.push(`Claimed and recomputed numbers differ by at most ${Math.max(...gaps).toFixed(4)} points; ${verification.tolerance} is allowed.`);
      if (verification.rerun) {
        const again = verification.rerun;
        const several = again.each.length > 1 ? `, mean of ${again.each.length} trainings (${again.each.map((value) => shown(value, 2)).join(", ")})` : "";
        lines.push(`Run again on the benchmark of seed ${again.seed}: ${byKey.get(again.metric)?.title || again.metric} ${shown(again.found, 2)} [${shown(again.low, 2)}, ${shown(again.high, 2)}]${several}; claimed ${shown(again.claimed, 2)}. At most ${shown(again.tolerance, 2)} lower is accepted.`);
      }
      lines.push(...verification.notes);
    }
    return lines.map((text) => make("p", { text }));
  }

  function scoreTable(row, board) {
    const names = Object.keys(board.metrics).filter((name) => rows.values[name]);
    const head = make("tr", {}, ...["Metric", "Value", "95 % interval", "Rank"].map((text) => make("th", { scope: "col", text })));
    const body = names.map((name) => {
      const { v, low, high, best, worst } = rows.values[name];
      const { title: label, digits } = byKey.get(name);
      const interval = low?.[row] == null ? "–" : `${shown(low[row], digits)} to ${shown(high[row], digits)}`;
      const rank = best[row] === null ? "–" : best[row] === worst[row] ? `${best[row]}` : `${best[row]}–${worst[row]}`;
      return make("tr", {}, make("th", { scope: "row", text: label, title: board.metrics[name] }), ...[shown(v[row], digits), interval, rank].map((text) => make("td", { text })));
    });
    return make("table", {}, make("thead", {}, head), make("tbody", {}, ...body));
  }

  function facts(values) {
    return make("dl", { class: "facts" }, ...Object.entries(values).flatMap(([name, text]) => [make("dt", { text: name }), make("dd", { dir: "auto", text })]));
  }

  function curveParts(curves, board) {
    const names = [board.rankedBy, "nll", ...Object.keys(curves)].filter((name, index, all) => curves[name]?.length > 1 && all.indexOf(name) === index);
    if (!names.length) return [];
    const box = make("div", {});
    const select = make("select", {}, ...names.map((name) => make("option", { value: name, text: byKey.get(name)?.title || name })));
    const show = () => box.replaceChildren(curve(curves[select.value], byKey.get(select.value)?.title || select.value), make("p", { class: "faint", text: aboutCurve(select.value) }));
    select.addEventListener("change", show);
    show();
    return [make("h3", { text: "Along the text" }), make("label", {}, "Measure ", select), box];
  }

  function aboutCurve(name) {
    if (name === "nll") return "Nats per slice token of the references by position, lower is better; as reported by the run.";
    const { meaning, unit } = byKey.get(name);
    if (unit !== "0–100") return `${meaning} By position in the text; ${unit}.`;
    return "Slices of the whole generated text against the same slices of the reference, 0–100; descriptive, because they depend on alignment.";
  }

  function curve(points, label) {
    const known = points.filter(([, value]) => value !== null);
    const ends = known.flatMap(([, value, low, high]) => [value, low ?? value, high ?? value]);
    let least = Math.min(...ends), most = Math.max(...ends);
    if (least === most) { least -= 1; most += 1; }
    const width = narrow.matches ? 360 : 560, height = 230, left = 52, right = 16, top = 14, bottom = 44;
    const span = points.length > 1 ? points.length - 1 : 1;
    const x = (index) => left + (index * (width - left - right)) / span;
    const y = (value) => top + ((most - value) * (height - top - bottom)) / (most - least);
    const names = points.map(([start], index) => (index + 1 < points.length ? `${start}–${points[index + 1][0]}` : `${start}+`));
    const svg = svgPart("svg", { viewBox: `0 0 ${width} ${height}`, role: "img",
      "aria-label": `${label} by position: ` + points.map(([, value], index) => `${names[index]}: ${shown(value, 2)}`).join(", ") });
    for (const value of [least, (least + most) / 2, most]) {
      svg.append(svgPart("line", { class: "grid", x1: left, x2: width - right, y1: y(value), y2: y(value) }), svgText(left - 6, y(value) + 4, "end", value.toFixed(most - least < 5 ? 2 : 1)));
    }
    names.forEach((name, index) => svg.append(svgText(x(index), height - 24, index === 0 ? "start" : index === span ? "end" : "middle", name)));
    svg.append(svgText((left + width - right) / 2, height - 5, "middle", "position in the reference, slice tokens"));
    const placed = points.map((point, index) => [index, ...point.slice(1)]).filter(([, value]) => value !== null);
    if (placed.every(([, , low]) => low !== null && low !== undefined)) {
      const edge = [...placed.map(([index, , , high]) => [x(index), y(high)]), ...placed.map(([index, , low]) => [x(index), y(low)]).reverse()];
      svg.append(svgPart("polygon", { class: "band", points: edge.map((pair) => pair.join(",")).join(" ") }));
    }
    svg.append(svgPart("polyline", { class: "curve", points: placed.map(([index, value]) => `${x(index)},${y(value)}`).join(" ") }));
    for (const [index, value] of placed) svg.append(svgPart("circle", { class: "point", cx: x(index), cy: y(value), r: 4 }));
    return svg;
  }

  function svgPart(tag, attributes) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }

  function svgText(x, y, anchor, text) {
    const element = svgPart("text", { x, y, "text-anchor": anchor });
    element.textContent = text;
    return element;
  }

  function exampleParts(written, samples, known) {
    const found = written.filter((example) => example.text);
    if (!found.length) return [make("h3", { text: "Examples" }), make("p", { text: "No texts: they may not be published, or have not been verified." })];
    return [make("h3", { text: "Examples" }), make("p", { class: "faint", text: `The same examples for every row, drawn by the data's fingerprint.${samples > 1 ? ` Texts are the first of ${samples} samples; scores are means over all samples.` : ""}` }),
      ...found.flatMap((example) => {
        const scores = Object.entries(example.scores).filter(([, value]) => value !== null).map(([name, value]) => `${byKey.get(name)?.title || name} ${value.toFixed(1)}`);
        const more = known[example.id];
        return [make("h4", { text: example.id }), more ? passage("asked for", more.input) : make("span"),
          make("div", { class: "texts" }, passage(`written · ${scores.join(" · ")}`, example.text), more ? passage("reference", more.reference) : null)];
      })];
  }

  function passage(title, text) {
    const rest = text.characters > text.shown.length ? ` … (${text.characters} characters in total)` : "";
    return make("div", { class: "text" }, make("h4", { text: title }), make("p", { dir: "auto", text: text.shown + rest || "(empty)" }));
  }

  return open;
}
