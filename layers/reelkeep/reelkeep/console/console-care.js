// What is looked after: what was used, webhooks and what was sent to them, subscriptions, keys, providers.
// @ts-check
import { action, call, clockTime, copier, el, EVENTS, joined, key, KINDS, sentence, show, span, when } from "./console-base.js";
import { fieldsOf, formOf, learn } from "./console-form.js";
import { limited, use } from "./console-use.js";
/** @typedef {import("./console-base.js").Api} Api */

/** @typedef {{again: () => Promise<void>, secret: (title: string, use: string, secret: string) => void, note: (lines: string[]) => void}} Section  loads itself again; shows a secret once, or what came of something */
/** @typedef {Record<string, [string, (section: Section) => Promise<any[]>]>} Sections */
/** @type {Sections} */
const SECTIONS = {
  use: ["Use", use],
  webhooks: ["Webhooks", webhooks],
  subscriptions: ["Subscriptions", subscriptions],
  keys: ["Keys", keys],
  providers: ["Providers", providers],
};
/** @type {Sections} */
const OPERATORS = {
  owners: ["Owners", (section) => import("./console-operate.js").then(({ owners }) => owners(section))],
  letters: ["Dead letters", (section) => import("./console-operate.js").then(({ letters }) => letters(section))],
};

/** @type {import("./console-app.js").Open} */
export function open(wall, _closed, name) {
  const [label, load] = SECTIONS[name] ?? OPERATORS[name] ?? SECTIONS.use;
  const chips = (/** @type {Sections} */ sections) => Object.entries(sections).map(([each, [text]]) =>
    el("a.chip", { href: `#/care/${each}`, "aria-current": text === label ? "page" : null }, text));
  const nav = el("nav.chips", { "aria-label": "Sections" }, chips(SECTIONS));
  wall.mayOperate().then((may) => {
    if (may) nav.append(...chips(OPERATORS));
    // On a phone the chips are wider than the page.
    nav.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  });
  document.title = `${label} · Reelkeep`;
  const body = el("div.cards"), told = el("div");
  /** @type {Section} */
  const section = {
    again: () => show(body, () => load(section)),
    secret(title, use, secret) {
      told.replaceChildren(el("div.card.secret", { role: "alert" },
        el("h2", title),
        el("p.quiet-text", use),
        el("code", secret),
        el("div.row", copier("Copy", () => secret), el("button.quiet", { type: "button", onclick: () => told.replaceChildren() }, "I have kept it"))));
      scrollTo(0, 0);
    },
    note: (lines) => told.replaceChildren(el("div.card", { role: "status" }, lines.map((line) => el("p", line)))),
  };
  section.again();
  return el("section.care", { tabindex: "-1", "aria-label": label },
    nav, el("h1", label), told, body);
}

/** @param {string} heading @param {any[]} hints @param {any} problem  what is wrong with it @param {...any} more */
export const card = (heading, hints, problem, ...more) =>
  el("article.card", el("h2", heading), el("p.hint", joined(...hints)), problem && el("p.error", problem), more);

/** A button that changes what a section shows. @param {Section} section @param {string} label @param {string} method @param {string} path @param {{body?: any, sure?: string}} [options] */
export const changer = (section, label, method, path, { body, sure } = {}) => action(label, () => call(method, path, { body }).then(section.again), { sure });

/**
 * A form for something new, or for what is `given`.
 * @param {string} label @param {string} schema  its name in the API's document @param {string[]} names  of its fields, in this order
 * @param {(body: any) => Promise<void>} send @param {boolean} opened @param {any} [given]
 */
export function creator(label, schema, names, send, opened, given) {
  const place = el("div");
  const draw = () => show(place, async () => {
    const [spec] = await learn(), fields = new Map(fieldsOf(spec, { $ref: `#/${schema}` }, names, given)), { form, general, button } = formOf(fields, label, send);
    form.classList.add("plain");
    form.append(...[...fields.values()].map((each) => each.element), general, button);
    return form;
  });
  const whole = el("details.card", { open: opened, ontoggle: () => whole.open && !place.firstChild && draw() }, el("summary", label), place);
  return whole;
}

// --- webhooks ---

/** @type {Record<string, string>} */
const PAUSES = { owner: "Paused", gone: "Paused: it answered that it is gone", failing: "Paused: nothing arrived for days" };
/** @type {Record<string, string>} */
const OUTCOMES = { waiting: "waits", delivered: "arrived", failed: "given up", held: "held while paused" };

/** @param {Section} section */
async function webhooks(section) {
  /** @type {Api["Webhook"][]} */
  const found = (await call("GET", "webhooks")).webhooks;
  const signing = (/** @type {Api["WebhookWithSecret"]} */ made) => section.secret("Its secret is shown this once", "The receiver checks with it that a message is from here, as Standard Webhooks describes.", made.secret);
  return [
    el("p.quiet-text", "An address of yours that gets a signed message when a task changes."),
    found.map((hook) => {
      const path = `webhooks/${hook.id}`, sent = el("div"), log = el("details", { ontoggle: () => log.open && deliveries(path, sent) }, el("summary", "What was sent"), sent);
      return card(hook.url ?? "Callback addresses of tasks",
        [hook.description, hook.events.map((each) => EVENTS[each] ?? each).join(", "), hook.body !== "event" && "in the task's own format"],
        hook.failing_since ? `Nothing has arrived since ${when(hook.failing_since)}` : !hook.active && PAUSES[hook.paused_because ?? "owner"],
        el("div.row",
          hook.url && action("Send a test", async () => {
            await call("POST", `${path}/test`);
            log.open = true;
            deliveries(path, sent);
            return "On its way";
          }),
          changer(section, hook.active ? "Pause" : "Resume", "PATCH", path, { body: { active: !hook.active } }),
          action("New secret", async () => signing(await call("POST", `${path}/rotate`)), { sure: "Replace the secret?" }),
          hook.url && changer(section, "Delete", "DELETE", path, { sure: "Delete it, with its log?" })),
        log);
    }),
    creator("Add a webhook", "NewWebhook", ["url", "events", "description", "body"], async (body) => {
      const made = await call("POST", "webhooks", { body });
      await section.again();
      signing(made);
    }, !found.length),
  ];
}

/** @param {string} path @param {any} place */
function deliveries(path, place) {
  const again = () => deliveries(path, place);
  return show(place, async () => {
    /** @type {Api["SentDelivery"][]} */
    const found = (await call("GET", `${path}/deliveries`)).deliveries;
    return [el("div.row", action("Look again", again)), found.length ? el("ul.files", found.map((sent) => {
      const last = sent.attempts.at(-1), body = el("pre", { tabindex: "0", hidden: true });
      return el("li",
        el("div",
          el("strong", EVENTS[sent.event] ?? sent.event), " ", el(sent.outcome === "failed" ? "span.error" : "span", OUTCOMES[sent.outcome]), " ", sent.task_id && el("a", { href: `#/task/${sent.task_id}` }, "its task"),
          el("p.hint", joined(when(sent.created_at), last && (last.error ? sentence(last.error) : `answered ${last.status} in ${last.milliseconds} ms`), sent.attempts.length > 1 && `${sent.attempts.length} attempts`, sent.next_attempt_at && sent.outcome === "waiting" && `next at ${when(sent.next_attempt_at)}`))),
        el("div.row",
          action("Body", async () => {
            body.textContent ||= (await call("GET", `${path}/deliveries/${sent.id}`)).body;
            body.hidden = !body.hidden;
          }),
          action("Replay", () => call("POST", `${path}/deliveries/${sent.id}/replay`).then(again))),
        body);
    })) : el("p.quiet-text", "Nothing so far.")];
  });
}

// --- subscriptions ---

/** @param {Section} section */
async function subscriptions(section) {
  /** @type {Api["Subscription"][]} */
  const found = (await call("GET", "subscriptions")).subscriptions;
  return [
    el("p.quiet-text", "E-mail, a queue or a function that hears how tasks ended, those that fit its filter."),
    found.map((each) => {
      const path = `subscriptions/${each.id}`, filter = Object.entries(each.filter).map(([name, values]) => `${name}: ${values.join(", ")}`);
      return card(each.endpoint, [each.protocol, ...(filter.length ? filter : ["every task"])],
        each.status === "pending" ? "It waits until whoever reads there confirms it." : each.status === "gone" && "It was ended there, or never confirmed: delete it.",
        el("div.row",
          changer(section, each.active ? "Pause" : "Resume", "PATCH", path, { body: { active: !each.active } }),
          changer(section, "Delete", "DELETE", path, { sure: "Delete it?" })));
    }),
    creator("Subscribe", "NewSubscription", ["protocol", "endpoint", "filter"], (body) => call("POST", "subscriptions", { body }).then(section.again), !found.length),
  ];
}

// --- keys ---

/** @param {Section} section */
async function keys(section) {
  /** @type {Api["Key"][]} */
  const found = (await call("GET", "keys")).keys, now = new Date().toISOString();
  return [
    el("p.quiet-text", "Each opens what is yours, here and in the API. Give each program its own."),
    found.map((each) => {
      const mine = key.get()?.endsWith(each.last_characters), over = each.revoked_at ? `Revoked on ${when(each.revoked_at)}` : each.ends_at && each.ends_at <= now && `Ended on ${when(each.ends_at)}`;
      return card(each.name || "Without a name",
        [`ends in ${each.last_characters}`, mine && "the one in this tab", `made on ${when(each.created_at)}`, each.last_used_on ? `last used on ${when(each.last_used_on).replace(/,.*/, "")}` : "not used yet", !over && each.ends_at && `good until ${when(each.ends_at)}`, `may ${each.scopes.join(", ")}`],
        over,
        limited(each.limits),
        !over && el("div.row", changer(section, "Revoke", "DELETE", `keys/${each.id}`, { sure: mine ? "Revoke this tab's own key?" : "Revoke it at once?" })));
    }),
    creator("Make a key", "KeyRequest", ["name", "ends_at", "scopes", "limits"], async (body) => {
      const made = await call("POST", "keys", { body });
      await section.again();
      section.secret("The key is shown this once", "Programs send it as a Bearer token.", made.key);
    }, false),
  ];
}

// --- providers ---

/** @type {Record<string, string>} */
const HEALTH = { "key-refused": "It refuses our key", "out-of-credit": "Its account has no credit left", unreachable: "It cannot be reached" };

/** @param {Section} section */
async function providers(section) {
  /** @type {Api["Provider"][]} */
  const found = (await call("GET", "providers")).providers;
  return [
    el("p.quiet-text", "A video goes to the provider that has its model, any other to the usual one."),
    found.some((each) => each.status) && el("div.row", ["unfinished=true", "failure=lost"].map((filter, at) => el("a.secondary", { href: `#/?owner=*&${filter}` }, ["All unfinished tasks", "All lost tasks"][at])), el("span.gap"), action("Look again", section.again)),
    el("div.tiles", found.map((each) => card(each.name, [`${each.default ? "The usual one, speaks" : "Speaks"} ${each.dialect}`], each.stopped ? "An operator has stopped it." : HEALTH[each.status?.health ?? ""],
      el("div.row", each.models.map((model) => el("code.tag", model))), each.status && standing(each.status),
      each.status && el("div.row", each.stopped
        ? changer(section, "Let it get tasks again", "POST", `providers/${encodeURIComponent(each.name)}/start`)
        : changer(section, "Stop", "POST", `providers/${encodeURIComponent(each.name)}/stop`, { sure: "Send it nothing new?" }))))),
    found.some((each) => each.status?.times.length) && el("div.card", el("h2", "How long tasks take"), el("div.scroll", { tabindex: "0", role: "region", "aria-label": "Times" }, el("table.sums",
      el("thead", el("tr", ["Tasks", "Seen", "Half within", "Nine of ten"].map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", found.flatMap(({ name, status }) => status?.times.map((each) => el("tr",
        el("th", { scope: "row" }, joined(name, each.model, KINDS[each.kind], each.duration && `${each.duration} s`, each.resolution, each.off_peak && "off-peak")),
        el("td", each.seen), el("td", span(each.p50)), el("td", span(each.p90))))))))),
  ];
}

/** What operators see of a provider. @param {Api["ProviderStatus"]} status */
function standing({ slots, in_flight: busy, in_line: waiting, at_least: more, expected_start: start, troubles }) {
  return [
    el("p", joined(slots === null ? `${busy} under way` : `${busy} of ${slots} slots are taken`, waiting > 0 && `${waiting}${more ? " or more" : ""} in line, the next starts about ${clockTime(start)}`)),
    troubles.length > 0 && el("ul.files", troubles.map((each) => el("li", el("div", sentence(each.message), el("p.hint", `from ${when(each.since)} to ${when(each.last_at)}`))))),
  ];
}
