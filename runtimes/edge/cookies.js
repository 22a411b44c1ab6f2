// `Cookies`, as EdgeOne has it: a set of cookies read from a `Cookie` or from `Set-Cookie` headers.
// What a cookie is, is its name, domain and path (EdgeOne, Cookies).

// RFC 6265 section 4.1.1: a token, and no control characters, blanks, quotes, commas, semicolons, backslashes.
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/;

const ATTRIBUTES = { domain: "domain", path: "path", expires: "expires", "max-age": "max_age", samesite: "samesite" };
const FLAGS = { secure: "secure", httponly: "httponly" };

class Cookie {
  constructor(name, value, options = {}) {
    this.name = name;
    this.value = value;
    for (const key of ["domain", "path", "expires", "max_age", "secure", "httponly", "samesite"]) {
      if (options?.[key] !== undefined) this[key] = options[key];
    }
  }
}

function pair(text) {
  const at = text.indexOf("=");
  if (at < 0) return undefined;
  const value = text.slice(at + 1).trim();
  const isQuoted = value.length > 1 && value.startsWith('"') && value.endsWith('"');
  return [text.slice(0, at).trim(), isQuoted ? value.slice(1, -1) : value];
}

function readSetCookie(text) {
  const [first, ...rest] = text.split(";");
  const found = pair(first);
  if (found === undefined || found[0] === "") return undefined;
  const options = {};
  for (const part of rest) {
    const [name, value] = pair(part) ?? [part.trim(), ""];
    const key = name.toLowerCase();
    if (Object.hasOwn(FLAGS, key)) options[FLAGS[key]] = true;
    else if (Object.hasOwn(ATTRIBUTES, key)) options[ATTRIBUTES[key]] = key === "max-age" ? Number(value) : value;
  }
  return new Cookie(found[0], found[1], options);
}

// Several `Set-Cookie` headers come joined by commas, and a date has a comma too: only one before `name=` parts.
const splitSetCookie = (text) => text.split(/,(?=\s*[!#$%&'*+\-.^_`|~0-9A-Za-z]+=)/);

const isSame = (a, b) =>
  a.name === b.name && (a.domain ?? "") === (b.domain ?? "") && (a.path ?? "") === (b.path ?? "");

function checked(name, value, options) {
  if (!NAME.test(name)) throw new TypeError(`${JSON.stringify(name)} cannot be the name of a cookie`);
  if (!VALUE.test(value)) throw new TypeError(`the value of the cookie ${name} has a character that is not allowed`);
  return new Cookie(name, value, options);
}

class Cookies {
  #list = [];

  constructor(text = "", isSetCookie = false) {
    const parts = isSetCookie ? splitSetCookie(String(text ?? "")) : String(text ?? "").split(";");
    for (const part of parts) {
      const cookie = isSetCookie ? readSetCookie(part) : pair(part);
      if (cookie instanceof Cookie) this.#list.push(cookie);
      else if (cookie !== undefined && cookie[0] !== "") this.#list.push(new Cookie(...cookie));
    }
  }

  get(name) {
    if (name === undefined) return [...this.#list];
    const found = this.#list.filter((cookie) => cookie.name === name);
    return found.length > 1 ? found : found[0] ?? null;
  }

  set(name, value, options) {
    const cookie = checked(String(name), String(value), options);
    const at = this.#list.findIndex((other) => isSame(other, cookie));
    if (at < 0) this.#list.push(cookie);
    else this.#list[at] = cookie;
    return true;
  }

  append(name, value, options) {
    this.#list.push(checked(String(name), String(value), options));
    return true;
  }

  remove(name, options) {
    const wanted = new Cookie(String(name), "", options);
    const hasPlace = wanted.domain !== undefined || wanted.path !== undefined;
    const before = this.#list.length;
    this.#list = this.#list.filter((cookie) => !(hasPlace ? isSame(cookie, wanted) : cookie.name === wanted.name));
    return this.#list.length < before;
  }
}

export { Cookies };
