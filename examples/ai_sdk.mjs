// Make a video with the AI SDK. Its ByteDance provider speaks Ark's format; any provider of Reelkeep's can serve the model.
// Run in examples/: npm install, then node ai_sdk.mjs "a paper boat on a pond" boat.mp4

import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";

import { createByteDance } from "@ai-sdk/bytedance";
import { experimental_generateVideo as generateVideo } from "ai";

const [prompt, file] = process.argv.slice(2);
const reelkeep = createByteDance({ baseURL: `${process.env.REELKEEP_URL}/api/v3`, apiKey: process.env.REELKEEP_KEY });

const { video } = await generateVideo({
  model: reelkeep.video(process.env.MODEL ?? "viduq2"),
  prompt,
  duration: 4,
  headers: { "Idempotency-Key": randomUUID() }, // the AI SDK repeats what failed: with a key, it is paid for once
  providerOptions: { bytedance: { pollTimeoutMs: 3_600_000 } }, // it gives up after five minutes otherwise
  // By itself it fetches nothing from this machine, where `make up` runs. A deployed stack needs no such line.
  download: async ({ url }) => ({ data: new Uint8Array(await (await fetch(url)).arrayBuffer()), mediaType: "video/mp4" }),
});
await writeFile(file, video.uint8Array);
console.log(file);
