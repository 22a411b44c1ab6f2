// A script that calls addEventListener("fetch", ...) as a handler: it is given an event for each request.
let listener;

export function addEventListener(type, callback) {
  // There are no events of another type.
  if (type === "fetch") listener = callback;
}

export async function handler(context) {
  let answer;
  const event = {
    type: "fetch",
    request: context.request,
    clientId: "",
    respondWith(response) {
      if (answer !== undefined) {
        throw new DOMException("respondWith was called before", "InvalidStateError");
      }
      answer = Promise.resolve(response);
    },
    waitUntil(promise) {
      context.waitUntil(promise);
    },
    // Nothing is shown of an error in any case; what lies beneath answers when no answer is given.
    passThroughOnException() {},
  };
  const listen = listener?.handleEvent ?? listener;
  listen?.call(listener?.handleEvent ? listener : globalThis, event);
  return answer === undefined ? context.next() : answer;
}
