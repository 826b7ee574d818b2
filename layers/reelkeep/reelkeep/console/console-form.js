// A new video: a form drawn from what the API's own document says of each kind.
// @ts-check
import { action, asked, call, el, hasData, keep, KINDS, sentence, span, STATES, submission, submit } from "./console-base.js";

const DRAFT = "reelkeep.draft";
const FIRST = ["prompt", "template", "images", "subjects", "video_url", "creation_id"]; // each in a line of its own
const SECOND = ["model", "duration", "resolution", "aspect_ratio"];
/** @type {Record<string, string[]>} what most providers know */
const USUAL = { aspect_ratio: ["16:9", "9:16", "1:1", "4:3", "3:4", "21:9"], resolution: ["540p", "720p", "1080p"] };
/** @type {Record<string, string>} */
const LABELS = { prompt: "Prompt", model: "Model", aspect_ratio: "Aspect ratio", video_url: "Video address", creation_id: "Earlier creation", off_peak: "Off-peak", callback_url: "Callback address", audio: "Sound", url: "Address", body: "Format of messages", ends_at: "Ends" };
/** @type {Record<string, string>} */
const WORDS = { event: "A CloudEvent", dialect: "The task's own format" };
/** @type {Promise<[any, any]> | null} */
let known = null;

/** What a schema of the document refers to, with that of its items. @param {any} spec */
export const resolver = (spec) => (/** @type {any} */ schema) => {
  const follow = (/** @type {any} */ found) => (found?.$ref ? { ...spec.components.schemas[found.$ref.split("/").at(-1)], ...found } : found);
  const found = follow(schema);
  return found?.items ? { ...found, items: follow(found.items) } : found;
};

/** The document and the providers, once. */
export async function learn() {
  known ??= Promise.all([call("GET", "openapi.json"), call("GET", "providers")]);
  try {
    return await known;
  } catch (trouble) {
    known = null;
    throw trouble;
  }
}

/** @type {import("./console-app.js").Open} */
export function open(wall, lockedOut) {
  const element = el("section.new", { tabindex: "-1", "aria-label": "New video" }, el("p.quiet-text", null, "One moment…"));
  document.title = "New video · Reelkeep";
  /** @type {Record<string, any>} what was typed, by field; of all kinds */
  let values = read(), at = ""; // the field to begin with

  async function begin() {
    try {
      const [[spec, { providers }], earlier] = await Promise.all([learn(), asked().get("again") ? call("GET", `tasks/${asked().get("again")}`) : null]);
      if (earlier) {
        const { seed, ...request } = submission(earlier); // the seed that was used would give the same once more
        values = request;
        if (hasData(earlier)) values = { ...values, images: values.images?.filter((/** @type {string} */ each) => !each.startsWith("data:")) };
        keep(DRAFT, values);
        at = asked().get("at") ?? "";
        history.replaceState(null, "", "#/new"); // what is typed now is not undone by coming back
      }
      const use = asked().get("use"), kind = asked().get("kind");
      if (use && kind) {
        const source = `reelkeep:${use}`; // the archive's own file, which the provider gets in a link made for it
        values = { ...values, kind, ...(kind === "img2video" ? { images: [source] } : { video_url: source, creation_id: undefined }) };
        keep(DRAFT, values);
        history.replaceState(null, "", "#/new");
      }
      draw(spec, providers, earlier && hasData(earlier) ? "The pictures of the earlier one were sent as files: add them again." : "");
    } catch (trouble) {
      if (lockedOut(trouble)) return;
      element.replaceChildren(el("p.error", { role: "alert" }, /** @type {Error} */ (trouble).message), el("button.secondary", { type: "button", onclick: begin }, "Try again"));
    }
  }

  /** @param {any} spec @param {any[]} providers @param {string} hint */
  function draw(spec, providers, hint) {
    const resolve = resolver(spec);
    const kinds = Object.entries(spec.components.schemas.NewTask.discriminator.mapping);
    values.kind ??= kinds[0][0];
    const schema = resolve({ $ref: kinds.find(([kind]) => kind === values.kind)?.[1] ?? kinds[0][1] });
    const choices = el("select", { id: "f-kind", onchange: (/** @type {any} */ event) => {
      values.kind = event.target.value;
      keep(DRAFT, values);
      draw(spec, providers, "");
      element.querySelector("#f-kind")?.focus();
    } }, ...kinds.map(([kind]) => el("option", { value: kind, selected: kind === values.kind }, KINDS[kind] ?? kind)));
    choices.value = values.kind;

    // The usual provider's first, those with a name of their own.
    const named = [...providers].sort((a, b) => Number(b.default) - Number(a.default)).flatMap((each) => each.models).filter((model) => !model.includes("*"));
    const models = [...new Set([...named, ...wall.tasks.map((/** @type {any} */ task) => task.model)])].filter(Boolean);
    /** @type {Map<string, Field>} */
    const fields = new Map();
    for (const [name, property] of Object.entries(schema.properties)) {
      if (name === "kind") continue;
      let found = resolve(property);
      if (name === "provider") found = { ...found, enum: providers.map((each) => each.name) };
      const suggestions = name === "model" ? models : (USUAL[name] ?? found.examples?.filter((/** @type {any} */ each) => typeof each === "string"));
      if (name === "model") {
        values.model ??= wall.tasks.find((/** @type {any} */ task) => task.kind === values.kind)?.model ?? (values.kind === "text2video" ? models[0] : undefined); // few models know every kind
        found = { ...found, examples: undefined, description: `Here: ${[...new Set(providers.flatMap((each) => each.models))].join(", ")}. It decides which provider makes the video.` };
      }
      fields.set(name, field(name, found, values[name], schema.required.includes(name), suggestions, (value) => {
        values[name] = value;
        keep(DRAFT, values);
      }));
    }
    const rank = (/** @type {string[]} */ order) => order.filter((name) => fields.has(name)).map((name) => fields.get(name)?.element);
    const general = el("p.error", { role: "alert" }, "");
    const others = [...fields.keys()].filter((name) => !FIRST.includes(name) && !SECOND.includes(name));
    const rest = el("details", { open: others.some((name) => name !== "provider" && values[name]) }, el("summary", null, "More"),
      el("div.pair", null, ...rank(others)));
    const send = el("button.primary", { type: "submit" }, "Make it"), prices = el("ul.files", { "aria-live": "polite" });
    const body = () => {
      const filled = [...fields].map(([name, each]) => [name, each.value()]).filter(([, value]) => value !== undefined);
      return { kind: values.kind, ...Object.fromEntries(filled) };
    };
    const form = el("form", { novalidate: true },
      el("div.field", null, el("label", { for: "f-kind" }, "Kind"), choices),
      hint && el("p.hint", null, hint),
      ...rank(FIRST), el("div.pair", null, ...rank(SECOND)), rest, general,
      el("div.send", null, send, action("What would it cost?", async () => {
        general.textContent = "";
        const { quotes } = await call("POST", "quote", { body: body() }).catch((trouble) => {
          if (!lockedOut(trouble)) explain(trouble);
          return { quotes: [] };
        });
        prices.replaceChildren(...quotes.map((/** @type {any} */ quote) => el("li", null, el("strong", null, quote.provider), " ", el("span.quiet-text", null, priced(quote)))));
      }), el("a.quiet", { href: wall.address }, "Not now")), prices);
    form.addEventListener("submit", async (/** @type {Event} */ event) => {
      event.preventDefault();
      general.textContent = "";
      for (const each of fields.values()) each.complain("");
      send.disabled = true;
      try {
        const task = await submit(body());
        sessionStorage.removeItem(DRAFT);
        wall.take(task);
        wall.soon(0);
        location.hash = `#/task/${task.id}`;
      } catch (trouble) {
        if (!lockedOut(trouble)) explain(/** @type {any} */ (trouble));
      }
      send.disabled = false;
    });

    /** At the field, if it is one's. @param {any} trouble */
    function explain(trouble) {
      const elsewhere = [];
      let first = null;
      for (const { field: name, message } of trouble.problem?.errors ?? []) {
        const at = fields.get(name.split(/[.[]/)[0]);
        if (!at) elsewhere.push(`${name}: ${message}`);
        else {
          at.complain(message);
          first ??= at;
        }
      }
      if (trouble.status === 0 || trouble.status >= 500) elsewhere.push(`${trouble.message} Send it again when you like: it is made only once.`);
      else if (trouble.status === 429) elsewhere.push(`${trouble.message} Send it again${trouble.wait ? ` in ${trouble.wait} s` : " in a moment"}.`);
      else if (!first && !elsewhere.length) elsewhere.push(trouble.message);
      general.textContent = elsewhere.join(" ");
      if (first?.element.closest("details")) rest.open = true;
      (first?.input ?? send).focus();
    }

    element.replaceChildren(el("h1", null, "New video"), form);
    const first = fields.get(at);
    if (first) {
      rest.open ||= others.includes(at);
      first.input.focus();
    }
    at = "";
  }

  begin();
  return { element, close() {} };
}

/** @param {any} quote */
function priced(quote) {
  if (!quote.possible) return `cannot: ${quote.reason}`;
  const price = [quote.amount && `${quote.amount} ${quote.currency}`, quote.units && `${quote.units} ${quote.unit}`].filter(Boolean).join(", ");
  return `${price || "its price is not known"}, takes about ${span(quote.seconds)}`;
}

/** @returns {Record<string, any>} */
function read() {
  try {
    return JSON.parse(sessionStorage.getItem(DRAFT) ?? "{}");
  } catch {
    return {};
  }
}

/**
 * @typedef {{element: any, input: any, value: () => any, complain: (message: string) => void}} Field
 * @param {string} name @param {any} schema @param {any} given @param {boolean} required
 * @param {string[] | undefined} suggestions @param {(value: any) => void} typed
 * @returns {Field}
 */
export function field(name, schema, given, required, suggestions, typed) {
  const id = `f-${name}`, error = el("p.error", { id: `${id}-error` });
  const common = { id, "aria-describedby": `${id}-hint ${id}-error`, "aria-required": String(required), autocomplete: "off" };
  const label = LABELS[name] ?? (name[0].toUpperCase() + name.slice(1)).replaceAll("_", " ");
  const list = suggestions?.length ? el("datalist", { id: `${id}-list` }, ...suggestions.map((each) => el("option", { value: each }))) : "";
  const type = schema.type;
  /** @type {any} */
  let input;
  /** @type {() => any} */
  let value;
  let extra = "";
  if (type === "boolean" || schema.enum) {
    const options = type === "boolean" ? [["true", "Yes"], ["false", "No"]] : schema.enum.map((/** @type {string} */ each) => [each, WORDS[each] ?? each]);
    input = el("select", common, el("option", { value: "" }, required ? "Choose…" : "As usual"), ...options.map((/** @type {string[]} */ [option, text]) => el("option", { value: option }, text)));
    input.value = String(given ?? "");
    value = () => (input.value === "" ? undefined : type === "boolean" ? input.value === "true" : input.value);
  } else if (type === "integer" || type === "number") {
    input = el("input", { ...common, type: "number", min: schema.minimum, max: schema.maximum, step: type === "integer" ? 1 : "any", inputmode: "numeric", value: given ?? "" });
    // What is no number is sent as it is: the API says what is wrong with it.
    value = () => (input.value === "" ? undefined : Number(input.value));
  } else if (type === "array" && schema.items?.enum) {
    const boxes = schema.items.enum.map((/** @type {string} */ each) => el("input", { type: "checkbox", value: each, checked: given?.includes(each) }));
    input = el("div.checks", { id, role: "group", "aria-labelledby": `${id}-label`, tabindex: "-1" }, ...boxes.map((/** @type {any} */ box) => el("label", null, box, STATES[box.value] ?? KINDS[box.value] ?? box.value)));
    value = () => {
      const chosen = boxes.filter((/** @type {any} */ box) => box.checked).map((/** @type {any} */ box) => box.value);
      return chosen.length ? chosen : undefined;
    };
  } else if (type === "array" && schema.items?.type === "string") {
    const takesFiles = /data:/.test(schema.items.pattern ?? "");
    const lines = Array.isArray(given) ? given : [];
    const pictures = lines.filter((each) => each.startsWith("data:"));
    input = el("textarea.lines", { ...common, rows: 1, placeholder: takesFiles ? "One address a line" : "One a line", spellcheck: "false", value: lines.filter((each) => !each.startsWith("data:")).join("\n") });
    value = () => {
      const all = [...input.value.split("\n").map((/** @type {string} */ line) => line.trim()).filter(Boolean), ...pictures];
      return all.length ? all : undefined;
    };
    if (takesFiles) extra = files(id, pictures, () => typed(value()));
  } else if (schema.format === "date-time") {
    input = el("input", { ...common, type: "datetime-local", value: given ?? "" });
    value = () => (input.value ? new Date(input.value).toISOString() : undefined);
  } else if (type === "string" || !type) {
    const long = name === "prompt" || name === "payload";
    input = long
      ? el("textarea", { ...common, rows: name === "prompt" ? 4 : 2, value: given ?? "" })
      : el("input", { ...common, list: list ? `${id}-list` : null, placeholder: schema.examples?.[0], spellcheck: "false", value: given ?? "" });
    value = () => (input.value.trim() === "" ? undefined : input.value);
  } else {
    input = el("textarea", { ...common, rows: 3, placeholder: "JSON", spellcheck: "false", value: given === undefined ? "" : typeof given === "string" ? given : JSON.stringify(given, null, 2) });
    value = () => {
      try {
        return input.value.trim() ? JSON.parse(input.value) : undefined;
      } catch {
        return input.value;
      }
    };
  }
  input.addEventListener("input", () => typed(value()));
  const complain = (/** @type {string} */ message) => {
    error.textContent = message === "is required" ? "This is needed." : sentence(message.startsWith(name) ? message : message && `${label} ${message}`);
    input.toggleAttribute("aria-invalid", Boolean(message));
    if (message) input.setAttribute("aria-invalid", "true");
  };
  const element = el("div.field", null,
    el(input.matches(".checks") ? "span.label" : "label", { for: id, id: `${id}-label` }, label, required ? "" : el("span.quiet-text", null, " optional")), input, list, extra,
    schema.description && el("p.hint", { id: `${id}-hint` }, schema.description.replaceAll("`", "")), error);
  return { element, input, value, complain };
}

/** Pictures from this machine, sent as data. @param {string} id @param {string[]} pictures @param {() => void} changed */
function files(id, pictures, changed) {
  const shown = el("div.pictures");
  const paint = () => shown.replaceChildren(...pictures.map((picture, at) =>
    el("button", { type: "button", "aria-label": `Remove picture ${at + 1}`, onclick: () => {
      pictures.splice(at, 1);
      paint();
      changed();
    } }, el("img", { src: picture, alt: "" }), el("span", null, "Remove"))));
  const chooser = el("input", { type: "file", accept: "image/*", multiple: true, id: `${id}-files`, "aria-label": "Pictures from this device", onchange: async () => {
    for (const file of chooser.files) {
      const reader = new FileReader();
      reader.readAsDataURL(file);
      await new Promise((done) => (reader.onloadend = done));
      if (typeof reader.result === "string") pictures.push(reader.result);
    }
    chooser.value = "";
    paint();
    changed();
  } });
  paint();
  return el("div.field", null, chooser, shown);
}
