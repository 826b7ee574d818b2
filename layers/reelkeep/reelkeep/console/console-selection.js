// What can be done with the videos that are selected on the wall.
// @ts-check
import { action, bytes, el, fileName, film, say, Trouble } from "./console-base.js";
/** @typedef {import("./console-base.js").Task} Task */

/** @param {import("./console-wall.js").Wall} wall */
export function paint(wall) {
  const tasks = wall.tasks.filter((task) => wall.selected.has(task.id));
  if (!tasks.length) return wall.picked.replaceChildren();
  const files = tasks.flatMap((task) => {
    const file = film(task);
    return file ? [{ name: fileName(task, file), url: file.url, bytes: file.bytes }] : [];
  });
  const size = files.reduce((sum, file) => sum + file.bytes, 0), starred = tasks.every((task) => task.starred);
  /** @param {any} button @param {(task: Task) => Promise<any>} change */
  const each = async (button, change) => {
    for (const [at, task] of tasks.entries()) {
      if (tasks.length > 3) button.textContent = `${at + 1} of ${tasks.length}`;
      await change(task);
    }
    paint(wall);
  };
  const tag = el("input", { placeholder: "Add a tag", "aria-label": "Add a tag", list: "known-tag", maxlength: 64 });
  const add = action("Add", (button) => each(button, (task) => wall.change("PATCH", task.id, { tags: [...new Set([...task.tags, tag.value.trim()])] })));
  wall.picked.replaceChildren(el("div.selection",
    el("strong", { role: "status" }, `${tasks.length} selected`),
    el("span.quiet-text", files.length > 0 && bytes(size)),
    el("span.gap"),
    tasks.length === 2 && el("a.secondary", { href: `#/compare/${tasks[1].id}/${tasks[0].id}` }, "Compare"),
    files.length > 0 && [
      action("Download as zip", (button) => download(files, size, button)),
      action("Copy links", () => navigator.clipboard.writeText(files.map((file) => file.url).join("\n")).then(() => "Copied")),
    ],
    tasks[0].hidden_at ? action("Bring back", (button) => each(button, (task) => wall.change("POST", `${task.id}/restore`))) : [
      action(starred ? "Unstar" : "Star", (button) => each(button, (task) => wall.change("PATCH", task.id, { starred: !starred }))),
      el("form", { onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        if (tag.value.trim()) add.click();
      } }, tag, add),
      action("Hide", (button) => each(button, (task) => wall.change("DELETE", task.id)).then(() => say("Hidden. They can be brought back for 30 days: look under Hidden.", 8))),
    ],
    el("button.quiet", { type: "button", onclick: () => wall.select([...wall.selected], false) }, "Clear")));
}

/** @param {{name: string, url: string, bytes: number}[]} files @param {number} size @param {any} button */
async function download(files, size, button) {
  const { LARGEST, zip } = await import("./console-zip.js");
  if (size > LARGEST) throw new Trouble(0, `These are ${bytes(size)}. A zip holds ${bytes(LARGEST)} at most: take fewer, or the links.`);
  const name = `reelkeep-${new Date().toISOString().slice(0, 10)}.zip`;
  // Straight to the disk where the browser can; elsewhere through its memory.
  const chooser = /** @type {any} */ (window).showSaveFilePicker;
  const target = chooser && size > 50e6 ? await (await chooser({ suggestedName: name })).createWritable() : null;
  /** @type {Uint8Array[]} */
  const parts = [];
  let done = 0;
  try {
    for await (const part of zip(files, open)) {
      done += part.length;
      button.textContent = `${Math.min(99, Math.floor((done / size) * 100))} %`;
      if (target) await target.write(part);
      else parts.push(part);
    }
  } catch (error) {
    await target?.abort();
    throw error;
  }
  if (target) await target.close();
  else {
    const url = URL.createObjectURL(new Blob(/** @type {BlobPart[]} */ (parts), { type: "application/zip" }));
    el("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }
  return "Saved";
}

/** @param {string} url */
async function open(url) {
  const answer = await fetch(url, { credentials: "omit" }).catch(() => null);
  if (!answer?.ok || !answer.body) throw new Trouble(0, "The archive did not let this page read a file. Take the list of links instead.");
  return answer.body;
}
