// One invocation: what is counted of it, and its answer.

import {
  currentCall,
  enterCall,
  leaveCall,
  settings,
} from "./engine.js";
import { clip, record, show } from "./console.js";
import { goOn } from "./fetch.js";
import {
  define,
  isPrototypeOf,
  isResponse,
  NativeResponse,
  setAdd,
  setDelete,
  slice,
  then,
  toJson,
} from "./intrinsics.js";
import { incoming } from "./message.js";
import { middlewareAnswer, middlewareContext } from "./middleware.js";
import { Turns } from "./outside.js";

export const CALL = "x-holm-call";
const FAILURE = "x-holm-failure";

// The deployment's code, once it is loaded.
let bundle;
export function serveBundle(loaded) {
  bundle = loaded;
}

class Call {
  lines = 0;
  subRequests = 0;
  #turns = undefined;
  constructor(said) {
    this.id = said.id;
    this.url = said.url;
  }
  turnsOf() {
    return this.#turns ??= new Turns(settings.subRequestsParallelMax);
  }
}

// Work that goes on after its answer.
export const background = new Set();

export function waitUntil(task) {
  const settled = watched(task);
  setAdd(background, settled);
  then(settled, () => setDelete(background, settled));
}

async function watched(task) {
  try {
    await task;
  } catch (error) {
    record("error", `waitUntil: ${show(error)}`);
  }
}

const nativeError = Error.prototype;

function context(request, said) {
  const eo = said.eo;
  return {
    request,
    params: said.params ?? {},
    env: { ...settings.env },
    waitUntil,
    next: (input, init) => goOn(request, input, init),
    eo,
    uuid: eo.uuid,
    clientIp: eo.clientIp,
    geo: eo.geo,
    server: { region: "", requestId: eo.uuid },
  };
}

function handlerOf(said, method) {
  const handler = bundle.handlers[said.route];
  if (typeof handler === "function" || handler === undefined) return handler;
  return handler[method] ?? handler.ANY;
}

// What reads badly in a log is put into words here, once; the visitor never sees it.
export function failure(kind, error) {
  const isError = isPrototypeOf(nativeError, error);
  const said = {
    __proto__: null,
    kind,
    message: clip(isError ? `${error.name}: ${error.message}` : `threw ${show(error)}`),
    stack: isError && typeof error.stack === "string" ? slice(error.stack, 0, 8192) : null,
  };
  return new NativeResponse(toJson(said), { __proto__: null, status: 545, headers: [[FAILURE, kind]] });
}

async function answer(native, said) {
  try {
    // Of who asks everything is there, if empty: code reads `request.eo.geo.cityName`.
    said.eo.geo ??= {};
    const request = incoming(native, said, CALL);
    if (said.route === undefined) return await answerOfMiddleware(request, said);
    const handler = handlerOf(said, native.method);
    if (typeof handler !== "function") {
      return failure("no-handler", new Error(`the bundle has no handler ${said.route} for ${native.method}`));
    }
    const response = await handler(context(request, said));
    if (isResponse(response)) return response;
    return failure("no-response", new TypeError(`the handler returned ${show(response)}, which is not a Response`));
  } catch (error) {
    return failure("threw", error);
  }
}

async function answerOfMiddleware(request, said) {
  if (typeof bundle.middleware !== "function") {
    return failure("no-handler", new Error("the bundle has no middleware"));
  }
  const returned = await bundle.middleware(middlewareContext(request, said, waitUntil));
  return middlewareAnswer(returned) ??
    failure("no-response", new TypeError(`the middleware returned ${show(returned)}, which is not a Response`));
}

export function answerCall(native, said) {
  const previous = currentCall();
  enterCall(new Call(said));
  try {
    return answer(native, said);
  } finally {
    leaveCall(previous);
  }
}
