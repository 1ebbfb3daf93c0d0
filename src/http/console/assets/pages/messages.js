// Browsing: looks at what a queue stores, or at a group's dead letters, without consuming any of it.

import { listGroups, peek } from '../calls/queues.js';
import { h } from '../kit/dom.js';
import { areSound, field } from '../kit/form.js';
import { count, json, moment, size } from '../kit/format.js';
import { troubleLine } from '../kit/live.js';
import { badge, button, card, emptiness, notice } from '../kit/parts.js';
import { wholeNumber } from '../kit/rules.js';
import { table } from '../kit/table.js';
import { askForRedrive } from './groups.js';
import { showMessage } from './message.js';
import { confirmPurge } from './queue-overview.js';
import { queuePage } from './queue.js';

/** @typedef {import('../calls/queues.js').Peeked} Peeked */
/** @typedef {Peeked['messages'][number]} Seen */
/** @typedef {import('../calls/queues.js').Group} Group */

const ALL = '';

export const messagesPage = queuePage('Messages', async ({ session, signal, query }, queue) => {
  if (!session.may('member')) {
    return { content: notice('', 'Your role in this project does not allow looking at what messages say.') };
  }
  let groups = await listGroups(session, queue.id, signal);
  const isKafka = queue.queue_mode.startsWith('KAFKA');
  const what = field({
    label: 'What', type: 'select', value: query.get('group') ?? ALL,
    options: [
      [ALL, 'All messages'],
      ...(isKafka ? [] : groups.map((one) => /** @type {[string, string]} */ ([one.id, `Dead letters of ${one.name}`]))),
    ],
  });
  const offset = field({ label: 'From offset', type: 'number', value: '0', check: wholeNumber(0, Number.MAX_SAFE_INTEGER) });
  const limit = field({ label: 'At a time', type: 'select', value: '20', options: ['20', '50', '100'].map((one) => [one, one]) });
  const trouble = troubleLine(signal);
  const extent = h('p', { class: 'muted', role: 'status' });
  const list = messageTable(() => what.value() !== ALL);

  const look = () => areSound([offset]) && trouble.attempt(async () => {
    const group = what.value() === ALL ? null : what.value();
    const seen = await peek(session, queue.id, group, { offset: Number(offset.value()), limit: Number(limit.value()) }, signal);
    groups = group === null ? groups : await listGroups(session, queue.id, signal);
    const left = groups.find((one) => one.id === group)?.available_deadletters ?? 0;
    list.update(seen.messages);
    extent.textContent = extentOf(seen) + (group === null ? '' : ` Not settled or redriven yet: ${count(left)}.`);
    const last = seen.messages.at(-1);
    next.disabled = !last || last.offset + 1 >= seen.end_offset;
    first.disabled = Number(offset.value()) <= seen.start_offset;
    after = last ? last.offset + 1 : seen.end_offset;
    redriveButton.hidden = left === 0;
  });
  let after = 0;
  const from = (/** @type {number} */ where) => {
    offset.input.value = String(where);
    return look();
  };
  const first = button('From the start', () => from(0));
  const next = button('Next', () => from(after));
  const redriveButton = button('Redrive', () => {
    const group = groups.find((one) => one.id === what.value());
    if (group) {
      askForRedrive(session, queue, group, look);
    }
  });
  what.input.addEventListener('change', () => from(0));
  limit.input.addEventListener('change', look);
  offset.input.addEventListener('change', look);
  await look();
  const choices = h('div', { class: 'fields wide' }, [what, offset, limit].map((one) => one.element));
  const box = card('Stored messages', [redriveButton, button('Look again', look)],
    choices, trouble.element, list.element, h('div', { class: 'card-head' }, extent, h('div', { class: 'actions' }, first, next)));
  return { actions: button('Purge', () => confirmPurge(session, queue, look), { kind: 'danger' }), content: box };
});

/** @param {Peeked} seen */
function extentOf({ messages, start_offset: start, end_offset: end }) {
  if (start === end) {
    return 'Nothing is stored.';
  }
  const [first, last] = [messages[0], messages.at(-1)];
  const shown = first && last ? `Offsets ${first.offset} to ${last.offset} are shown. ` : '';
  return `${shown}Stored are ${start} to ${end - 1}.`;
}

/** @param {() => boolean} areDead */
function messageTable(areDead) {
  return table({
    title: 'Stored messages',
    key: (/** @type {Seen} */ one) => `${one.partition}-${one.offset}`,
    empty: () => emptiness('No messages here', areDead()
      ? 'What a group failed on too often is set aside for it. There is nothing of that.'
      : 'Nothing is stored from this offset on. What retention has removed is gone.'),
    columns: [
      { title: 'Offset', kind: 'name', cell: (one) => h('span', { class: 'number' }, one.offset) },
      { title: 'Stored', kind: 'wide', cell: (one) => h('span', { class: 'number' }, moment(one.timestamp)) },
      {
        title: 'Body', kind: 'wide', cell: (one) => h('button', {
          type: 'button', class: 'preview link', onclick: () => showMessage(`Message ${one.offset}`, one.message, factsOf(one)),
        }, json(one.message.body) || '(empty)'),
      },
      { title: 'Labels', kind: 'short', cell: (one) => ((one.message.tags ?? []).length > 0 ? (one.message.tags ?? []).map((tag) => [badge(tag), ' ']) : '–') },
      { title: 'Attributes', kind: 'amount', cell: (one) => count(Object.keys(one.message.attributes ?? {}).length) },
      { title: 'Size', kind: 'amount', cell: (one) => size(new Blob([json(one.message.body)]).size) },
    ],
  });
}

/**
 * @param {Seen} one
 * @returns {[string, import('../kit/dom.js').Content][]}
 */
function factsOf({ partition, offset, timestamp, id, death }) {
  /** @type {[string, import('../kit/dom.js').Content][]} */
  const facts = [['Offset', `${offset} in partition ${partition}`], ['Stored', moment(timestamp)]];
  if (id) {
    facts.push(['Id', h('code', {}, id)]);
  }
  if (death) {
    facts.push(['Failures', count(death.failures)], ['Given up', moment(timestamp)],
      ['Was stored', `${moment(death.timestamp)} at offset ${death.offset} in partition ${death.partition}`]);
  }
  return facts;
}
