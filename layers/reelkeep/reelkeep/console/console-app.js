// Signs in, and shows the view that the address names: #/ the wall, #/task/<id>, #/compare/<id>/<id>,
// #/new, #/care/<section>.
// @ts-check
import { el, key, root, say } from "./console-base.js";
import { Wall } from "./console-wall.js";

const view = /** @type {HTMLElement} */ (document.getElementById("view"));
const actions = /** @type {HTMLElement} */ (document.getElementById("actions"));
/** @typedef {(wall: Wall, closed: AbortSignal, ...ids: string[]) => any} Open  a view's element */
/** @type {Record<string, () => Promise<{open: Open}>>} */
const VIEWS = {
  task: () => import("./console-task.js"),
  compare: () => import("./console-compare.js"),
  new: () => import("./console-form.js"),
  care: () => import("./console-care.js"),
};
/** @type {Wall | null} */
let wall = null;
let shown = new AbortController(); // of a view

function takeKey() {
  if (!location.hash.startsWith("#key=")) return;
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  // At once: neither the history nor a screenshot keeps it.
  history.replaceState(null, "", `${location.pathname}${location.search}#/`);
  if (!given) return;
  signOut();
  key.set(given.trim());
}

function signOut(sentence = "") {
  wall?.stop();
  wall = null;
  shown.abort();
  key.forget();
  say("");
  actions.hidden = true;
  document.title = "Reelkeep";
  const input = el("input", { type: "password", id: "key", autocomplete: "off", spellcheck: "false", required: true, "aria-describedby": "key-hint key-error" });
  view.replaceChildren(el("form.card.sign-in", { onsubmit: (/** @type {Event} */ event) => {
    event.preventDefault();
    key.set(input.value.trim());
    route();
  } },
    el("h1", "Your videos, kept."),
    el("p.quiet-text", "Sign in with an API key. It stays in this tab and is forgotten when you close it."),
    el("label", { for: "key" }, "API key"),
    input,
    el("p.error", { id: "key-error", role: "alert" }, sentence),
    el("button.primary", { type: "submit" }, "Open"),
    el("p.hint", { id: "key-hint" }, "Whoever runs this Reelkeep makes keys with ", el("code", "reelkeep keys create --owner NAME"), "."),
  ));
  input.focus();
}

async function route() {
  takeKey();
  if (!key.get()) return signOut();
  shown.abort();
  const { signal } = (shown = new AbortController());
  actions.hidden = false;
  wall ??= new Wall();
  if (!wall.element.isConnected) view.replaceChildren(wall.element);
  for (const other of [...view.children]) if (other !== wall.element) other.remove(); // whoever types on the wall goes on
  const [, place, ...rest] = location.hash.split("?")[0].split("/"), load = VIEWS[place];
  wall.show(!load);
  if (!load) return;
  const module = await load();
  if (signal.aborted) return;
  const element = module.open(wall, signal, ...rest);
  view.append(element);
  element.focus({ preventScroll: true });
  scrollTo(0, 0);
}

/** @type {HTMLAnchorElement} */ (document.getElementById("docs")).href = new URL("docs", root).href;
document.getElementById("leave")?.addEventListener("click", () => {
  sessionStorage.clear();
  signOut();
});
document.querySelector(".skip")?.addEventListener("click", (event) => {
  event.preventDefault();
  view.focus();
});
document.addEventListener("keydown", (event) => {
  if (event.target instanceof HTMLElement && event.target.closest("input, textarea, select, video")) return;
  if (event.ctrlKey || event.metaKey || event.altKey || !key.get()) return;
  if (event.key === "n") location.hash = "#/new";
  if (event.key === "/" && wall?.visible) {
    event.preventDefault();
    wall.search.focus();
  }
  if (event.key !== "Escape") return;
  if (wall?.visible && wall.selected.size) wall.select([...wall.selected], false);
  else if (location.hash.length > 2) location.hash = wall?.address ?? "#/";
});
addEventListener("lockedout", (event) => signOut(/** @type {CustomEvent} */ (event).detail));
addEventListener("hashchange", route);
route();
