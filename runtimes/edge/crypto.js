// `crypto.subtle.digest("MD5", …)`, which EdgeOne has and the web standard has not (RFC 1321).

import { apply, bufferSlice, define, floor, isView, toText, toUpperCase } from "./intrinsics.js";

const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
const SINES = Int32Array.from({ length: 64 }, (_, at) => floor(Math.abs(Math.sin(at + 1)) * 2 ** 32) | 0);

function padded(bytes) {
  const length = bytes.byteLength;
  const whole = new Uint8Array(((length + 8 >>> 6) + 1) * 64);
  whole.set(bytes);
  whole[length] = 0x80;
  const view = new DataView(whole.buffer);
  view.setUint32(whole.length - 8, length << 3 >>> 0, true);
  view.setUint32(whole.length - 4, floor(length / 2 ** 29), true);
  return view;
}

export function md5(bytes) {
  const view = padded(bytes);
  const state = new Int32Array([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]);
  for (let block = 0; block < view.byteLength; block += 64) {
    let a = state[0], b = state[1], c = state[2], d = state[3];
    for (let step = 0; step < 64; step++) {
      const round = step >> 4;
      let f, word;
      if (round === 0) f = (b & c) | (~b & d), word = step;
      else if (round === 1) f = (d & b) | (~d & c), word = (5 * step + 1) & 15;
      else if (round === 2) f = b ^ c ^ d, word = (3 * step + 5) & 15;
      else f = c ^ (b | ~d), word = (7 * step) & 15;
      const sum = (a + f + SINES[step] + view.getInt32(block + word * 4, true)) | 0;
      const by = SHIFTS[round * 4 + (step & 3)];
      a = d;
      d = c;
      c = b;
      b = (b + ((sum << by) | (sum >>> (32 - by)))) | 0;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
  }
  const out = new DataView(new ArrayBuffer(16));
  for (let at = 0; at < 4; at++) out.setInt32(at * 4, state[at], true);
  return out.buffer;
}

function bytesOf(data) {
  if (isView(data)) return new Uint8Array(bufferSlice(data.buffer, data.byteOffset, data.byteOffset + data.byteLength));
  return new Uint8Array(bufferSlice(data, 0, data.byteLength));
}

export function installCrypto() {
  const { prototype } = SubtleCrypto;
  const native = prototype.digest;
  define(prototype, "digest", {
    async digest(algorithm, data) {
      const name = typeof algorithm === "string" ? algorithm : algorithm?.name;
      if (toUpperCase(toText(name)) === "MD5") return md5(bytesOf(data));
      return await apply(native, this, [algorithm, data]);
    },
  }.digest);
}
