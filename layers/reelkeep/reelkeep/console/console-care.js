// What is looked after: how much was made, webhooks and what was sent to them, subscriptions, keys, providers.
// @ts-check
import { action, bytes, call, copier, el, key, sentence, span, STATES, video, when } from "./console-base.js";
import { field, learn, resolver } from "./console-form.js";

const DAYS = 30;
const MOST = 1_000; // tasks that the chart reads
const HUES = 6; // groups with a colour of their own; the last is for all others

/** @type {Record<string, [string, (shown: Shown) => Promise<any[]>]>} */
const SECTIONS = {
  use: ["Use", use],
  webhooks: ["Webhooks", webhooks],
  subscriptions: ["Subscriptions", subscriptions],
  keys: ["Keys", keys],
  providers: ["Providers", providers],
};

/** @typedef {{again: () => Promise<void>, lockedOut: (trouble: any) => boolean, secret: (title: string, use: string, secret: string) => void}} Shown */

/** @type {import("./console-app.js").Open} */
export function open(wall, lockedOut, name) {
  const [label, load] = SECTIONS[name] ?? SECTIONS.use;
  const body = el("div.cards", null, el("p.quiet-text", null, "One moment…")), told = el("div");
  const element = el("section.care", { tabindex: "-1", "aria-label": label },
    el("nav.chips", { "aria-label": "Sections" }, ...Object.entries(SECTIONS).map(([section, [text]]) =>
      el("a.chip", { href: `#/care/${section}`, "aria-current": text === label ? "page" : null }, text))),
    el("h1", null, label), told, body);
  document.title = `${label} · Reelkeep`;
  let closed = false;

  /** @type {Shown} */
  const shown = {
    lockedOut,
    async again() {
      try {
        const found = await load(shown);
        if (!closed) body.replaceChildren(...found);
      } catch (trouble) {
        if (closed || lockedOut(trouble)) return;
        body.replaceChildren(el("p.error", { role: "alert" }, /** @type {Error} */ (trouble).message), el("button.secondary", { type: "button", onclick: shown.again }, "Try again"));
      }
    },
    secret(title, use, secret) {
      told.replaceChildren(el("div.card.secret", { role: "alert" },
        el("h2", null, title),
        el("p.quiet-text", null, use),
        el("code", null, secret),
        el("div.row", null, copier("Copy", () => secret), el("button.quiet", { type: "button", onclick: () => told.replaceChildren() }, "I have kept it"))));
      scrollTo(0, 0);
    },
  };
  shown.again();
  return { element, close: () => (closed = true) };
}

// --- use ---

async function use() {
  const from = new Date(new Date().setHours(0, 0, 0, 0) - (DAYS - 1) * 86_400_000);
  /** @type {any[]} */
  const tasks = [];
  let cursor = null;
  do {
    const query = new URLSearchParams({ created_from: from.toISOString(), limit: "100", ...(cursor && { cursor }) });
    const page = await call("GET", `tasks?${query}`);
    tasks.push(...page.tasks);
    cursor = page.next_cursor;
  } while (cursor && tasks.length < MOST);
  if (!tasks.length) return [el("p.quiet-text", null, `Nothing was made in the last ${DAYS} days.`)];
  const chart = el("div.card"), names = /** @type {const} */ ({ model: "By model", provider: "By provider", kind: "By kind" });
  const buttons = Object.entries(names).map(([by, label]) => el("button.chip", { type: "button", onclick: () => paint(by) }, label));
  /** @param {string} by */
  function paint(by) {
    Object.keys(names).forEach((each, at) => buttons[at].setAttribute("aria-pressed", String(each === by)));
    chart.replaceChildren(...charted(tasks, (task) => task[by] ?? "–", from));
  }
  paint("model");
  return [el("div.row", null, ...buttons, el("span.gap"), el("span.hint", null, cursor ? `The latest ${tasks.length.toLocaleString("en")} videos` : `The last ${DAYS} days`)), chart];
}

/** A column a day and a row a group. @param {any[]} tasks @param {(task: any) => string} of @param {Date} from */
function charted(tasks, of, from) {
  /** @type {Map<string, any[]>} */
  const groups = new Map();
  for (const task of tasks) groups.set(of(task), [...(groups.get(of(task)) ?? []), task]);
  const ranked = [...groups].sort(([, a], [, b]) => b.length - a.length);
  const hue = (/** @type {string} */ name) => `hue-${Math.min(HUES - 1, ranked.findIndex(([each]) => each === name))}`;
  const days = Array.from({ length: DAYS }, (_, at) => new Date(from.getFullYear(), from.getMonth(), from.getDate() + at));
  /** @type {Map<string, any[]>} */
  const byDay = new Map(days.map((each) => [each.toDateString(), []]));
  for (const task of tasks) byDay.get(new Date(task.created_at).toDateString())?.push(task);
  const highest = Math.max(...[...byDay.values()].map((each) => each.length));
  const columns = days.map((each) => {
    const made = byDay.get(each.toDateString()) ?? [];
    const label = `${each.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}: ${made.length}`;
    return el("div.column", { title: label }, ...ranked.map(([name]) => {
      const part = el(`span.${hue(name)}`);
      part.style.height = `${(made.filter((task) => of(task) === name).length / highest) * 100}%`;
      return part;
    }));
  });
  const sum = (/** @type {any[]} */ of, /** @type {(task: any) => number} */ what) => of.reduce((total, task) => total + what(task), 0);
  const rows = ranked.map(([name, of]) => {
    const ready = of.filter((task) => task.state === "success"), failed = of.filter((task) => ["failed", "expired"].includes(task.state));
    const size = sum(ready, (task) => sum(task.creations.flatMap((/** @type {any} */ each) => each.files), (file) => file.bytes));
    const cells = [of.length, ready.length, failed.length, span(sum(ready, (task) => video(task)?.video.duration ?? 0)), sum(of, (task) => task.credits ?? 0).toLocaleString("en"), bytes(size)];
    return el("tr", null, el("th", { scope: "row" }, el(`i.swatch.${hue(name)}`), name), ...cells.map((cell) => el("td", null, cell)));
  });
  return [
    el("div.chart", { role: "img", "aria-label": `Videos a day, ${highest} at most` }, ...columns),
    el("div.axis", { "aria-hidden": "true" }, el("span", null, days[0].toLocaleDateString("en-GB", { day: "numeric", month: "short" })), el("span", null, `at most ${highest} a day`), el("span", null, "Today")),
    el("div.scroll", { tabindex: "0", role: "region", "aria-label": "Sums" }, el("table.sums", null,
      el("thead", null, el("tr", null, ...["", "Asked", "Ready", "Failed", "Length", "Credits", "Size"].map((name) => el("th", { scope: "col" }, name || el("span.unseen", null, "Group"))))),
      el("tbody", null, ...rows))),
  ];
}

// --- webhooks ---

/** @param {Shown} shown */
async function webhooks(shown) {
  const found = (await call("GET", "webhooks")).webhooks;
  return [
    el("p.quiet-text", null, "An address of yours that gets a signed message when a task changes."),
    ...found.map((/** @type {any} */ each) => webhook(each, shown)),
    creator("Add a webhook", "NewWebhook", ["url", "events", "description", "body"], async (body) => {
      const made = await call("POST", "webhooks", { body });
      await shown.again();
      signing(shown, made);
    }, shown, !found.length),
  ];
}

/** @param {Shown} shown @param {any} made */
const signing = (shown, made) => shown.secret("Its secret is shown this once", "The receiver checks with it that a message is from here, as Standard Webhooks describes.", made.secret);

/** @param {any} hook @param {Shown} shown */
function webhook(hook, shown) {
  const path = `webhooks/${hook.id}`, sent = el("div");
  const state = hook.failing_since ? `Nothing has arrived since ${when(hook.failing_since)}` : hook.active ? "" : /** @type {Record<string, string>} */ ({ owner: "Paused", gone: "Paused: it answered that it is gone", failing: "Paused: nothing arrived for days" })[hook.paused_because] ?? "Paused";
  const then = { lockedOut: shown.lockedOut };
  const log = el("details", { ontoggle: () => log.open && deliveries(path, sent, shown) }, el("summary", null, "What was sent"), sent);
  return el("article.card", null,
    el("h2", null, hook.url ?? "Callback addresses of tasks"),
    el("p.hint", null, [hook.description, hook.events.map((/** @type {string} */ each) => STATES[each] ?? each).join(", "), hook.body === "event" ? "" : "in the task's own format"].filter(Boolean).join(" · ")),
    state && el("p.error", null, state),
    el("div.row", null,
      hook.url && action("Send a test", async () => {
        await call("POST", `${path}/test`);
        log.open = true;
        deliveries(path, sent, shown);
        return "On its way";
      }, then),
      action(hook.active ? "Pause" : "Resume", async () => {
        await call("PATCH", path, { body: { active: !hook.active } });
        await shown.again();
      }, then),
      action("New secret", async () => signing(shown, await call("POST", `${path}/rotate`)), { sure: "Replace the secret?", ...then }),
      hook.url && action("Delete", async () => {
        await call("DELETE", path);
        await shown.again();
      }, { sure: "Delete it, with its log?", ...then })),
    log);
}

/** @param {string} path @param {any} place @param {Shown} shown */
async function deliveries(path, place, shown) {
  try {
    const page = await call("GET", `${path}/deliveries`);
    place.replaceChildren(
      el("div.row", null, action("Look again", () => deliveries(path, place, shown))),
      page.deliveries.length ? el("ul.files", null, ...page.deliveries.map((/** @type {any} */ each) => delivery(path, each, () => deliveries(path, place, shown), shown))) : el("p.quiet-text", null, "Nothing so far."));
  } catch (trouble) {
    if (!shown.lockedOut(trouble)) place.replaceChildren(el("p.error", { role: "alert" }, /** @type {Error} */ (trouble).message));
  }
}

/** @param {string} path @param {any} sent @param {() => Promise<void>} again @param {Shown} shown */
function delivery(path, sent, again, shown) {
  const last = sent.attempts.at(-1), body = el("pre", { tabindex: "0", hidden: true });
  const outcome = /** @type {Record<string, string>} */ ({ waiting: "waits", delivered: "arrived", failed: "given up", held: "held while paused" })[sent.outcome];
  const how = last && (last.error ? sentence(last.error) : `answered ${last.status} in ${last.milliseconds} ms`);
  const tries = sent.attempts.length > 1 ? `${sent.attempts.length} attempts` : "";
  return el("li", null,
    el("div", null,
      el("strong", null, STATES[sent.event] ?? sent.event), " ", el(sent.outcome === "failed" ? "span.error" : "span", null, outcome), sent.task_id ? el("a", { href: `#/task/${sent.task_id}` }, "its task") : "",
      el("p.hint", null, [when(sent.created_at), how, tries, sent.next_attempt_at && sent.outcome === "waiting" ? `next at ${when(sent.next_attempt_at)}` : ""].filter(Boolean).join(" · "))),
    el("div.row", null,
      action("Body", async () => {
        body.textContent ||= (await call("GET", `${path}/deliveries/${sent.id}`)).body;
        body.hidden = !body.hidden;
      }, { lockedOut: shown.lockedOut }),
      action("Replay", async () => {
        await call("POST", `${path}/deliveries/${sent.id}/replay`);
        await again();
      }, { lockedOut: shown.lockedOut })),
    body);
}

// --- subscriptions ---

/** @param {Shown} shown */
async function subscriptions(shown) {
  const found = (await call("GET", "subscriptions")).subscriptions;
  return [
    el("p.quiet-text", null, "E-mail, a queue or a function that hears how tasks ended, those that fit its filter."),
    ...found.map((/** @type {any} */ each) => {
      const path = `subscriptions/${each.id}`, filter = Object.entries(each.filter).map(([name, values]) => `${name}: ${values.join(", ")}`).join(" · ");
      return el("article.card", null,
        el("h2", null, each.endpoint),
        el("p.hint", null, [each.protocol, filter || "every task"].join(" · ")),
        each.status === "pending" ? el("p.error", null, "It waits until whoever reads there confirms it.") : each.status === "gone" ? el("p.error", null, "It was ended there, or never confirmed: delete it.") : "",
        el("div.row", null,
          action(each.active ? "Pause" : "Resume", async () => {
            await call("PATCH", path, { body: { active: !each.active } });
            await shown.again();
          }, { lockedOut: shown.lockedOut }),
          action("Delete", async () => {
            await call("DELETE", path);
            await shown.again();
          }, { sure: "Delete it?", lockedOut: shown.lockedOut })));
    }),
    creator("Subscribe", "NewSubscription", ["protocol", "endpoint", "filter"], async (body) => {
      await call("POST", "subscriptions", { body });
      await shown.again();
    }, shown, !found.length),
  ];
}

// --- keys ---

/** @param {Shown} shown */
async function keys(shown) {
  const found = (await call("GET", "keys")).keys, now = new Date().toISOString(), own = key.get() ?? "";
  return [
    el("p.quiet-text", null, "Each opens all that is yours, here and in the API. Give each program its own."),
    ...found.map((/** @type {any} */ each) => {
      const state = each.revoked_at ? `Revoked on ${when(each.revoked_at)}` : each.ends_at && each.ends_at <= now ? `Ended on ${when(each.ends_at)}` : "";
      const mine = own.endsWith(each.last_characters);
      return el("article.card", null,
        el("h2", null, each.name || "Without a name"),
        el("p.hint", null, [`ends in ${each.last_characters}`, mine && "the one in this tab", `made on ${when(each.created_at)}`, !state && each.ends_at && `good until ${when(each.ends_at)}`].filter(Boolean).join(" · ")),
        state ? el("p.error", null, state) : el("div.row", null, action("Revoke", async () => {
          await call("DELETE", `keys/${each.id}`);
          await shown.again();
        }, { sure: mine ? "Revoke this tab's own key?" : "Revoke it at once?", lockedOut: shown.lockedOut })));
    }),
    creator("Make a key", "KeyRequest", ["name", "ends_at"], async (body) => {
      const made = await call("POST", "keys", { body });
      await shown.again();
      shown.secret("The key is shown this once", "Programs send it as a Bearer token.", made.key);
    }, shown, false),
  ];
}

// --- providers ---

async function providers() {
  const found = (await call("GET", "providers")).providers;
  return [
    el("p.quiet-text", null, "A video goes to the provider that has its model, any other to the usual one."),
    el("div.tiles", null, ...found.map((/** @type {any} */ each) => el("article.card", null,
      el("h2", null, each.name),
      el("p.hint", null, `${each.default ? "The usual one, speaks" : "Speaks"} ${each.dialect}`),
      el("div.row", null, ...each.models.map((/** @type {string} */ model) => el("code.tag", null, model)))))),
  ];
}

// --- forms ---

/**
 * A form drawn from what the API's document says of a body.
 * @param {string} label @param {string} schema @param {string[]} names  of its fields, in this order
 * @param {(body: any) => Promise<void>} send @param {Shown} shown @param {boolean} opened
 */
function creator(label, schema, names, send, shown, opened) {
  const place = el("div"), whole = el("details.card", { open: opened, ontoggle: () => whole.open && !place.firstChild && draw() }, el("summary", null, label), place);
  async function draw() {
    place.replaceChildren(el("p.quiet-text", null, "One moment…"));
    try {
      const [spec] = await learn(), resolve = resolver(spec);
      /** Fields of a schema, and of those in it. @param {any} found @param {string[]} wanted @param {string} within @returns {[string, import("./console-form.js").Field][]} */
      const fieldsOf = (found, wanted, within = "") => wanted.flatMap((name) => {
        const property = resolve(found.properties[name]);
        if (property.properties) return fieldsOf(property, Object.keys(property.properties), `${name}.`);
        return [[within + name, field(name, property, undefined, (found.required ?? []).includes(name), property.examples, () => {})]];
      });
      const fields = fieldsOf(resolve({ $ref: schema }), names), error = el("p.error", { role: "alert" });
      const button = el("button.primary", { type: "submit" }, label);
      place.replaceChildren(el("form.plain", { novalidate: true, onsubmit: async (/** @type {Event} */ event) => {
        event.preventDefault();
        /** @type {any} */
        const body = {};
        for (const [path, each] of fields) {
          const [name, inner] = path.split("."), value = each.value();
          each.complain("");
          if (value !== undefined) inner ? ((body[name] ??= {})[inner] = value) : (body[name] = value);
        }
        error.textContent = "";
        button.disabled = true;
        try {
          await send(body);
        } catch (trouble) {
          if (shown.lockedOut(trouble)) return;
          const wrong = /** @type {any} */ (trouble).problem?.errors ?? [];
          const at = wrong.map((/** @type {any} */ each) => [fields.find(([path]) => each.field.startsWith(path))?.[1], each.message]);
          for (const [each, message] of at) each?.complain(message);
          if (!at.length || at.some((/** @type {any[]} */ [each]) => !each)) error.textContent = /** @type {Error} */ (trouble).message;
          at[0]?.[0]?.input.focus();
        }
        button.disabled = false;
      } }, ...fields.map(([, each]) => each.element), error, button));
    } catch (trouble) {
      if (!shown.lockedOut(trouble)) place.replaceChildren(el("p.error", { role: "alert" }, /** @type {Error} */ (trouble).message), el("button.secondary", { type: "button", onclick: draw }, "Try again"));
    }
  }
  if (opened) draw();
  return whole;
}
