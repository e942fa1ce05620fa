"use strict";
(() => {
  const ID = 0, PICTURES = 1, METADATA = 2, CATALOG = 3, TALK = 4;
  const BATCH = 60;
  const MOST_FOUND = 5000;
  const SEEN_BY = { everyone: "everyone", talk: "only on Talk, after classifying", nobody: "nobody (hidden)" };
  const at = (id) => document.getElementById(id);
  const data = JSON.parse(at("data").textContent);
  const columns = [
    { group: "", name: "order of the manifest", value: null },
    { group: "", name: "external_id", value: (row) => row[ID] },
    ...data.metadata.map((key, n) => ({ group: "Subject metadata", name: key.name, value: (row) => row[METADATA][n] })),
    ...data.catalog.map((name, n) => ({ group: "Catalog", name, value: (row) => row[CATALOG][n] })),
  ];
  const state = { view: "cutouts", sort: 0, descending: false, shown: [], drawn: 0, open: -1, part: 0 };

  const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
  const visible = (value) =>
    value === null || value === undefined
      ? ""
      : String(value).replace(UNSEEN, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));

  function element(name, text, properties) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = visible(text);
    return Object.assign(made, properties);
  }

  // ---- searching and sorting

  const haystack = (parts) => visible(parts.flat().filter((part) => part !== null).join("\n")).toLowerCase();
  const haystacks = { cutouts: null, rejected: null };
  const bare = (name) => name.replace(/^[#/!%& ]+/, "").toLowerCase();
  const TESTS = {
    "=": (a, b) => a === b, "<": (a, b) => a < b, ">": (a, b) => a > b, "<=": (a, b) => a <= b, ">=": (a, b) => a >= b,
  };

  function comparison(term) {
    const parts = /^([^<>=]+)(<=|>=|=|<|>)([^<>=]+)$/.exec(term);
    const column = parts && columns.find((known) => known.value && bare(known.name) === bare(parts[1]));
    if (!column) return null;
    const test = TESTS[parts[2]], wanted = parts[3].toLowerCase(), number = Number(wanted);
    return (row) => {
      const value = column.value(row);
      if (value === null || value === undefined) return false;
      if (visible(value).toLowerCase() === wanted) return test(0, 0);
      return !Number.isNaN(number) && value !== "" && test(Number(value), number) && parts[2] !== "=";
    };
  }

  function matcher(view) {
    haystacks[view] ??= rowsOf(view).map((row) => haystack(view === "cutouts" ? [row[ID], row[METADATA], row[CATALOG]] : row));
    const terms = at("search").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const tests = terms.map((term) => {
      const compare = view === "cutouts" ? comparison(term) : null;
      return compare ? (n) => compare(data.rows[n]) : (n) => haystacks[view][n].includes(term);
    });
    return (n) => tests.every((test) => test(n));
  }

  const rowsOf = (view) => (view === "cutouts" ? data.rows : data.rejected);
  const isMissing = (value) => value === null || value === undefined || value === "";

  function keysFor(column) {
    const values = data.rows.map(column.value), given = values.filter((value) => !isMissing(value));
    if (given.every((value) => /^-?\d+$/.test(value))) return [values.map((v) => (isMissing(v) ? null : BigInt(v))), compareValues];
    if (given.every((value) => !Number.isNaN(Number(value)))) return [values.map((v) => (isMissing(v) ? null : Number(v))), compareValues];
    return [values.map((v) => (isMissing(v) ? null : String(v))), new Intl.Collator(undefined, { numeric: true }).compare];
  }

  const compareValues = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

  function sorted(numbers) {
    const column = columns[state.sort], sign = state.descending ? -1 : 1;
    if (state.view !== "cutouts" || !column.value) return state.descending ? numbers.reverse() : numbers;
    const [keys, compare] = keysFor(column);
    return numbers.sort((a, b) => {
      if (keys[a] === null || keys[b] === null) return (keys[a] === null) - (keys[b] === null) || a - b;
      return sign * compare(keys[a], keys[b]) || a - b;
    });
  }

  // ---- the lists, which grow as they are scrolled

  function refresh() {
    const rows = rowsOf(state.view), matches = matcher(state.view);
    state.shown = sorted([...rows.keys()].filter(matches));
    state.drawn = 0;
    list().replaceChildren();
    at("count").textContent = `${state.shown.length} of ${rows.length} ${state.view === "cutouts" ? cutouts() : rejectedRows()}`;
    grow();
  }

  // ---- the parts of a long run, which are read when they are wanted

  const FIRST = 1, COUNT = 2;
  const rowsInAll = data.parts.at(-1)[FIRST] + data.parts.at(-1)[COUNT];
  const firstRows = data.rows, awaited = new Map(), loading = new Map();
  const span = (n) => `${data.parts[n][FIRST] + 1} to ${data.parts[n][FIRST] + data.parts[n][COUNT]}`;
  window.zoocutPart = (n, text) => awaited.get(n)?.(JSON.parse(text));

  function cutouts() {
    if (data.parts.length === 1) return "cutouts";
    return state.part < 0 ? `cutouts found in all ${rowsInAll} rows` : `cutouts in rows ${span(state.part)} of ${rowsInAll}`;
  }

  function rejectedRows() {
    const beyond = data.rejected_in_all > data.rejected.length;
    return beyond ? `rejected rows, the first of ${data.rejected_in_all}: all are in rejected.csv` : "rejected rows";
  }

  function load(n) {
    const file = data.parts[n][0];
    if (!file) return Promise.resolve(firstRows);
    if (!loading.has(n)) loading.set(n, loaded(n, file).finally(() => loading.delete(n)));
    return loading.get(n);
  }

  function loaded(n, file) {
    return new Promise((resolve, reject) => {
      const script = element("script", undefined, { src: file });
      awaited.set(n, resolve);
      for (const event of ["load", "error"]) script.addEventListener(event, () => { script.remove(); awaited.delete(n); });
      script.addEventListener("error", () => reject(new Error(`${file} is missing: keep it beside this page`)));
      document.head.append(script);
    });
  }

  function use(rows) {
    data.rows = rows;
    haystacks.cutouts = null;
  }

  const told = (error) => { at("count").textContent = error.message; };

  async function showPart(n) {
    at("count").textContent = `reading rows ${span(n)}`;
    use(await load(n));
    state.part = n;
    at("part").value = String(n);
    at("earlier").disabled = n === 0;
    at("later").disabled = n === data.parts.length - 1;
    refresh();
  }

  async function searchEverywhere() {
    const words = at("search").value, found = [];
    for (const n of data.parts.keys()) {
      const rows = await load(n);
      if (at("search").value !== words) return showPart(Math.max(state.part, 0));
      use(rows);
      const matches = matcher("cutouts");
      for (const k of rows.keys()) if (found.length < MOST_FOUND && matches(k)) found.push(rows[k]);
      at("count").textContent = `${found.length} found in rows 1 to ${data.parts[n][FIRST] + rows.length} of ${rowsInAll}`;
      if (found.length === MOST_FOUND) break;
    }
    use(found);
    state.part = -1;
    refresh();
    if (found.length === MOST_FOUND) at("count").textContent += `, the first ${MOST_FOUND}`;
  }

  function searched() {
    if (state.part < 0) showPart(0).catch(told);
    else refresh();
  }

  function fillParts() {
    at("parts").hidden = data.parts.length === 1;
    at("part").append(...data.parts.map((_, n) => element("option", span(n), { value: String(n) })));
    at("part").addEventListener("change", () => showPart(Number(at("part").value)).catch(told));
    at("earlier").disabled = true;
    at("earlier").addEventListener("click", () => showPart(Math.max(state.part - 1, 0)).catch(told));
    at("later").addEventListener("click", () => showPart(Math.min(state.part + 1, data.parts.length - 1)).catch(told));
    at("everywhere").addEventListener("click", () => searchEverywhere().catch(told));
  }

  const list = () => (state.view === "cutouts" ? at("cards") : at("rejected").querySelector("tbody"));

  function grow() {
    const make = state.view === "cutouts" ? card : rejectedRow;
    const batch = state.shown.slice(state.drawn, state.drawn + BATCH);
    list().append(...batch.map((n, k) => make(n, state.drawn + k)));
    state.drawn += batch.length;
    watcher.unobserve(at("more"));
    if (state.drawn < state.shown.length) watcher.observe(at("more"));
  }

  const watcher = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && grow(), { rootMargin: "1500px" });

  const altText = (row) => `Cutout of ${visible(row[ID])}` + (data.panels.length ? `: ${data.panels.join(", ")}` : "");

  const isPlot = (shown) => !Array.isArray(shown);
  const plotName = (row) => `Plot of ${visible(row[ID])}`;

  function plot(row, { plot: content, why }) {
    const words = why ?? "its plot is none that Zooniverse shows";
    return subjectView.plot(content, plotName(row)) ?? element("span", words, { className: "no-picture" });
  }

  function picture(row, [source, width, height, why], lazily) {
    if (!source) return element("span", visible(why ?? "no picture in the run folder"), { className: "no-picture" });
    const image = element("img", undefined, { alt: altText(row), decoding: "async" });
    if (lazily) image.loading = "lazy";
    if (width) Object.assign(image, { width, height });
    image.addEventListener("error", () => image.replaceWith(element("span", `${altText(row)}: the picture is missing`, { className: "no-picture" })));
    image.src = source;
    return image;
  }

  function card(n, position) {
    const row = data.rows[n], column = columns[state.sort], button = element("button", undefined, { type: "button" });
    const first = row[PICTURES].find((shown) => !isPlot(shown)) ?? row[PICTURES][0] ?? ["", 0, 0];
    const shown = isPlot(first) ? plot(row, first) : picture(row, first, true);
    if (isPlot(first)) button.classList.add("card-plot");
    button.append(shown, element("span", row[ID], { className: "card-id" }));
    if (row[PICTURES].length > 1) button.append(element("span", `one of ${row[PICTURES].length} files`, { className: "card-note" }));
    if (state.sort > 1) button.append(element("span", `${column.name}: ${visible(column.value(row)) || "none"}`, { className: "card-note" }));
    button.addEventListener("click", () => open(position));
    const item = element("li");
    item.append(button);
    return item;
  }

  function rejectedRow(n) {
    const line = element("tr");
    line.append(...data.rejected[n].map((cell) => element("td", cell)));
    return line;
  }

  // ---- one cutout

  function describe(target, pairs, none) {
    const found = pairs.filter(([, value]) => !isMissing(value));
    target.replaceChildren(...found.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
    if (!found.length) target.append(element("dd", none, { className: "none" }));
  }

  function talkFigure(row, shown) {
    const figure = element("figure"), made = isPlot(shown) ? plot(row, shown) : picture(row, shown, true);
    if (made.alt) made.alt = `For the Talk page of ${visible(row[ID])}`;
    figure.append(made);
    return figure;
  }

  function open(position) {
    state.open = position;
    const row = data.rows[state.shown[position]], keys = data.metadata.map((key, n) => [key, row[METADATA][n]]);
    at("detail-title").textContent = visible(row[ID]);
    const plots = row[PICTURES].filter(isPlot).map((shown) => plot(row, shown));
    subjectView.beside(at("pictures"), plots, row[PICTURES].filter((shown) => !isPlot(shown)).map((shown) => picture(row, shown, false)));
    at("talk-section").hidden = !row[TALK].length;
    at("talk").replaceChildren(...row[TALK].map((shown) => talkFigure(row, shown)));
    describe(at("seen"), keys.filter(([key]) => key.seen === "everyone").map(([key, value]) => [key.name, value]), "No metadata is shown with the picture.");
    describe(at("unseen"), keys.filter(([key]) => key.seen !== "everyone").map(([key, value]) => [`${key.name}: ${SEEN_BY[key.seen]}`, value]), "Nothing is hidden.");
    describe(at("catalog"), data.catalog.map((name, n) => [name, row[CATALOG][n]]), "The run has no catalog columns for it.");
    at("previous").disabled = position === 0;
    at("next").disabled = position === state.shown.length - 1;
    if (!at("detail").open) at("detail").showModal();
  }

  function step(by) {
    const position = state.open + by;
    if (position >= 0 && position < state.shown.length) open(position);
  }

  function setWidth(name) {
    at("frame").className = name;
    for (const width of ["desk", "phone"]) at(width).setAttribute("aria-pressed", String(width === name));
  }

  function returnFocus() {
    const now = document.activeElement; // told late: who has gone on to another field by now stays there
    if (now !== document.body && !at("cards").contains(now)) return;
    while (state.drawn <= state.open) grow();
    at("cards").children[state.open]?.firstElementChild.focus();
  }

  // ---- what the reader does

  function setView(name) {
    state.view = name;
    for (const view of ["cutouts", "rejected"]) at(`show-${view}`).setAttribute("aria-pressed", String(view === name));
    at("cards").hidden = name !== "cutouts";
    at("rejected").hidden = name !== "rejected";
    at("sort-label").hidden = at("direction").hidden = name !== "cutouts";
    state.descending = name === "cutouts" && at("direction").textContent === "↓";
    refresh();
  }

  function turn() {
    state.descending = !state.descending;
    at("direction").firstElementChild.textContent = state.descending ? "↓" : "↑";
    at("direction").setAttribute("aria-label", `Order: ${state.descending ? "descending" : "ascending"}`);
    refresh();
  }

  function moveFocus(event) {
    const cards = [...at("cards").children], now = cards.indexOf(document.activeElement.closest("#cards > li"));
    if (now < 0) return;
    const top = cards[0].offsetTop, across = cards.filter((one) => one.offsetTop === top).length;
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }[event.key];
    if (by === undefined) return;
    if (now + by >= state.drawn) grow();
    at("cards").children[now + by]?.firstElementChild.focus();
    event.preventDefault();
  }

  function dialogKey(event) {
    if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else if (event.key === "p") setWidth(at("frame").className === "desk" ? "phone" : "desk");
  }

  function pageKey(event) {
    if (at("detail").open || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && document.activeElement !== at("search")) {
      at("search").focus();
      event.preventDefault();
    } else moveFocus(event);
  }

  function fillSort() {
    for (const group of new Set(columns.map((column) => column.group))) {
      const options = columns.map((column, n) => [column, n]).filter(([column]) => column.group === group);
      const made = options.map(([column, n]) => element("option", column.name, { value: String(n) }));
      const holder = group ? element("optgroup", undefined, { label: group }) : at("sort");
      holder.append(...made);
      if (group && made.length) at("sort").append(holder);
    }
  }

  function fillReasons() {
    at("reasons").append(...data.reasons.map(([reason, count]) => element("li", `${count} × ${reason}`)));
  }

  function fillWho() {
    at("who").querySelector("tbody").append(...data.metadata.map((key) => {
      const line = element("tr");
      line.append(element("td", key.name), element("td", SEEN_BY[key.seen]));
      return line;
    }));
  }

  function start() {
    const [, width, height] = data.rows[0][PICTURES].find((shown) => !isPlot(shown)) ?? ["", 0, 0];
    if (width) at("cards").style.setProperty("--card", width > 1.5 * height ? "22rem" : "11rem");
    fillSort(), fillReasons(), fillWho(), fillParts();
    at("show-rejected").textContent = `Rejected (${data.rejected_in_all})`;
    at("show-cutouts").addEventListener("click", () => setView("cutouts"));
    at("show-rejected").addEventListener("click", () => setView("rejected"));
    at("search").addEventListener("input", searched);
    at("sort").addEventListener("change", () => { state.sort = Number(at("sort").value); refresh(); });
    at("direction").addEventListener("click", turn);
    at("previous").addEventListener("click", () => step(-1));
    at("next").addEventListener("click", () => step(1));
    at("desk").addEventListener("click", () => setWidth("desk"));
    at("phone").addEventListener("click", () => setWidth("phone"));
    at("detail").addEventListener("keydown", dialogKey);
    at("detail").addEventListener("close", returnFocus);
    document.addEventListener("keydown", pageKey);
    refresh();
  }

  start();
})();
