// What a project may use, and setting that.

import { setQuota, showQuota } from '../calls/people.js';
import { h } from '../kit/dom.js';
import { field, form } from '../kit/form.js';
import { count, size } from '../kit/format.js';
import { card, errorText, notice, pageHead } from '../kit/parts.js';
import { optional, wholeNumber } from '../kit/rules.js';
import { toast } from '../kit/toast.js';

/** @typedef {import('../session.js').Session} Session */
/** @typedef {import('../calls/people.js').Kind} Kind */

/**
 * What can be limited: its name, what it is, the largest number, and how it is shown.
 * @type {[string, string, number, (number: number) => string][]}
 */
const KINDS = [
  ['queues', 'Queues', 1_000_000, count],
  ['groups_per_queue', 'Groups per queue', 1_000, count],
  ['stored_bytes', 'Stored bytes', 2 ** 50, size],
  ['requests_per_s', 'Requests per second', 1_000_000, count],
  ['request_burst', 'Requests at once', 1_000_000, count],
];

/** Where 0 stands for no limit. */
const UNLIMITED = new Set(['stored_bytes', 'requests_per_s', 'request_burst']);

/** @type {import('../router.js').MakePage} */
export async function quotaPage({ session }) {
  const project = session.project?.id ?? '';
  const head = pageHead({ title: 'Quota', text: ['Project ', h('code', {}, project)] });
  return { title: 'Quota', element: h('div', { class: 'page' }, head, await quotaCard(session, project)) };
}

/**
 * @param {Session} session
 * @param {string} project
 */
export async function quotaCard(session, project) {
  /** @type {Record<string, Kind> | null} */
  let quota = null;
  let trouble = null;
  try {
    quota = await showQuota(session, project);
  } catch (error) {
    trouble = notice('warn', 'What it may use now is shown only to who has a role in the project. ',
      'What you set here takes the place of all that was set before. ', h('span', { class: 'muted' }, errorText(error)));
  }
  const fields = KINDS.map(([name, label, max, format]) => field({
    label: label,
    value: quota?.[name]?.set?.toString() ?? '',
    hint: quota ? hintOf(name, quota[name], format) : '',
    check: optional(wholeNumber(0, max)),
    more: { inputmode: 'numeric', placeholder: 'the server’s default' },
  }));
  const act = async () => {
    const wanted = KINDS.map(([name], at) => {
      const text = fields[at].value().trim();
      return [name, text === '' ? null : Number(text)];
    });
    await setQuota(session, project, Object.fromEntries(wanted));
    toast('The quota holds from now on.');
  };
  return card('Quota', null, trouble, form({ fields, submit: 'Set quota', act }));
}

/**
 * @param {string} name
 * @param {Kind} kind
 * @param {(number: number) => string} format
 */
function hintOf(name, { quota, used }, format) {
  const limit = quota === 0 && UNLIMITED.has(name) ? 'no limit' : format(quota);
  return used === undefined ? `In effect: ${limit}` : `In effect: ${limit}; used: ${format(used)}`;
}
