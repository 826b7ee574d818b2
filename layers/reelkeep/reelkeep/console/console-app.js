// Signs in, and shows the view that the address names: #/ the wall, #/task/<id>, #/compare/<id>/<id>,
// #/new, #/care/<section>.
// @ts-check
import { call, el, key, root, say, Trouble } from "./console-base.js";
import { Wall } from "./console-wall.js";

const view = /** @type {HTMLElement} */ (document.getElementById("view"));
const actions = /** @type {HTMLElement} */ (document.getElementById("actions"));
/** @typedef {(wall: Wall, lockedOut: (trouble: any) => boolean, ...ids: string[]) => {element: any, close: () => void}} Open */
/** @type {Record<string, () => Promise<{open: Open}>>} */
const VIEWS = {
  task: () => import("./console-task.js"),
  compare: () => import("./console-compare.js"),
  new: () => import("./console-form.js"),
  care: () => import("./console-care.js"),
};
/** @type {Wall | null} */
let wall = null;
/** @type {(() => void) | null} */
let close = null;
let openings = 0;

function takeKey() {
  if (!location.hash.startsWith("#key=")) return;
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  // At once: neither the history nor a screenshot keeps it.
  history.replaceState(null, "", `${location.pathname}${location.search}#/`);
  if (given) {
    signOut();
    key.set(given.trim());
  }
}

function signOut(sentence = "") {
  wall?.stop();
  close?.();
  wall = close = null;
  key.forget();
  say("");
  signIn(sentence);
}

function signIn(sentence = "") {
  actions.hidden = true;
  document.title = "Reelkeep";
  const input = el("input", {
    type: "password", id: "key", name: "key", autocomplete: "off", spellcheck: "false", required: true,
    "aria-describedby": "key-hint key-error",
  });
  const error = el("p.error", { id: "key-error", role: "alert" }, sentence);
  const form = el("form.card.sign-in", null,
    el("h1", null, "Your videos, kept."),
    el("p.quiet-text", null, "Sign in with an API key. It stays in this tab and is forgotten when you close it."),
    el("label", { for: "key" }, "API key"),
    input,
    error,
    el("button.primary", { type: "submit" }, "Open"),
    el("p.hint", { id: "key-hint" }, "Whoever runs this Reelkeep makes keys with ", el("code", null, "make key OWNER=name"), "."),
  );
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    key.set(input.value.trim());
    error.textContent = "";
    try {
      await call("GET", "tasks?limit=1");
      route();
    } catch (trouble) {
      key.forget();
      error.textContent = trouble instanceof Trouble ? trouble.message : String(trouble);
      input.focus();
    }
  });
  view.replaceChildren(form);
  input.focus();
}

/** What a view does about a call that failed: true if it was the key, and the view is gone. @param {any} trouble */
export function lockedOut(trouble) {
  if (!(trouble instanceof Trouble) || trouble.status !== 401) return false;
  signOut(`${trouble.message} Sign in with another one.`);
  return true;
}

async function route() {
  takeKey();
  if (!key.get()) return signIn();
  const opening = ++openings;
  close?.();
  close = null;
  actions.hidden = false;
  if (!wall) {
    wall = new Wall(lockedOut);
    view.replaceChildren(wall.element);
  }
  const [, place, ...rest] = location.hash.split("?")[0].split("/");
  const load = VIEWS[place];
  const shown = load !== undefined;
  wall.show(!shown);
  for (const other of [...view.children]) if (other !== wall.element) other.remove();
  if (!shown) return;
  const module = await load();
  if (opening !== openings || !wall) return;
  const opened = module.open(wall, lockedOut, ...rest);
  close = opened.close;
  view.append(opened.element);
  opened.element.focus({ preventScroll: true });
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
addEventListener("hashchange", route);
route();
