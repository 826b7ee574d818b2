// The wall: all videos, newest first. Only the tiles near the window are in the document.
// @ts-check
import { advice, asked, call, CANCELLABLE, clockOf, clockTime, day, el, ENDED, keep, KINDS, progress, say, shape, span, STATES, title, Trouble, video, why } from "./console-base.js";

const PAGE = 48;
const MANY = 100; // tasks that one request may name
const ASKED_SINGLY = 4; // tasks whose place in the queue is asked for
const BUSY_MS = 2_000;
const IDLE_MS = 5_000; // grows while nothing happens, up to:
const SLOWEST_MS = 60_000;
const DWELL_MS = 350;
const CAPTION = 56; // px below a cover, as in the style sheet
const GAP = 16;
const HEADING = 44; // px above the first row of a day
const LONGEST_RAIL = 16; // entries; of more days it shows the months
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** @type {Record<string, Record<string, string>>} */
const VIEWS = {
  All: {},
  "Under way": { state: "created,queueing,processing,archiving" },
  Ready: { state: "success" },
  Failed: { state: "failed,expired" },
  Cancelled: { state: "cancelled" },
  Starred: { starred: "true" },
  Hidden: { hidden: "true" },
};
const OF_VIEWS = ["state", "starred", "hidden"];
const ADDRESSED = [...OF_VIEWS, "q", "kind", "model", "provider", "tag", "from", "to", "order"]; // in the address bar
const EMPTY_PAGES = 20; // one after the other, before it asks whether to go on

/** As players write it. @param {number} seconds */
const playtime = (seconds) => `${Math.floor(Math.round(seconds) / 60)}:${String(Math.round(seconds) % 60).padStart(2, "0")}`;

const IDEAS = [
  "A paper boat sails down a street in the rain",
  "A lighthouse in a storm, waves breaking over the rocks, cinematic",
  "Macro shot of a bee that lands on lavender, golden hour",
];
const BAR = 120; // px of the window that the bar and the filters cover

const QUARTER = 900_000; // ms; no place on earth has midnight within one
let words = { on: 0, /** @type {Map<number, string>} */ of: new Map() }; // of a day, by quarter of an hour; they change at midnight
/** @param {any} task */
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
  /** @param {(trouble: any) => boolean} lockedOut */
  constructor(lockedOut) {
    this.lockedOut = lockedOut;
    /** @type {any[]} newest first */
    this.tasks = [];
    /** @type {Map<string, any>} */
    this.byId = new Map();
    /** @type {string | null} */
    this.cursor = null;
    this.empty = 0; // pages in a row
    this.failed = ""; // why older ones could not be loaded
    this.whole = false; // nothing older is left
    this.loading = false;
    this.generation = 0; // of the filters; what an older one asked for is dropped
    this.idle = IDLE_MS;
    this.troubles = 0;
    /** @type {Map<string, Tile>} */
    this.tiles = new Map();
    /** @type {Box[]} where each task's tile stands */
    this.boxes = [];
    /** @type {Row[]} */
    this.rows = [];
    /** @type {{label: string, month: string, at: number, y: number}[]} */
    this.days = [];
    /** @type {Set<string>} ids */
    this.selected = new Set();
    this.railed = ""; // what the rail shows
    this.visible = true;
    this.scroll = 0;
    this.focus = 0;
    /** @type {Set<() => void>} */
    this.listeners = new Set();
    this.stopping = new AbortController();
    this.build();
    const { signal } = this.stopping;
    addEventListener("scroll", () => this.lay(), { passive: true, signal });
    document.addEventListener("visibilitychange", () => !document.hidden && this.soon(0), { signal });
    for (const back of ["online", "focus"]) addEventListener(back, () => this.soon(0), { signal });
    this.sizes = new ResizeObserver(() => this.arrange());
    this.sizes.observe(this.grid);
    this.clock = setInterval(() => this.tick(), 1000);
  }

  build() {
    this.grid = el("div.grid", { role: "list", "aria-label": "Videos, newest first" });
    this.grid.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.walk(event));
    this.headings = el("div.days", { "aria-hidden": "true" }); // each tile says its day by itself
    this.rail = el("nav.rail", { "aria-label": "Days" });
    this.picked = el("div", { role: "region", "aria-label": "Selected videos" });
    this.note = el("div.note");
    this.chips = el("div.chips", { role: "group", "aria-label": "State" }, ...Object.entries(VIEWS).map(([label, view]) =>
      el("button.chip", { type: "button", onclick: () => this.narrow({ ...Object.fromEntries(OF_VIEWS.map((name) => [name, ""])), ...view }) }, label)));
    const change = (/** @type {any} */ event) => this.narrow({ [event.target.name]: event.target.value.trim() });
    const input = (/** @type {string} */ name, /** @type {string} */ label, attributes = {}) =>
      el("label", null, label, el("input", { name, onchange: change, placeholder: "any", spellcheck: "false", autocomplete: "off", list: `known-${name}`, ...attributes }), el("datalist", { id: `known-${name}` }));
    const choice = (/** @type {string} */ name, /** @type {string} */ label, /** @type {[string, string][]} */ options) =>
      el("label", null, label, el("select", { name, onchange: change }, ...options.map(([value, text]) => el("option", { value }, text))));
    this.more = el("div.finer", null,
      choice("kind", "Kind", [["", "any"], ...Object.entries(KINDS)]), input("model", "Model"), input("provider", "Provider"), input("tag", "Tag"),
      input("from", "From", { type: "date" }), input("to", "To", { type: "date" }), choice("order", "Order", [["", "Newest first"], ["oldest", "Oldest first"]]));
    this.details = el("details.more", { ontoggle: () => this.suggest() }, el("summary", null, "Filters"), this.more);
    this.search = el("input.search", { type: "search", name: "q", placeholder: "Search prompts", "aria-label": "Search prompts", maxlength: 256, onchange: change });
    document.addEventListener("pointerdown", (event) => {
      if (!this.details.contains(event.target)) this.details.open = false;
    }, { signal: this.stopping.signal });
    this.narrowed = el("div.narrowed");
    this.element = el("section.wall", { "aria-label": "Videos" },
      el("h1.unseen", null, "Videos"),
      el("div.toolbar", { role: "search", "aria-label": "Videos" }, this.search, this.chips, this.details, this.narrowed),
      el("div.shelf", null, el("div.canvas", null, this.headings, this.grid), this.rail), this.note, this.picked);
  }

  // --- filters, from the address bar ---

  get address() {
    const text = String(this.filter ?? "");
    return text ? `#/?${text}` : "#/";
  }

  readFilter() {
    const given = asked(), kept = new URLSearchParams();
    for (const name of ADDRESSED) if (given.get(name)) kept.set(name, given.get(name) ?? "");
    return kept;
  }

  get oldestFirst() {
    return this.filter?.get("order") === "oldest";
  }

  /** @param {Record<string, string>} changes */
  narrow(changes) {
    const next = new URLSearchParams(this.filter);
    for (const [name, value] of Object.entries(changes)) {
      if (value) next.set(name, value);
      else next.delete(name);
    }
    location.hash = String(next) ? `#/?${next}` : "#/";
  }

  /** The elements stay, so that whoever types or tabs there keeps the focus. */
  paintFilters() {
    const filter = this.filter ?? new URLSearchParams();
    Object.values(VIEWS).forEach((view, at) => this.chips.children[at].setAttribute("aria-pressed", String(OF_VIEWS.every((name) => (view[name] ?? "") === (filter.get(name) ?? "")))));
    for (const input of [this.search, ...this.more.querySelectorAll("[name]")]) if (input !== document.activeElement) input.value = filter.get(input.name) ?? "";
    const others = [...filter].filter(([name]) => ![...OF_VIEWS, "q"].includes(name));
    this.narrowed.replaceChildren(...others.map(([name, value]) =>
      el("button.tag", { type: "button", "aria-label": `Remove the filter ${name} ${value}`, onclick: () => this.narrow({ [name]: "" }) }, `${name}: ${KINDS[value] ?? value}`, el("span", { "aria-hidden": "true" }, "×"))));
    this.grid.setAttribute("aria-label", `Videos, ${this.oldestFirst ? "oldest" : "newest"} first`);
  }

  /** What the tasks that are loaded have, to choose from. */
  suggest() {
    for (const name of ["model", "provider", "tag"]) {
      const known = new Set(this.tasks.flatMap((task) => (name === "tag" ? task.tags : task[name] ?? [])));
      this.more.querySelector(`#known-${name}`).replaceChildren(...[...known].sort().map((value) => el("option", { value })));
    }
  }

  /** Of the API, for the filter. */
  query() {
    const filter = this.filter ?? new URLSearchParams(), query = new URLSearchParams();
    for (const [name, value] of filter) {
      if (name === "state") for (const state of value.split(",")) query.append("state", state);
      else if (name !== "from" && name !== "to") query.set(name, value);
    }
    const { from, to } = this.span();
    if (from) query.set("created_from", from);
    if (to) query.set("created_to", to);
    return query;
  }

  /** The days that are asked for, as moments. */
  span() {
    const moment = (/** @type {string} */ date, /** @type {string} */ time) => {
      const found = new Date(`${date}T${time}`);
      return Number.isNaN(found.getTime()) ? "" : found.toISOString();
    };
    return { from: moment(this.filter?.get("from") ?? "", "00:00:00"), to: moment(this.filter?.get("to") ?? "", "23:59:59.999") };
  }

  /** Whether the API would list it for this filter. @param {any} task */
  fits(task) {
    const filter = this.filter ?? new URLSearchParams(), { to } = this.span();
    const words = (filter.get("q") ?? "").toLowerCase().split(/\s+/), prompt = (task.prompt ?? "").toLowerCase();
    /** @type {Record<string, (value: string) => boolean>} */
    const tests = {
      state: (value) => value.split(",").includes(task.state),
      starred: () => task.starred,
      tag: (value) => task.tags.includes(value),
      q: () => words.every((word) => prompt.includes(word)),
      to: () => !to || task.created_at <= to,
      from: () => true,
      order: () => true,
      hidden: () => true,
    };
    return Boolean(task.hidden_at) === (filter.get("hidden") === "true") && [...filter].every(([name, value]) => (tests[name] ?? (() => task[name] === value))(value));
  }

  /** Shows or hides the wall; a hidden one keeps its place, and goes on following its tasks. @param {boolean} visible */
  show(visible) {
    if (!visible && this.visible) this.scroll = scrollY;
    this.visible = visible;
    this.element.hidden = !visible;
    if (visible || !this.filter) {
      const filter = this.readFilter();
      if (!this.filter || (visible && String(filter) !== String(this.filter))) {
        this.filter = filter;
        this.paintFilters();
        this.restart();
      } else this.lay();
    }
    if (!visible) return;
    document.title = "Videos · Reelkeep";
    scrollTo(0, this.scroll);
    this.lay();
    this.tiles.get(this.tasks[this.focus]?.id)?.link.focus({ preventScroll: true });
  }

  restart() {
    this.generation++;
    this.tasks = [];
    this.byId.clear();
    this.cursor = null;
    this.whole = this.loading = false;
    this.empty = 0;
    this.failed = "";
    this.focus = this.scroll = 0;
    for (const tile of this.tiles.values()) tile.leave();
    this.tiles.clear();
    this.grid.replaceChildren();
    this.select([...this.selected], false);
    this.arrange();
    this.older();
    this.soon(BUSY_MS);
  }

  stop() {
    this.stopping.abort();
    this.sizes.disconnect();
    clearInterval(this.clock);
    clearTimeout(this.timer);
    this.generation++;
    for (const tile of this.tiles.values()) tile.leave();
  }

  // --- tasks ---

  /** Loads the next page of older tasks. */
  async older() {
    if (this.loading || this.whole) return;
    this.loading = true;
    this.paintNote();
    const { generation } = this;
    try {
      const query = this.query();
      query.set("limit", String(PAGE));
      if (this.cursor) query.set("cursor", this.cursor);
      const page = await call("GET", `tasks?${query}`);
      if (generation !== this.generation) return;
      for (const task of page.tasks) this.take(task);
      this.cursor = page.next_cursor;
      this.whole = !page.next_cursor;
      this.failed = "";
      this.empty = page.tasks.length ? 0 : this.empty + 1;
      this.connected();
    } catch (trouble) {
      if (generation !== this.generation || this.lockedOut(trouble)) return;
      this.failed = trouble instanceof Trouble ? trouble.message : String(trouble);
      if (trouble instanceof Trouble && trouble.passing) this.disconnected(trouble);
    }
    this.loading = false;
    this.changed();
  }

  /** Puts the task where it belongs, or updates it. Ids sort by time. @param {any} task */
  take(task) {
    const known = this.byId.get(task.id);
    if (known) {
      // An answer that was overtaken does not move a task back.
      if (known.updated_at > task.updated_at) return false;
      const same = ["updated_at", "state", "last_error", "starred", "hidden_at"].every((name) => known[name] === task[name]) && String(known.tags) === String(task.tags) && (!task.waiting || task.waiting.position === known.waiting?.position);
      if (!this.fits(task)) this.drop(task.id);
      // A listing does not say the place in the queue.
      else Object.assign(known, task, { waiting: task.waiting ?? (task.state === known.state ? known.waiting : null) });
      return !same;
    }
    if (!this.fits(task)) return false;
    this.byId.set(task.id, task);
    const before = (/** @type {any} */ other) => (this.oldestFirst ? task.id < other.id : task.id > other.id);
    let at = this.tasks.length;
    if (at && before(this.tasks[0])) at = 0;
    else while (at && before(this.tasks[at - 1])) at--;
    this.tasks.splice(at, 0, task);
    if (at <= this.focus && this.tasks.length > 1 && this.focus) this.focus++;
    return true;
  }

  /** @param {string} id */
  drop(id) {
    this.byId.delete(id);
    this.tasks = this.tasks.filter((task) => task.id !== id);
    this.focus = Math.min(this.focus, Math.max(0, this.tasks.length - 1));
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
    this.timer = setTimeout(() => this.follow(), ms);
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
      if (generation !== this.generation || this.lockedOut(trouble)) return;
      wait = this.disconnected(trouble);
    }
    this.soon(wait);
  }

  /** Whether anything is different. @param {number} generation */
  async refresh(generation) {
    const query = this.query();
    query.set("limit", "20");
    query.delete("order");
    // Where the oldest come first, the newest have their place once all are here.
    const newest = this.oldestFirst && !this.whole ? [] : (await call("GET", `tasks?${query}`)).tasks;
    const seen = new Set(newest.map((/** @type {any} */ task) => task.id));
    const running = this.tasks.filter((task) => !ENDED.has(task.state) && !seen.has(task.id)).slice(0, MANY);
    let others = [];
    if (running.length) {
      const ids = running.map((task) => `task_id=${task.id}`).join("&");
      others = (await call("GET", `tasks?limit=${MANY}&${ids}${this.filter?.get("hidden") ? "&hidden=true" : ""}`)).tasks;
    }
    // Only a task that is asked for by itself says its place in the queue.
    const queued = [...this.tiles.values()].map((tile) => tile.task).filter((task) => task.state === "created").slice(0, ASKED_SINGLY);
    const placed = await Promise.all(queued.map((task) => call("GET", `tasks/${task.id}`).catch(() => null)));
    if (generation !== this.generation) return false;
    if (newest.length === 20 && this.tasks.length && newest.at(-1).id > this.tasks[this.oldestFirst ? this.tasks.length - 1 : 0].id) {
      this.restart(); // so many are new that there is a gap between them and ours
      return true;
    }
    let moved = false;
    for (const task of [...newest, ...others, ...placed.filter(Boolean)]) moved = this.take(task) || moved;
    for (const { id } of running) {
      if (others.some((/** @type {any} */ task) => task.id === id) || !this.byId.has(id)) continue;
      this.drop(id); // it was removed
      moved = true;
    }
    if (moved) this.changed();
    return moved;
  }

  connected() {
    if (!this.troubles) return;
    this.troubles = 0;
    say("Connected again.", "good", 3);
  }

  /** Says so, and how long to wait. @param {any} trouble */
  disconnected(trouble) {
    this.troubles++;
    const wait = Math.max(trouble.wait ?? 0, Math.min(2 ** (this.troubles - 1), 60));
    say(`${trouble.message} Trying again in ${span(wait)}.`, "bad");
    return wait * 1000;
  }

  /** Changes a task, and shows what came of it. @param {string} method @param {string} path @param {any} [body] */
  async change(method, path, body) {
    const task = await call(method, `tasks/${path}`, { body });
    this.take(task);
    this.changed();
    return task;
  }

  /** @param {string} id */
  cancel(id) {
    return this.change("POST", `${id}/cancel`);
  }

  // --- what is in the document ---

  tick() {
    for (const tile of this.tiles.values()) tile.tick();
  }

  paintNote() {
    const nothing = !this.tasks.length;
    this.note.className = nothing ? "note alone" : "note";
    this.element.classList.toggle("first", nothing && this.whole && !this.failed && !String(this.filter)); // there is nothing to filter
    if (this.failed)
      this.note.replaceChildren(el("p", { role: "alert" }, this.failed), el("button.secondary", { type: "button", onclick: () => this.older() }, "Try again"));
    else if (this.loading && nothing) this.note.replaceChildren(el("div.skeletons", { role: "status", "aria-label": "Looking" }, ...Array.from({ length: 8 }, () => el("span"))));
    else if (this.loading) this.note.replaceChildren(el("p.quiet-text", null, this.oldestFirst ? "Newer ones…" : "Older ones…"));
    else if (!this.whole && this.empty >= EMPTY_PAGES)
      this.note.replaceChildren(el("p.quiet-text", null, "Nothing more in what was read so far."), el("button.secondary", { type: "button", onclick: () => {
        this.empty = 0;
        this.older();
      } }, "Read on"));
    else if (nothing && String(this.filter))
      this.note.replaceChildren(el("h2", null, "Nothing fits these filters"), el("a.secondary", { href: "#/" }, "Show all videos"));
    else if (nothing)
      this.note.replaceChildren(
        el("h2", null, "Make your first video"),
        el("p.quiet-text", null, "Describe what is to be seen. It appears here while it is made, and stays here for good."),
        el("div.ideas", null, ...IDEAS.map((idea) => el("button.idea", { type: "button", onclick: () => {
          keep("reelkeep.draft", { kind: "text2video", prompt: idea });
          location.hash = "#/new";
        } }, idea))),
        el("a.primary", { href: "#/new" }, "Write your own"));
    else this.note.replaceChildren();
  }

  /** Gives every task its place: in a row as many as fill it at about the usual height, each in its own shape. A day
   * begins a new row. What is seen stays where it is. */
  arrange() {
    if (!this.visible || !this.filter) return;
    const width = this.grid.clientWidth;
    if (!width) return;
    const usual = width < 700 ? 190 : 180, seen = this.rows[this.rowAt(BAR)], top = this.grid.getBoundingClientRect().top;
    const anchor = top < 0 && seen ? seen : null;
    this.boxes = [];
    this.rows = [];
    this.days = [];
    let y = 0, first = 0, shapes = 0, today = "", last = usual;
    const filled = (/** @type {number} */ count, /** @type {number} */ sum) => (width - GAP * (count - 1)) / sum; // how high
    const close = (/** @type {number} */ end, full = false) => {
      if (end === first) return;
      const high = full ? (last = filled(end - first, shapes)) : Math.min(last, filled(end - first, shapes));
      let x = 0;
      this.rows.push({ y, high, first, end, id: this.tasks[first].id });
      for (let at = first; at < end; at++) {
        const wide = shape(this.tasks[at]) * high;
        this.boxes.push({ x, wide, row: this.rows.length - 1 });
        x += wide + GAP;
      }
      y += Math.round(high) + CAPTION + GAP;
      first = end;
      shapes = 0;
    };
    this.tasks.forEach((task, at) => {
      const label = dayOf(task), one = shape(task), count = at - first + 1;
      if (label !== today) {
        close(at);
        if (at) y += GAP;
        const month = new Date(task.created_at).toLocaleDateString("en-GB", { month: "short", year: "numeric" });
        this.days.push({ label: (today = label), month, at, y });
        y += HEADING;
      }
      const high = filled(count, shapes + one);
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
    const top = this.grid.getBoundingClientRect().top;
    let low = 0, high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (top + this.rows[middle].y + this.rows[middle].high + CAPTION > line) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Puts the tiles near the window where they belong, and takes the others out. */
  lay() {
    if (!this.visible || !this.filter) return;
    const from = this.rows[this.rowAt(-innerHeight)]?.first ?? 0;
    const to = Math.min((this.rows[this.rowAt(innerHeight * 2)] ?? this.rows.at(-1))?.end ?? 0, this.tasks.length);
    const shown = new Set();
    let before = null;
    for (let at = from; at < to; at++) {
      const task = this.tasks[at], box = this.boxes[at], row = this.rows[box.row];
      shown.add(task.id);
      let tile = this.tiles.get(task.id);
      if (!tile) this.tiles.set(task.id, (tile = new Tile(this)));
      tile.paint(task);
      tile.place(box.x, row.y, box.wide, row.high);
      tile.element.setAttribute("aria-posinset", String(at + 1));
      tile.element.setAttribute("aria-setsize", this.whole ? String(this.tasks.length) : "-1");
      tile.link.tabIndex = at === this.focus ? 0 : -1;
      // In the order in which they are read.
      const next = before ? before.nextSibling : this.grid.firstChild;
      if (next !== tile.element) this.grid.insertBefore(tile.element, next);
      before = tile.element;
    }
    for (const [id, tile] of this.tiles) {
      // Whoever walks with the keyboard finds the place again.
      if (shown.has(id) || (this.byId.has(id) && tile.element.contains(document.activeElement))) continue;
      tile.leave();
      this.tiles.delete(id);
    }
    if (![...this.tiles.values()].some((tile) => tile.link.tabIndex === 0))
      [...this.tiles.values()].forEach((tile, at) => at || (tile.link.tabIndex = 0));
    this.headings.replaceChildren(...this.days.filter((each) => each.at < to && each.at >= from - 20).map((each) => {
      const heading = el("h2", null, each.label);
      heading.style.top = `${each.y}px`;
      return heading;
    }));
    const topmost = this.rows[this.rowAt(BAR)]?.first ?? 0;
    let current = null;
    for (const entry of this.rail.children) {
      if (Number(entry.dataset.at) <= topmost) current = entry;
      entry.removeAttribute("aria-current");
    }
    current?.setAttribute("aria-current", "true");
    const end = this.grid.getBoundingClientRect().bottom;
    if (end < innerHeight * 2.5 && !this.failed && this.empty < EMPTY_PAGES) this.older();
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
      this.focus = each.at;
      this.lay();
      this.tiles.get(this.tasks[each.at].id)?.link.focus({ preventScroll: true });
    } }, months ? each.month : each.label.replace(/^\w+ (?=\d)|(?<= \w{3})\w+/g, ""))));
  }

  /** The arrow keys; x selects, s stars. @param {KeyboardEvent} event */
  walk(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const here = this.tasks.findIndex((task) => this.tiles.get(task.id)?.element.contains(document.activeElement));
    const at = here < 0 ? this.focus : here, last = this.tasks.length - 1;
    if (event.key === "x" && here >= 0) return this.select([this.tasks[here].id], !this.selected.has(this.tasks[here].id));
    if (event.key === "s" && here >= 0) return this.tiles.get(this.tasks[here].id)?.star.click();
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
    this.focus = Math.min(last, Math.max(0, goals[event.key]()));
    const goal = this.rows[this.boxes[this.focus].row], y = this.grid.getBoundingClientRect().top + goal.y, end = y + goal.high + CAPTION;
    if (y < BAR + HEADING || end > innerHeight) scrollBy(0, y < BAR + HEADING ? y - BAR - HEADING : end - innerHeight + 10);
    this.lay();
    this.tiles.get(this.tasks[this.focus].id)?.link.focus({ preventScroll: true });
  }

  // --- what is selected ---

  /** @param {string[]} ids @param {boolean} on */
  async select(ids, on) {
    const before = this.selected.size;
    for (const id of ids) this.selected[on ? "add" : "delete"](id);
    if (!before && !this.selected.size) return;
    this.element.classList.toggle("selecting", this.selected.size > 0);
    for (const tile of this.tiles.values()) tile.mark();
    const { paint } = await import("./console-selection.js");
    paint(this);
  }

  /** All from the one that was selected last to this one. @param {string} id */
  selectTo(id) {
    const places = [[...this.selected].at(-1), id].map((each) => this.tasks.findIndex((task) => task.id === each)).sort((a, b) => a - b);
    this.select(this.tasks.slice(Math.max(0, places[0]), places[1] + 1).map((task) => task.id), true);
  }
}

class Tile {
  /** @param {Wall} wall */
  constructor(wall) {
    this.wall = wall;
    this.stamp = ""; // of what is painted
    this.link = el("a.cover", { tabindex: "-1" });
    this.words = el("div.caption");
    this.button = el("button.cancel", { type: "button", onclick: () => this.act(() => wall.cancel(this.task.id)) }, "Cancel");
    this.pick = el("button.pick", { type: "button", role: "checkbox", tabindex: "-1", onclick: (/** @type {MouseEvent} */ event) =>
      event.shiftKey && wall.selected.size ? wall.selectTo(this.task.id) : wall.select([this.task.id], !wall.selected.has(this.task.id)) });
    this.star = el("button.star", { type: "button", tabindex: "-1", "aria-label": "Star", onclick: () => this.act(() => wall.change("PATCH", this.task.id, { starred: !this.task.starred })) }, "★");
    this.element = el("div.tile", { role: "listitem" }, this.link, this.words, this.pick, this.star, this.button);
    this.element.addEventListener("pointerenter", () => this.dwell());
    this.element.addEventListener("pointerleave", () => this.rest());
    this.link.addEventListener("focus", () => {
      wall.focus = wall.tasks.indexOf(this.task);
      if (this.link.matches(":focus-visible")) this.dwell();
    });
    this.link.addEventListener("blur", () => this.rest());
  }

  /** @param {number} x @param {number} y @param {number} wide @param {number} high */
  place(x, y, wide, high) {
    this.element.style.transform = `translate(${x}px, ${y}px)`;
    this.element.style.width = `${wide}px`;
    this.link.style.height = `${high}px`;
  }

  /** Whether it is selected. */
  mark() {
    this.pick.setAttribute("aria-checked", String(this.wall.selected.has(this.task.id)));
  }

  /** @param {any} task */
  paint(task) {
    const stamp = `${task.id} ${task.updated_at} ${task.state} ${task.last_error} ${task.waiting?.position} ${task.eta?.p50} ${task.starred}`;
    this.task = task;
    if (stamp === this.stamp) return;
    this.stamp = stamp;
    this.rest();
    const ended = ENDED.has(task.state), made = video(task);
    this.element.dataset.state = task.state;
    this.link.href = `#/task/${task.id}`;
    this.link.setAttribute("aria-label", `${title(task).slice(0, 200)}. ${task.state === "success" ? "" : `${STATES[task.state]}. `}${dayOf(task)}`);
    this.pick.setAttribute("aria-label", `Select: ${title(task).slice(0, 80)}`);
    this.mark();
    this.link.replaceChildren(...(made ? this.picture(made) : ended ? this.trouble(task) : this.progress(task)));
    const length = made?.video.duration ? span(made.video.duration) : "";
    this.words.replaceChildren(
      el("p.title", null, title(task)),
      el("p.facts", null, [task.model ?? task.provider, length, clockTime(task.created_at)].filter(Boolean).join(" · ")),
    );
    this.star.hidden = !ended || Boolean(task.hidden_at);
    this.star.setAttribute("aria-pressed", String(task.starred));
    this.button.hidden = !CANCELLABLE.has(task.state);
    this.button.disabled = false;
    this.button.setAttribute("aria-label", `Cancel: ${title(task).slice(0, 80)}`);
    this.tick();
  }

  /** @param {any} made */
  picture(made) {
    const length = made.video.duration ? el("span.length", null, playtime(made.video.duration)) : null;
    const image = made.cover_url
      ? el("img", { src: made.cover_url, alt: "", decoding: "async", draggable: "false", onerror: () => image.replaceWith(this.firstFrame(made)) })
      : this.firstFrame(made);
    return [image, length].filter(Boolean);
  }

  /** @param {any} made */
  firstFrame(made) {
    return el("video.frame", { src: `${made.url}#t=0.05`, muted: true, preload: "metadata", playsinline: true, "aria-hidden": "true" });
  }

  /** @param {any} task */
  trouble(task) {
    if (task.state === "success") return [el("span.status", null, "Its files are not in the archive"), el("span.reason", null, task.last_error ?? "Open it to see why.")];
    return [el("span.status", null, why(task)), el("span.reason", null, advice(task))];
  }

  /** @param {any} task */
  progress(task) {
    this.elapsed = el("span.elapsed");
    const line = task.waiting && `Number ${task.waiting.position}${task.waiting.at_least ? " or later" : ""} in line`;
    this.bar = el("span.pulse", { "aria-hidden": "true" });
    return [this.bar, el("span.status", null, line ?? STATES[task.state]), this.elapsed, task.last_error ? el("span.reason", null, task.last_error) : ""];
  }

  tick() {
    if (!this.elapsed?.isConnected || !this.task) return;
    this.elapsed.textContent = clockOf(this.task);
    progress(this.bar, this.task);
  }

  /** @param {() => Promise<any>} what */
  async act(what) {
    this.button.disabled = true;
    try {
      await what();
    } catch (trouble) {
      if (this.wall.lockedOut(trouble)) return;
      say(/** @type {Error} */ (trouble).message, "bad", 8);
    }
    this.button.disabled = false;
  }

  /** Plays what is ready, muted, if the pointer stays. */
  dwell() {
    const made = this.task && video(this.task);
    if (!made || this.timer || still.matches) return;
    this.timer = setTimeout(() => {
      this.player = el("video.preview", { src: made.url, muted: true, loop: true, playsinline: true, "aria-hidden": "true" });
      this.player.addEventListener("playing", () => this.player?.classList.add("on"));
      this.link.append(this.player);
      this.player.play().catch(() => {}); // the cover stays
    }, DWELL_MS);
  }

  rest() {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!this.player) return;
    this.player.removeAttribute("src"); // or the download goes on
    this.player.load();
    this.player.remove();
    this.player = null;
  }

  leave() {
    this.rest();
    this.element.remove();
  }
}
