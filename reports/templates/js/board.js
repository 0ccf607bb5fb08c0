// Filters of the board. A claim that is filtered out goes with its section: what is left is what is read and printed.
// The state stands in the address as #board?verdict=MIXED&system=cart-pole, so that a view can be passed on.
const filters = document.getElementById("filters");
if (filters) {
  const rows = [...document.querySelectorAll(".board tbody tr")];
  const words = new Map(rows.map((row) => [row, `${row.textContent} ${row.dataset.systems}`.toLowerCase()]));
  const sections = new Map(rows.map((row) => [row, document.getElementById(row.dataset.claim)]));
  const count = filters.elements.namedItem("count");
  const FIELDS = ["verdict", "system", "words", "changed"];

  const shows = (row, chosen) => {
    const verdicts = chosen.getAll("verdict");
    const system = chosen.get("system") || "";
    const on = row.dataset.systems.split(",").some((key) => key === system || key.startsWith(`${system} `));
    const asked = (chosen.get("words") || "").toLowerCase().split(/\s+/).filter(Boolean);
    return (
      (!verdicts.length || verdicts.includes(row.dataset.verdict)) &&
      (!system || on) &&
      (!chosen.get("changed") || "changed" in row.dataset) &&
      asked.every((word) => words.get(row).includes(word))
    );
  };

  const apply = () => {
    const chosen = new FormData(filters);
    let left = 0;
    for (const row of rows) {
      const shown = shows(row, chosen);
      row.hidden = !shown;
      sections.get(row).hidden = !shown;
      left += shown;
    }
    count.value = `${left} of ${rows.length} claims`;
    filters.classList.toggle("active", left < rows.length);
    document.getElementById("none-left").hidden = left > 0;
    return chosen;
  };

  const remember = (chosen) => {
    const kept = new URLSearchParams([...chosen].filter(([name, value]) => FIELDS.includes(name) && value));
    history.replaceState(null, "", kept.size ? `#board?${kept}` : "#board");
  };

  const recall = () => {
    const kept = new URLSearchParams(location.hash.slice("#board?".length));
    for (const input of filters.querySelectorAll("input, select")) {
      if (input.type === "checkbox") input.checked = kept.getAll(input.name).includes(input.value);
      else input.value = kept.get(input.name) || "";
    }
    if (filters.elements.system && filters.elements.system.selectedIndex < 0) filters.elements.system.value = "";
    apply();
    document.getElementById("board").scrollIntoView();
  };

  // A link into a section that is filtered out brings everything back, and then goes there.
  const arrive = () => {
    if (location.hash.startsWith("#board?")) return recall();
    const target = location.hash.length > 1 && document.querySelector(`#${CSS.escape(location.hash.slice(1))}`);
    if (target && target.closest("[hidden]")) {
      filters.reset();
      apply();
      target.scrollIntoView();
    }
  };

  filters.hidden = false;
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("input", () => remember(apply()));
  filters.addEventListener("reset", () => setTimeout(() => remember(apply())));
  window.addEventListener("hashchange", arrive);
  apply(); // a browser may have kept what was filled in before a reload
  arrive();
}
