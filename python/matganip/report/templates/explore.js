"use strict";
// The page asks the server that it came from for slices; no table is ever held whole.
const SLICE = 50;
const FIRST = ["rank", "relative_meV_per_atom", "deviation_meV_per_atom", "prediction_eV", "multiplicity", "point_group"];
const COLORS = { model: "#0f766e", best: "#b4134f", muted: "#8a94a3", ink: "#1f2a37", grid: "#e6e9ee" };
const CONFIG = { displayModeBar: false, responsive: true };
const state = { columns: [], sort: "rank", descending: false, offset: 0, total: 0, row: 0, filters: new Map() };
const turn = new Map(); // of each kind of request the last one counts
const get = (id) => document.getElementById(id);

function title(name) {
  return name.replace("_meV_per_atom", ", meV/atom").replace(/_eV$/, ", eV").replace(/^relative/, "above first")
    .replace(/^deviation/, "±").replace(/^probability_(.*)K$/, "probability, $1 K").replaceAll("_", " ");
}

function shown(value, column) {
  if (value === null || value === undefined) return "–";
  if (column.words || typeof value === "string") return value;
  if (column.whole) return value.toLocaleString("en-US");
  if (column.name.startsWith("probability")) return value.toExponential(2);
  return value.toFixed(column.name.startsWith("prediction") ? 5 : 4);
}

async function ask(path, query = {}) {
  const mine = (turn.get(path) ?? 0) + 1;
  turn.set(path, mine);
  try {
    const answer = await fetch(`${path}?${new URLSearchParams(query)}`);
    const body = await answer.json();
    if (mine !== turn.get(path)) return null;
    get("fault").hidden = answer.ok;
    get("fault").textContent = answer.ok ? "" : body.error;
    return answer.ok ? body : null;
  } catch {
    get("fault").hidden = false;
    get("fault").textContent = "The program that serves this page has stopped; start `matganip view` again.";
    return null;
  }
}

const filters = () => Object.fromEntries(state.filters);

function make(tag, text, properties = {}) {
  return Object.assign(document.createElement(tag), { textContent: text, ...properties });
}

// -- the table ------------------------------------------------------------------------------------------------------

function visible() {
  return state.columns.filter((column) => get("more").checked || FIRST.includes(column.name));
}

function heads() {
  get("heads").replaceChildren(...visible().map((column) => {
    const cell = make("th", "", { scope: "col", className: column.words ? "word" : "" });
    const sorted = column.name === state.sort;
    const arrow = !sorted ? "" : state.descending ? " ↓" : " ↑";
    const button = make("button", title(column.name) + arrow, { type: "button", disabled: column.late === true });
    button.onclick = () => {
      state.descending = column.name === state.sort && !state.descending;
      state.sort = column.name;
      state.offset = 0;
      heads();
      rows();
    };
    if (sorted) cell.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
    cell.append(button);
    return cell;
  }));
  get("filters").replaceChildren(...visible().map((column) => {
    const cell = make("th", "", { className: column.words ? "word" : "" });
    if (column.words) cell.append(words(column));
    else if (!column.late) cell.append(bound(column, "least", "from"), bound(column, "most", "to"));
    return cell;
  }));
}

function words(column) {
  const key = `is.${column.name}`;
  const select = make("select", "", { ariaLabel: `only this ${title(column.name)}` });
  select.append(new Option("all", ""), ...column.words.map((word) => new Option(word, word)));
  select.value = state.filters.get(key) ?? "";
  select.onchange = () => filtered(key, select.value);
  return select;
}

function bound(column, kind, word) {
  const key = `${kind}.${column.name}`;
  const input = make("input", "", { type: "number", step: "any", placeholder: word, ariaLabel: `${title(column.name)} ${word}` });
  input.value = state.filters.get(key) ?? "";
  input.onchange = () => { if (input.validity.valid) filtered(key, input.value); };
  return input;
}

function filtered(key, value) {
  if (value === "") state.filters.delete(key);
  else state.filters.set(key, value);
  state.offset = 0;
  rows();
  scatter();
}

async function rows() {
  const query = { sort: state.sort, descending: Number(state.descending), offset: state.offset, limit: SLICE, ...filters() };
  const found = await ask("rows", query);
  if (!found) return;
  state.total = found.total;
  get("rows").replaceChildren(...found.row.map((row, k) => {
    const line = make("tr", "", { tabIndex: 0 });
    line.dataset.row = row;
    line.setAttribute("aria-selected", row === state.row);
    line.append(...visible().map((column) => {
      return make("td", shown(found.columns[column.name][k], column), { className: column.words || column.late ? "word" : "" });
    }));
    line.onclick = () => choose(row);
    line.onkeydown = (event) => {
      const next = { ArrowDown: line.nextElementSibling, ArrowUp: line.previousElementSibling }[event.key];
      if (event.key === "Enter") choose(row);
      if (!next) return;
      event.preventDefault();
      next.focus();
      choose(Number(next.dataset.row));
    };
    return line;
  }));
  const last = Math.min(state.offset + SLICE, state.total);
  get("count").textContent = state.filters.size ? `${state.total.toLocaleString("en-US")} pass the filters.` : "";
  get("where").textContent = state.total ? `${(state.offset + 1).toLocaleString("en-US")}–${last.toLocaleString("en-US")} of ${state.total.toLocaleString("en-US")}` : "no row";
  get("back").disabled = state.offset === 0;
  get("on").disabled = last >= state.total;
}

// -- the figure -----------------------------------------------------------------------------------------------------

const axis = (text) => ({ title: { text }, zeroline: false, gridcolor: COLORS.grid, linecolor: COLORS.muted, ticks: "outside" });
const layout = (x, y) => ({
  margin: { l: 62, r: 12, t: 12, b: 46 }, xaxis: axis(x), yaxis: axis(y), showlegend: false, hovermode: "closest",
  font: { family: "system-ui, sans-serif", size: 12, color: COLORS.ink }, paper_bgcolor: "#fff", plot_bgcolor: "#fff",
});

async function scatter() {
  const x = get("x").value, y = get("y").value;
  const found = await ask("points", { x, y, ...filters() });
  if (!found) return;
  const type = found.row.length > 3000 ? "scattergl" : "scatter"; // few points are sharper, and print, as SVG
  const all = { type, mode: "markers", x: found.x, y: found.y, customdata: found.row, name: "",
    marker: { color: COLORS.model, size: 6, opacity: found.row.length > 2000 ? 0.35 : 0.7 } };
  const k = found.row.indexOf(state.row);
  const one = { type, mode: "markers", x: k < 0 ? [] : [found.x[k]], y: k < 0 ? [] : [found.y[k]], hoverinfo: "skip",
    marker: { color: COLORS.best, size: 12, symbol: "circle-open", line: { width: 3 } } };
  await Plotly.react("scatter", [all, one], layout(title(x), title(y)), CONFIG);
  get("sampled").textContent = found.total > found.row.length ? `a uniform sample of ${found.row.length.toLocaleString("en-US")}` : "";
  get("scatter").removeAllListeners("plotly_click");
  get("scatter").on("plotly_click", (event) => choose(event.points[0].customdata));
}

// -- one row --------------------------------------------------------------------------------------------------------

async function choose(row) {
  state.row = row;
  for (const line of get("rows").children) line.setAttribute("aria-selected", Number(line.dataset.row) === row);
  get("cif").href = `cif?row=${row}`;
  await Promise.all([facts(row), structure(row), pattern(row), scatter()]);
}

async function facts(row) {
  const found = await ask("one", { row });
  if (!found) return;
  get("name").textContent = `Rank ${found.rank.toLocaleString("en-US")}, ${found.point_group}`;
  get("facts").replaceChildren(...state.columns.flatMap((column) => {
    return [make("dt", title(column.name)), make("dd", shown(found[column.name], column))];
  }));
}

async function structure(row) {
  const figure = await ask("structure", { row });
  if (figure) await Plotly.react("structure", figure.data, figure.layout, CONFIG);
}

async function pattern(row) {
  const found = await ask("pattern", { row });
  if (!found) return;
  const profile = { x: found.two_theta, y: found.profile, mode: "lines", line: { color: COLORS.model, width: 1.3 }, hoverinfo: "x" };
  const ticks = { x: found.lines, y: found.lines.map(() => -4), mode: "markers", hoverinfo: "x",
    marker: { symbol: "line-ns", size: 6, line: { color: COLORS.muted, width: 1 } } };
  await Plotly.react("pattern", [profile, ticks], layout(`2θ, degrees (${found.radiation})`, "intensity"), CONFIG);
}

// -- begin ----------------------------------------------------------------------------------------------------------

async function begin() {
  const found = await ask("columns");
  if (!found) return;
  state.columns = found.columns;
  const numbers = found.columns.filter((column) => !column.words && !column.late).map((column) => column.name);
  for (const id of ["x", "y"]) {
    get(id).append(...numbers.map((name) => new Option(title(name), name)));
    get(id).onchange = scatter;
  }
  get("y").value = "relative_meV_per_atom";
  get("x").value = found.descriptor;
  get("back").onclick = () => { state.offset -= SLICE; rows(); };
  get("on").onclick = () => { state.offset += SLICE; rows(); };
  get("more").onchange = () => { heads(); rows(); };
  get("clear").onclick = () => { state.filters.clear(); state.offset = 0; heads(); rows(); scatter(); };
  turnable(get("structure"));
  heads();
  await rows();
  if (found.rows) await choose(0);
}

begin();
