// Which page the address names: `#/queues/ID/messages?group=G`.

/** @typedef {import('./session.js').Session} Session */

/**
 * What a page may use. `signal` ends when another page is shown.
 * @typedef {object} Context
 * @property {Session} session
 * @property {AbortSignal} signal
 * @property {Record<string, string>} at what the address names
 * @property {URLSearchParams} query
 */

/**
 * @typedef {object} Page
 * @property {string} title
 * @property {HTMLElement} element
 */

/** @typedef {(context: Context) => Page | Promise<Page>} MakePage */

/**
 * @typedef {object} Route
 * @property {string} pattern such as `/queues/:queue`
 * @property {MakePage} page
 */

/**
 * What the pattern's names stand for in this path; nothing, if it is another one.
 * @param {string} pattern
 * @param {string} where
 * @returns {Record<string, string> | null}
 */
function matched(pattern, where) {
  const [names, parts] = [pattern.split('/'), where.split('/')];
  if (names.length !== parts.length) {
    return null;
  }
  /** @type {Record<string, string>} */
  const at = {};
  for (const [index, name] of names.entries()) {
    if (name.startsWith(':') && parts[index] !== '') {
      at[name.slice(1)] = decoded(parts[index]);
    } else if (name !== parts[index]) {
      return null;
    }
  }
  return at;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The path and the query that the address has behind its `#`. */
export function place() {
  const [where, query = ''] = location.hash.replace(/^#/, '').split('?', 2);
  return { path: where || '/', query: new URLSearchParams(query) };
}

/**
 * The route of the present address with what it names.
 * @param {Route[]} routes
 */
export function findRoute(routes) {
  const { path, query } = place();
  for (const route of routes) {
    const at = matched(route.pattern, path);
    if (at) {
      return { route, at, query };
    }
  }
  return null;
}
