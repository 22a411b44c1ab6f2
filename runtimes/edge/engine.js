// The engine, as far as the host needs it, and what every part of the host knows: the deployment's settings,
// and whose invocation the running code belongs to.

import { encode, toJson } from "./intrinsics.js";

const deno = globalThis.Deno;
const internals = deno[deno.internal] ?? {};

export const folder = deno.args[0];
export const { inspect, serve, createHttpClient, exit } = deno;
export const input = deno.stdin.readable;
export const EngineConsole = internals.Console;

const core = internals.core ?? {};
const setContext = core.setAsyncContext;

// The invocation that the running code belongs to, across its awaits.
export const current = core.AsyncVariable ? new core.AsyncVariable() : { enter() {}, get() {} };
const enter = current.enter.bind(current);
const getCurrent = current.get.bind(current);
export const currentCall = () => getCurrent();
export const enterCall = (call) => enter(call);
export const leaveCall = (previous) => setContext?.(previous);

// What the deployment was started with; see contract.rs.
export let settings;
export function assign(said) {
  settings = said;
}

const { stdout } = deno;
const write = stdout.writeSync.bind(stdout);
export function say(message) {
  const bytes = encode(toJson(message) + "\n");
  for (let at = 0; at < bytes.length;) at += write(at === 0 ? bytes : bytes.slice(at));
}
