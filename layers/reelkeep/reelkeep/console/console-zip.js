// A zip file that is written while its files arrive. They are stored as they are: videos do not get smaller.
// @ts-check

export const LARGEST = 4e9; // bytes: beyond 2^32 the format needs other fields
const SIGNED = 0x0808; // flags: names are UTF-8; sizes and checksum follow the data

const TABLE = Uint32Array.from({ length: 256 }, (_, each) => {
  for (let bit = 0; bit < 8; bit++) each = each & 1 ? 0xedb88320 ^ (each >>> 1) : each >>> 1;
  return each;
});

/** @param {Uint8Array} bytes @param {number} before  of the bytes in front of these */
function crc32(bytes, before) {
  let sum = ~before;
  for (let at = 0; at < bytes.length; at++) sum = TABLE[(sum ^ bytes[at]) & 255] ^ (sum >>> 8);
  return ~sum >>> 0;
}

/** Little-endian fields. @param {...[number, 2 | 4]} fields  value, bytes */
function record(...fields) {
  const out = new DataView(new ArrayBuffer(fields.reduce((sum, [, size]) => sum + size, 0)));
  let at = 0;
  for (const [value, size] of fields) {
    if (size === 2) out.setUint16(at, value, true);
    else out.setUint32(at, value, true);
    at += size;
  }
  return new Uint8Array(out.buffer);
}

/** Names that are all different. @param {string[]} names */
function unique(names) {
  /** @type {Map<string, number>} */
  const seen = new Map();
  return names.map((name) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : name.replace(/(\.\w+)?$/, ` (${count})$1`);
  });
}

/**
 * @param {{name: string, url: string}[]} files
 * @param {(url: string) => Promise<ReadableStream<Uint8Array>>} open
 * @returns {AsyncGenerator<Uint8Array>}
 */
export async function* zip(files, open) {
  const now = new Date(), time = (now.getHours() << 11) | (now.getMinutes() << 5) | (now.getSeconds() >> 1);
  const date = ((now.getFullYear() - 1980) << 9) | ((now.getMonth() + 1) << 5) | now.getDate();
  const names = unique(files.map((file) => file.name)).map((name) => new TextEncoder().encode(name));
  /** @type {Uint8Array[]} */
  const directory = [];
  let at = 0, listed = 0;
  for (const [index, file] of files.entries()) {
    const name = names[index], start = at;
    const head = record([0x04034b50, 4], [20, 2], [SIGNED, 2], [0, 2], [time, 2], [date, 2], [0, 4], [0, 4], [0, 4], [name.length, 2], [0, 2]);
    yield head;
    yield name;
    let sum = 0, size = 0;
    const reader = (await open(file.url)).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      sum = crc32(part.value, sum);
      size += part.value.length;
      yield part.value;
    }
    yield record([0x08074b50, 4], [sum, 4], [size, 4], [size, 4]);
    at += head.length + name.length + size + 16;
    const entry = record([0x02014b50, 4], [20, 2], [20, 2], [SIGNED, 2], [0, 2], [time, 2], [date, 2], [sum, 4], [size, 4], [size, 4], [name.length, 2], [0, 2], [0, 2], [0, 2], [0, 2], [0, 4], [start, 4]);
    directory.push(entry, name);
    listed += entry.length + name.length;
  }
  yield* directory;
  yield record([0x06054b50, 4], [0, 2], [0, 2], [files.length, 2], [files.length, 2], [listed, 4], [at, 4], [0, 2]);
}
