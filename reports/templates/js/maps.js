// A grid that answers: a slider leads its heat maps through the levels, and its agents play when they are told to, never
// by themselves. What the data is, reports/grids.py says.
const source = document.getElementById("maps");
const STEP = 110; // ms
const CALM = 500; // ms, for those who asked for less motion
const TRAIL = 12; // cells

function lead(element, { frames, maps }) {
  const dial = element.querySelector(".dial");
  const input = dial.querySelector("input");
  const show = () => {
    const frame = input.valueAsNumber;
    input.setAttribute("aria-valuetext", frames[frame]);
    element.querySelector(".shown output").value = frames[frame];
    for (const [place, shown] of element.querySelectorAll(".map").entries()) {
      const map = maps[place];
      shown.querySelector("span").textContent = map.says[frame];
      shown.querySelector("[role=img]").setAttribute("aria-label", `${map.name}: ${map.says[frame]}`);
      for (const [colour, path] of shown.querySelectorAll(".pixels").entries()) path.setAttribute("d", pixels(map, frame, String(colour)));
    }
  };
  dial.hidden = false;
  input.addEventListener("input", show);
  show();
}

// As reports/heat_maps.py draws them.
function pixels({ columns, frames, small }, frame, wanted) {
  return Array.from(frames[frame], (at, cell) => {
    if (at !== wanted) return "";
    const [x, y] = [cell % columns, Math.floor(cell / columns)];
    return small.includes(cell) ? `M${x}.3,${y}.3h.32v.32h-.32z` : `M${x},${y}h.92v.92h-.92z`;
  }).join("");
}

class Player {
  #timer = 0;

  constructor(element, { columns, things, games }) {
    Object.assign(this, { columns, things, games, element });
    this.button = element.querySelector("button");
    this.input = element.querySelector("input");
    this.last = Number(this.input.max);
    this.boards = [...element.querySelectorAll(".board-of")];
    this.button.addEventListener("click", () => (this.#timer ? this.pause() : this.play()));
    this.input.addEventListener("input", () => {
      this.pause();
      this.show();
    });
    element.hidden = false;
    this.show();
  }

  play() {
    if (this.input.valueAsNumber >= this.last) this.input.value = 0;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.button.textContent = "Pause";
    this.#timer = setInterval(() => this.step(), calm ? CALM : STEP);
    this.show();
  }

  pause() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.button.textContent = "Play";
  }

  step() {
    this.input.stepUp();
    this.show();
    if (this.input.valueAsNumber >= this.last) this.pause();
  }

  show() {
    const time = this.input.valueAsNumber;
    const said = `step ${time} of ${this.last}`;
    const games = this.games.map((game) => this.state(game, time));
    this.element.querySelector(".time").textContent = said;
    this.input.setAttribute("aria-valuetext", [said, ...games.map(({ name, score }) => `${name}: ${score}`)].join("; "));
    for (const [place, board] of this.boards.entries()) this.draw(board, games[place]);
  }

  // One game after so many steps; one that is over stays as it ended.
  state({ name, agent, movers, rewards }, time) {
    const now = Math.min(time, rewards.length);
    const points = rewards.slice(0, now).reduce((sum, reward) => sum + reward, 0);
    return {
      name,
      score: `return ${String(points).replace("-", "−")}${time >= rewards.length ? `, over after ${rewards.length} steps` : ""}`,
      gone: new Set(agent.slice(0, now + 1)),
      trail: agent.slice(Math.max(0, now - TRAIL), now + 1).filter((cell) => cell >= 0),
      places: movers.map((path) => path[now]),
    };
  }

  draw(board, { score, gone, trail, places }) {
    board.querySelector(".score").textContent = score;
    for (const [place, path] of board.querySelectorAll(".things").entries()) {
      const [shape, cells] = this.things[place];
      const left = cells.filter((cell) => !gone.has(cell));
      path.setAttribute("d", left.map((cell) => `M${this.middle(cell)}${shape.replace("M", "m")}`).join(""));
    }
    board.querySelector(".trail").setAttribute("d", trail.length > 1 ? `M${trail.map((cell) => this.middle(cell)).join("L")}` : "");
    for (const [place, mover] of board.querySelectorAll(".mover").entries()) {
      mover.setAttribute("display", places[place] < 0 ? "none" : "inline");
      if (places[place] >= 0) mover.setAttribute("transform", `translate(${this.middle(places[place])})`);
    }
  }

  middle(cell) {
    return `${(cell % this.columns) + 0.5},${Math.floor(cell / this.columns) + 0.5}`;
  }
}

for (const [key, panel] of Object.entries(source ? JSON.parse(source.textContent) : {})) {
  const element = document.querySelector(`[data-maps="${CSS.escape(key)}"]`);
  const player = element.querySelector(".player");
  if (panel.kept && panel.kept.frames.length > 1) lead(element, panel.kept);
  if (player) new Player(player, panel);
}
