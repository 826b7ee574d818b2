// Receive webhooks in Node: verify who sent them, drop repeats. Something in front of it must serve https.
// Run in examples/: npm install, then WEBHOOK_SECRET=whsec_... node webhook_receiver.mjs 8080

import { createServer } from "node:http";

import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.env.WEBHOOK_SECRET);
const seen = new Set(); // ids of messages; a program that restarts keeps them in its database

createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  let event;
  try {
    event = webhook.verify(Buffer.concat(chunks).toString(), request.headers);
  } catch {
    response.writeHead(400).end(); // somebody else sent it, or it is old
    return;
  }
  const id = request.headers["webhook-id"];
  if (!seen.has(id)) {
    // A message may come more than once, always under the same id.
    seen.add(id);
    console.log(JSON.stringify({ type: event.type, task: event.subject }));
  }
  response.writeHead(204).end(); // anything but 2xx, or no answer within ten seconds, has it sent again
}).listen(Number(process.argv[2]));
