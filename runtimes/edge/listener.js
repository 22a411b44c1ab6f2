// A script without exports that registers a listener (EdgeOne's stand-alone functions): `addEventListener`
// takes `fetch`, and the bundle has the one handler that asks it.

import { apply, define, isResponse } from "./intrinsics.js";

let listener;

class FetchEvent extends Event {
  #context;
  #answer;
  #passes = false;
  constructor(context) {
    super("fetch");
    this.#context = context;
    define(this, "request", context.request);
  }
  respondWith(response) {
    if (this.#answer !== undefined) throw new DOMException("respondWith was called before", "InvalidStateError");
    this.#answer = Promise.resolve(response);
  }
  waitUntil(task) {
    this.#context.waitUntil(task);
  }
  passThroughOnException() {
    this.#passes = true;
  }
  // Not called by code: the answer, or what the site has without it.
  static async answer(event, called) {
    try {
      // A listener that is not waited for here still fails its request, as long as that is not answered.
      const failed = Promise.resolve(called).then(() => new Promise(() => {}));
      if (event.#answer === undefined) return await event.#context.next();
      const response = await Promise.race([event.#answer, failed]);
      if (isResponse(response)) return response;
      throw new TypeError("respondWith was given what is not a Response");
    } catch (error) {
      if (event.#passes) return await event.#context.next();
      throw error;
    }
  }
}

async function handle(context) {
  const event = new FetchEvent(context);
  let called;
  try {
    called = listener(event);
  } catch (error) {
    called = Promise.reject(error);
    event.respondWith(called);
  }
  return await FetchEvent.answer(event, called);
}

export function installListener() {
  const native = globalThis.addEventListener;
  define(globalThis, "addEventListener", function addEventListener(type, handler, options) {
    if (type === "fetch") listener = typeof handler === "function" ? handler : (event) => handler.handleEvent(event);
    else apply(native, globalThis, [type, handler, options]);
  });
  define(globalThis, "FetchEvent", FetchEvent);
}

// The handlers of a bundle that has none but a listener.
export const handlersOfListener = () => listener === undefined ? [] : [handle];
