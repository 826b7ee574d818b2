// What every view shares: elements, the API, words for people.
// @ts-check
/** @typedef {import("api").components["schemas"]} Api  what the API's document says of bodies */
/** @typedef {Api["Task"]} Task */
/** @typedef {Task["creations"][0]} Creation */
/** @typedef {Creation["files"][0]} File */

/** The address below which the API answers: this file is console/<version>/console-base.js there. */
export const root = new URL("../../", import.meta.url);

/**
 * An element. Text is only ever text: whatever comes from a prompt or a provider cannot become markup.
 * @param {string} name  tag, with classes behind dots: `p.quiet`
 * @param {...any} children  attributes may stand first: `onclick` and the like are listeners, `style` has properties;
 *   null, undefined and false are left out, lists are opened
 * @returns {any}
 */
export function el(name, ...children) {
  const [tag, ...classes] = name.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(" ");
  const attributes = children[0]?.constructor === Object ? children.shift() : {};
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "style") for (const [property, each] of Object.entries(value)) node.style.setProperty(property, each);
    else if (key === "value" || key === "muted") /** @type {any} */ (node)[key] = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(2).filter((child) => child || child === 0));
  return node;
}

/** Parts of a line, those that there are. @param {...any} parts */
export const joined = (...parts) => parts.filter(Boolean).join(" · ");

/** Keeps something in the tab, unless it is larger than what a tab keeps. @param {string} name @param {any} value */
export function keep(name, value) {
  try {
    sessionStorage.setItem(name, JSON.stringify(value));
  } catch {
    sessionStorage.removeItem(name);
  }
}

/** What was kept. @param {string} name @returns {Record<string, any>} */
export const kept = (name) => JSON.parse(sessionStorage.getItem(name) ?? "{}");

const KEY = "reelkeep.key";
/** In this tab only; what was typed stays when it is forgotten, for the next one. */
export const key = {
  get: () => sessionStorage.getItem(KEY),
  /** @param {string} value */
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

// --- the API ---

/** Why a call did not succeed, as a sentence for a person. */
export class Trouble extends Error {
  /** @param {number} status  0: no answer came  @param {string} sentence  @param {any} [problem]  @param {number} [wait]  in seconds */
  constructor(status, sentence, problem = {}, wait = 0) {
    super(sentence);
    this.status = status;
    this.problem = problem;
    this.wait = wait;
    /** Whether the same call may succeed a little later. */
    this.passing = status === 0 || status === 429 || status >= 500;
  }
}

/** @param {any} trouble */
export const message = (trouble) => (trouble instanceof Trouble ? trouble.message : String(trouble));

/** @param {string} text */
export const sentence = (text) => text && text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

/**
 * Calls the API. Raises Trouble; never ends if the key is not accepted: then the page is told, and shows how to sign in.
 * @param {string} method @param {string} path  without a slash before it
 * @param {{body?: any, headers?: Record<string, string>}} [options]
 * @returns {Promise<any>}
 */
export async function call(method, path, { body, headers } = {}) {
  let answer, text;
  try {
    answer = await fetch(new URL(path, root), {
      method,
      headers: {
        accept: "application/json, */*",
        authorization: `Bearer ${key.get() ?? ""}`,
        ...(body && { "content-type": "application/json" }),
        ...headers,
      },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(40_000),
      credentials: "omit",
      cache: "no-store",
    });
    text = await answer.text();
  } catch {
    throw new Trouble(0, "Reelkeep cannot be reached. Check the connection.");
  }
  if (answer.ok && answer.headers.get("content-type")?.startsWith("text/csv")) return text;
  let found = {};
  try {
    found = text ? JSON.parse(text) : {};
  } catch {
    if (answer.ok) throw new Trouble(502, "Something between here and Reelkeep answered in its place.");
  }
  if (answer.ok) return found;
  const why = explained(answer.status, found);
  if (answer.status === 401) {
    dispatchEvent(new CustomEvent("lockedout", { detail: why }));
    return new Promise(() => {});
  }
  throw new Trouble(answer.status, why, found, Number(answer.headers.get("retry-after")) || 0);
}

/** @param {number} status @param {any} problem */
function explained(status, problem) {
  if (status === 401) return "This key is not known here, or it was revoked. Sign in with another one.";
  if (status === 429 && !problem.detail) return "That were too many requests at once.";
  if (status >= 500 && (!problem.detail || problem.type?.endsWith("#problem-fault"))) return "Reelkeep has a problem of its own.";
  if (problem.type?.endsWith("#problem-cannot-cancel")) return "It is too late to cancel: the provider has begun.";
  return sentence(problem.detail?.replace(/^tags\[\d+\]/, "a tag") || problem.title || `Reelkeep answered with status ${status}`);
}

/**
 * Shows what `load` finds, or why it finds nothing and a way on.
 * @param {any} place @param {() => Promise<any>} load  of its children
 */
export async function show(place, load) {
  if (!place.firstChild) place.append(el("p.quiet-text", "One moment…"));
  try {
    place.replaceChildren(...[await load()].flat(2).filter(Boolean));
  } catch (trouble) {
    place.replaceChildren(el("p.error", { role: "alert" }, message(trouble)), el("button.secondary", { type: "button", onclick: () => show(place, load) }, "Try again"));
  }
}

// --- submissions ---

const ATTEMPTS = "reelkeep.attempts"; // survive a reload, as the form does

/** @type {(keyof Task)[]} What a submission may hold, in the order in which it is shown. */
const REQUEST = ["kind", "model", "provider", "prompt", "images", "video_url", "creation_id", "template", "duration", "resolution", "aspect_ratio", "seed", "audio", "off_peak", "tags", "payload"];

/** What was asked for, as it can be asked for again; pictures that were sent as data are not shown by the API. @param {Task} task */
export const submission = (task) => Object.fromEntries(REQUEST.map((name) => [name, task[name]]).filter(([, value]) => (value || value === 0) && String(value)));

/** The same without the seed, which would give the same video once more. @param {Task} task */
export const another = (task) => ({ ...submission(task), seed: undefined });

/** @param {Task} task */
export const hasData = (task) => [...task.images, task.video_url ?? ""].some((each) => each.startsWith("data:"));

/** The Idempotency-Key of each submission without an answer, by the digest of its body: bodies may be larger than a tab keeps. */
const attempts = kept(ATTEMPTS);

/** @param {Uint8Array} bytes */
const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** Of a text; the text itself where browsers compute none, at an address without TLS. @param {string} text */
async function digest(text) {
  if (!crypto.subtle) return text;
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
}

/** One submission, and its repetitions after a lost answer: they have one Idempotency-Key, so it is made once. @param {any} body @returns {Promise<Task>} */
export async function submit(body) {
  const name = await digest(JSON.stringify(body));
  attempts[name] ??= hex(crypto.getRandomValues(new Uint8Array(16)));
  keep(ATTEMPTS, attempts);
  let again = false;
  try {
    return await call("POST", "tasks", { body, headers: { "idempotency-key": attempts[name] } });
  } catch (trouble) {
    again = trouble instanceof Trouble && trouble.passing; // else it was refused: the next one is another one
    throw trouble;
  } finally {
    if (!again) delete attempts[name];
    keep(ATTEMPTS, attempts);
  }
}

// --- words ---

export const ENDED = new Set(["success", "failed", "cancelled", "expired"]);
/** Where it can still be cancelled: providers do not stop what they have begun. */
export const CANCELLABLE = new Set(["created", "queueing"]);
/** @type {Record<string, string>} */
export const STATES = {
  created: "Accepted",
  queueing: "Waiting for its turn",
  processing: "Being made",
  archiving: "Being saved",
  success: "Ready",
  failed: "Failed",
  cancelled: "Cancelled",
  expired: "Expired",
};
/** @type {Record<string, string>} */
export const EVENTS = { ...STATES, differs: "Not as ordered", budget: "Budget warning" };
/** @type {Record<string, string>} */
const REASONS = {
  policy: "The provider's content rules do not allow it",
  input: "The provider cannot use what was asked for",
  credit: "The provider account has no credit left",
  throttled: "The provider had too much to do",
  provider: "The provider had a fault",
  expired: "The provider did not finish it in time",
  lost: "The provider has lost it",
  cancelled: "It was cancelled",
  deadline: "It was not finished before its deadline",
};
/** @type {Record<string, string>} */
export const KINDS = {
  text2video: "Text to video",
  img2video: "Image to video",
  reference2video: "Reference to video",
  "start-end2video": "First and last frame",
  template2video: "Template",
  multiframe: "Several frames",
  extend: "Extend a video",
  upscale: "Upscale",
  "lip-sync": "Lip sync",
};

/** @param {Task} task */
export const why = (task) => REASONS[task.failure?.reason ?? ""] ?? STATES[task.state];

/** Whether trying again makes sense. @param {Task} task */
function advice(task) {
  if (task.state === "cancelled") return "";
  if (task.failure?.reason === "credit") return "Add credit there, then try again.";
  return task.failure?.retryable ? "Trying again may work." : "The same again would fail again: change it first.";
}

/** @param {Task} task */
export const title = (task) => task.prompt || task.template || KINDS[task.kind] || task.kind;

/** The first video that is in the archive. @param {Task} task */
export const video = (task) => task.creations.find((each) => each.url);

/** The file of that. @param {Task} task */
export const film = (task) => video(task)?.files.find((file) => file.name === "video");

/** What stands in the place of a video that is not there: how far it is, or why there is none. @param {Task} task @param {boolean} [whole] */
export function standing(task, whole = false) {
  const { waiting, failure, last_error: error } = task, ended = ENDED.has(task.state), lost = task.state === "success";
  const line = waiting && `Number ${waiting.position}${waiting.at_least ? " or later" : ""} in line`;
  const reason = why(task), words = whole && ended && failure?.message, [bar, clock] = ended ? [] : elapsed(task);
  return [
    bar,
    el("span.status", { role: whole && "status" }, lost ? "Its files are not in the archive" : ended ? reason : (line ?? STATES[task.state])),
    clock,
    whole && waiting && el("span.reason", `It starts about ${clockTime(waiting.expected_start)}`),
    words && !words.toLowerCase().startsWith(reason.toLowerCase()) && el("span.reason", sentence(words)),
    el("span.reason", lost ? (error ?? "Open it to see why.") : ended ? advice(task) : error && sentence(error)),
  ];
}

/** A bar and words that say how long it has taken, and how long it will; they follow the clock. @param {Task} task */
function elapsed(task) {
  const bar = el("span.pulse", { "aria-hidden": "true" }), text = el("span.elapsed"), begun = Date.parse(task.created_at);
  const end = task.eta && Date.parse(task.eta.p50);
  bar.classList.toggle("known", Boolean(end));
  const paint = () => {
    const left = end && (end - Date.now()) / 1000;
    text.textContent = span((Date.now() - begun) / 1000) + (!left ? "" : left > 1 ? `, about ${span(left)} left` : ", soon ready");
    if (end) bar.style.setProperty("--done", `${Math.min(97, Math.max(3, ((Date.now() - begun) / (end - begun)) * 100))}%`);
  };
  paint();
  const clock = setInterval(() => (bar.isConnected ? paint() : clearInterval(clock)), 1000);
  return [bar, text];
}

/** As a person would name it: what it shows, when, what kind of file. @param {Task} task @param {File} file */
export function fileName(task, file) {
  const words = title(task).normalize("NFC").replace(/[^\p{L}\p{N}]+/gu, " ").trim().split(" ").slice(0, 8).join("-").slice(0, 60).toLowerCase();
  const end = /\.\w+$/.exec(new URL(file.url).pathname)?.[0] ?? "";
  return `${words || task.kind}-${task.created_at.slice(0, 10)}${file.name === "video" ? "" : `-${file.name}`}${end}`;
}

/** @param {number} seconds */
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds)), [minutes, hours] = [Math.floor(whole / 60), Math.floor(whole / 3600)];
  return whole < 60 ? `${whole} s` : hours ? `${hours} h ${minutes % 60} min` : `${minutes} min ${whole % 60} s`;
}

/** @param {number} count */
export function bytes(count) {
  const [unit, size] = count < 1e6 ? ["kB", 1e3] : count < 1e9 ? ["MB", 1e6] : /** @type {const} */ (["GB", 1e9]);
  return `${(count / Number(size)).toLocaleString("en", { maximumFractionDigits: count < 1e7 ? 1 : 0 })} ${unit}`;
}

/** The year, if it is another one. @param {Date} then */
const year = (then) => (then.getFullYear() === new Date().getFullYear() ? undefined : "numeric");

/** @param {string} moment */
export const when = (moment) =>
  new Date(moment).toLocaleString("en-GB", { day: "numeric", month: "short", year: year(new Date(moment)), hour: "2-digit", minute: "2-digit" });

/** @param {string} moment */
export const clockTime = (moment) => new Date(moment).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

/** @param {string} moment */
export function day(moment) {
  const then = new Date(moment), days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(then).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days < 2) return days === 1 ? "Yesterday" : "Today";
  return then.toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long", year: year(then) });
}

let gone = 0;
/** Shows a sentence at the foot of the page, for some seconds or until it is called again. @param {string} text @param {number} [seconds] */
export function say(text, seconds = 0) {
  const line = /** @type {HTMLElement} */ (document.getElementById("connection"));
  if (line.textContent !== text) line.textContent = text;
  clearTimeout(gone);
  if (seconds) gone = setTimeout(() => (line.textContent = ""), seconds * 1000);
}

/**
 * A button that waits for what it does, says what came of it for a moment, and a failure at the foot of the page.
 * @param {string} label @param {(button: any) => any} act
 * @param {{sure?: string, [attribute: string]: any}} [options]  `sure`: what it asks first
 */
export function action(label, act, { sure, ...attributes } = {}) {
  let asking = false, back = 0;
  const button = el("button.secondary", { type: "button", ...attributes, onclick: async () => {
    clearTimeout(back);
    let outcome = sure;
    const acts = !sure || asking;
    if (acts) {
      button.disabled = true;
      outcome = await Promise.resolve(button).then(act).catch((trouble) => {
        if (trouble.name !== "AbortError") say(trouble instanceof Trouble ? trouble.message : "The browser does not allow it.", 8);
      });
      button.disabled = false;
    }
    asking = !acts;
    button.textContent = outcome || label;
    back = setTimeout(() => {
      asking = false;
      button.textContent = label;
    }, asking ? 5000 : 2500);
  } }, label);
  return button;
}

/** @param {string} label @param {() => string} text @param {string} [spoken] */
export const copier = (label, text, spoken) =>
  action(label, () => navigator.clipboard.writeText(text()).then(() => "Copied"), { "aria-label": spoken });

/** The part of the fragment behind `?`. */
export const asked = () => new URLSearchParams(location.hash.split("?")[1] ?? "");
