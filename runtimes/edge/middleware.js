// The middleware's context: what it wants is said in headers of its answer, which never leave Holm
// (contract.rs, "What a middleware answers").

import { settings } from "./engine.js";
import {
  create,
  headersAppend,
  headersDelete,
  headersSet,
  isResponse,
  NativeHeaders,
  NativeResponse,
  NativeUrl,
  objectEntries,
  pairsOf,
  requestUrl,
  responseHeaders,
  toJson,
  toText,
  urlHref,
  urlOrigin,
} from "./intrinsics.js";

const NEXT = "x-middleware-next";
const REWRITE = "x-middleware-rewrite";
const REQUEST_HEADERS = "x-middleware-request-headers";

const REDIRECTS = { __proto__: null, 301: true, 302: true, 303: true, 307: true, 308: true };
const escape = encodeURIComponent;

// `cookies` of an answer: each change is one `Set-Cookie` of it.
class ResponseCookies {
  #headers;
  #map = new Map();
  #lines = new Set();
  constructor(headers) {
    this.#headers = headers;
  }
  // Lines that were appended by hand stay.
  #write() {
    const others = this.#headers.getSetCookie().filter((line) => !this.#lines.has(line));
    this.#lines = new Set([...this.#map.values()].map(lineOf));
    headersDelete(this.#headers, "set-cookie");
    for (const line of [...others, ...this.#lines]) headersAppend(this.#headers, "set-cookie", line);
  }
  set(name, value, options) {
    const cookie = typeof name === "object" ? { ...name } : { ...options, name, value };
    this.#map.set(cookie.name, cookie);
    this.#write();
    return this;
  }
  get(name) {
    const cookie = this.#map.get(typeof name === "object" ? name.name : name);
    return cookie === undefined ? undefined : { ...cookie };
  }
  getAll(name) {
    return [...this.#map.values()].filter((cookie) => name === undefined || cookie.name === name);
  }
  has(name) {
    return this.#map.has(name);
  }
  delete(name, options) {
    return this.set(name, "", { ...options, maxAge: 0, expires: new Date(0) });
  }
  clear() {
    this.#map.clear();
    this.#write();
    return this;
  }
}

function lineOf({ name, value, path = "/", domain, maxAge, expires, httpOnly, secure, sameSite }) {
  let line = `${escape(name)}=${escape(value)}`;
  if (path) line += `; Path=${path}`;
  if (domain) line += `; Domain=${domain}`;
  if (maxAge !== undefined) line += `; Max-Age=${maxAge}`;
  if (expires !== undefined) line += `; Expires=${expires instanceof Date ? expires.toUTCString() : expires}`;
  if (httpOnly) line += "; HttpOnly";
  if (secure) line += "; Secure";
  if (sameSite) line += `; SameSite=${sameSite === true ? "Strict" : sameSite}`;
  return line;
}

// An answer that says what is wanted: headers of the visitor's request to set or, with `null`, to delete.
function decided(signal, value, options) {
  const response = new NativeResponse(null);
  const headers = responseHeaders(response);
  headersSet(headers, signal, value);
  const wanted = create(null);
  const both = pairsOf(options?.headers);
  for (let at = 0; at < both.length; at++) {
    const [name, value] = both[at];
    wanted[name] = value === null || value === undefined ? null : toText(value);
    // So it is on EdgeOne: what `headers` sets is seen on the answer, too.
    if (wanted[name] !== null) headersSet(headers, name, value);
  }
  const own = pairsOf(options?.request?.headers);
  for (let at = 0; at < own.length; at++) {
    const [name, value] = own[at];
    wanted[name] = value === null || value === undefined ? null : toText(value);
  }
  if (objectEntries(wanted).length > 0) headersSet(headers, REQUEST_HEADERS, escape(toJson(wanted)));
  let cookies;
  defineCookies(response, () => cookies ??= new ResponseCookies(headers));
  return response;
}

function defineCookies(response, get) {
  Object.defineProperty(response, "cookies", { __proto__: null, get, configurable: true });
}

export const goesOn = (options) => decided(NEXT, "1", options);

function rewrite(request, url, options) {
  const base = new NativeUrl(requestUrl(request));
  const target = new NativeUrl(toText(url), base);
  const href = urlHref(target);
  const isOwn = urlOrigin(target) === urlOrigin(base);
  return decided(REWRITE, isOwn ? target.pathname + target.search : href, options);
}

function redirect(url, status = 307) {
  const code = typeof status === "object" && status !== null ? status.status ?? 307 : status;
  if (!REDIRECTS[code]) throw new RangeError(`${toText(code)} is no status of a redirect: 301, 302, 303, 307 or 308`);
  const location = toText(url);
  // As it was given; what is not ASCII cannot be sent so.
  const headers = new NativeHeaders([["location", isAscii(location) ? location : encodeURI(location)]]);
  const response = new NativeResponse(null, { __proto__: null, status: code, headers });
  let cookies;
  defineCookies(response, () => cookies ??= new ResponseCookies(headers));
  return response;
}

const isAscii = (text) => {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7e) return false;
  return true;
};

export function middlewareContext(request, said, waitUntil) {
  const eo = said.eo;
  return {
    request,
    urlInfo: new NativeUrl(said.url),
    env: { ...settings.env },
    waitUntil,
    next: goesOn,
    redirect,
    rewrite: (url, options) => rewrite(request, url, options),
    geo: eo.geo,
    clientIp: eo.clientIp,
    uuid: eo.uuid,
    eo,
    params: {},
  };
}

// What a middleware returned, as an answer; `undefined` when it is none.
export function middlewareAnswer(returned) {
  if (returned === undefined || returned === null) return goesOn();
  return isResponse(returned) ? returned : undefined;
}
