// Small plots of the last hour, a bar a minute.

import { s } from "./dom.js";
import { number } from "./text.js";

const HEIGHT = 44;

/** `values` of the minutes, oldest first; `what` is what they count. */
export function minuteBars(values, what, tone) {
  const most = Math.max(...values, 0);
  const step = 100 / Math.max(values.length, 1);
  const total = values.reduce((sum, each) => sum + each, 0);
  const bars = values.map((value, at) => {
    const height = value === 0 ? 1
      : Math.max(3, Math.round(value / most * (HEIGHT - 2)));
    return s("rect", {
      class: value === 0 ? "none" : tone, x: `${(at * step).toFixed(2)}%`,
      width: `${(step * 0.72).toFixed(2)}%`, y: HEIGHT - height, height, rx: 1 });
  });
  return s("svg", {
    class: "plot", height: HEIGHT, role: "img",
    "aria-label": `${what}, a bar a minute over the last hour: `
      + `${number(total)} in all, ${number(most)} in a minute at the most` },
  bars);
}

/** How much of a limit is taken. */
export function meter(value, limit, what) {
  const share = limit > 0 ? Math.min(1, value / limit) : 0;
  return s("svg", {
    class: `meter ${share > 0.8 ? "high" : ""}`, height: 8, role: "img",
    "aria-label": `${what}: ${number(value)} of ${number(limit)}` },
  s("rect", { class: "room", width: "100%", height: 8, rx: 4 }),
  value > 0 && s("rect", { class: "taken", height: 8, rx: 4,
    width: `${Math.max(1, share * 100).toFixed(1)}%` }));
}
