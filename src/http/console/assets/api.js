// Asking the server. The token is an argument: nothing here keeps it, and no cookie carries it, so no other site can
// ask in its place.

/** @typedef {{key: string, value: string}} Tag */

/** What the server refused, in its own words. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string} message
   * @param {string} [code]
   */
  constructor(status, message, code) {
    super(code ? `${message} (${code})` : message);
    this.status = status;
    this.code = code;
  }
}

/**
 * @typedef {object} Request
 * @property {string} [method]
 * @property {string} [token]
 * @property {unknown} [body]
 * @property {Record<string, string | number | boolean | string[] | undefined>} [query]
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 */

/** @typedef {{json: any, headers: Headers}} Answer */

/**
 * A path of which each part is encoded.
 * @param {TemplateStringsArray} texts
 * @param {...string} parts
 */
export function path(texts, ...parts) {
  return String.raw({ raw: texts }, ...parts.map(encodeURIComponent));
}

/**
 * @param {Request['query']} query
 */
function queryText(query = {}) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    const values = Array.isArray(value) ? value : [value];
    values.filter((one) => one !== undefined && one !== '').forEach((one) => parameters.append(name, String(one)));
  }
  const text = parameters.toString();
  return text && `?${text}`;
}

/**
 * @param {Response} response
 * @returns {Promise<any>}
 */
async function jsonOf(response) {
  const text = await response.text();
  if (text === '') {
    return null;
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(response.status, 'The answer is not what this server gives. Is there something in between?');
  }
}

/**
 * @param {Response} response
 * @param {any} json
 */
function refusal(response, json) {
  const words = json?.error_msg ?? json?.error?.message;
  const text = words ? words[0].toUpperCase() + words.slice(1) : `The server answered ${response.status}.`;
  return new Refusal(response.status, text, json?.error_code);
}

/**
 * Asks the server.
 * @param {string} where
 * @param {Request} [request]
 * @returns {Promise<Answer>}
 */
export async function ask(where, request = {}) {
  const { method = 'GET', token, body, query, headers = {}, signal } = request;
  /** @type {RequestInit} */
  const init = { method, signal, headers: { ...headers }, cache: 'no-store', credentials: 'omit', redirect: 'error' };
  if (token) {
    init.headers = { ...init.headers, 'X-Auth-Token': token };
  }
  if (body !== undefined) {
    init.headers = { ...init.headers, 'Content-Type': 'application/json' };
    init.body = JSON.stringify(body);
  }
  const response = await fetch(where + queryText(query), init).catch((error) => {
    if (signal?.aborted) {
      throw error;
    }
    throw new Refusal(0, 'The server cannot be reached.');
  });
  const json = await jsonOf(response);
  if (!response.ok) {
    throw refusal(response, json);
  }
  return { json, headers: response.headers };
}
