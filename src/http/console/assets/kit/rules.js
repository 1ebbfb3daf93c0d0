// The rules of names and texts, as the server has them, so that a mistake is told before anything is sent. The server
// checks again, and its word counts.

/** @typedef {(text: string) => string | null} Check */

/** @param {string} text */
const length = (text) => [...text].length;

/**
 * A name of a queue, a group or a label.
 * @param {number} max
 * @returns {Check}
 */
const name = (max) => (text) => {
  if (text === '' || length(text) > max) {
    return `This must be 1 to ${max} characters long.`;
  }
  return /^[A-Za-z0-9_-]+$/.test(text)
    ? null
    : 'This may only contain letters, digits, hyphens (-) and underscores (_).';
};

export const queueName = name(64);
export const groupName = name(32);
export const label = name(64);

/** @type {Check} */
export function description(text) {
  if (length(text) > 160) {
    return 'This may have 160 characters.';
  }
  return /[<>]/.test(text) ? 'This must not contain < or >.' : null;
}

/**
 * A whole number in a range.
 * @param {number} min
 * @param {number} max
 * @returns {Check}
 */
export const wholeNumber = (min, max) => (text) => {
  const number = Number(text);
  const isSound = /^\d+$/.test(text.trim()) && number >= min && number <= max;
  return isSound ? null : `This must be a whole number from ${min} to ${max}.`;
};

/**
 * The same, or nothing at all.
 * @param {Check} check
 * @returns {Check}
 */
export const optional = (check) => (text) => (text.trim() === '' ? null : check(text));

/**
 * Up to three labels with commas in between.
 * @type {Check}
 */
export function labels(text) {
  const all = listed(text);
  if (all.length > 3) {
    return 'There may be 3 labels.';
  }
  return all.map(label).find((trouble) => trouble !== null) ?? null;
}

/**
 * What stands between commas.
 * @param {string} text
 */
export function listed(text) {
  return text.split(',').map((part) => part.trim()).filter((part) => part !== '');
}

const NOT_IN_TAGS = /[\u0000-\u001f=*<>\\,|/]/;

/** @type {Check} */
export function tagKey(text) {
  if (text === '' || length(text) > 36) {
    return 'This must be 1 to 36 characters long.';
  }
  return NOT_IN_TAGS.test(text) ? 'This must not contain any of = * < > \\ , | /.' : null;
}

/** @type {Check} */
export function tagValue(text) {
  if (length(text) > 43) {
    return 'This may have 43 characters.';
  }
  return NOT_IN_TAGS.test(text) ? 'This must not contain any of = * < > \\ , | /.' : null;
}

/**
 * @param {number} max
 * @returns {Check}
 */
export const personName = (max) => (text) => (
  text.trim() === '' || length(text) > max ? `This must be 1 to ${max} characters long.` : null);

/** @type {Check} */
export function required(text) {
  return text === '' ? 'This is needed.' : null;
}

/** @type {Check} */
export function projectId(text) {
  return /^[0-9a-f]{32}$/i.test(text.trim().replaceAll('-', '')) ? null : 'This must be 32 hexadecimal digits.';
}

/** @type {Check} */
export function jsonObject(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? null : 'This must be a JSON object.';
  } catch (error) {
    return `This is not JSON: ${error instanceof Error ? error.message : error}`;
  }
}
