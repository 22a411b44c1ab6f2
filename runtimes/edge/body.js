// Bodies: what gathers a whole one takes so much and no more (EdgeOne: 1 MB, `OverSize`).

import { settings } from "./engine.js";
import {
  apply,
  bufferSlice,
  bytesBuffer,
  bytesLength,
  bytesOffset,
  bytesSet,
  decode,
  define,
  getter,
  headersGet,
  NativeResponse,
  parseJson,
  push,
  readerCancel,
  readerRead,
  requestPrototype,
  responsePrototype,
  streamReader,
} from "./intrinsics.js";

// On a message whose body comes from outside: its length, -1 where that is not known. Other bodies are the
// function's own and not measured.
export const kLength = Symbol("length of a body from outside");

class OverSize extends Error {
  constructor(max) {
    super(`a body that is read whole may have ${max} bytes; read the stream instead`);
    define(this, "name", "OverSize");
  }
}

async function gather(stream, max) {
  if (stream === null) return new Uint8Array();
  const reader = streamReader(stream);
  const parts = [];
  let length = 0;
  for (;;) {
    const { done, value } = await readerRead(reader);
    if (done) break;
    length += bytesLength(value);
    if (length > max) {
      const error = new OverSize(max);
      await readerCancel(reader, error);
      throw error;
    }
    push(parts, value);
  }
  if (parts.length === 1) return parts[0];
  const whole = new Uint8Array(length);
  for (let at = 0, n = 0; n < parts.length; n++) {
    bytesSet(whole, parts[n], at);
    at += bytesLength(parts[n]);
  }
  return whole;
}

const asBuffer = (bytes) => {
  const start = bytesOffset(bytes);
  return bufferSlice(bytesBuffer(bytes), start, start + bytesLength(bytes));
};

// How each reader makes its value from the bytes and the type.
const MAKERS = {
  __proto__: null,
  text: (bytes) => decode(bytes),
  json: (bytes) => parseJson(decode(bytes)),
  bytes: (bytes) => bytes,
  arrayBuffer: asBuffer,
  blob: (bytes, type) => new Blob([bytes], { __proto__: null, type }),
  formData: (bytes, type) =>
    apply(nativeFormData, new NativeResponse(bytes, { __proto__: null, headers: [["content-type", type]] }), []),
};
const nativeFormData = responsePrototype.formData;

function limit(prototype, carry) {
  const bodyOf = getter(prototype, "body");
  const usedOf = getter(prototype, "bodyUsed");
  const headersOf = getter(prototype, "headers");
  async function read(message, make) {
    if (apply(usedOf, message, [])) throw new TypeError("Body already consumed.");
    const bytes = await gather(apply(bodyOf, message, []), settings.bodyBytesMax);
    return await make(bytes, headersGet(apply(headersOf, message, []), "content-type") ?? "");
  }
  for (const name of ["text", "json", "bytes", "arrayBuffer", "blob", "formData"]) {
    const native = prototype[name];
    const make = MAKERS[name];
    define(prototype, name, {
      [name]() {
        const length = this?.[kLength];
        const fits = length === undefined || (length >= 0 && length <= settings.bodyBytesMax);
        return fits ? apply(native, this, []) : read(this, make);
      },
    }[name]);
  }
  const clone = prototype.clone;
  define(prototype, "clone", {
    clone() {
      const copy = apply(clone, this, []);
      if (this[kLength] !== undefined) copy[kLength] = this[kLength];
      carry(this, copy);
      return copy;
    },
  }.clone);
}

// `carryRequest` and `carryResponse` take over to a clone what else the host put on a message.
export function installReaders(carryRequest, carryResponse) {
  limit(requestPrototype, carryRequest);
  limit(responsePrototype, carryResponse);
}
