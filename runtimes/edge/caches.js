// `caches`: answers that the site's code keeps on this server (EdgeOne, Cache). They are kept by Holm, so that
// they outlive the process and take nothing of its memory; what is kept how long is decided there.

import {
  define,
  headersForEach,
  headersGet,
  isRequest,
  isResponse,
  push,
  requestHeaders,
  requestMethod,
  requestUrl,
  responseBody,
  responseHeaders,
  responseStatus,
  responseStatusText,
  toText,
  trim,
} from "./intrinsics.js";
import { exchange } from "./outside.js";
import { fetched } from "./message.js";

const CACHE = "x-holm-cache";

class CacheError extends Error {
  constructor(status, message) {
    super(`${status}: ${message}`);
    define(this, "name", "CacheError");
    this.status = status;
  }
}

function pairs(headers) {
  const list = [];
  headersForEach(headers, (value, name) => push(list, [name, value]));
  return list;
}

const asRequest = (input) => isRequest(input) ? input : new globalThis.Request(toText(input));

async function ask(op, name, request, more, body) {
  const url = new URL(requestUrl(request));
  url.hash = "";
  const cache = { __proto__: null, op, name, ...more };
  const said = { __proto__: null, url: url.href, method: "GET", headers: pairs(requestHeaders(request)), cache };
  return await exchange(said, body, undefined, body === null ? "GET" : "PUT");
}

const isKept = (request, options) => requestMethod(request) === "GET" || options?.ignoreMethod === true;

function refuse(request, response) {
  if (!isResponse(response)) throw new TypeError("cache.put: the second argument is not a Response");
  if (requestMethod(request) !== "GET") throw new TypeError("cache.put: only what GET asks for is kept");
  if (responseStatus(response) === 206) throw new TypeError("cache.put: a part (206) is not kept");
  const vary = headersGet(responseHeaders(response), "vary") ?? "";
  if (vary.split(",").some((name) => trim(name) === "*")) throw new TypeError("cache.put: `Vary: *` is not kept");
  if (response.bodyUsed) throw new TypeError("cache.put: the response's body was read");
}

class Cache {
  #name;
  constructor(key, name) {
    if (key !== KEY) throw new TypeError("Illegal constructor");
    this.#name = name;
  }

  async match(input, options) {
    const request = asRequest(input);
    if (!isKept(request, options)) return undefined;
    const answer = await ask("match", this.#name, request, {}, null);
    const found = answer.headers.get(CACHE);
    if (found === "hit") {
      answer.headers.delete(CACHE);
      return fetched(answer, requestUrl(request), []);
    }
    await answer.body?.cancel();
    if (found === "expired") throw new CacheError(504, "what was kept is no longer fresh");
    return undefined;
  }

  async put(input, response) {
    const request = asRequest(input);
    refuse(request, response);
    const headers = pairs(responseHeaders(response));
    const said = { status: responseStatus(response), statusText: responseStatusText(response), answer: headers };
    const answer = await ask("put", this.#name, request, said, responseBody(response) ?? "");
    await answer.body?.cancel();
  }

  async delete(input, options) {
    const request = asRequest(input);
    if (!isKept(request, options)) return false;
    const answer = await ask("delete", this.#name, request, {}, null);
    await answer.body?.cancel();
    return answer.headers.get(CACHE) === "deleted";
  }
}

const KEY = Symbol();

class CacheStorage {
  #opened = new Map();
  constructor(key) {
    if (key !== KEY) throw new TypeError("Illegal constructor");
    define(this, "default", this.#cache("default"));
  }
  #cache(name) {
    const cache = this.#opened.get(name) ?? new Cache(KEY, name);
    // What is opened often is opened by the same few names.
    if (this.#opened.size < 64) this.#opened.set(name, cache);
    return cache;
  }
  async open(name) {
    return this.#cache(toText(name));
  }
}

export function installCaches() {
  define(globalThis, "Cache", Cache);
  define(globalThis, "CacheStorage", CacheStorage);
  define(globalThis, "caches", new CacheStorage(KEY));
}
