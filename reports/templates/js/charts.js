// Charts that answer. Vega draws a chart in place of its static picture before it comes into view; the legend's entries are
// buttons that show and hide lines; a slider over each panel, moved by pointer or arrow keys, says the numbers at a level,
// in the words of the chart's table. What Vega is told by which signal, reports/vega.py says.
const drawings = JSON.parse(document.getElementById("drawings").textContent);
const OPTIONS = { mode: "vega", renderer: "svg", ast: true, actions: false, tooltip: false, defaultStyle: false };
const KEYS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -3, PageUp: 3, Home: -Infinity, End: Infinity };

function enliven(figure) {
  const { chart: key } = figure.dataset;
  const swatches = [...figure.querySelectorAll(".swatch")];
  const chart = {
    ...drawings[key],
    rows: Array.from(document.querySelectorAll(`#${key}-numbers tbody tr`), (row) => Array.from(row.cells, (cell) => cell.textContent)),
    labels: swatches.map((swatch) => swatch.textContent),
    icons: swatches.map((swatch) => swatch.querySelector("svg")),
    shown: swatches.map(() => true),
  };
  const panels = Array.from(figure.querySelectorAll(".panel"), (element, place) => new Panel(chart, chart.panels[place], element));
  const buttons = swatches.map((swatch, entry) => {
    const button = make("button", "swatch", ...swatch.childNodes);
    button.type = "button";
    button.addEventListener("click", () => {
      turn(chart.shown, entry);
      press(buttons, chart.shown);
      for (const panel of panels) panel.update();
    });
    swatch.replaceWith(button);
    return button;
  });
  press(buttons, chart.shown);
  const watch = new IntersectionObserver((seen) => {
    if (!seen.some((change) => change.isIntersecting)) return;
    watch.disconnect();
    for (const panel of panels) panel.update();
  }, { rootMargin: "400px" });
  watch.observe(figure);
}

// At least one line stays.
function turn(shown, entry) {
  if (!shown[entry] || count(shown) > 1) shown[entry] = !shown[entry];
}

function press(buttons, shown) {
  for (const [entry, button] of buttons.entries()) {
    button.setAttribute("aria-pressed", shown[entry]);
    button.setAttribute("aria-disabled", shown[entry] && count(shown) === 1);
  }
}

class Panel {
  at = -1; // the level pointed at
  last = 0; // the level that was, or will be
  #view = null;

  constructor(chart, { name, levels, spec }, element) {
    Object.assign(this, { chart, levels, spec, element, picture: element.querySelector(".picture") });
    this.slider = make("div", "slider");
    this.values = make("div", "values");
    this.values.setAttribute("aria-hidden", true); // the slider says the same
    const role = { role: "slider", tabindex: 0, "aria-label": `Level of ${name}`, "aria-valuemin": 0, "aria-valuemax": levels - 1 };
    for (const [attribute, value] of Object.entries(role)) this.slider.setAttribute(attribute, value);
    this.picture.append(this.slider);
    this.picture.after(this.values);
    this.say();
    this.listen();
  }

  listen() {
    const { slider } = this;
    const follow = async (event) => this.point(await this.nearest(event.clientX));
    slider.addEventListener("pointermove", follow);
    slider.addEventListener("pointerdown", follow);
    slider.addEventListener("pointerleave", () => document.activeElement === slider || this.point(-1));
    slider.addEventListener("focus", () => this.point(this.last));
    slider.addEventListener("blur", () => this.point(-1));
    slider.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.point(-1);
      if (!(event.key in KEYS) || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      this.point(Math.max(0, Math.min(this.levels - 1, this.last + KEYS[event.key])));
    });
  }

  point(level) {
    if (level === this.at) return;
    this.at = level;
    if (level >= 0) this.last = level;
    this.update();
  }

  async update() {
    this.say();
    const view = await this.view();
    await tell(view, { at: this.at, shown: [...this.chart.shown], ...this.ends() });
  }

  view() {
    this.#view ??= this.draw();
    return this.#view;
  }

  async draw() {
    const live = make("div", "live");
    live.setAttribute("aria-hidden", true);
    this.picture.querySelector("[role=img]").append(live);
    const { view } = await vegaEmbed(live, structuredClone(this.spec), OPTIONS);
    this.picture.classList.add("drawn");
    return view;
  }

  // Ends of the value axis: all that is shown, over all panels of the chart, so that they keep one axis.
  ends() {
    const { panels, shown, kept } = this.chart;
    const all = panels.flatMap(pointsOf).filter((point) => shown[point.entry]);
    const values = kept.concat(all.flatMap(({ mean, lower, upper }) => [mean, lower, upper]));
    return { low: Math.min(...values), high: Math.max(...values) };
  }

  // The level whose points stand nearest below or above a place of the window.
  async nearest(left) {
    const view = await this.view();
    const { x, width } = this.slider.getBoundingClientRect();
    const at = ((left - x) / width) * this.picture.querySelector(".live svg").viewBox.baseVal.width - view.origin()[0];
    const far = ({ place }) => Math.abs(view.scale("x")(place) - at);
    const shown = pointsOf(this).filter((point) => this.chart.shown[point.entry]);
    return shown.reduce((best, point) => (far(point) < far(best) ? point : best)).level;
  }

  // The numbers at the level: for the ear as the slider's value, for the eye in a box.
  say() {
    const { lines, place } = this.told();
    const texts = lines.map(({ name, mean, interval, n }) => `${name} ${mean} ${interval}, n ${n}`);
    this.slider.setAttribute("aria-valuenow", this.last);
    this.slider.setAttribute("aria-valuetext", [place, ...texts].join("; "));
    this.values.hidden = this.at < 0;
    if (this.at < 0) return;
    const head = [place, "mean", "95 % interval", "n"].map((text) => make("th", "", text));
    const body = lines.map(({ entry, name, mean, interval, n }) => {
      const cells = [[this.chart.icons[entry].cloneNode(true), name], [mean], [interval], [n]];
      return make("tr", "", ...cells.map((content) => make("td", "", ...content)));
    });
    this.values.replaceChildren(make("table", "", make("tr", "", ...head), ...body));
    this.put();
  }

  // Lines and place in words; where the lines stand a little beside each other, each with its own.
  told() {
    const lines = this.lines().sort((a, b) => a.entry - b.entry);
    const places = [...lines].sort((a, b) => a.at - b.at).map((line) => line.place);
    const [first, last] = [places[0] ?? "", places.at(-1)];
    if (first === last || !lines.length) return { lines, place: `${first} ${this.chart.place}` };
    const own = lines.map((line) => ({ ...line, name: `${line.name} at ${line.place}` }));
    return { lines: own, place: `${first} to ${last} ${this.chart.place}` };
  }

  // What the table says of each shown entry of the legend; several lines under one entry are told by their range.
  lines() {
    const { labels, rows, shown } = this.chart;
    return labels.flatMap((label, entry) => {
      const here = pointsOf(this).filter((point) => shown[entry] && point.entry === entry && point.level === this.last);
      if (!here.length) return [];
      const cells = here.sort((a, b) => a.mean - b.mean).map((point) => rows[point.row].slice(-5));
      const [[name, place, mean, interval, n]] = cells;
      const at = here[0].place;
      if (cells.length === 1) return [{ entry, at, name, place, mean, interval, n }];
      return [{ entry, at, name: `${label} (${cells.length})`, place, mean: `${mean} to ${cells.at(-1)[2]}`, interval: "", n }];
    });
  }

  // Below the panel, where it hides no line; above where the window ends; never past the window's right side.
  put() {
    const { style, classList } = this.values;
    const { top, bottom, left } = this.element.getBoundingClientRect();
    const { width, height } = this.values.getBoundingClientRect();
    style.left = `${Math.min(0, document.documentElement.clientWidth - 8 - left - width)}px`;
    classList.toggle("above", bottom + height > innerHeight && top > height);
  }
}

function pointsOf({ spec }) {
  return spec.data.find(({ name }) => name === "points").values;
}

function tell(view, signals) {
  for (const [name, value] of Object.entries(signals)) view.signal(name, value);
  return view.runAsync();
}

function count(shown) {
  return shown.filter(Boolean).length;
}

function make(tag, name, ...content) {
  const element = document.createElement(tag);
  element.className = name;
  element.append(...content);
  return element;
}

for (const figure of document.querySelectorAll("figure[data-chart]")) enliven(figure);
