// The host of an edge deployment: loads its bundle, answers requests on a unix socket, and gives the
// code what EdgeOne gives it. crates/holm-functions/src/contract.rs describes what is said here.

const deno = globalThis.Deno;
const { AsyncVariable } = deno[deno.internal]?.core ?? {};
const folder = deno.args[0];
// What edge code does not have on EdgeOne, or could hide work in.
for (const name of ["Deno", "Worker", "process", "Buffer", "global", "localStorage", "sessionStorage",
  "caches", "prompt", "alert", "confirm", "close", "__bootstrap"]) {
  delete globalThis[name];
}

const CALL = "x-holm-call";
const FAILURE = "x-holm-failure";
const SUB_REQUEST = "x-holm-sub-request";
const SUB_FAILURE = "x-holm-sub-failure";

const encoder = new TextEncoder();
const NativeRequest = globalThis.Request;
const NativeResponse = globalThis.Response;
const nativeFetch = globalThis.fetch;

// The invocation that the running code belongs to, across its awaits.
const current = AsyncVariable ? new AsyncVariable() : { enter() {}, get() {} };

let settings;
let bundle;
const background = new Set();

function say(message) {
  const bytes = encoder.encode(JSON.stringify(message) + "\n");
  for (let at = 0; at < bytes.length;) at += deno.stdout.writeSync(bytes.subarray(at));
}

// ---------------------------------------------------------------------------------------------------
// The console: lines of an invocation, as many as are recorded.

function clip(text) {
  const max = settings?.consoleLineBytesMax ?? 4096;
  return text.length > max ? text.slice(0, max) : text;
}

function record(level, values) {
  const call = current.get();
  if (call) {
    if (call.lines >= settings.consoleLinesMax) return;
    call.lines += 1;
  }
  const text = values.map((value) => (typeof value === "string" ? value : inspect(value))).join(" ");
  say({ t: "line", invocation: call?.id ?? null, level, text: clip(text) });
}

function inspect(value) {
  try {
    return deno.inspect(value, { depth: 4, strAbbreviateSize: 1024 });
  } catch {
    return "[cannot be shown]";
  }
}

for (const level of ["debug", "info", "warn", "error"]) {
  console[level] = (...values) => record(level, values);
}
console.log = (...values) => record("info", values);
console.trace = console.debug;

// ---------------------------------------------------------------------------------------------------
// Bodies: what gathers a whole body takes so much and no more (EdgeOne: 1 MB, `OverSize`).

class OverSize extends Error {
  constructor(max) {
    super(`a body that is read whole may have ${max} bytes; read the stream instead`);
    this.name = "OverSize";
  }
}

async function gather(stream, max) {
  if (stream === null) return new Uint8Array();
  const parts = [];
  let length = 0;
  for await (const part of stream) {
    length += part.byteLength;
    if (length > max) throw new OverSize(max);
    parts.push(part);
  }
  if (parts.length === 1) return parts[0];
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

// Readers of one message that came from outside; `fallback` reads what the web standard has a parser for.
function limitReaders(message) {
  const read = async () => {
    if (message.bodyUsed) throw new TypeError("Body already consumed.");
    return await gather(message.body, settings.bodyBytesMax);
  };
  const type = () => message.headers.get("content-type") ?? "";
  const define = (name, reader) =>
    Object.defineProperty(message, name, { value: reader, configurable: true, writable: true });
  define("text", async () => new TextDecoder().decode(await read()));
  define("json", async () => JSON.parse(new TextDecoder().decode(await read())));
  define("bytes", read);
  define("arrayBuffer", async () => {
    const bytes = await read();
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  });
  define("blob", async () => new Blob([await read()], { type: type() }));
  define("formData", async () =>
    await new NativeResponse(await read(), { headers: { "content-type": type() } }).formData());
  const clone = message.clone;
  define("clone", () => limitReaders(clone.call(message)));
  return message;
}

// ---------------------------------------------------------------------------------------------------
// Requests to the outside: only through Holm's socket.

let outside;

function client() {
  outside ??= deno.createHttpClient({
    proxy: { transport: "unix", path: `${folder}/host` },
    poolMaxIdlePerHost: 8,
  });
  return outside;
}

class Turns {
  constructor(max) {
    this.free = max;
    this.waiting = [];
  }
  async take() {
    if (this.free > 0) {
      this.free -= 1;
      return;
    }
    await new Promise((resolve) => this.waiting.push(resolve));
  }
  give() {
    const next = this.waiting.shift();
    if (next) next();
    else this.free += 1;
  }
}

// One exchange with Holm; `said` tells what is wanted, the body goes along as it is.
async function exchange(said, body, signal) {
  const call = current.get();
  if (call) {
    call.subRequests += 1;
    if (call.subRequests > settings.subRequestsMax) {
      throw new TypeError(`an invocation may make ${settings.subRequestsMax} sub-requests`);
    }
    await call.turns.take();
  }
  try {
    said.invocation = call?.id ?? null;
    const init = {
      client: client(),
      method: said.method,
      headers: { [SUB_REQUEST]: ascii(JSON.stringify(said)) },
      redirect: "manual",
      signal,
    };
    if (body) init.body = body;
    const answer = await nativeFetch("http://holm.internal/", init);
    const failure = answer.headers.get(SUB_FAILURE);
    if (failure !== null) {
      await answer.body?.cancel();
      throw new TypeError(failure);
    }
    return answer;
  } finally {
    call?.turns.give();
  }
}

// Header values carry bytes, so everything else is written as JSON can write it.
function ascii(json) {
  return json.replace(/[\u007f-\uffff]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
}

const NULL_BODY = new Set([101, 204, 205, 304]);

function fetched(answer, url, chain) {
  const body = NULL_BODY.has(answer.status) ? null : answer.body;
  const response = new NativeResponse(body, {
    status: answer.status,
    statusText: answer.statusText,
    headers: answer.headers,
  });
  Object.defineProperty(response, "url", { value: url, configurable: true });
  Object.defineProperty(response, "redirected", { value: chain.length > 0, configurable: true });
  Object.defineProperty(response, "redirectUrls", { value: chain, configurable: true });
  return limitReaders(response);
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

async function hostFetch(input, init) {
  const request = input instanceof NativeRequest && init === undefined
    ? input
    : new NativeRequest(input instanceof NativeRequest ? input : String(input), init);
  const options = init?.eo ?? (input instanceof NativeRequest ? input[FETCH_OPTIONS] : undefined);
  const follow = init?.redirect ?? request.redirect;
  const maxFollow = Math.min(init?.maxFollow ?? settings.redirectsMax, settings.redirectsMax);
  const chain = [];
  let url = new URL(request.url);
  let method = request.method;
  let headers = [...request.headers];
  let body = request.body;
  const replayable = init?.body === undefined || init.body === null || typeof init.body === "string";
  const text = typeof init?.body === "string" ? init.body : null;
  for (;;) {
    url.hash = "";
    const said = { url: url.href, method, headers, options: options ?? null };
    const answer = await exchange(said, body, request.signal);
    const location = answer.headers.get("location");
    if (!REDIRECTS.has(answer.status) || location === null || follow === "manual") {
      return fetched(answer, url.href, chain);
    }
    await answer.body?.cancel();
    if (follow === "error") throw new TypeError(`fetch ${url.href}: redirected`);
    if (chain.length >= maxFollow) throw new TypeError(`fetch ${url.href}: more than ${maxFollow} redirects`);
    const next = new URL(location, url);
    if (answer.status === 303 || (method === "POST" && answer.status < 303)) {
      if (method !== "HEAD") method = "GET";
      body = null;
      headers = headers.filter(([name]) => !name.startsWith("content-"));
    } else if (body !== null) {
      if (!replayable || text === null) throw new TypeError(`fetch ${url.href}: the body cannot be sent again`);
      body = text;
    }
    if (next.origin !== url.origin) {
      headers = headers.filter(([name]) => !["authorization", "cookie", "host"].includes(name));
    }
    url = next;
    chain.push(url.href);
  }
}

const FETCH_OPTIONS = Symbol("options of fetch");
globalThis.fetch = hostFetch;

// ---------------------------------------------------------------------------------------------------
// What EdgeOne has beyond the web standard.

globalThis.btoaUTF8 = (text) => btoa(String.fromCharCode(...encoder.encode(String(text))));
globalThis.atobUTF8 = (text) =>
  new TextDecoder().decode(Uint8Array.from(atob(String(text)), (c) => c.charCodeAt(0)));
Object.defineProperty(globalThis, "navigator", {
  value: { userAgent: "edge-runtime", language: "en-US" },
  configurable: true,
  writable: true,
});

// ---------------------------------------------------------------------------------------------------
// Answering.

class Call {
  constructor(said) {
    this.id = said.id;
    this.lines = 0;
    this.subRequests = 0;
    this.turns = new Turns(settings.subRequestsParallelMax);
  }
}

function incoming(native, said) {
  const headers = new Headers(native.headers);
  headers.delete(CALL);
  if (said.acceptEncoding !== undefined) headers.set("accept-encoding", said.acceptEncoding);
  const body = native.body;
  const init = { method: native.method, headers };
  if (body !== null) {
    init.body = body;
    init.duplex = "half";
  }
  const request = new NativeRequest(said.url, init);
  const eo = said.eo ?? {};
  Object.defineProperty(request, "eo", { value: eo, configurable: true, writable: true });
  Object.defineProperty(request, "cf", { value: eo, configurable: true, writable: true });
  return body === null ? request : limitReaders(request);
}

function waitUntil(task) {
  const settled = Promise.resolve(task).catch((error) => record("error", ["waitUntil:", error]));
  background.add(settled);
  settled.finally(() => background.delete(settled));
}

function context(request, said) {
  const eo = said.eo ?? {};
  return {
    request,
    params: said.params ?? {},
    env: settings.env,
    waitUntil,
    next: (input, init) => goOn(request, input, init),
    eo,
    clientIp: eo.clientIp ?? "",
    geo: eo.geo ?? {},
  };
}

// `next()` of a function: what the site would answer without its functions.
async function goOn(request, input, init) {
  const wanted = input === undefined ? request : new NativeRequest(new URL(input, request.url), init);
  const said = { url: wanted.url, method: wanted.method, headers: [...wanted.headers], next: true };
  return fetched(await exchange(said, wanted.body, wanted.signal), wanted.url, []);
}

function handlerOf(said, method) {
  if (said.route === undefined) return bundle.middleware;
  const handler = bundle.handlers[said.route];
  if (typeof handler === "function" || handler === undefined) return handler;
  return handler[method] ?? handler.ANY;
}

// What reads badly in a log is put into words here, once; the visitor never sees it.
function failure(kind, error) {
  const isError = error instanceof Error;
  const said = {
    kind,
    message: clip(isError ? `${error.name}: ${error.message}` : `threw ${inspect(error)}`),
    stack: isError && typeof error.stack === "string" ? error.stack.slice(0, 8192) : null,
  };
  return new NativeResponse(JSON.stringify(said), { status: 545, headers: { [FAILURE]: kind } });
}

async function answer(native, said) {
  try {
    const handler = handlerOf(said, native.method);
    if (typeof handler !== "function") {
      return failure("no-handler", new Error(`the bundle has no handler ${said.route} for ${native.method}`));
    }
    const request = incoming(native, said);
    const response = await handler(context(request, said));
    if (response instanceof NativeResponse) return response;
    return failure("no-response", new TypeError(`the handler returned ${inspect(response)}, which is not a Response`));
  } catch (error) {
    return failure("threw", error);
  }
}

function serve(native) {
  const header = native.headers.get(CALL);
  const said = JSON.parse(header);
  if (said.ask === "ping") return new NativeResponse(String(background.size));
  if (said.ask === "drain") return drained();
  const previous = current.enter(new Call(said));
  try {
    return answer(native, said);
  } finally {
    leave(previous);
  }
}

function leave(previous) {
  deno[deno.internal]?.core?.setAsyncContext?.(previous);
}

async function drained() {
  while (background.size > 0) await Promise.allSettled([...background]);
  return new NativeResponse("0");
}

// ---------------------------------------------------------------------------------------------------
// Starting: wait for the assignment on standard input, load, listen, say so.

async function* lines() {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const part of deno.stdin.readable) {
    rest += decoder.decode(part, { stream: true });
    for (let end; (end = rest.indexOf("\n")) >= 0;) {
      yield rest.slice(0, end);
      rest = rest.slice(end + 1);
    }
  }
}

// A script without exports that registers a listener (EdgeOne's stand-alone functions).
let listener;
globalThis.addEventListener = (addEventListener => function (type, handler, options) {
  if (type === "fetch") listener = handler;
  else addEventListener.call(globalThis, type, handler, options);
})(globalThis.addEventListener);

function listening(handler) {
  return (context) => new Promise((resolve, reject) => {
    const event = {
      type: "fetch",
      request: context.request,
      waitUntil: context.waitUntil,
      passThroughOnException() {},
      respondWith: (response) => Promise.resolve(response).then(resolve, reject),
    };
    Promise.resolve(handler(event)).catch(reject);
  });
}

async function load() {
  const module = await import(`file://${folder}/bundle.js`);
  bundle = { handlers: module.handlers ?? [], middleware: module.middleware };
  if (bundle.handlers.length === 0 && listener) bundle.handlers = [listening(listener)];
  if (bundle.handlers.length === 0 && typeof bundle.middleware !== "function") {
    throw new Error("the bundle exports neither `handlers` nor `middleware`");
  }
}

// A promise nobody waited for must not end the process that serves others.
addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  record("error", ["unhandled rejection:", event.reason]);
});
addEventListener("error", (event) => {
  event.preventDefault();
  record("error", ["uncaught:", event.error]);
});

async function start() {
  const input = lines();
  say({ t: "waiting" });
  const { value, done } = await input.next();
  if (done) deno.exit(0);
  settings = JSON.parse(value);
  try {
    await load();
  } catch (error) {
    say({ t: "failed", message: `${error?.name ?? "Error"}: ${error?.message ?? error}`, stack: error?.stack ?? null });
    deno.exit(1);
  }
  deno.serve({
    path: `${folder}/serve`,
    automaticCompression: false,
    onListen: () => say({ t: "ready" }),
    onError: (error) => failure("threw", error),
  }, serve);
  // Holm holds the other end; when it is gone, so is this.
  for await (const _ of input);
  deno.exit(0);
}

await start();
