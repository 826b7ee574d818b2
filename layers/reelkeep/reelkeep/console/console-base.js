// What every view shares: elements, the API, words for people.
// @ts-check

/** The address below which the API answers: this file is console/<version>/console-base.js there. */
export const root = new URL("../../", import.meta.url);

/**
 * An element. Text is only ever text: whatever comes from a prompt or a provider cannot become markup.
 * @param {string} name  tag, with classes behind dots: `p.quiet`
 * @param {Record<string, any> | null} [attributes]  `onclick` and the like are listeners; null and false are left out
 * @param {...(Node | string | number | null | undefined | false)} children
 * @returns {any}
 */
export function el(name, attributes, ...children) {
  const [tag, ...classes] = name.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "value" || key === "muted") /** @type {any} */ (node)[key] = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false).map(String_));
  return node;
}
/** @param {any} child */
const String_ = (child) => (child instanceof Node ? child : String(child));

// --- the key: in this tab only ---

const KEY = "reelkeep.key";
export const key = {
  get: () => sessionStorage.getItem(KEY),
  /** @param {string} value */
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY), // what was typed stays, for the next key
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
  }
  /** Whether the same call may succeed a little later. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** @param {string} text */
export const sentence = (text) => text && text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

/**
 * Calls the API. Raises Trouble.
 * @param {string} method @param {string} path  without a slash before it
 * @param {{body?: any, headers?: Record<string, string>, signal?: AbortSignal}} [options]
 * @returns {Promise<any>}
 */
export async function call(method, path, { body, headers, signal } = {}) {
  let answer, text;
  try {
    answer = await fetch(new URL(path, root), {
      method,
      headers: {
        accept: "application/json",
        authorization: `Bearer ${key.get() ?? ""}`,
        ...(body && { "content-type": "application/json" }),
        ...headers,
      },
      body: body && JSON.stringify(body),
      signal: signal ?? AbortSignal.timeout(40_000),
      credentials: "omit",
      cache: "no-store",
    });
    text = await answer.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Trouble(0, "Reelkeep cannot be reached. Check the connection.");
  }
  let found = {};
  try {
    found = text ? JSON.parse(text) : {};
  } catch {
    if (answer.ok) throw new Trouble(502, "Something between here and Reelkeep answered in its place.");
  }
  if (answer.ok) return found;
  const wait = Number(answer.headers.get("retry-after")) || 0;
  throw new Trouble(answer.status, trouble(answer.status, found), found, wait);
}

/** @param {number} status @param {any} problem */
function trouble(status, problem) {
  if (status === 401) return "This key is not known here, or it was revoked.";
  if (status === 429) return "That were too many requests at once.";
  if (status >= 500 && !problem.failure) return "Reelkeep has a problem of its own.";
  if (problem.type?.endsWith("#problem-cannot-cancel")) return "It is too late to cancel: the provider has begun.";
  return sentence(problem.detail || problem.title || `Reelkeep answered with status ${status}`);
}

/** Keeps something in the tab, unless it is larger than what a tab keeps. @param {string} name @param {any} value */
export function keep(name, value) {
  try {
    sessionStorage.setItem(name, JSON.stringify(value));
  } catch {
    sessionStorage.removeItem(name);
  }
}

// --- submissions ---

const ATTEMPTS = "reelkeep.attempts"; // survive a reload, as the form does

/** What a submission may hold, in the order in which it is shown. */
const REQUEST = ["kind", "model", "provider", "prompt", "images", "video_url", "creation_id", "template", "duration", "resolution", "aspect_ratio", "seed", "audio", "off_peak", "tags", "payload"];

/** What was asked for, as it can be asked for again; pictures that were sent as data are not shown by the API. @param {any} task */
export function submission(task) {
  const given = REQUEST.map((name) => [name, task[name]]).filter(([, value]) => value !== null && value !== false && value !== undefined && !(Array.isArray(value) && !value.length));
  return Object.fromEntries(given);
}

/** @param {any} task */
export const hasData = (task) => [...task.images, task.video_url ?? ""].some((each) => each.startsWith("data:"));

/** The Idempotency-Key of each submission without an answer, by the digest of its body: bodies may be larger than a
 * tab keeps. @type {Record<string, string>} */
const attempts = JSON.parse(sessionStorage.getItem(ATTEMPTS) ?? "{}");

/** @param {Uint8Array} bytes */
const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** Of a text; the text itself where browsers compute none, at an address without TLS. @param {string} text */
async function digest(text) {
  if (!crypto.subtle) return text;
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
}

/**
 * One submission, and its repetitions after a lost answer: they have one Idempotency-Key, so it is made once.
 * @param {any} body
 */
export async function submit(body) {
  const name = await digest(JSON.stringify(body));
  attempts[name] ??= hex(crypto.getRandomValues(new Uint8Array(16)));
  keep(ATTEMPTS, attempts);
  const forget = () => {
    delete attempts[name];
    keep(ATTEMPTS, attempts);
  };
  try {
    const task = await call("POST", "tasks", { body, headers: { "idempotency-key": attempts[name] } });
    forget();
    return task;
  } catch (trouble) {
    if (!(trouble instanceof Trouble && trouble.passing)) forget(); // it was refused: the next one is another one
    throw trouble;
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

/** @param {any} task */
export const why = (task) => REASONS[task.failure?.reason] ?? STATES[task.state];

/** Whether trying again makes sense. @param {any} task */
export function advice(task) {
  if (task.state === "cancelled") return "";
  if (task.failure?.reason === "credit") return "Add credit there, then try again.";
  return task.failure?.retryable ? "Trying again may work." : "The same again would fail again: change it first.";
}

/** @param {any} task */
export const title = (task) => task.prompt || task.template || KINDS[task.kind] || task.kind;

/** The first video that is in the archive. @param {any} task */
export const video = (task) => task.creations.find((/** @type {any} */ each) => each.url);

/** How long it has taken, and how long it will. @param {any} task */
export function clockOf(task) {
  const left = task.eta ? (Date.parse(task.eta.p50) - Date.now()) / 1000 : 0;
  return `${span((Date.now() - Date.parse(task.created_at)) / 1000)}${task.eta ? (left > 1 ? `, about ${span(left)} left` : ", soon ready") : ""}`;
}

/** Shows on a bar how far it is, if that is known. @param {HTMLElement} bar @param {any} task */
export function progress(bar, task) {
  const begun = Date.parse(task.created_at), end = Date.parse(task.eta?.p50);
  bar.classList.toggle("known", Boolean(end));
  if (end) bar.style.setProperty("--done", `${Math.min(97, Math.max(3, ((Date.now() - begun) / (end - begun)) * 100))}%`);
}

/** Width by height of its cover: of the video, or as it was asked for. Nothing is drawn flatter or taller than this. @param {any} task */
export function shape(task) {
  const { width, height } = video(task)?.video ?? {};
  const [wide, high] = width ? [width, height] : (task.aspect_ratio ?? "").split(":").map(Number);
  return Math.min(2.4, Math.max(0.625, wide / high || 16 / 9));
}

/** As a person would name it: what it shows, when, what kind of file. @param {any} task @param {any} file */
export function fileName(task, file) {
  const words = title(task).normalize("NFC").replace(/[^\p{L}\p{N}]+/gu, " ").trim().split(" ").slice(0, 8).join("-").slice(0, 60).toLowerCase();
  const end = /\.\w+$/.exec(new URL(file.url).pathname)?.[0] ?? "";
  return `${words || task.kind}-${task.created_at.slice(0, 10)}${file.name === "video" ? "" : `-${file.name}`}${end}`;
}

/** @param {number} seconds */
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** @param {number} count */
export function bytes(count) {
  const unit = count < 1e6 ? ["kB", 1e3] : count < 1e9 ? ["MB", 1e6] : ["GB", 1e9];
  return `${(count / Number(unit[1])).toLocaleString("en", { maximumFractionDigits: count < 1e7 ? 1 : 0 })} ${unit[0]}`;
}

/** @param {string} moment */
export const when = (moment) =>
  new Date(moment).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** @param {string} moment */
export const clockTime = (moment) => new Date(moment).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

/** @param {string} moment */
export function day(moment) {
  const then = new Date(moment), now = new Date();
  const days = Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(then).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days < 2) return days === 1 ? "Yesterday" : "Today";
  const year = then.getFullYear() === now.getFullYear() ? undefined : "numeric";
  return then.toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long", year });
}

let gone = 0;
/** Shows a sentence at the foot of the page, for some seconds or until it is called again. @param {string} text @param {string} [kind] @param {number} [seconds] */
export function say(text, kind = "", seconds = 0) {
  const line = /** @type {HTMLElement} */ (document.getElementById("connection"));
  if (line.textContent !== text) line.textContent = text;
  line.dataset.kind = kind;
  clearTimeout(gone);
  if (seconds) gone = setTimeout(() => (line.textContent = ""), seconds * 1000);
}

/**
 * A button that waits for what it does, says what came of it for a moment, and a failure at the foot of the page.
 * @param {string} label @param {(button: any) => Promise<string | void>} act
 * @param {{sure?: string, lockedOut?: (trouble: any) => boolean, [attribute: string]: any}} [options]  `sure`: what it asks first
 */
export function action(label, act, { sure, lockedOut, ...attributes } = {}) {
  let asking = false, back = 0;
  const reset = () => {
    asking = false;
    button.textContent = label;
  };
  const button = el("button.secondary", { type: "button", ...attributes, onclick: async () => {
    clearTimeout(back);
    if (sure && !asking) {
      asking = true;
      button.textContent = sure;
      back = setTimeout(reset, 5000);
      return;
    }
    button.disabled = true;
    try {
      button.textContent = (await act(button)) || label;
    } catch (trouble) {
      button.textContent = label;
      const { name, message } = /** @type {Error} */ (trouble);
      if (name !== "AbortError" && !lockedOut?.(trouble)) say(trouble instanceof Trouble ? message : "The browser does not allow it.", "bad", 8);
    }
    button.disabled = false;
    back = setTimeout(reset, 2500);
  } }, label);
  return button;
}

/** @param {string} label @param {() => string} text @param {string} [spoken] */
export const copier = (label, text, spoken) =>
  action(label, () => navigator.clipboard.writeText(text()).then(() => "Copied"), { "aria-label": spoken });

/** The part of the fragment behind `?`. */
export const asked = () => new URLSearchParams(location.hash.split("?")[1] ?? "");
