// The wall: all videos, newest first. Only the tiles near the window are in the document.
// @ts-check
import { asked, call, CANCELLABLE, clockTime, day, el, ENDED, joined, keep, KINDS, message, say, span, standing, STATES, title, Trouble, video } from "./console-base.js";
/** @typedef {import("./console-base.js").Task} Task */
/** @typedef {import("./console-base.js").Creation} Creation */

const PAGE = 48;
const NEWEST = 20; // tasks that are asked for again and again
const MANY = 100; // tasks that one request may name
const ASKED_SINGLY = 4; // tasks whose place in the queue is asked for
const BUSY_MS = 2_000;
const IDLE_MS = 5_000; // grows while nothing happens, up to:
const SLOWEST_MS = 60_000;
const DWELL_MS = 350;
const TYPING_MS = 300; // until what was typed is searched for
const CAPTION = 56; // px below a cover, as in the style sheet
const GAP = 16;
const HEADING = 44; // px above the first row of a day
const BAR = 120; // px of the window that the bar and the filters cover
const LONGEST_RAIL = 16; // entries; of more days it shows the months
const EMPTY_PAGES = 20; // one after the other, before it asks whether to go on
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** @type {Record<string, Record<string, string>>} */
const VIEWS = {
  All: {},
  "Under way": { state: "created,queueing,processing,archiving" },
  Ready: { state: "success" },
  Failed: { state: "failed,expired" },
  Cancelled: { state: "cancelled" },
  Starred: { starred: "true" },
  "Not as ordered": { differs: "true" },
  Hidden: { hidden: "true" },
};
const OF_VIEWS = ["state", "starred", "differs", "hidden", "unfinished", "failure"];
const SUGGESTED = /** @type {const} */ (["model", "provider", "tag"]);
const ADDRESSED = [...OF_VIEWS, ...SUGGESTED, "q", "kind", "from", "to", "order", "owner"]; // in the address bar
const IDEAS = [
  "A paper boat sails down a street in the rain",
  "A lighthouse in a storm, waves breaking over the rocks, cinematic",
  "Macro shot of a bee that lands on lavender, golden hour",
];

/** As players write it. @param {number} seconds */
const playtime = (seconds) => `${Math.floor(Math.round(seconds) / 60)}:${String(Math.round(seconds) % 60).padStart(2, "0")}`;

/** Width by height of its cover: of the video, or as it was asked for. Nothing is drawn flatter or taller than this. @param {Task} task */
function shape(task) {
  const { width, height } = video(task)?.video ?? {};
  const [wide, high] = width && height ? [width, height] : (task.aspect_ratio ?? "").split(":").map(Number);
  return Math.min(2.4, Math.max(0.625, wide / high || 16 / 9));
}

const QUARTER = 900_000; // ms; no place on earth has midnight within one
let words = { on: 0, /** @type {Map<number, string>} */ of: new Map() }; // of a day, by quarter of an hour; they change at midnight
/** @param {Task} task */
function dayOf(task) {
  const on = new Date().getDate(), quarter = Math.floor(Date.parse(task.created_at) / QUARTER);
  if (on !== words.on) words = { on, of: new Map() };
  const known = words.of.get(quarter) ?? day(task.created_at);
  words.of.set(quarter, known);
  return known;
}

/**
 * @typedef {{x: number, wide: number, row: number}} Box  in px
 * @typedef {{y: number, high: number, first: number, end: number, id: string}} Row  of the tasks `first` to `end`, without that; the id of the first
 */
export class Wall {
  /** @type {Task[]} in their order */
  tasks = [];
  /** @type {Map<string, Task>} */
  byId = new Map();
  /** @type {URLSearchParams | null} from the address bar; null until it is shown */
  filter = null;
  /** @type {string | null} */
  cursor = null;
  empty = 0; // pages in a row
  failed = ""; // why older ones could not be loaded
  whole = false; // nothing older is left
  loading = false;
  generation = 0; // of the filters; what an older one asked for is dropped
  idle = IDLE_MS;
  troubles = 0; // in a row
  timer = 0;
  typing = 0; // a timer, too
  /** @type {Map<string, Tile>} */
  tiles = new Map();
  /** @type {Box[]} where each task's tile stands */
  boxes = [];
  /** @type {Row[]} */
  rows = [];
  /** @type {{label: string, month: string, at: number, y: number}[]} */
  days = [];
  /** @type {Set<string>} ids */
  selected = new Set();
  railed = ""; // what the rail shows
  visible = true;
  scroll = 0;
  focus = ""; // id of the task that the keyboard is at
  owner = ""; // whose key it is, once that is known
  /** @type {Promise<boolean> | undefined} */
  operates;
  /** @type {Set<() => void>} */
  listeners = new Set();
  stopping = new AbortController();

  constructor() {
    const change = () => this.narrow(Object.fromEntries(new FormData(this.form)));
    const labelled = (/** @type {string} */ label, /** @type {any} */ input) => el("label", label, input);
    const input = (/** @type {string} */ name, attributes = {}) => el("input", { name, placeholder: "any", spellcheck: "false", autocomplete: "off", list: `known-${name}`, ...attributes });
    const choice = (/** @type {string} */ name, /** @type {[string, string][]} */ options) => el("select", { name }, options.map(([value, text]) => el("option", { value }, text)));
    this.grid = el("div.grid", { role: "list", onkeydown: (/** @type {KeyboardEvent} */ event) => this.walk(event) });
    this.headings = el("div.days", { "aria-hidden": "true" }); // each tile says its day by itself
    this.rail = el("nav.rail", { "aria-label": "Days" });
    this.picked = el("div", { role: "region", "aria-label": "Selected videos" });
    this.note = el("div.note");
    this.chips = el("div.chips", { role: "group", "aria-label": "State" }, Object.entries(VIEWS).map(([label, view]) =>
      el("button.chip", { type: "button", onclick: () => this.narrow({ ...Object.fromEntries(OF_VIEWS.map((name) => [name, ""])), ...view }) }, label)));
    this.search = el("input.search", { type: "search", name: "q", placeholder: "Search prompts", "aria-label": "Search prompts", maxlength: 256, oninput: () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.narrow({ q: this.search.value }, true), TYPING_MS);
    } });
    this.narrowed = el("div.narrowed");
    this.more = el("details.more", { ontoggle: () => this.suggest() }, el("summary", "Filters"), el("div.finer",
      labelled("Kind", choice("kind", [["", "any"], ...Object.entries(KINDS)])), labelled("Model", input("model")), labelled("Provider", input("provider")), labelled("Tag", input("tag")),
      (this.owners = el("label", { hidden: true }, "Owner (* for all)", input("owner", { placeholder: "you" }))),
      labelled("From", input("from", { type: "date" })), labelled("To", input("to", { type: "date" })), labelled("Order", choice("order", [["", "Newest first"], ["oldest", "Oldest first"]])),
      SUGGESTED.map((name) => el("datalist", { id: `known-${name}` }))));
    this.form = el("form.toolbar", { role: "search", "aria-label": "Videos", onchange: change, onsubmit: (/** @type {Event} */ event) => event.preventDefault() }, this.search, this.more, this.chips, this.narrowed);
    this.element = el("section.wall", { "aria-label": "Videos" }, el("h1.unseen", "Videos"), this.form,
      el("div.shelf", el("div.canvas", this.headings, this.grid), this.rail), this.note, this.picked);

    const { signal } = this.stopping;
    addEventListener("scroll", () => this.lay(), { passive: true, signal });
    document.addEventListener("visibilitychange", () => !document.hidden && this.soon(0), { signal });
    for (const back of ["online", "focus"]) addEventListener(back, () => this.soon(0), { signal });
    document.addEventListener("pointerdown", (event) => {
      if (!this.more.contains(event.target)) this.more.open = false;
    }, { signal });
    this.sizes = new ResizeObserver(() => this.arrange());
    this.sizes.observe(this.grid);
  }

  stop() {
    this.stopping.abort();
    this.sizes.disconnect();
    clearTimeout(this.timer);
    clearTimeout(this.typing);
    this.generation++;
  }

  // --- filters, from the address bar ---

  get address() {
    return this.filter?.size ? `#/?${this.filter}` : "#/";
  }

  get oldestFirst() {
    return this.filter?.get("order") === "oldest";
  }

  /** @param {Record<string, any>} changes @param {boolean} [typing]  the way back does not lead through half a word */
  narrow(changes, typing = false) {
    clearTimeout(this.typing);
    const next = Object.entries({ ...Object.fromEntries(this.filter ?? []), ...changes }).map(([name, value]) => [name, value.trim()]);
    const hash = `#/?${new URLSearchParams(next.filter(([, value]) => value))}`.replace(/\?$/, "");
    if (!typing || hash === location.hash) location.hash = hash;
    else {
      history.replaceState(null, "", hash);
      dispatchEvent(new Event("hashchange"));
    }
  }

  /** The elements stay, so that whoever types or tabs there keeps the focus. */
  paintFilters() {
    const of = (/** @type {string} */ name) => this.filter?.get(name) ?? "";
    Object.values(VIEWS).forEach((view, at) => this.chips.children[at].setAttribute("aria-pressed", String(OF_VIEWS.every((name) => (view[name] ?? "") === of(name)))));
    for (const input of this.form.elements) if (input.name && input !== document.activeElement) input.value = of(input.name);
    this.narrowed.replaceChildren(...[...(this.filter ?? [])].filter(([name]) => !["state", "starred", "differs", "hidden", "q"].includes(name)).map(([name, value]) =>
      el("button.tag", { type: "button", "aria-label": `Remove the filter ${name} ${value}`, onclick: () => this.narrow({ [name]: "" }) }, `${name}: ${KINDS[value] ?? value}`, el("span", { "aria-hidden": "true" }, "×"))));
    this.grid.setAttribute("aria-label", `Videos, ${this.oldestFirst ? "oldest" : "newest"} first`);
  }

  /** Whether it is another owner's, which operators see and do not touch. @param {Task} task */
  isForeign(task) {
    return this.owner ? task.owner !== this.owner : Boolean(this.filter?.get("owner"));
  }

  /** What the tasks that are loaded have, to choose from. */
  async suggest() {
    for (const name of SUGGESTED) {
      const known = new Set(this.tasks.flatMap((task) => (name === "tag" ? task.tags : (task[name] ?? []))));
      this.more.querySelector(`#known-${name}`).replaceChildren(...[...known].sort().map((value) => el("option", { value })));
    }
    this.owners.hidden = !(await this.mayOperate());
  }

  /** Whether the key sees what is of all owners: only then the API says how providers do. @returns {Promise<boolean>} */
  mayOperate() {
    return (this.operates ??= call("GET", "providers").then(({ providers }) => providers.some((/** @type {any} */ each) => each.status), () => false));
  }

  /** Of the API, for the filter. @param {Record<string, any>} more */
  query(more) {
    const query = new URLSearchParams(more);
    for (const [name, value] of this.filter ?? []) {
      const moment = name === "from" ? new Date(`${value}T00:00`) : new Date(`${value}T23:59:59.999`);
      if (name === "state") for (const state of value.split(",")) query.append(name, state);
      else if (name !== "from" && name !== "to") query.set(name, value);
      else if (!Number.isNaN(moment.getTime())) query.set(`created_${name}`, moment.toISOString());
    }
    return query;
  }

  /** Whether the API would still list a task that it has listed for this filter. @param {Task} task */
  fits(task) {
    const now = { state: [task.state], unfinished: [String(!ENDED.has(task.state))], tag: task.tags, starred: [String(task.starred)], hidden: [String(Boolean(task.hidden_at))] };
    return Object.entries(now).every(([name, is]) => {
      const wanted = this.filter?.get(name) ?? (name === "hidden" ? "false" : "");
      return !wanted || is.some((each) => wanted.split(name === "state" ? "," : "\n").includes(each));
    });
  }

  /** Shows or hides the wall; a hidden one keeps its place, and goes on following its tasks. @param {boolean} visible */
  show(visible) {
    if (!visible && this.visible) this.scroll = scrollY;
    this.visible = visible;
    this.element.hidden = !visible;
    if (visible || !this.filter) {
      const filter = new URLSearchParams([...asked()].filter(([name, value]) => value && ADDRESSED.includes(name)));
      if (String(filter) !== String(this.filter)) {
        this.filter = filter;
        this.paintFilters();
        this.restart();
      }
    }
    if (!visible) return;
    document.title = "Videos · Reelkeep";
    this.arrange();
    scrollTo(0, this.scroll);
    this.lay();
    this.tiles.get(this.focus)?.link.focus({ preventScroll: true });
  }

  restart() {
    this.generation++;
    this.tasks = [];
    this.byId.clear();
    this.cursor = null;
    this.whole = this.loading = false;
    this.empty = this.scroll = 0;
    this.failed = this.focus = "";
    this.tiles.clear();
    this.grid.replaceChildren();
    this.select([...this.selected], false);
    this.arrange();
    this.older();
    this.soon(BUSY_MS);
  }

  // --- tasks ---

  /** Loads the next page of older tasks. */
  async older() {
    if (this.loading || this.whole) return;
    this.loading = true;
    this.paintNote();
    const { generation } = this;
    try {
      const page = await call("GET", `tasks?${this.query({ limit: PAGE, ...(this.cursor && { cursor: this.cursor }) })}`);
      if (generation !== this.generation) return;
      if (!this.filter?.get("owner")) this.owner ||= page.tasks[0]?.owner ?? "";
      this.take(page.tasks);
      this.cursor = page.next_cursor;
      this.whole = !page.next_cursor;
      this.failed = "";
      this.empty = page.tasks.length ? 0 : this.empty + 1;
      this.connected();
    } catch (trouble) {
      if (generation !== this.generation) return;
      this.failed = message(trouble);
      if (trouble instanceof Trouble && trouble.passing) this.disconnected(trouble);
    }
    this.loading = false;
    this.changed();
  }

  /** Puts tasks where they belong, or updates them; whether anything is different. Ids sort by time. @param {Task[]} tasks */
  take(tasks) {
    let moved = false, added = false;
    for (const task of tasks) {
      const known = this.byId.get(task.id);
      if (known && known.updated_at > task.updated_at) continue; // an answer that was overtaken does not move a task back
      // A listing does not say the place in the queue.
      const next = { ...known, ...task, waiting: task.waiting ?? (task.state === known?.state ? known.waiting : null) };
      if (known && JSON.stringify(next) === JSON.stringify(known)) continue;
      moved = true;
      added ||= !known;
      if (known && !this.fits(task)) this.drop(task.id);
      else this.byId.set(task.id, Object.assign(known ?? {}, next));
    }
    if (!added) return moved;
    const order = this.oldestFirst ? -1 : 1;
    this.tasks = [...this.byId.values()].sort((a, b) => (a.id < b.id ? order : -order));
    return true;
  }

  /** @param {string} id */
  drop(id) {
    this.byId.delete(id);
    const at = this.tasks.findIndex((task) => task.id === id);
    this.tasks = this.tasks.filter((task) => task.id !== id);
    if (this.focus === id) this.focus = (this.tasks[at] ?? this.tasks.at(-1))?.id ?? "";
    this.select([id], false);
  }

  changed() {
    this.arrange();
    this.paintNote();
    for (const listener of this.listeners) listener();
  }

  // --- following ---

  /** @param {number} ms */
  soon(ms) {
    clearTimeout(this.timer);
    if (!this.stopping.signal.aborted) this.timer = setTimeout(() => this.follow(), ms);
  }

  /** Asks for what is new and for what is under way; often while something runs, seldom otherwise. */
  async follow() {
    if (document.hidden) return this.soon(SLOWEST_MS);
    const { generation } = this;
    let wait = 0;
    try {
      const moved = await this.refresh(generation);
      if (generation !== this.generation) return;
      if (this.failed) await this.older();
      this.connected();
      this.idle = moved ? IDLE_MS : Math.min(this.idle * 1.5, SLOWEST_MS);
      wait = this.tasks.some((task) => !ENDED.has(task.state)) ? BUSY_MS : this.idle;
    } catch (trouble) {
      if (generation !== this.generation) return;
      wait = this.disconnected(trouble);
    }
    this.soon(wait);
  }

  /** Whether anything is different. @param {number} generation */
  async refresh(generation) {
    const query = this.query({ limit: NEWEST });
    query.delete("order");
    // Where the oldest come first, the newest have their place once all are here.
    /** @type {Task[]} */
    const newest = this.oldestFirst && !this.whole ? [] : (await call("GET", `tasks?${query}`)).tasks;
    const seen = new Set(newest.map((task) => task.id));
    const running = this.tasks.filter((task) => !ENDED.has(task.state) && !seen.has(task.id)).slice(0, MANY);
    const named = new URLSearchParams([["limit", String(MANY)], ...running.map((task) => ["task_id", task.id])]);
    for (const name of ["hidden", "owner", "unfinished"]) if (this.filter?.has(name)) named.set(name, this.filter.get(name) ?? "");
    /** @type {Task[]} */
    const others = running.length ? (await call("GET", `tasks?${named}`)).tasks : [];
    // Only a task that is asked for by itself says its place in the queue.
    const queued = [...this.tiles.keys()].filter((id) => this.byId.get(id)?.state === "created").slice(0, ASKED_SINGLY);
    const placed = await Promise.all(queued.map((id) => call("GET", `tasks/${id}`).catch(() => null)));
    if (generation !== this.generation) return false;
    const [first, last] = [this.tasks[0], this.tasks.at(-1)];
    if (newest.length === NEWEST && first && last && newest[NEWEST - 1].id > (this.oldestFirst ? last : first).id) {
      this.restart(); // so many are new that there is a gap between them and ours
      return true;
    }
    const removed = running.filter(({ id }) => this.byId.has(id) && !others.some((task) => task.id === id));
    for (const { id } of removed) this.drop(id);
    const moved = this.take([...newest, ...others, ...placed.filter(Boolean)]) || removed.length > 0;
    if (moved) this.changed();
    return moved;
  }

  connected() {
    if (this.troubles) say("Connected again.", 3);
    this.troubles = 0;
  }

  /** Says so if it may pass, and how long to wait, in ms. @param {any} trouble */
  disconnected(trouble) {
    const wait = Math.max(trouble.wait ?? 0, Math.min(2 ** this.troubles++, 60));
    say(`${message(trouble)} Trying again in ${span(wait)}.`);
    return wait * 1000;
  }

  /** Changes a task, and shows what came of it. @param {string} method @param {string} path @param {any} [body] @returns {Promise<Task>} */
  async change(method, path, body) {
    const task = await call(method, `tasks/${path}`, { body });
    if (this.byId.has(task.id)) this.take([task]);
    this.changed();
    return task;
  }

  // --- what is in the document ---

  paintNote() {
    const nothing = !this.tasks.length, narrowed = Boolean(this.filter?.size);
    const button = (/** @type {string} */ label, /** @type {() => void} */ onclick) => el("button.secondary", { type: "button", onclick }, label);
    const note = () => {
      if (this.failed) return [el("p", { role: "alert" }, this.failed), button("Try again", () => this.older())];
      if (this.loading && nothing) return [el("div.skeletons", { role: "status", "aria-label": "Looking" }, Array.from({ length: 8 }, () => el("span")))];
      if (this.loading) return [el("p.quiet-text", this.oldestFirst ? "Newer ones…" : "Older ones…")];
      if (!this.whole && this.empty >= EMPTY_PAGES) return [el("p.quiet-text", "Nothing more in what was read so far."), button("Read on", () => {
        this.empty = 0;
        this.older();
      })];
      if (!nothing) return [];
      if (narrowed) return [el("h2", "Nothing fits these filters"), el("a.secondary", { href: "#/" }, "Show all videos")];
      return [
        el("h2", "Make your first video"),
        el("p.quiet-text", "Describe what is to be seen. It appears here while it is made, and stays here for good."),
        el("div.ideas", IDEAS.map((prompt) => el("button.idea", { type: "button", onclick: () => {
          keep("reelkeep.draft", { kind: "text2video", prompt });
          location.hash = "#/new";
        } }, prompt))),
        el("a.primary", { href: "#/new" }, "Write your own"),
      ];
    };
    this.note.classList.toggle("alone", nothing);
    this.element.classList.toggle("first", nothing && this.whole && !this.failed && !narrowed); // there is nothing to filter
    this.note.replaceChildren(...note());
  }

  /** Gives every task its place: in a row as many as fill it at about the usual height, each in its own shape. A day
   * begins a new row. What is seen stays where it is. */
  arrange() {
    const width = this.grid.clientWidth;
    if (!this.visible || !this.filter || !width) return;
    const usual = width < 700 ? 190 : 180, top = this.grid.getBoundingClientRect().top, anchor = top < 0 ? this.rows[this.rowAt(BAR)] : null;
    this.boxes = [];
    this.rows = [];
    this.days = [];
    let y = 0, first = 0, shapes = 0, last = usual;
    const filled = (/** @type {number} */ count, /** @type {number} */ sum) => (width - GAP * (count - 1)) / sum; // how high
    const close = (/** @type {number} */ end, full = false) => {
      if (end === first) return;
      const high = full ? (last = filled(end - first, shapes)) : Math.min(last, filled(end - first, shapes));
      this.rows.push({ y, high, first, end, id: this.tasks[first].id });
      for (let x = 0; first < end; first++) {
        const wide = shape(this.tasks[first]) * high;
        this.boxes.push({ x, wide, row: this.rows.length - 1 });
        x += wide + GAP;
      }
      y += Math.round(high) + CAPTION + GAP;
      shapes = 0;
    };
    this.tasks.forEach((task, at) => {
      const label = dayOf(task), one = shape(task);
      if (label !== this.days.at(-1)?.label) {
        close(at);
        if (at) y += GAP;
        const month = new Date(task.created_at).toLocaleDateString("en-GB", { month: "short", year: "numeric" });
        this.days.push({ label, month, at, y });
        y += HEADING;
      }
      const count = at - first + 1, high = filled(count, shapes + one);
      // Whether it stands in this row or begins the next: what comes nearer to the usual height.
      if (shapes && high < usual && filled(count - 1, shapes) - usual < usual - high) close(at, true);
      shapes += one;
      if (filled(at - first + 1, shapes) <= usual) close(at + 1, true);
    });
    close(this.tasks.length);
    this.grid.style.height = `${Math.max(0, y - GAP)}px`;
    const moved = anchor && this.boxes[this.tasks.findIndex((task) => task.id === anchor.id)];
    if (anchor && moved) scrollBy(0, this.rows[moved.row].y - anchor.y);
    this.paintRail();
    this.lay();
  }

  /** The first row that ends below this line of the window. @param {number} line */
  rowAt(line) {
    const above = line - this.grid.getBoundingClientRect().top - CAPTION;
    let low = 0, high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.rows[middle].y + this.rows[middle].high > above) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Puts the tiles near the window where they belong, and takes the others out. */
  lay() {
    if (!this.visible || !this.filter) return;
    const from = this.rows[this.rowAt(-innerHeight)]?.first ?? 0, to = (this.rows[this.rowAt(innerHeight * 2)] ?? this.rows.at(-1))?.end ?? 0;
    const shown = new Set(this.tasks.slice(from, to).map((task) => task.id));
    for (const [id, tile] of this.tiles) {
      // Whoever walks with the keyboard finds the place again.
      if (shown.has(id) || (this.byId.has(id) && tile.element.contains(document.activeElement))) continue;
      tile.rest();
      tile.element.remove();
      this.tiles.delete(id);
    }
    let before = null;
    for (let at = from; at < to; at++) {
      const task = this.tasks[at], { x, wide, row } = this.boxes[at], known = this.tiles.get(task.id);
      const tile = known?.stamp === Tile.stamp(task) ? known : new Tile(this, task), { element, link } = tile;
      element.style.transform = `translate(${x}px, ${this.rows[row].y}px)`;
      element.style.width = `${wide}px`;
      link.style.height = `${this.rows[row].high}px`;
      element.setAttribute("aria-posinset", String(at + 1));
      element.setAttribute("aria-setsize", this.whole ? String(this.tasks.length) : "-1");
      // In the order in which they are read.
      const next = before ? before.nextSibling : this.grid.firstChild, held = known?.element.contains(document.activeElement);
      if (known && known !== tile) {
        known.rest();
        known.element.replaceWith(element);
      }
      else if (next !== element) this.grid.insertBefore(element, next);
      if (held && known !== tile) link.focus({ preventScroll: true });
      this.tiles.set(task.id, tile);
      before = element;
    }
    const reached = this.tiles.has(this.focus) ? this.focus : this.tasks[from]?.id;
    for (const [id, { link }] of this.tiles) link.tabIndex = id === reached ? 0 : -1;
    this.headings.replaceChildren(...this.days.filter((each) => each.at < to && each.at >= from - 20).map((each) => el("h2", { style: { top: `${each.y}px` } }, each.label)));
    const topmost = this.rows[this.rowAt(BAR)]?.first ?? 0, entries = [...this.rail.children], current = entries.findLast((entry) => Number(entry.dataset.at) <= topmost);
    for (const entry of entries) entry.setAttribute("aria-current", String(entry === current));
    if (this.grid.getBoundingClientRect().bottom < innerHeight * 2.5 && !this.failed && this.empty < EMPTY_PAGES) this.older();
  }

  /** The days that are loaded, to go to; of many days the months. */
  paintRail() {
    const months = this.days.length > LONGEST_RAIL;
    const entries = this.days.filter((each, at) => !months || each.month !== this.days[at - 1]?.month);
    const stamp = entries.map((each) => `${each.at} ${each.label}`).join();
    if (stamp === this.railed) return;
    this.railed = stamp;
    this.rail.hidden = entries.length < 2;
    this.rail.replaceChildren(...entries.map((each) => el("button", { type: "button", "data-at": each.at, onclick: () => {
      scrollBy(0, this.grid.getBoundingClientRect().top + each.y - BAR);
      this.goTo(each.at);
    } }, months ? each.month : each.label.replace(/^\w+ (?=\d)|(?<= \w{3})\w+/g, ""))));
  }

  /** @param {number} at */
  goTo(at) {
    this.focus = this.tasks[at].id;
    this.lay();
    this.tiles.get(this.focus)?.link.focus({ preventScroll: true });
  }

  /** The arrow keys; x selects, s stars. @param {KeyboardEvent} event */
  walk(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const here = [...this.tiles.values()].find((tile) => tile.element.contains(document.activeElement))?.task.id;
    if (event.key === "x" && here && !this.tiles.get(here)?.pick.hidden) return this.select([here], !this.selected.has(here));
    if (event.key === "s" && here) return this.tiles.get(here)?.star.click();
    const last = this.tasks.length - 1, at = this.tasks.findIndex((task) => task.id === (here ?? this.focus));
    const { x, wide, row } = this.boxes[at] ?? { x: 0, wide: 0, row: 0 };
    /** The one above or below it. @param {number} step */
    const over = (step) => {
      const { first, end } = this.rows[row + step] ?? { first: at, end: at + 1 };
      const off = (/** @type {number} */ each) => Math.abs(this.boxes[each].x + this.boxes[each].wide / 2 - x - wide / 2);
      return Array.from({ length: end - first }, (_, each) => first + each).sort((a, b) => off(a) - off(b))[0];
    };
    /** @type {Record<string, () => number>} */
    const goals = { ArrowLeft: () => at - 1, ArrowRight: () => at + 1, ArrowUp: () => over(-1), ArrowDown: () => over(1), Home: () => 0, End: () => last };
    if (!goals[event.key] || last < 0) return;
    event.preventDefault();
    const goal = Math.min(last, Math.max(0, goals[event.key]())), { y, high } = this.rows[this.boxes[goal].row];
    const begins = this.grid.getBoundingClientRect().top + y, ends = begins + high + CAPTION;
    if (begins < BAR + HEADING || ends > innerHeight) scrollBy(0, begins < BAR + HEADING ? begins - BAR - HEADING : ends - innerHeight + 10);
    this.goTo(goal);
  }

  // --- what is selected ---

  /** @param {string[]} ids @param {boolean} on */
  async select(ids, on) {
    const before = this.selected.size;
    for (const id of ids) this.selected[on ? "add" : "delete"](id);
    if (!before && !this.selected.size) return;
    this.element.classList.toggle("selecting", this.selected.size > 0);
    for (const [id, { pick }] of this.tiles) pick.setAttribute("aria-checked", String(this.selected.has(id)));
    const { paint } = await import("./console-selection.js");
    paint(this);
  }

  /** All from the one that was selected last to this one. @param {string} id */
  selectTo(id) {
    const [first, last] = [[...this.selected].at(-1), id].map((each) => this.tasks.findIndex((task) => task.id === each)).sort((a, b) => a - b);
    this.select(this.tasks.slice(Math.max(0, first), last + 1).map((task) => task.id), true);
  }
}

/** A task as it is at one moment. */
class Tile {
  /** @type {HTMLVideoElement | null} */
  player = null;
  timer = 0;

  /** What is painted. @param {Task} task */
  static stamp = (task) => [task.updated_at, task.state, task.last_error, task.waiting?.position, task.eta?.p50, task.starred, dayOf(task)].join();

  /** @param {Wall} wall @param {Task} task */
  constructor(wall, task) {
    this.task = task;
    this.stamp = Tile.stamp(task);
    const { id } = task, made = video(task), name = title(task).slice(0, 200), ended = ENDED.has(task.state), seconds = made?.video.duration, foreign = wall.isForeign(task);
    const act = async (/** @type {any} */ { currentTarget: button }, /** @type {[string, string, any?]} */ ...change) => {
      button.disabled = true;
      await wall.change(...change).catch((trouble) => say(message(trouble), 8));
      button.disabled = false;
    };
    const dwell = () => this.dwell(made), rest = () => this.rest();
    this.link = el("a.cover", { href: `#/task/${id}`, tabindex: "-1", "aria-label": `${name}. ${task.state === "success" ? "" : `${STATES[task.state]}. `}${dayOf(task)}`, onblur: rest, onfocus: () => {
      wall.focus = id;
      if (this.link.matches(":focus-visible")) dwell();
    } }, made ? [picture(made), task.differs.length > 0 && el("span.badge", "Not as ordered"), seconds && el("span.length", playtime(seconds))] : standing(task));
    this.pick = el("button.pick", { type: "button", role: "checkbox", tabindex: "-1", "aria-label": `Select: ${name}`, "aria-checked": String(wall.selected.has(id)), hidden: foreign, onclick: (/** @type {MouseEvent} */ event) =>
      event.shiftKey && wall.selected.size ? wall.selectTo(id) : wall.select([id], !wall.selected.has(id)) });
    this.star = el("button.star", { type: "button", tabindex: "-1", "aria-label": "Star", "aria-pressed": String(task.starred), hidden: foreign || !ended || Boolean(task.hidden_at), onclick: (/** @type {Event} */ event) =>
      act(event, "PATCH", id, { starred: !task.starred }) }, "★");
    this.element = el("div.tile", { role: "listitem", "data-state": task.state, onpointerenter: dwell, onpointerleave: rest },
      this.link,
      el("div.caption", el("p.title", title(task)), el("p.facts", joined(foreign && task.owner, task.model ?? task.provider, seconds && span(seconds), clockTime(task.created_at)))),
      this.pick, this.star,
      !foreign && CANCELLABLE.has(task.state) && el("button.cancel", { type: "button", "aria-label": `Cancel: ${name}`, onclick: (/** @type {Event} */ event) => act(event, "POST", `${id}/cancel`) }, "Cancel"));
  }

  /** Plays what is ready, muted, if the pointer stays. @param {Creation | undefined} made */
  dwell(made) {
    if (!made || this.timer || still.matches) return;
    this.timer = setTimeout(() => {
      const player = (this.player = el("video.preview", { src: made.url, muted: true, loop: true, playsinline: true, "aria-hidden": "true", onplaying: () => player.classList.add("on") }));
      this.link.append(player);
      player.play().catch(() => {}); // the cover stays
    }, DWELL_MS);
  }

  rest() {
    clearTimeout(this.timer);
    this.timer = 0;
    if (!this.player) return;
    this.player.removeAttribute("src"); // or the download goes on
    this.player.load();
    this.player.remove();
    this.player = null;
  }
}

/** Its cover, or else its first frame. @param {Creation} made */
function picture(made) {
  const frame = () => el("video.frame", { src: `${made.url}#t=0.05`, muted: true, preload: "metadata", playsinline: true, "aria-hidden": "true" });
  if (!made.cover_url) return frame();
  const image = el("img", { src: made.cover_url, alt: "", decoding: "async", draggable: "false", onerror: () => image.replaceWith(frame()) });
  return image;
}
