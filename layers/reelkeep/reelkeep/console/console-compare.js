// Two videos side by side, played together, and what is different about them.
// @ts-check
import { call, el, show, title, video } from "./console-base.js";
import { facts, player } from "./console-task.js";

/** @type {import("./console-app.js").Open} */
export function open(wall, _closed, ...ids) {
  document.title = "Compare · Reelkeep";
  const element = el("article.compare", { tabindex: "-1", "aria-label": "Two videos" });
  const films = () => /** @type {HTMLVideoElement[]} */ ([...element.querySelectorAll("video")]);
  const playing = () => films().some((film) => !film.paused);
  const together = el("button.primary", { type: "button", onclick: () => {
    const pause = playing();
    for (const film of films()) {
      if (pause) film.pause();
      else {
        film.currentTime = 0;
        film.play().catch(() => {});
      }
    }
  } }, "Play both");
  for (const name of ["play", "pause"]) element.addEventListener(name, () => (together.textContent = playing() ? "Pause both" : "Play both"), true);

  show(element, async () => {
    /** @type {import("./console-base.js").Task[]} */
    const tasks = await Promise.all(ids.slice(0, 2).map((id) => wall.byId.get(id) ?? call("GET", `tasks/${id}`)));
    const rows = tasks.map((task) => new Map(facts(task)));
    const same = (/** @type {string} */ name) => rows[0].get(name) === rows[1].get(name);
    const names = [...new Set(rows.flatMap((each) => [...each.keys()]))].sort((a, b) => Number(same(a)) - Number(same(b)));
    return [
      el("h1.unseen", "Two videos"),
      el("nav.steps", { "aria-label": "Videos" }, el("a.quiet", { href: wall.address }, "← All videos"), el("span.gap"), together),
      el("div.pair", tasks.map((task) => {
        const made = video(task), film = made && player(made);
        if (film) film.muted = true;
        return el("section", el("div.stage", film ?? el("p.blank", "It has no video.")), el("h2.prompt", el("a", { href: `#/task/${task.id}` }, title(task))));
      })),
      el("table.differences",
        el("caption.unseen", "What is known of each; different values stand out"),
        el("tbody", names.map((name) => el(same(name) ? "tr" : "tr.different", el("th", { scope: "row" }, name), rows.map((each) => el("td", each.get(name) ?? "–")))))),
    ];
  });
  return element;
}
