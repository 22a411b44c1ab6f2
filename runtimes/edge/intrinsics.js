// The language's own functions as they were before the deployment's code could change them.
// What runs for every request uses these, so that code which replaces `Array.prototype.push` or puts a
// setter on `Object.prototype` breaks itself and not the host.

const { bind, call } = Function.prototype;
const uncurryThis = bind.bind(call);

export const { apply, construct, defineProperty, deleteProperty, get: reflectGet, ownKeys } = Reflect;
export const { parse: parseJson, stringify: toJson } = JSON;
export const { create, entries: objectEntries, getOwnPropertyDescriptor, isExtensible } = Object;
export const { isArray } = Array;
export const { min, floor } = Math;
export const isView = ArrayBuffer.isView;
export const fromCharCode = String.fromCharCode;
export const toText = String;

export const isPrototypeOf = uncurryThis(Object.prototype.isPrototypeOf);
export const push = uncurryThis(Array.prototype.push);
export const shift = uncurryThis(Array.prototype.shift);
export const join = uncurryThis(Array.prototype.join);
export const slice = uncurryThis(String.prototype.slice);
export const indexOf = uncurryThis(String.prototype.indexOf);
export const startsWith = uncurryThis(String.prototype.startsWith);
export const endsWith = uncurryThis(String.prototype.endsWith);
export const toLowerCase = uncurryThis(String.prototype.toLowerCase);
export const toUpperCase = uncurryThis(String.prototype.toUpperCase);
export const trim = uncurryThis(String.prototype.trim);
export const split = uncurryThis(String.prototype.split);
export const charCodeAt = uncurryThis(String.prototype.charCodeAt);
export const numberToString = uncurryThis(Number.prototype.toString);
export const padStart = uncurryThis(String.prototype.padStart);
export const test = uncurryThis(RegExp.prototype.test);
export const then = uncurryThis(Promise.prototype.then);

export const setAdd = uncurryThis(Set.prototype.add);
export const setDelete = uncurryThis(Set.prototype.delete);
export const setHas = uncurryThis(Set.prototype.has);
export const setSize = uncurryThis(getter(Set.prototype, "size"));

const Bytes = Object.getPrototypeOf(Uint8Array);
export const bytesSet = uncurryThis(Bytes.prototype.set);
export const bytesLength = uncurryThis(getter(Bytes.prototype, "byteLength"));
export const bytesOffset = uncurryThis(getter(Bytes.prototype, "byteOffset"));
export const bytesBuffer = uncurryThis(getter(Bytes.prototype, "buffer"));
export const bytesSubarray = uncurryThis(Bytes.prototype.subarray);
export const bufferSlice = uncurryThis(ArrayBuffer.prototype.slice);

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const encodeBytes = uncurryThis(TextEncoder.prototype.encode);
const decodeBytes = uncurryThis(TextDecoder.prototype.decode);
export const encode = (text) => encodeBytes(encoder, text);
export const decode = (bytes) => decodeBytes(decoder, bytes);

export const NativeRequest = globalThis.Request;
export const NativeResponse = globalThis.Response;
export const NativeHeaders = globalThis.Headers;
export const NativeUrl = globalThis.URL;
export const requestPrototype = NativeRequest.prototype;
export const responsePrototype = NativeResponse.prototype;
export const promisePrototype = Promise.prototype;
export const promiseAll = Promise.all.bind(Promise);
export const ResolvedPromise = Promise.resolve.bind(Promise);
export const NativePromise = Promise;

export const headersGet = uncurryThis(NativeHeaders.prototype.get);
export const headersSet = uncurryThis(NativeHeaders.prototype.set);
export const headersAppend = uncurryThis(NativeHeaders.prototype.append);
export const headersDelete = uncurryThis(NativeHeaders.prototype.delete);
export const headersHas = uncurryThis(NativeHeaders.prototype.has);
export const headersForEach = uncurryThis(NativeHeaders.prototype.forEach);

export const requestHeaders = uncurryThis(getter(requestPrototype, "headers"));
export const requestBody = uncurryThis(getter(requestPrototype, "body"));
export const requestMethod = uncurryThis(getter(requestPrototype, "method"));
export const requestUrl = uncurryThis(getter(requestPrototype, "url"));
export const requestSignal = uncurryThis(getter(requestPrototype, "signal"));
export const requestRedirect = uncurryThis(getter(requestPrototype, "redirect"));
export const responseHeaders = uncurryThis(getter(responsePrototype, "headers"));
export const responseBody = uncurryThis(getter(responsePrototype, "body"));
export const responseStatus = uncurryThis(getter(responsePrototype, "status"));
export const responseStatusText = uncurryThis(getter(responsePrototype, "statusText"));

export const urlHref = uncurryThis(getter(NativeUrl.prototype, "href"));
export const urlOrigin = uncurryThis(getter(NativeUrl.prototype, "origin"));

export const streamReader = uncurryThis(ReadableStream.prototype.getReader);
export const streamCancel = uncurryThis(ReadableStream.prototype.cancel);
const readerPrototype = ReadableStreamDefaultReader.prototype;
export const readerRead = uncurryThis(readerPrototype.read);
export const readerCancel = uncurryThis(readerPrototype.cancel);

export function getter(prototype, name) {
  return getOwnPropertyDescriptor(prototype, name).get;
}

export const isRequest = (value) => isPrototypeOf(requestPrototype, value);
export const isResponse = (value) => isPrototypeOf(responsePrototype, value);

// A method or value put on a prototype or the global, as the web's own are: not listed by `for in`.
export function define(object, name, value) {
  defineProperty(object, name, { __proto__: null, value, writable: true, configurable: true, enumerable: false });
}

// The pairs of a Headers, a list of pairs, or an object, as a list of pairs with values as they are.
export function pairsOf(headers) {
  const pairs = [];
  if (headers === undefined || headers === null) return pairs;
  if (isPrototypeOf(NativeHeaders.prototype, headers)) {
    headersForEach(headers, (value, name) => push(pairs, [name, value]));
    return pairs;
  }
  if (isArray(headers)) return headers;
  return objectEntries(headers);
}

// Header values carry bytes, so everything else is written as JSON can write it.
const beyondAscii = /[\u007f-\uffff]/;
export function asciiJson(value) {
  const json = toJson(value);
  if (!test(beyondAscii, json)) return json;
  let out = "";
  for (let at = 0; at < json.length; at++) {
    const code = charCodeAt(json, at);
    out += code < 0x7f ? json[at] : "\\u" + padStart(numberToString(code, 16), 4, "0");
  }
  return out;
}
