"use strict";
// Scenes are drawn when they come into sight, or before the page is printed. Arrow keys rotate a scene, + and - zoom.
const TURN = { displayModeBar: false, responsive: true };
const waiting = new Map();

function scene(name, draw) {
  const place = document.getElementById(name);
  waiting.set(place, draw);
  seen.observe(place);
}

function show(place) {
  const draw = waiting.get(place);
  if (!draw) return;
  waiting.delete(place);
  seen.unobserve(place);
  turnable(place);
  draw(place);
}

const seen = new IntersectionObserver(
  (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => show(entry.target)),
  { rootMargin: "200px" },
);
window.addEventListener("beforeprint", () => [...waiting.keys()].forEach(show));

function turnable(place) {
  place.tabIndex = 0;
  place.setAttribute("role", "application");
  place.setAttribute("aria-label", "Structure in three dimensions: arrow keys rotate, plus and minus zoom");
  place.addEventListener("keydown", (event) => {
    const step = {
      ArrowLeft: [-0.15, 0, 1], ArrowRight: [0.15, 0, 1], ArrowUp: [0, 0.15, 1], ArrowDown: [0, -0.15, 1],
      "+": [0, 0, 1 / 1.1], "=": [0, 0, 1 / 1.1], "-": [0, 0, 1.1],
    }[event.key];
    if (!step || !place.layout) return;
    event.preventDefault();
    const { x, y, z } = place.layout.scene.camera.eye;
    const far = Math.hypot(x, y, z) * step[2];
    const around = Math.atan2(y, x) + step[0];
    const above = Math.max(-1.5, Math.min(1.5, Math.asin(z / Math.hypot(x, y, z)) + step[1]));
    const eye = { x: far * Math.cos(above) * Math.cos(around), y: far * Math.cos(above) * Math.sin(around), z: far * Math.sin(above) };
    Plotly.relayout(place, { "scene.camera.eye": eye });
  });
}
