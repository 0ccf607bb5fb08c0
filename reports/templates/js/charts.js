// Charts that answer. Vega draws a chart in place of its static picture before it comes into view. The legend's entries are
// checkboxes that show and hide lines. A slider over each panel follows the pointer and the keys, and says what the table
// below the chart says of a level. Which signals Vega is given is told in reports/vega.py.
const drawings = JSON.parse(document.getElementById("drawings").textContent);
const OPTIONS = { mode: "vega", renderer: "svg", ast: true, actions: false, tooltip: false, defaultStyle: false };

function enliven(figure) {
  const swatches = [...figure.querySelectorAll(".swatch")];
  const boxes = swatches.map((swatch) => swatch.querySelector("input"));
  const table = document.querySelector(`#${figure.dataset.chart}-numbers table`);
  const [head, ...rows] = Array.from(table.rows, (row) => Array.from(row.cells, (cell) => cell.textContent).slice(-5));
  const chart = { ...drawings[figure.dataset.chart], head, rows, swatches, shown: boxes.map(() => true) };
  chart.points = chart.panels.map((spec) => spec.data.find(({ name }) => name === "points").values);
  const panels = Array.from(figure.querySelectorAll(".panel"), (element, place) => new Panel(chart, place, element));
  const update = () => panels.forEach((panel) => panel.update());
  for (const box of boxes) {
    box.hidden = false;
    box.addEventListener("change", () => {
      box.checked ||= !boxes.some(({ checked }) => checked); // at least one line stays
      chart.shown = boxes.map(({ checked }) => checked);
      update();
    });
  }
  const watch = new IntersectionObserver((seen) => {
    if (!seen.some((change) => change.isIntersecting)) return;
    watch.disconnect();
    update();
  }, { rootMargin: "400px" });
  watch.observe(figure);
}

class Panel {
  told = false; // whether the numbers are shown

  constructor(chart, place, element) {
    Object.assign(this, { chart, spec: chart.panels[place], points: chart.points[place], element });
    for (const name of ["picture", "slider", "values"]) this[name] = element.querySelector(`.${name}`);
    this.slider.hidden = false;
    this.picture.addEventListener("pointermove", (event) => this.follow(event));
    this.picture.addEventListener("pointerdown", (event) => this.follow(event));
    this.picture.addEventListener("pointerleave", () => this.tell(document.activeElement === this.slider));
    for (const [event, told] of [["focus", true], ["input", true], ["blur", false]]) {
      this.slider.addEventListener(event, () => this.tell(told));
    }
    this.slider.addEventListener("keydown", ({ key }) => key === "Escape" && this.tell(false));
    this.say();
  }

  async follow({ clientX }) {
    this.slider.value = await this.nearest(clientX);
    this.tell(true);
  }

  tell(told) {
    this.told = told;
    this.update();
  }

  async update() {
    this.say();
    const view = await (this.view ??= this.draw());
    const signals = { at: this.told ? this.slider.valueAsNumber : -1, shown: [...this.chart.shown], ...this.ends() };
    for (const [name, value] of Object.entries(signals)) view.signal(name, value);
    await view.runAsync();
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
    const { points, shown, kept } = this.chart;
    const all = points.flat().filter((point) => shown[point.entry]);
    const values = kept.concat(all.flatMap(({ mean, lower, upper }) => [mean, lower, upper]));
    return { low: Math.min(...values), high: Math.max(...values) };
  }

  // The level whose points stand nearest below or above a place of the window.
  async nearest(left) {
    const view = await (this.view ??= this.draw());
    const { x, width } = this.picture.getBoundingClientRect();
    const at = ((left - x) / width) * this.picture.querySelector(".live svg").viewBox.baseVal.width - view.origin()[0];
    const far = ({ place }) => Math.abs(view.scale("x")(place) - at);
    const shown = this.points.filter((point) => this.chart.shown[point.entry]);
    return shown.reduce((best, point) => (far(point) < far(best) ? point : best)).level;
  }

  // The table's rows at the level: for the ear as the slider's value, for the eye in a box. Lines that share one entry of
  // the legend, as "all others" do, are left to the table.
  say() {
    const { head, rows, swatches, shown } = this.chart;
    const here = this.points
      .filter(({ entry, level }) => shown[entry] && level === this.slider.valueAsNumber)
      .map(({ entry, row }) => ({ swatch: swatches[entry], cells: rows[row] }))
      .filter(({ swatch, cells }) => swatch.textContent === cells[0]);
    const said = here.map(({ cells: [name, place, mean, interval, n] }) => `${name} at ${place}: ${mean} ${interval}, n ${n}`);
    this.slider.setAttribute("aria-valuetext", said.join("; "));
    this.values.hidden = !this.told;
    if (!this.told) return;
    const body = here.map(({ swatch, cells: [name, ...cells] }) => {
      const first = make("td", "", swatch.querySelector("svg").cloneNode(true), name);
      return make("tr", "", first, ...cells.map((text) => make("td", "", text)));
    });
    const titles = head.map((text, column) => make("th", "", column ? text : ""));
    this.values.replaceChildren(make("table", "", make("tr", "", ...titles), ...body));
    this.put();
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

function make(tag, name, ...content) {
  const element = document.createElement(tag);
  element.className = name;
  element.append(...content);
  return element;
}

for (const figure of document.querySelectorAll("figure[data-chart]")) enliven(figure);
