// The console: lines of an invocation, as many as are recorded (EdgeOne: 20).

import { currentCall, EngineConsole, inspect, say, settings } from "./engine.js";
import { apply, define, endsWith, slice } from "./intrinsics.js";

const LEVELS = ["debug", "info", "warn", "error"];

export function clip(text) {
  const max = settings?.consoleLineBytesMax ?? 4096;
  return text.length > max ? slice(text, 0, max) : text;
}

function mayRecord() {
  const call = currentCall();
  return call === undefined || call.lines < settings.consoleLinesMax;
}

export function record(level, text) {
  const call = currentCall();
  if (call) {
    if (call.lines >= settings.consoleLinesMax) return;
    call.lines += 1;
  }
  say({ __proto__: null, t: "line", invocation: call?.id ?? null, level, text: clip(text) });
}

export function show(value) {
  try {
    return typeof value === "string" ? value : inspect(value, { depth: 4, strAbbreviateSize: 1024 });
  } catch {
    return "[cannot be shown]";
  }
}

// The engine's console knows the formats of `%s` and tables; its lines come here instead of to the output.
export function installConsole() {
  const console = new EngineConsole((text, level) => {
    const whole = endsWith(text, "\n") ? slice(text, 0, -1) : text;
    record(LEVELS[level] ?? "info", whole);
  });
  // Past the limit a line is not even formatted.
  for (const name of ["log", "debug", "info", "warn", "error", "dir", "table", "trace"]) {
    const native = console[name];
    define(console, name, (...values) => {
      if (!mayRecord()) return;
      try {
        apply(native, console, values);
      } catch {
        record("warn", "[cannot be shown]");
      }
    });
  }
  console.trace = console.debug;
  define(globalThis, "console", console);
}
