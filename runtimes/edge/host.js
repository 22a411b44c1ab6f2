// The host of an edge deployment: loads its bundle, answers requests on a unix socket, and gives the
// code what EdgeOne gives it. crates/holm-functions/src/contract.rs describes what is said here.

import { answerCall, background, CALL, failure, serveBundle } from "./call.js";
import { record, show } from "./console.js";
import { assign, exit, folder, input, say, serve } from "./engine.js";
import { headersGet, NativeResponse, parseJson, promiseAll, requestHeaders, setSize } from "./intrinsics.js";
import { handlersOfListener, installListener } from "./listener.js";
import { install } from "./surface.js";

function handle(native) {
  const said = parseJson(headersGet(requestHeaders(native), CALL));
  if (said.ask === undefined) return answerCall(native, said);
  return said.ask === "drain" ? drained() : new NativeResponse(`${setSize(background)}`);
}

async function drained() {
  while (setSize(background) > 0) await promiseAll([...background]);
  return new NativeResponse("0");
}

// ---------------------------------------------------------------------------------------------------
// Starting: wait for the assignment on standard input, load, listen, say so.

async function* lines() {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const part of input) {
    rest += decoder.decode(part, { stream: true });
    for (let end; (end = rest.indexOf("\n")) >= 0;) {
      yield rest.slice(0, end);
      rest = rest.slice(end + 1);
    }
  }
}

async function load() {
  const module = await import(`file://${folder}/bundle.js`);
  const handlers = module.handlers?.length > 0 ? [...module.handlers] : handlersOfListener();
  if (handlers.length === 0 && typeof module.middleware !== "function") {
    throw new Error("the bundle exports neither `handlers` nor `middleware`");
  }
  serveBundle({ __proto__: null, handlers, middleware: module.middleware });
}

// A promise nobody waited for must not end the process that serves others.
function surviveErrors() {
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    record("error", `unhandled rejection: ${show(event.reason)}`);
  });
  addEventListener("error", (event) => {
    event.preventDefault();
    record("error", `uncaught: ${show(event.error)}`);
  });
}

// Holm holds the other end; when it is gone, so is this. Asked for before the code is loaded, which could change
// what reads it.
async function untilHolmIsGone(rest) {
  for await (const _ of rest);
  exit(0);
}

async function start() {
  const said = lines();
  say({ t: "waiting" });
  const { value, done } = await said.next();
  if (done) exit(0);
  assign(parseJson(value));
  untilHolmIsGone(said);
  try {
    await load();
  } catch (error) {
    say({ t: "failed", message: `${error?.name ?? "Error"}: ${error?.message ?? error}`, stack: error?.stack ?? null });
    exit(1);
  }
  serve({
    path: `${folder}/serve`,
    automaticCompression: false,
    onListen: () => say({ t: "ready" }),
    onError: (error) => failure("threw", error),
  }, handle);
}

install();
installListener();
surviveErrors();
await start();
