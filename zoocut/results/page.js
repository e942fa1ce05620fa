"use strict";
(() => {
  const ID = 0, PICTURES = 1, FACTS = 2, TASKS = 3, CATALOG = 4;
  const N = 0, VOTES = 1, LOW = 2, HIGH = 3;
  const BATCH = 60;
  const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442", "#999999"];
  const at = (id) => document.getElementById(id);
  const data = JSON.parse(at("data").textContent);
  const state = { task: 0, sort: 0, descending: true, shown: [], drawn: 0, open: -1 };

  const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
  const isMissing = (value) => value === null || value === undefined || value === "";
  const visible = (value) =>
    isMissing(value) ? "" : String(value).replace(UNSEEN, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));

  function element(name, text, properties) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = visible(text);
    return Object.assign(made, properties);
  }

  const task = () => data.tasks[state.task];
  const colour = (n) => COLOURS[n % COLOURS.length];
  const counted = (row) => row[TASKS][state.task];
  const answered = (row) => counted(row)[N];
  const fraction = (row, answer) => (answered(row) ? counted(row)[VOTES][answer] / answered(row) : null);
  const largest = (row) => Math.max(0, ...counted(row)[VOTES]);
  const agreement = (row) => (answered(row) ? largest(row) / answered(row) : null);

  function consensus(row) {
    const most = largest(row), first = counted(row)[VOTES].indexOf(most);
    if (!most) return "none";
    return counted(row)[VOTES].lastIndexOf(most) === first ? String(first) : "tie";
  }

  // ---- what to sort and search by

  const columns = () => [
    { group: "", name: "most disputed", value: (row) => (answered(row) ? 1 - agreement(row) : null) },
    { group: "", name: "number of answers", value: answered },
    { group: "", name: "order of the run", value: null },
    ...task().answers.map((answer, n) => ({ group: "Fraction", name: answer.label, value: (row) => fraction(row, n) })),
    ...data.facts.map((name, n) => ({ group: "Classifications", name, value: (row) => row[FACTS][n] })),
    ...data.catalog.map((name, n) => ({ group: "Catalog", name, value: (row) => row[CATALOG][n] })),
  ];
  const TESTS = {
    "=": (a, b) => a === b, "<": (a, b) => a < b, ">": (a, b) => a > b, "<=": (a, b) => a <= b, ">=": (a, b) => a >= b,
  };
  let haystacks = null;

  function comparison(term) {
    const parts = /^([^<>=]+)(<=|>=|=|<|>)([^<>=]+)$/.exec(term);
    const column = parts && columns().find((known) => known.value && known.name.toLowerCase() === parts[1]);
    if (!column) return null;
    const test = TESTS[parts[2]], wanted = Number(parts[3]);
    return (row) => {
      const value = column.value(row);
      if (isMissing(value)) return false;
      if (visible(value).toLowerCase() === parts[3]) return test(0, 0);
      return !Number.isNaN(wanted) && parts[2] !== "=" && test(Number(value), wanted);
    };
  }

  function matcher() {
    haystacks ??= data.rows.map((row) => visible([row[ID], ...row[FACTS], ...row[CATALOG]].filter((v) => !isMissing(v)).join("\n")).toLowerCase());
    const tests = at("search").value.trim().toLowerCase().split(/\s+/).filter(Boolean).map((term) => {
      const compare = comparison(term);
      return compare ? (n) => compare(data.rows[n]) : (n) => haystacks[n].includes(term);
    });
    const wanted = at("consensus").value, least = Number(at("least").value) || 0;
    return (n) => answered(data.rows[n]) >= least && (!wanted || consensus(data.rows[n]) === wanted) && tests.every((test) => test(n));
  }

  const compareValues = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

  function keysFor(column) {
    const values = data.rows.map(column.value), given = values.filter((value) => !isMissing(value));
    const keys = (make) => values.map((value) => (isMissing(value) ? null : make(value)));
    if (given.every((value) => /^-?\d+$/.test(value))) return [keys(BigInt), compareValues];
    if (given.every((value) => !Number.isNaN(Number(value)))) return [keys(Number), compareValues];
    return [keys(String), new Intl.Collator(undefined, { numeric: true }).compare];
  }

  function sorted(numbers) {
    const column = columns()[state.sort], sign = state.descending ? -1 : 1;
    if (!column.value) return state.descending ? numbers.reverse() : numbers;
    const [keys, compare] = keysFor(column);
    return numbers.sort((a, b) => {
      if (keys[a] === null || keys[b] === null) return (keys[a] === null) - (keys[b] === null) || a - b;
      return sign * compare(keys[a], keys[b]) || answered(data.rows[b]) - answered(data.rows[a]) || a - b;
    });
  }

  // ---- the list, which grows as it is scrolled

  function refresh() {
    state.shown = sorted([...data.rows.keys()].filter(matcher()));
    state.drawn = 0;
    at("cards").replaceChildren();
    at("count").textContent = `${state.shown.length} of ${data.rows.length} ${data.what}`;
    grow();
  }

  function grow() {
    const batch = state.shown.slice(state.drawn, state.drawn + BATCH);
    at("cards").append(...batch.map((n, k) => card(n, state.drawn + k)));
    state.drawn += batch.length;
    watcher.unobserve(at("more"));
    if (state.drawn < state.shown.length) watcher.observe(at("more"));
  }

  const watcher = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && grow(), { rootMargin: "1500px" });

  function picture(row, [source, width, height], lazily) {
    if (!source) return element("span", "no picture in the run folder", { className: "no-picture" });
    const image = element("img", undefined, { alt: `Picture of ${visible(row[ID])}`, decoding: "async" });
    if (lazily) image.loading = "lazy";
    if (width) Object.assign(image, { width, height });
    image.addEventListener("error", () => image.replaceWith(element("span", "the picture is missing", { className: "no-picture" })));
    image.src = source;
    return image;
  }

  const share = (value) => (value === null ? "" : `${Math.round(100 * value)} %`);

  function bar(row) {
    const made = element("span", undefined, { className: "bar" }), total = counted(row)[VOTES].reduce((a, b) => a + b, 0);
    made.setAttribute("aria-hidden", "true");
    made.append(...counted(row)[VOTES].map((votes, n) => {
      const part = element("span");
      part.style.width = `${total ? (100 * votes) / total : 0}%`;
      part.style.background = colour(n);
      return part;
    }));
    return made;
  }

  function keyed(n, text) {
    const line = element("span"), mark = element("span", undefined, { className: "key" });
    mark.style.background = colour(n);
    line.append(mark, visible(text));
    return line;
  }

  function lines(row) {
    const made = element("span", undefined, { className: "answers" }), votes = counted(row)[VOTES];
    const given = votes.map((count, n) => [count, n]).filter(([count]) => count).sort((a, b) => b[0] - a[0] || a[1] - b[1]);
    made.append(...given.slice(0, 4).map(([count, n]) => keyed(n, `${task().answers[n].label}: ${count} of ${answered(row)} (${share(fraction(row, n))})`)));
    if (!given.length) made.append(element("span", "no answers yet"));
    return made;
  }

  function card(n, position) {
    const row = data.rows[n], column = columns()[state.sort], button = element("button", undefined, { type: "button" });
    if (data.pictures) button.append(picture(row, row[PICTURES][0] ?? ["", 0, 0], true));
    button.append(bar(row), element("span", row[ID], { className: "card-id" }), lines(row));
    if (["Catalog", "Classifications"].includes(column.group)) button.append(element("span", `${column.name}: ${visible(column.value(row)) || "none"}`, { className: "card-note" }));
    button.addEventListener("click", () => open(position));
    const item = element("li");
    item.append(button);
    return item;
  }

  // ---- one source

  function table(row, n) {
    const made = element("table"), [count, votes, low, high] = row[TASKS][n], about = data.tasks[n];
    made.append(element("caption", `${about.name} ${about.question} (${count} answered)`));
    const head = element("tr");
    head.append(...["Answer", "Votes", "Fraction (interval)"].map((name) => element("th", name, { scope: "col" })));
    made.append(head, ...about.answers.map((answer, k) => {
      const line = element("tr"), first = element("td");
      first.append(keyed(k, answer.label));
      line.append(first, element("td", votes[k]), element("td", count ? `${(votes[k] / count).toFixed(2)} (${low[k].toFixed(2)}–${high[k].toFixed(2)})` : ""));
      return line;
    }));
    return made;
  }

  function describe(target, names, values) {
    const found = names.map((name, n) => [name, values[n]]).filter(([, value]) => !isMissing(value));
    target.replaceChildren(...found.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
    if (!found.length) target.append(element("dd", "Nothing.", { className: "none" }));
  }

  function open(position) {
    state.open = position;
    const row = data.rows[state.shown[position]];
    at("detail-title").textContent = visible(row[ID]);
    at("pictures").replaceChildren(...row[PICTURES].map((shown) => picture(row, shown, false)));
    at("answers").replaceChildren(...data.tasks.map((_, n) => table(row, n)));
    describe(at("facts"), data.facts, row[FACTS]);
    describe(at("catalog"), data.catalog, row[CATALOG]);
    at("previous").disabled = position === 0;
    at("next").disabled = position === state.shown.length - 1;
    if (!at("detail").open) at("detail").showModal();
  }

  function step(by) {
    const position = state.open + by;
    if (position >= 0 && position < state.shown.length) open(position);
  }

  function returnFocus() {
    const now = document.activeElement; // told late: who has gone on to another field by now stays there
    if (now !== document.body && !at("cards").contains(now)) return;
    while (state.drawn <= state.open) grow();
    at("cards").children[state.open]?.firstElementChild.focus();
  }

  // ---- what the reader does

  function turn() {
    state.descending = !state.descending;
    at("direction").firstElementChild.textContent = state.descending ? "↓" : "↑";
    at("direction").setAttribute("aria-label", `Order: ${state.descending ? "descending" : "ascending"}`);
    refresh();
  }

  function fill(select, options) {
    select.replaceChildren();
    for (const group of new Set(options.map((option) => option.group))) {
      const made = options.filter((option) => option.group === group).map((option) => element("option", option.name, { value: option.value }));
      const holder = group ? element("optgroup", undefined, { label: group }) : select;
      holder.append(...made);
      if (group) select.append(holder);
    }
  }

  function chooseTask() {
    state.task = Number(at("task").value) || 0;
    state.sort = 0;
    at("question").textContent = visible(`${task().name} ${task().question}`);
    fill(at("sort"), columns().map((column, n) => ({ group: column.group, name: column.name, value: String(n) })));
    const answers = task().answers.map((answer, n) => ({ group: "", name: answer.label, value: String(n) }));
    fill(at("consensus"), [{ group: "", name: "anything", value: "" }, ...answers, { group: "", name: "as many for several", value: "tie" }, { group: "", name: "no answers yet", value: "none" }]);
    refresh();
  }

  function pageKey(event) {
    if (at("detail").open || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && !["INPUT", "SELECT"].includes(document.activeElement.tagName)) {
      at("search").focus();
      event.preventDefault();
    }
  }

  function start() {
    const sized = data.rows.find((row) => row[PICTURES].length && row[PICTURES][0][1]);
    if (sized) at("cards").style.setProperty("--card", sized[PICTURES][0][1] > 1.5 * sized[PICTURES][0][2] ? "22rem" : "12rem");
    fill(at("task"), data.tasks.map((one, n) => ({ group: "", name: one.name, value: String(n) })));
    at("task-label").hidden = data.tasks.length < 2;
    for (const name of ["search", "least"]) at(name).addEventListener("input", refresh);
    at("task").addEventListener("change", chooseTask);
    at("consensus").addEventListener("change", refresh);
    at("sort").addEventListener("change", () => { state.sort = Number(at("sort").value); refresh(); });
    at("direction").addEventListener("click", turn);
    at("previous").addEventListener("click", () => step(-1));
    at("next").addEventListener("click", () => step(1));
    at("detail").addEventListener("keydown", (event) => {
      if (event.key === "ArrowLeft") step(-1);
      else if (event.key === "ArrowRight") step(1);
    });
    at("detail").addEventListener("close", returnFocus);
    document.addEventListener("keydown", pageKey);
    chooseTask();
  }

  start();
})();
