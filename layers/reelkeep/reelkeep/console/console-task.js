// One task: its video, and everything that is known about it.
// @ts-check
import { action, advice, bytes, call, CANCELLABLE, clockOf, clockTime, copier, el, ENDED, fileName, hasData, KINDS, progress, root, say, sentence, span, STATES, submission, submit, title, Trouble, video, when, why } from "./console-base.js";

const EVERY_MS = 2_000;
/** @typedef {{lockedOut: (trouble: any) => boolean, change: (method: string, path: string, body?: any) => Promise<void>, again: () => Promise<void>, erase: () => Promise<void>}} Acts */

/** @type {import("./console-app.js").Open} */
export function open(wall, lockedOut, id) {
  const stage = el("div.stage"), beside = el("div.beside"), below = el("div.below"), note = el("p.error", { role: "alert" });
  const before = el("a.secondary", { "aria-keyshortcuts": "k" }, "‹ Newer"), after = el("a.secondary", { "aria-keyshortcuts": "j" }, "Older ›");
  const element = el("article.task", { tabindex: "-1" },
    el("nav.steps", { "aria-label": "Videos" }, el("a.quiet", { href: wall.address }, "← All videos"), el("span.gap"), before, after),
    note, el("div.columns", null, stage, beside, below));
  let shown = "", closed = false, timer = 0;
  /** @type {any} */
  let task = wall.byId.get(id);

  function paint() {
    const stamp = JSON.stringify(task);
    if (stamp === shown) return;
    shown = stamp;
    document.title = `${title(task).slice(0, 60)} · Reelkeep`;
    // A player that runs is left alone.
    const made = video(task)?.url ?? task.state + task.last_error;
    if (stage.dataset.of !== made) {
      stage.dataset.of = made;
      stage.replaceChildren(...picture(task, acts));
    }
    // Nor is whoever types.
    if (!beside.contains(document.activeElement?.closest("input") ?? null)) beside.replaceChildren(...details(task, acts));
    below.replaceChildren(...records(task, acts));
  }

  const clock = setInterval(() => {
    const elapsed = stage.querySelector(".elapsed");
    if (!elapsed || !task) return;
    elapsed.textContent = clockOf(task);
    progress(stage.querySelector(".pulse"), task);
  }, 1000);

  function steps() {
    const at = wall.tasks.findIndex((/** @type {any} */ each) => each.id === id);
    for (const [link, other] of /** @type {[any, any][]} */ ([[before, at > 0 && wall.tasks[at - 1]], [after, at >= 0 && wall.tasks[at + 1]]])) {
      if (other) link.href = `#/task/${other.id}`;
      else link.removeAttribute("href");
      link.setAttribute("aria-disabled", String(!other));
    }
    if (at >= 0) wall.focus = at;
    if (at >= wall.tasks.length - 2) wall.older();
  }

  /** @param {string} method @param {string} path @param {any} [body] */
  async function change(method, path, body) {
    task = await wall.change(method, `${id}${path}`, body);
    paint();
  }

  /** @type {Acts} */
  const acts = {
    lockedOut,
    change,
    async again() {
      const { seed, ...request } = submission(task); // the seed that was used would give the same once more
      const made = await submit(request);
      wall.take(made);
      wall.soon(0);
      location.hash = `#/task/${made.id}`;
    },
    async erase() {
      await call("POST", `tasks/${id}/erase`);
      wall.drop(id);
      wall.changed();
      say("Erased.", "good", 6);
      location.hash = wall.address;
    },
  };

  /** Only a listing shows a hidden task. @param {any} trouble */
  async function hidden(trouble) {
    const [found] = trouble.status === 404 ? (await call("GET", `tasks?hidden=true&task_id=${id}`).catch(() => ({ tasks: [] }))).tasks : [];
    if (found) return found;
    throw trouble;
  }

  async function look() {
    let wait = EVERY_MS;
    try {
      const found = await call("GET", `tasks/${id}`).catch(hidden);
      if (closed) return;
      task = found;
      wall.byId.has(id) && wall.take({ ...found });
      note.textContent = "";
      paint();
    } catch (trouble) {
      if (closed || lockedOut(trouble)) return;
      note.textContent = /** @type {Error} */ (trouble).message;
      if (!(trouble instanceof Trouble && trouble.passing)) return;
      wait = Math.max(trouble.wait * 1000, 5_000);
      note.textContent += ` Trying again in ${span(wait / 1000)}.`;
      timer = setTimeout(look, wait);
      return;
    }
    const unfinished = !ENDED.has(task.state) || task.creations.some((/** @type {any} */ each) => each.missing.some((/** @type {any} */ file) => !file.given_up));
    if (unfinished) timer = setTimeout(look, document.hidden ? 30_000 : wait);
  }

  /** @param {KeyboardEvent} event */
  function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || (event.target instanceof HTMLElement && event.target.closest("input, textarea, select"))) return;
    const onPlayer = event.target instanceof HTMLVideoElement;
    if (event.key === "k" || (event.key === "ArrowLeft" && !onPlayer)) before.href && before.click();
    if (event.key === "j" || (event.key === "ArrowRight" && !onPlayer)) after.href && after.click();
  }

  document.addEventListener("keydown", press);
  wall.listeners.add(steps);
  steps();
  if (task) paint();
  look();
  return {
    element,
    close() {
      closed = true;
      clearTimeout(timer);
      clearInterval(clock);
      document.removeEventListener("keydown", press);
      wall.listeners.delete(steps);
      for (const player of element.querySelectorAll("video")) player.pause();
    },
  };
}

/** @param {any} task @param {Acts} acts */
function picture(task, { change, lockedOut }) {
  const made = video(task);
  if (made) return [player(made)];
  const ended = ENDED.has(task.state), words = ended && task.failure?.message;
  const place = task.waiting && `Number ${task.waiting.position}${task.waiting.at_least ? " or later" : ""} in line, starts about ${clockTime(task.waiting.expected_start)}`;
  return [
    el("div.blank", { "data-state": task.state },
      ended ? "" : el("span.pulse", { "aria-hidden": "true" }),
      el("p.status", { role: "status" }, task.state === "success" ? "Its files are not in the archive" : ended ? why(task) : STATES[task.state]),
      place ? el("p", null, place) : "",
      ended ? "" : el("p.elapsed"),
      words && !words.toLowerCase().startsWith(why(task).toLowerCase()) ? el("p", null, sentence(words)) : "",
      ended ? el("p.quiet-text", null, advice(task)) : "",
      task.last_error ? el("p.quiet-text", null, sentence(task.last_error)) : "",
      !CANCELLABLE.has(task.state) ? "" : action("Cancel", () => change("POST", "/cancel"), { lockedOut })),
  ];
}

/** @param {any} made */
export function player(made) {
  const film = el("video", { src: made.url, poster: made.cover_url, controls: true, loop: true, playsinline: true, preload: "metadata", "aria-label": "The video" });
  if (made.video.width) film.style.aspectRatio = `${made.video.width} / ${made.video.height}`;
  const unplayable = (/** @type {string} */ sentence) =>
    film.replaceWith(el("figure.unplayable", null,
      made.cover_url ? el("img", { src: made.cover_url, alt: "Its cover" }) : "",
      el("figcaption", { role: "alert" }, sentence)));
  film.addEventListener("error", () => {
    const code = film.error?.code;
    if (code === MediaError.MEDIA_ERR_SRC_NOT_SUPPORTED || code === MediaError.MEDIA_ERR_DECODE)
      unplayable("This browser cannot play this video. Its file is whole: download it and open it in a player.");
  });
  // A codec that is not understood can leave a player with sound and no picture.
  film.addEventListener("loadedmetadata", () => {
    if (!film.videoWidth) unplayable("This browser cannot show the picture of this video. Its file is whole: download it and open it in a player.");
  });
  return film;
}

/** @param {any} cost */
function costs({ phase, amount, currency, units, unit }) {
  if (phase === "free") return "nothing";
  const known = [amount && currency && `${amount} ${currency}`, units && `${units} ${unit}`].filter(Boolean).join(", ");
  return known && phase === "reserved" ? `about ${known}` : known;
}

/** What is known of it, in words. @param {any} task @returns {[string, any][]} */
export function facts(task) {
  const made = video(task), size = made?.video;
  /** @type {[string, any][]} */
  const rows = [
    ["State", STATES[task.state]],
    ["Kind", KINDS[task.kind] ?? task.kind],
    ["Model", task.model],
    ["Provider", task.provider],
    ["Duration", size?.duration ? `${Math.round(size.duration * 10) / 10} s` : task.duration && `${task.duration} s asked for`],
    ["Size", size?.width ? `${size.width} × ${size.height}${size.fps ? `, ${Math.round(size.fps)} frames/s` : ""}` : task.resolution],
    ["Seed", task.seed],
    ["Cost", costs(task.cost)],
    ["Tags", task.tags.join(", ")],
    ["Asked", when(task.created_at)],
    ["Ended", task.finished_at && `${when(task.finished_at)}, after ${span((Date.parse(task.finished_at) - Date.parse(task.created_at)) / 1000)}`],
    ["Deadline", ENDED.has(task.state) ? "" : when(task.deadline)],
    ["Failure", task.failure && [task.failure.code, task.failure.message].filter(Boolean).join(": ")],
    ["At present", task.last_error && sentence(task.last_error)],
    ["Its id there", task.provider_task_id],
    ["Task id", task.id],
  ];
  return rows.filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false);
}

/** @param {any} task @param {Acts} acts */
function details(task, { change, again, erase, lockedOut }) {
  const file = video(task)?.files.find((/** @type {any} */ each) => each.name === "video");
  const tag = el("input", { "aria-label": "Add a tag", placeholder: "Add a tag", maxlength: 64, list: "known-tag" });
  const tags = (/** @type {string[]} */ all) => change("PATCH", "", { tags: all });
  const known = facts(task).filter(([name]) => name !== "Tags");
  const add = action("Add", async () => {
    tag.blur();
    if (tag.value.trim()) await tags([...task.tags, tag.value.trim()]);
  }, { lockedOut });
  const word = el("input", { "aria-label": "Type the word erase", autocomplete: "off", spellcheck: "false", oninput: () => (erasing.disabled = word.value.trim().toLowerCase() !== "erase") });
  const erasing = action("Erase for good", erase, { lockedOut, disabled: true });
  return [
    el("section", null,
      task.hidden_at ? el("p.error", { role: "status" }, `Hidden since ${when(task.hidden_at)}. For 30 days it can be brought back.`) : "",
      el("h1.prompt", null, title(task)),
      el("div.row", null,
        file ? el("a.primary", { href: saveAs(task, file) }, "Download") : "",
        task.hidden_at ? action("Bring back", () => change("POST", "/restore"), { lockedOut }) : action(task.starred ? "★ Starred" : "☆ Star", () => change("PATCH", "", { starred: !task.starred }), { lockedOut, "aria-pressed": String(task.starred) }),
        task.prompt ? copier("Copy prompt", () => task.prompt) : "",
        task.hidden_at ? "" : action("Hide", () => change("DELETE", ""), { lockedOut }))),
    el("section", null,
      el("h2", null, "Make another"),
      el("div.row", null,
        hasData(task) ? "" : action("Again", again, { lockedOut }),
        el("a.secondary", { href: `#/new?again=${task.id}` }, "With changes"),
        el("a.secondary", { href: `#/new?again=${task.id}&at=provider` }, "With another provider"),
        ...inputs(task))),
    el("dl", null, ...known.flatMap(([name, value]) => [el("dt", null, name), el("dd", null, value)]),
      el("dt", null, "Tags"),
      el("dd.tags", null, ...task.tags.map((/** @type {string} */ each) =>
        el("span.tag", null, el("a", { href: `#/?tag=${encodeURIComponent(each)}` }, each), task.hidden_at ? "" : el("button", { type: "button", "aria-label": `Remove the tag ${each}`, onclick: () => tags(task.tags.filter((/** @type {string} */ other) => other !== each)).catch(lockedOut) }, "×"))),
        task.hidden_at ? "–" : el("form.row", { onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          add.click();
        } }, tag, add))),
    ENDED.has(task.state) && el("details", null, el("summary", null, "Erase"),
      el("p.hint", null, "Deletes its files in every version, its prompt and what was sent about it. Its links lead nowhere at once. It cannot be undone. Type ", el("strong", null, "erase"), " to go on."),
      el("div.row", null, word, erasing)),
  ].filter(Boolean);
}

/** What its files can be the input of. @param {any} task */
function inputs(task) {
  const names = new Set((task.hidden_at ? [] : video(task)?.files ?? []).map((/** @type {any} */ file) => file.name));
  const frame = names.has("last-frame") ? "last-frame" : "cover";
  const uses = [["Extend it", "extend", "video"], ["Upscale it", "upscale", "video"], [frame === "cover" ? "From its cover" : "From its last frame", "img2video", frame]];
  return uses.filter(([, , name]) => names.has(name)).map(([label, kind, name]) => el("a.secondary", { href: `#/new?use=${task.id}/${name}&kind=${kind}` }, label));
}

/** @param {any} task @param {any} file */
const saveAs = (task, file) => `${file.url}?download=${encodeURIComponent(fileName(task, file))}`;

/** @param {any} task @param {Acts} acts */
function records(task, acts) {
  return [
    files(task, acts),
    code(task),
    el("details", null, el("summary", null, "Raw record"), el("pre", { tabindex: "0" }, JSON.stringify(task, null, 2))),
  ];
}

/** @param {any} task @param {Acts} acts */
function files(task, { change, lockedOut }) {
  const found = task.creations.flatMap((/** @type {any} */ each) => each.files);
  const missing = task.creations.flatMap((/** @type {any} */ each) => each.missing);
  if (!found.length && !missing.length) return "";
  return el("section", null, el("h2", null, "Files"), el("ul.files", null,
    ...found.map((/** @type {any} */ file) => el("li", null,
      el("div", null, el("a", { href: file.url, target: "_blank", rel: "noopener" }, file.name.replaceAll("-", " ")), el("span.quiet-text", null, ` ${bytes(file.bytes)} · ${file.content_type}`),
        el("code.checksum", null, file.sha256 ? `sha256 ${file.sha256}` : `crc32 ${file.crc32}`)),
      el("div.row", null, copier("Copy link", () => file.url, `Copy the permanent link of ${file.name}`),
        el("a.secondary", { href: saveAs(task, file), "aria-label": `Download ${file.name}` }, "Download")))),
    ...missing.map((/** @type {any} */ file) => el("li", null, el("div", null, file.name, el("span.error", null, ` ${file.given_up ? "is lost" : "is fetched later"}: ${file.reason}`))))),
    found.length && !task.hidden_at ? el("div.row", null, action("Other links", () => change("POST", "/revoke-links"), { lockedOut, sure: "End the present links?" }), el("span.hint", null, "Whoever has the present links cannot follow them any more.")) : "");
}

/** @param {any} task */
function code(task) {
  const body = JSON.stringify(submission(task), null, 2), url = new URL("tasks", root).href;
  const quoted = body.replaceAll("'", String.raw`'\''`);
  /** @type {Record<string, string>} */
  const programs = {
    curl: `curl ${url} \\\n  -H "authorization: Bearer $REELKEEP_KEY" \\\n  -H 'content-type: application/json' \\\n  -d '${quoted}'`,
    Python: `import json, os, urllib.request\n\nbody = json.loads(r"""${body.replaceAll('"""', String.raw`\u0022\u0022\u0022`)}""")\nrequest = urllib.request.Request(\n    "${url}",\n    data=json.dumps(body).encode(),\n    headers={\n        "authorization": f"Bearer {os.environ['REELKEEP_KEY']}",\n        "content-type": "application/json",\n    },\n)\nprint(json.load(urllib.request.urlopen(request))["id"])`,
    JavaScript: `const answer = await fetch("${url}", {\n  method: "POST",\n  headers: {\n    authorization: \`Bearer \${process.env.REELKEEP_KEY}\`,\n    "content-type": "application/json",\n  },\n  body: JSON.stringify(${body.replaceAll("\n", "\n  ")}),\n});\nconsole.log((await answer.json()).id);`,
  };
  const text = el("pre", { tabindex: "0" }, programs.curl);
  const buttons = Object.keys(programs).map((name) =>
    el("button.chip", { type: "button", "aria-pressed": String(name === "curl"), onclick: () => {
      text.textContent = programs[name];
      for (const button of buttons) button.setAttribute("aria-pressed", String(button.textContent === name));
    } }, name));
  return el("details", null, el("summary", null, "The same from a program"), el("div.row", null, ...buttons, el("span.gap"), copier("Copy", () => text.textContent ?? "")), text);
}
