// Two videos side by side, played together, and what is different about them.
// @ts-check
import { call, el, title, video } from "./console-base.js";
import { facts, player } from "./console-task.js";

/** @type {import("./console-app.js").Open} */
export function open(wall, lockedOut, ...ids) {
  const element = el("article.compare", { tabindex: "-1", "aria-label": "Two videos" }, el("p.quiet-text", null, "One moment…"));
  document.title = "Compare · Reelkeep";
  const films = () => /** @type {HTMLVideoElement[]} */ ([...element.querySelectorAll("video")]);
  const pause = () => films().forEach((film) => film.pause());

  async function begin() {
    try {
      paint(await Promise.all(ids.slice(0, 2).map(async (id) => wall.byId.get(id) ?? call("GET", `tasks/${id}`))));
    } catch (trouble) {
      if (lockedOut(trouble)) return;
      element.replaceChildren(el("p.error", { role: "alert" }, /** @type {Error} */ (trouble).message), el("button.secondary", { type: "button", onclick: begin }, "Try again"));
    }
  }

  /** @param {any[]} tasks */
  function paint(tasks) {
    const rows = tasks.map((task) => new Map(facts(task)));
    const same = (/** @type {string} */ name) => rows[0].get(name) === rows[1].get(name);
    const names = [...new Set(rows.flatMap((each) => [...each.keys()]))].sort((a, b) => Number(same(a)) - Number(same(b)));
    const together = el("button.primary", { type: "button", onclick: () => {
      const playing = films().some((film) => !film.paused);
      pause();
      if (!playing) films().forEach((film) => {
        film.currentTime = 0;
        film.play().catch(() => {});
      });
    } }, "Play both");
    for (const name of ["play", "pause"]) element.addEventListener(name, () => (together.textContent = films().some((film) => !film.paused) ? "Pause both" : "Play both"), true);
    element.replaceChildren(
      el("nav.steps", { "aria-label": "Videos" }, el("a.quiet", { href: wall.address }, "← All videos"), el("span.gap"), together),
      el("div.pair", null, ...tasks.map((task) => {
        const made = video(task);
        return el("section", null,
          el("div.stage", null, made ? player(made) : el("p.blank", null, "It has no video.")),
          el("h2.prompt", null, el("a", { href: `#/task/${task.id}` }, title(task))));
      })),
      el("table.differences", null,
        el("caption.unseen", null, "What is known of each; different values stand out"),
        el("tbody", null, ...names.map((name) =>
          el(same(name) ? "tr" : "tr.different", null, el("th", { scope: "row" }, name), ...rows.map((each) => el("td", null, each.get(name) ?? "–")))))));
    for (const film of films()) film.muted = true;
  }

  begin();
  return { element, close: pause };
}
