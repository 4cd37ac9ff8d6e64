// The flame chart's zoom and search. Everything else stands without it. Where the page is opened with #zoom=NAME or #search=TEXT it begins so.
"use strict";
(() => {
  const flame = document.getElementById("flame");
  if (!flame) return;
  const tiles = Array.from(flame.querySelectorAll(".tile"), (node) => ({
    node, begin: Number(node.dataset.b), cycles: Number(node.dataset.c), name: node.dataset.n, top: node.offsetTop,
  }));
  const whole = Number(flame.dataset.whole);
  const told = document.getElementById("told");
  const search = document.getElementById("search");
  const matched = document.getElementById("matched");

  const zoom = (begin, cycles, what) => {
    for (const tile of tiles) {
      const from = Math.max(tile.begin, begin), to = Math.min(tile.begin + tile.cycles, begin + cycles);
      tile.node.hidden = to <= from;
      tile.node.style.left = `${(from - begin) * 100 / cycles}%`;
      tile.node.style.width = `${Math.max(to - from, 0) * 100 / cycles}%`;
    }
    flame.dataset.zoomed = what ? what.name : "";
    told.textContent = what ? what.node.title : "The whole run.";
  };

  const find = (text) => {
    const wanted = text.toLowerCase();
    let sum = 0, end = -1;
    // Boxes come from the outermost on: what is within a box that matched is counted with it.
    for (const tile of tiles.slice().sort((a, b) => a.begin - b.begin || b.cycles - a.cycles)) {
      const match = wanted !== "" && tile.name.toLowerCase().includes(wanted);
      tile.node.classList.toggle("match", match);
      if (match && tile.begin >= end) {
        sum += tile.cycles;
        end = tile.begin + tile.cycles;
      }
    }
    matched.textContent = wanted === "" ? "" : `${(sum * 100 / whole).toFixed(2)} % of the run`;
  };

  for (const tile of tiles) tile.node.addEventListener("click", () => zoom(tile.begin, tile.cycles, tile));

  // One box is in the order of the tab key; arrows go on from there: to callers and callees, and to neighbours on the same level.
  const reach = (tile) => {
    for (const other of tiles) other.node.tabIndex = other === tile ? 0 : -1;
  };
  if (tiles.length > 0) reach(tiles[0]);
  const neighbour = (tile, key) => {
    const within = (inner, outer) => inner.begin >= outer.begin && inner.begin + inner.cycles <= outer.begin + outer.cycles;
    const seen = tiles.filter((other) => !other.node.hidden);
    const nearest = (others, distance) => others.sort((a, b) => distance(a) - distance(b))[0];
    if (key === "ArrowUp") return nearest(seen.filter((other) => other.top < tile.top && within(tile, other)), (other) => -other.top);
    if (key === "ArrowDown") {
      return nearest(seen.filter((other) => other.top > tile.top && within(other, tile)), (other) => other.top * 1e15 - other.cycles);
    }
    const level = seen.filter((other) => other.top === tile.top);
    if (key === "ArrowRight") return nearest(level.filter((other) => other.begin > tile.begin), (other) => other.begin);
    if (key === "ArrowLeft") return nearest(level.filter((other) => other.begin < tile.begin), (other) => -other.begin);
    return undefined;
  };
  flame.addEventListener("keydown", (event) => {
    const tile = tiles.find((candidate) => candidate.node === event.target);
    const next = tile && neighbour(tile, event.key);
    if (!next) return;
    event.preventDefault();
    reach(next);
    next.node.focus();
    told.textContent = next.node.title;
  });
  document.getElementById("reset").addEventListener("click", () => zoom(0, whole, null));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") zoom(0, whole, null);
  });
  search.addEventListener("input", () => find(search.value));

  const asked = new URLSearchParams(location.hash.slice(1));
  const tile = tiles.find((candidate) => candidate.name === asked.get("zoom"));
  if (tile) tile.node.click();
  if (asked.get("search")) {
    search.value = asked.get("search");
    search.dispatchEvent(new Event("input"));
  }
})();
