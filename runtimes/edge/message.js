// `Request` and `Response` with what EdgeOne has beyond the web standard.

import { installReaders, kLength } from "./body.js";
import { currentCall } from "./engine.js";
import {
  apply,
  construct,
  define,
  defineProperty,
  getter,
  headersForEach,
  headersSet,
  isRequest,
  NativeHeaders,
  NativeRequest,
  NativeResponse,
  NativeUrl,
  pairsOf,
  push,
  requestHeaders,
  requestPrototype,
  responsePrototype,
  urlHref,
} from "./intrinsics.js";

// On a request: `eo`, `maxFollow` and `version`.
const kExtra = Symbol("EdgeOne's part of a request");
// On a response that was fetched: where from, and over which redirects.
const kOrigin = Symbol("origin of a response");

const FOLLOW_DEFAULT = 12;

// The options of EdgeOne's that a request was made with.
export const extraOf = (request) => request[kExtra];

function inherited(input, init) {
  const from = isRequest(input) ? input[kExtra] : undefined;
  const eo = init?.eo ?? from?.eo;
  const maxFollow = init?.maxFollow ?? from?.maxFollow;
  const version = init?.version ?? from?.version;
  if (eo === undefined && maxFollow === undefined && version === undefined) return undefined;
  return { __proto__: null, eo, maxFollow, version };
}

// `copyHeaders`: the headers of the request that is cloned stay, those that are named are set.
function withCopiedHeaders(input, init) {
  const headers = new NativeHeaders(requestHeaders(input));
  const named = pairsOf(init.headers);
  for (let at = 0; at < named.length; at++) headersSet(headers, named[at][0], named[at][1]);
  return { ...init, headers };
}

const EdgeRequest = new Proxy(NativeRequest, {
  __proto__: null,
  construct(target, args, newTarget) {
    const [input, init] = [args[0], args[1]];
    const wanted = init?.copyHeaders && isRequest(input) ? withCopiedHeaders(input, init) : init;
    const request = construct(target, [input, wanted], newTarget === EdgeRequest ? target : newTarget);
    const extra = inherited(input, init);
    if (extra !== undefined) request[kExtra] = extra;
    // A body from outside is one wherever it is put.
    if (isRequest(input) && input[kLength] !== undefined && init?.body === undefined) {
      request[kLength] = input[kLength];
    }
    return request;
  },
});

function extraProperty(name, fallback) {
  defineProperty(requestPrototype, name, {
    __proto__: null,
    get() {
      return this[kExtra]?.[name] ?? fallback;
    },
    set(value) {
      this[kExtra] = { __proto__: null, ...this[kExtra], [name]: value };
    },
    configurable: true,
    enumerable: true,
  });
}

// What `JSON.stringify(request)` shows on EdgeOne.
const SHOWN = ["maxFollow", "version", "eo", "cf", "url", "referrer", "redirect", "mode", "method", "integrity",
  "headers", "credentials", "cache", "bodyUsed", "body", "destination", "referrerPolicy"];
function dump() {
  const shown = {};
  for (let at = 0; at < SHOWN.length; at++) {
    const value = this[SHOWN[at]];
    shown[SHOWN[at]] = SHOWN[at] === "headers" || (SHOWN[at] === "body" && value !== null) ? {} : value;
  }
  return shown;
}

function installRequest() {
  extraProperty("eo", undefined);
  extraProperty("maxFollow", FOLLOW_DEFAULT);
  extraProperty("version", "HTTP/1.1");
  defineProperty(requestPrototype, "cf", {
    __proto__: null,
    get() {
      return this.eo;
    },
    configurable: true,
  });
  define(requestPrototype, "toJSON", dump);
  define(requestPrototype, "constructor", EdgeRequest);
  define(globalThis, "Request", EdgeRequest);
}

function originProperty(name, fallback) {
  const native = fallback === undefined ? getter(responsePrototype, name) : () => fallback;
  defineProperty(responsePrototype, name, {
    __proto__: null,
    get() {
      const origin = this[kOrigin];
      return origin === undefined ? apply(native, this, []) : origin[name];
    },
    configurable: true,
    enumerable: true,
  });
}

const nativeRedirect = NativeResponse.redirect;
// A path alone is taken within the site that is asked, as a page's would be.
function redirect(url, status = 302) {
  const base = currentCall()?.url;
  return apply(nativeRedirect, NativeResponse, [base === undefined ? url : urlHref(new NativeUrl(url, base)), status]);
}

function installResponse() {
  originProperty("url");
  originProperty("redirected");
  originProperty("redirectUrls", []);
  define(NativeResponse, "redirect", redirect);
}

export function installMessages() {
  installRequest();
  installResponse();
  installReaders(
    (from, to) => {
      if (from[kExtra] !== undefined) to[kExtra] = from[kExtra];
    },
    (from, to) => {
      if (from[kOrigin] !== undefined) to[kOrigin] = from[kOrigin];
    },
  );
}

const NULL_BODY = { __proto__: null, 101: true, 204: true, 205: true, 304: true };

// An answer of Holm's as the function gets it: headers that can be changed, and where it is from.
export function fetched(answer, url, redirectUrls) {
  const { status, headers } = answer;
  const response = new NativeResponse(NULL_BODY[status] ? null : answer.body, {
    __proto__: null,
    status,
    statusText: answer.statusText,
    headers,
  });
  response[kLength] = lengthOf(headers);
  response[kOrigin] = { __proto__: null, url, redirected: redirectUrls.length > 0, redirectUrls };
  return response;
}

function lengthOf(headers) {
  const said = headers.get("content-length");
  return said === null ? -1 : +said;
}

// ---------------------------------------------------------------------------------------------------
// The visitor's request. Copying a Headers costs more than all the rest of a small request, so where the engine
// lets its list be seen, the list is copied.

const kInner = findInner();

function findInner() {
  const probe = new NativeRequest("http://holm.internal/", { headers: [["a", "b"]] });
  for (const symbol of Object.getOwnPropertySymbols(probe)) {
    if (symbol.description === "request" && probe[symbol]?.headerList?.[0]?.[1] === "b") return symbol;
  }
  return undefined;
}

export function incoming(native, said, callHeader) {
  const { method, body } = native;
  const init = { __proto__: null, method };
  if (body !== null) init.body = body;
  const request = new NativeRequest(said.url, init);
  let length = -1;
  const keep = (name, value) => {
    if (name === callHeader) return false;
    if (name === "content-length") length = +value;
    return true;
  };
  if (kInner === undefined) {
    const headers = requestHeaders(request);
    headersForEach(requestHeaders(native), (value, name) => keep(name, value) && headersSet(headers, name, value));
  } else {
    const list = native[kInner].headerList;
    const own = request[kInner].headerList;
    // A body brings no header of its own; what a new request has by itself is replaced by what was sent.
    own.length = 0;
    for (let at = 0; at < list.length; at++) {
      const [name, value] = [list[at][0], list[at][1]];
      if (keep(name, value)) push(own, [name, value]);
    }
  }
  if (body !== null) request[kLength] = length;
  request[kExtra] = { __proto__: null, eo: said.eo, maxFollow: undefined, version: undefined };
  return request;
}

