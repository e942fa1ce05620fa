"use strict";
// What a volunteer sees of a subject: a plot of series, as Zooniverse's own viewer reads the JSON, and pictures that are
// shown one after the other. Nothing here asks any host for anything.
const subjectView = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const WIDTH = 560, HEIGHT = 420, TICKS = 10, MOST_LABELS = 8;
  const MARGIN = { top: 34, right: 14, bottom: 56, left: 90 };
  const SIZES = { small: 15, medium: 40, large: 100 };

  function svg(name, attributes, text) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
    if (text !== undefined) made.textContent = text;
    return made;
  }

  const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

  function isPlot(content) {
    return (
      Array.isArray(content?.data) &&
      content.data.length > 0 &&
      content.data.every(
        (one) => typeof one?.seriesOptions?.label === "string" && Array.isArray(one.seriesData) && one.seriesData.every((p) => isNumber(p?.x) && isNumber(p.y)),
      ) &&
      content.data.some((one) => one.seriesData.length > 0)
    );
  }

  // Steps of 1, 2 or 5 times a power of ten, and limits widened to whole steps, as d3 chooses them.
  function ticksOf(low, high) {
    if (low === high) [low, high] = [low - (Math.abs(low) || 1), high + (Math.abs(high) || 1)];
    const rough = (high - low) / TICKS, power = 10 ** Math.floor(Math.log10(rough));
    const step = power * (rough >= power * Math.sqrt(50) ? 10 : rough >= power * Math.sqrt(10) ? 5 : rough >= power * Math.SQRT2 ? 2 : 1);
    const first = Math.floor(low / step), last = Math.ceil(high / step);
    return Array.from({ length: last - first + 1 }, (_, n) => (first + n) * step);
  }

  function axis(values, from, to) {
    const ticks = ticksOf(Math.min(...values), Math.max(...values)), low = ticks[0], high = ticks.at(-1);
    const every = Math.ceil(ticks.length / MOST_LABELS), labels = ticks.filter((value) => Math.round(value / (ticks[1] - ticks[0])) % every === 0);
    return { ticks, labels, at: (value) => from + ((value - low) / (high - low)) * (to - from) };
  }

  const told = (value) => (Math.abs(value) >= 1e7 ? value.toExponential(1) : Number(value.toPrecision(10)).toLocaleString("en"));

  const SHAPES = {
    circle: (r) => `M${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0`,
    square: (r) => `M${-r},${-r}h${2 * r}v${2 * r}h${-2 * r}z`,
    diamond: (r) => `M0,${-1.4 * r}L${r},0L0,${1.4 * r}L${-r},0z`,
    triangle: (r) => `M0,${-1.2 * r}L${1.1 * r},${0.8 * r}L${-1.1 * r},${0.8 * r}z`,
    cross: (r) => `M${-r / 3},${-r}h${(2 * r) / 3}v${(2 * r) / 3}h${(2 * r) / 3}v${(2 * r) / 3}h${(-2 * r) / 3}v${(2 * r) / 3}h${(-2 * r) / 3}v${(-2 * r) / 3}h${(-2 * r) / 3}v${(-2 * r) / 3}h${(2 * r) / 3}z`,
    star: (r) => "M" + Array.from({ length: 10 }, (_, n) => [n % 2 ? 0.5 * r : 1.2 * r, (n * Math.PI) / 5]).map(([d, a]) => `${d * Math.sin(a)},${-d * Math.cos(a)}`).join("L") + "z",
    wye: (r) => "M" + [0, 1, 2].map((n) => (n * 2 * Math.PI) / 3).map((a) => `0,0L${r * Math.sin(a)},${r * Math.cos(a)}`).join("M"),
  };

  function glyph(options, x, y) {
    const size = isNumber(options.pointSize) ? options.pointSize : SIZES[options.pointSize] ?? 25;
    const r = Math.sqrt(size / Math.PI), shape = SHAPES[options.glyph] ? options.glyph : "circle";
    const colour = /^#[0-9a-f]{6}$/i.test(options.color ?? "") ? options.color : "#00588a";
    return svg("path", { d: SHAPES[shape](r), transform: `translate(${x},${y})`, fill: shape === "wye" ? "none" : colour, stroke: shape === "wye" ? colour : "#ffffff", "stroke-width": shape === "wye" ? 1.5 : 0.6 });
  }

  function drawSeries(group, one, x, y) {
    const colour = one.seriesOptions.color ?? "#00588a";
    for (const point of one.seriesData) {
      const cx = x.at(point.x), cy = y.at(point.y);
      const bar = (x1, y1, x2, y2) => group.append(svg("line", { x1, y1, x2, y2, stroke: colour, "stroke-opacity": 0.45, "stroke-width": 1.5 }));
      if (isNumber(point.x_error)) bar(x.at(point.x - point.x_error), cy, x.at(point.x + point.x_error), cy);
      if (isNumber(point.y_error)) bar(cx, y.at(point.y - point.y_error), cx, y.at(point.y + point.y_error));
      group.append(glyph(one.seriesOptions, cx, cy));
    }
  }

  function drawAxes(target, x, y, options) {
    const bottom = HEIGHT - MARGIN.bottom, middle = (MARGIN.left + WIDTH - MARGIN.right) / 2;
    for (const value of x.labels) {
      target.append(svg("line", { x1: x.at(value), x2: x.at(value), y1: bottom, y2: bottom + 5, stroke: "#444" }));
      target.append(svg("text", { x: x.at(value), y: bottom + 20, "text-anchor": "middle" }, told(value)));
    }
    for (const value of y.labels) {
      target.append(svg("line", { x1: MARGIN.left - 5, x2: MARGIN.left, y1: y.at(value), y2: y.at(value), stroke: "#444" }));
      target.append(svg("text", { x: MARGIN.left - 8, y: y.at(value) + 4, "text-anchor": "end" }, told(value)));
    }
    target.append(svg("text", { x: middle, y: HEIGHT - 12, "text-anchor": "middle" }, options.xAxisLabel ?? ""));
    const height = (MARGIN.top + bottom) / 2;
    target.append(svg("text", { transform: `translate(14,${height}) rotate(-90)`, "text-anchor": "middle" }, options.yAxisLabel ?? ""));
  }

  function drawLegend(target, data) {
    let x = MARGIN.left;
    for (const { seriesOptions } of data) {
      target.append(glyph({ ...seriesOptions, pointSize: Math.min(60, Math.max(12, seriesOptions.pointSize || 25)) }, x + 6, 16));
      target.append(svg("text", { x: x + 16, y: 20 }, seriesOptions.label));
      x += 30 + 7.2 * seriesOptions.label.length;
    }
  }

  function plot(content, name) {
    if (!isPlot(content)) return null;
    const options = content.chartOptions ?? {}, points = content.data.flatMap((one) => one.seriesData);
    const right = WIDTH - MARGIN.right, bottom = HEIGHT - MARGIN.bottom, turned = options.invertAxes ?? {};
    const x = axis(points.map((p) => p.x), ...(turned.x ? [right, MARGIN.left] : [MARGIN.left, right]));
    const y = axis(points.map((p) => p.y), ...(turned.y ? [MARGIN.top, bottom] : [bottom, MARGIN.top]));
    const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "plot", "aria-label": name });
    const clip = `plot-${(plot.count = (plot.count ?? 0) + 1)}`;
    picture.append(svg("rect", { width: WIDTH, height: HEIGHT, fill: "#ffffff" }));
    const edge = { x: MARGIN.left, y: MARGIN.top, width: right - MARGIN.left, height: bottom - MARGIN.top };
    const path = svg("clipPath", { id: clip });
    path.append(svg("rect", edge));
    const group = svg("g", { "clip-path": `url(#${clip})` });
    for (const one of content.data) drawSeries(group, one, x, y);
    const words = svg("g", { "font-size": 13, "font-family": "system-ui, sans-serif", fill: "#222" });
    drawAxes(words, x, y, options);
    drawLegend(words, content.data);
    picture.append(path, svg("rect", { ...edge, fill: "#fafafa", stroke: "#888" }), group, words);
    return picture;
  }

  // Pictures one after the other, with buttons; a single one needs none.
  function flipbook(pictures) {
    const book = document.createElement("div");
    book.className = "flipbook";
    book.append(...pictures);
    if (pictures.length < 2) return book;
    let at = 0, timer = null;
    const count = document.createElement("span");
    count.setAttribute("role", "status");
    const show = (n) => {
      at = (n + pictures.length) % pictures.length;
      pictures.forEach((one, k) => (one.hidden = k !== at));
      count.textContent = `${at + 1} of ${pictures.length}`;
    };
    const button = (words, label, act) => {
      const made = document.createElement("button");
      Object.assign(made, { type: "button", textContent: words });
      made.setAttribute("aria-label", label);
      made.addEventListener("click", () => act(made));
      return made;
    };
    const play = (made) => {
      if (timer !== null) clearInterval(timer);
      timer = timer === null ? setInterval(() => (book.isConnected ? show(at + 1) : clearInterval(timer)), 700) : null;
      made.textContent = timer === null ? "▶" : "❚❚";
      made.setAttribute("aria-label", timer === null ? "Play the frames" : "Stop");
    };
    const controls = document.createElement("p");
    controls.className = "flip-controls";
    controls.append(button("‹", "Frame before", () => show(at - 1)), button("▶", "Play the frames", play), button("›", "Frame after", () => show(at + 1)), count);
    book.append(controls);
    show(0);
    return book;
  }

  // The plot beside the pictures; one above the other where there is no room.
  function beside(target, plots, pictures) {
    const made = plots.filter(Boolean);
    target.classList.add("subject-view");
    target.replaceChildren(...made, ...(pictures.length ? [flipbook(pictures)] : []));
  }

  return { plot, flipbook, beside };
})();
