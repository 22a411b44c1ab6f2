// The global that the deployment's code finds: EdgeOne's, without what is the engine's own.

import { installCaches } from "./caches.js";
import { installConsole } from "./console.js";
import { Cookies } from "./cookies.js";
import { installCrypto } from "./crypto.js";
import { installFetch } from "./fetch.js";
import { define, encode, floor, toText } from "./intrinsics.js";
import { installMessages } from "./message.js";

// The engine's own, a browser window's, and what work could be hidden in.
const ABSENT = ["Deno", "Worker", "process", "Buffer", "localStorage", "sessionStorage", "Storage", "caches",
  "prompt", "alert", "confirm", "close", "closed", "name", "Window", "window", "Location", "location",
  "onload", "onbeforeunload", "onunload", "__bootstrap", "BroadcastChannel", "EventSource", "Lock", "LockManager",
  "NavigatorUAData", "createImageBitmap", "ImageBitmap", "ImageBitmapRenderingContext", "OffscreenCanvas"];

function isOfGraphics(name) {
  return name.startsWith("GPU");
}

function removeForeign() {
  for (const name of [...ABSENT, ...Object.getOwnPropertyNames(globalThis).filter(isOfGraphics)]) {
    delete globalThis[name];
  }
}

function btoaUTF8(text) {
  const bytes = encode(toText(text));
  let binary = "";
  for (let at = 0; at < bytes.length; at++) binary += String.fromCharCode(bytes[at]);
  return btoa(binary);
}

function atobUTF8(text) {
  return new TextDecoder().decode(Uint8Array.from(atob(toText(text)), (c) => c.charCodeAt(0)));
}

// Clocks finer than this tell a program about its neighbours' caches (S-22).
const CLOCK_PARTS = 10;
function coarsenClock() {
  const { prototype } = Performance;
  const native = prototype.now;
  define(prototype, "now", {
    now() {
      return floor(native.call(this) * CLOCK_PARTS) / CLOCK_PARTS;
    },
  }.now);
}

class Navigator {
  get userAgent() {
    return "edge-runtime";
  }
  get language() {
    return "en-US";
  }
}

export function install() {
  removeForeign();
  installConsole();
  installMessages();
  installFetch();
  installCrypto();
  installCaches();
  coarsenClock();
  define(globalThis, "global", globalThis);
  define(globalThis, "btoaUTF8", btoaUTF8);
  define(globalThis, "atobUTF8", atobUTF8);
  define(globalThis, "Cookies", Cookies);
  define(globalThis, "navigator", new Navigator());
  // Handlers that a page may set, and code asks for by `in`.
  for (const name of ["onrejectionhandled", "onunhandledrejection", "onerror"]) {
    if (!(name in globalThis)) define(globalThis, name, null);
  }
}
