// What the process cannot do by itself it asks Holm for, on the one socket; see contract.rs.

import { createHttpClient, currentCall, folder, settings } from "./engine.js";
import { asciiJson, NativePromise, push, shift } from "./intrinsics.js";

const SUB_REQUEST = "x-holm-sub-request";
const SUB_FAILURE = "x-holm-sub-failure";

export const nativeFetch = globalThis.fetch;

let outside;
function client() {
  outside ??= createHttpClient({
    proxy: { transport: "unix", path: `${folder}/host` },
    poolMaxIdlePerHost: 8,
  });
  return outside;
}

// So many sub-requests of one invocation at once; the others wait in their order.
export class Turns {
  #free;
  #waiting = [];
  constructor(max) {
    this.#free = max;
  }
  take() {
    if (this.#free > 0) {
      this.#free -= 1;
      return undefined;
    }
    return new NativePromise((resolve) => push(this.#waiting, resolve));
  }
  give() {
    const next = shift(this.#waiting);
    if (next) next();
    else this.#free += 1;
  }
}

// One more sub-request of the running invocation; throws when it has had all of them.
export function count() {
  const call = currentCall();
  if (!call) return;
  call.subRequests += 1;
  if (call.subRequests > settings.subRequestsMax) {
    throw new TypeError(`an invocation may make ${settings.subRequestsMax} sub-requests`);
  }
}

// One exchange with Holm; `said` tells what is wanted, the body goes along as it is.
// The method is the one that is meant, which is also what says whether the answer can have a body.
export async function exchange(said, body, signal, method = said.method) {
  const call = currentCall();
  const turns = call?.turnsOf();
  const turn = turns?.take();
  if (turn !== undefined) await turn;
  try {
    said.invocation = call?.id ?? null;
    const init = {
      __proto__: null,
      client: client(),
      method,
      headers: [[SUB_REQUEST, asciiJson(said)]],
      redirect: "manual",
    };
    if (signal !== undefined) init.signal = signal;
    if (body !== null && body !== undefined) init.body = body;
    const answer = await nativeFetch("http://holm.internal/", init);
    const failure = answer.headers.get(SUB_FAILURE);
    if (failure !== null) {
      await answer.body?.cancel();
      throw new TypeError(failure);
    }
    return answer;
  } finally {
    turns?.give();
  }
}
