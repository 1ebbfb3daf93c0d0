// What the pages of one queue share: its head and the way between them.

import { showQueue } from '../calls/queues.js';
import { h } from '../kit/dom.js';
import { pageHead } from '../kit/parts.js';
import { path } from '../api.js';
import { modeBadge } from './queues.js';

/** @typedef {import('../router.js').Context} Context */
/** @typedef {import('../calls/queues.js').Queue} Queue */
/** @typedef {import('../kit/dom.js').Content} Content */

/**
 * @typedef {object} Part
 * @property {Content} [actions]
 * @property {Content} content
 */

/** @type {[string, string][]} */
const TABS = [['Overview', ''], ['Try it', '/try'], ['Messages', '/messages'], ['Settings', '/settings']];

/**
 * A page of a queue.
 * @param {string} tab
 * @param {(context: Context, queue: Queue) => Part | Promise<Part>} make
 * @returns {import('../router.js').MakePage}
 */
export function queuePage(tab, make) {
  return async (context) => {
    const queue = await showQueue(context.session, context.at.queue);
    const { actions, content } = await make(context, queue);
    const link = (/** @type {[string, string]} */ [title, below]) => h('a', {
      href: path`#/queues/${queue.id}` + below, 'aria-current': title === tab ? 'page' : null,
    }, title);
    const head = pageHead({
      title: queue.name,
      crumb: ['Queues', '#/queues'],
      badges: modeBadge(queue.queue_mode),
      text: queue.description || null,
      actions,
    });
    const tabs = h('nav', { class: 'tabs', 'aria-label': 'Of this queue' }, TABS.map(link));
    return { title: `${queue.name} · ${tab}`, element: h('div', { class: 'page' }, head, tabs, content) };
  };
}
