// One message, whole.

import { h } from '../kit/dom.js';
import { showDialog } from '../kit/dialog.js';
import { json } from '../kit/format.js';
import { badge, button, facts } from '../kit/parts.js';

/** @typedef {import('../calls/queues.js').Message} Message */
/** @typedef {import('../kit/dom.js').Content} Content */

/**
 * @param {string} title
 * @param {Message} message
 * @param {[string, Content][]} more what else is known of it
 */
export function showMessage(title, message, more = []) {
  const attributes = Object.entries(message.attributes ?? {});
  const tags = message.tags ?? [];
  showDialog(title, (close) => [
    more.length > 0 && facts(more),
    h('div', { class: 'stack' }, h('h3', {}, 'Body'), h('pre', { class: 'notice body', tabindex: 0 }, json(message.body, 2))),
    h('div', { class: 'stack' }, h('h3', {}, 'Attributes'), attributes.length === 0
      ? h('p', { class: 'muted' }, 'None')
      : facts(attributes.map(([name, value]) => [name, json(value)]))),
    h('div', { class: 'stack' }, h('h3', {}, 'Labels'), tags.length === 0
      ? h('p', { class: 'muted' }, 'None')
      : h('div', {}, tags.map((tag) => [badge(tag), ' ']))),
    h('div', { class: 'actions' }, button('Close', close)),
  ], { wide: true });
}
