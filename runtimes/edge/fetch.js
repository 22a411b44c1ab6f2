// `fetch` with EdgeOne's options: every request to the outside goes through Holm's socket, redirects are
// followed here so that each is checked there again.

import { currentCall, settings } from "./engine.js";
import {
  construct,
  define,
  headersForEach,
  isRequest,
  min,
  NativeResponse,
  NativeUrl,
  push,
  requestBody,
  requestHeaders,
  requestMethod,
  requestRedirect,
  requestSignal,
  requestUrl,
  responseBody,
  startsWith,
  toText,
  urlHref,
  urlOrigin,
} from "./intrinsics.js";
import { extraOf, fetched } from "./message.js";
import { count, exchange, nativeFetch } from "./outside.js";

const REDIRECTS = { __proto__: null, 301: true, 302: true, 303: true, 307: true, 308: true };
// What is meant for one server only (Fetch standard, HTTP-redirect fetch). `Host` stays: so it is on EdgeOne.
const PRIVATE = { __proto__: null, authorization: true, cookie: true, "proxy-authorization": true };

function pairs(headers) {
  const list = [];
  headersForEach(headers, (value, name) => push(list, [name, value]));
  return list;
}

function without(headers, is) {
  const left = [];
  for (let at = 0; at < headers.length; at++) if (!is(headers[at][0])) push(left, headers[at]);
  return left;
}

// What is sent, with a body that can be made again when it is not a stream.
class Sent {
  constructor(input, init) {
    const isPlain = isRequest(input) && init === undefined;
    const request = isPlain ? input : construct(globalThis.Request, [isRequest(input) ? input : toText(input), init]);
    const extra = extraOf(request);
    this.url = new NativeUrl(requestUrl(request));
    this.method = requestMethod(request);
    this.headers = pairs(requestHeaders(request));
    this.body = requestBody(request);
    this.signal = isPlain || init?.signal !== undefined || isRequest(input) ? requestSignal(request) : undefined;
    this.follow = requestRedirect(request);
    this.maxFollow = min(extra?.maxFollow ?? settings.redirectsMax, settings.redirectsMax);
    this.options = optionsOf(extra?.eo);
    // FormData would be written with another boundary than the header says.
    const again = init?.body;
    const isFixed = again !== undefined && again !== null && !(again instanceof ReadableStream);
    this.again = isFixed && !(again instanceof FormData) ? again : undefined;
  }

  // Turns to where an answer points; an error says why it cannot.
  turn(status, location) {
    const next = new NativeUrl(location, this.url);
    if (status === 303 || (this.method === "POST" && status < 303)) {
      if (this.method !== "HEAD") this.method = "GET";
      this.body = null;
      this.headers = without(this.headers, (name) => startsWith(name, "content-"));
    } else if (this.body !== null) {
      if (this.again === undefined) throw new TypeError(`fetch ${urlHref(this.url)}: the body cannot be sent again`);
      this.body = responseBody(new NativeResponse(this.again));
    }
    if (urlOrigin(next) !== urlOrigin(this.url)) this.headers = without(this.headers, (name) => PRIVATE[name]);
    this.url = next;
  }
}

// The options that Holm knows. A visitor's request has its `eo` in the same place, which is nothing of the kind.
function optionsOf(eo) {
  if (eo === undefined || eo === null) return null;
  const { resolveOverride, timeoutSetting } = eo;
  if (resolveOverride === undefined && timeoutSetting === undefined) return null;
  return { __proto__: null, resolveOverride, timeoutSetting };
}

function isOfTheProcess(url) {
  return startsWith(url, "data:") || startsWith(url, "blob:");
}

async function hostFetch(input, init) {
  const given = isRequest(input) ? requestUrl(input) : toText(input);
  if (isOfTheProcess(given)) return await nativeFetch(input, init);
  const sent = new Sent(isRequest(input) || currentCall() === undefined ? input : absolute(given), init ?? undefined);
  const chain = [];
  for (;;) {
    sent.url.hash = "";
    const url = urlHref(sent.url);
    const said = { __proto__: null, url, method: sent.method, headers: sent.headers, options: sent.options };
    count();
    const answer = await exchange(said, sent.body, sent.signal);
    const location = REDIRECTS[answer.status] ? answer.headers.get("location") : null;
    if (location === null || sent.follow === "manual") return fetched(answer, url, chain);
    await answer.body?.cancel();
    if (sent.follow === "error") throw new TypeError(`fetch ${url}: redirected`);
    if (chain.length >= sent.maxFollow) throw new TypeError(`fetch ${url}: more than ${sent.maxFollow} redirects`);
    sent.turn(answer.status, location);
    push(chain, urlHref(sent.url));
  }
}

// A path alone is of the site that is asked.
function absolute(url) {
  return startsWith(url, "/") ? urlHref(new NativeUrl(url, currentCall().url)) : url;
}

export function installFetch() {
  define(globalThis, "fetch", { fetch: (input, init) => hostFetch(input, init) }.fetch);
}

// `next()` of a function: what the site would answer without its functions.
export async function goOn(request, input, init) {
  const wanted = input === undefined
    ? request
    : construct(globalThis.Request, [isRequest(input) ? input : urlHref(new NativeUrl(input, requestUrl(request))), init]);
  const url = requestUrl(wanted);
  const said = { __proto__: null, url, method: requestMethod(wanted), headers: pairs(requestHeaders(wanted)), next: true };
  count();
  return fetched(await exchange(said, requestBody(wanted), undefined), url, []);
}
