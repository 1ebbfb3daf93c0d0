// All queues of the project.

import { createQueue, deleteQueue, overview } from '../calls/queues.js';
import { h } from '../kit/dom.js';
import { askFor, confirmFirst } from '../kit/dialog.js';
import { field } from '../kit/form.js';
import { count, duration, plural, rate, size } from '../kit/format.js';
import { repeat, troubleLine } from '../kit/live.js';
import { badge, button, emptiness, pageHead } from '../kit/parts.js';
import { description, queueName, wholeNumber } from '../kit/rules.js';
import { table } from '../kit/table.js';
import { toast } from '../kit/toast.js';
import { path } from '../api.js';

/** @typedef {import('../calls/queues.js').QueueFigures} QueueFigures */
/** @typedef {import('../session.js').Session} Session */

const REFRESH_MS = 3_000;

/** @type {[string, string][]} */
const MODES = [
  ['NORMAL', 'NORMAL: best order, highest concurrency'],
  ['FIFO', 'FIFO: strict order'],
  ['KAFKA_HA', 'KAFKA_HA: kept for a time, every write is flushed'],
  ['KAFKA_HT', 'KAFKA_HT: kept for a time, may lose the last second'],
];

/** @type {import('../router.js').MakePage} */
export async function queuesPage({ session, signal }) {
  const trouble = troubleLine(signal);
  const refresh = () => trouble.attempt(async () => {
    const queues = await overview(session, signal);
    list.update(queues);
    summary.textContent = summaryOf(queues);
    search.hidden = queues.length === 0;
  });
  const create = () => askForQueue(session, refresh);
  const list = queueTable(session, refresh, create);
  const summary = h('span', {}, ' ');
  const search = h('input', {
    type: 'search', placeholder: 'Search name or mode', 'aria-label': 'Search queues', hidden: true,
    oninput: (/** @type {Event} */ event) => list.search(/** @type {HTMLInputElement} */ (event.target).value),
  });
  await refresh();
  repeat(REFRESH_MS, signal, refresh);
  const actions = [search, session.may('member') && button('Create queue', create, { kind: 'primary' })];
  const head = pageHead({ title: 'Queues', text: summary, actions });
  return { title: 'Queues', element: h('div', { class: 'page' }, head, trouble.element, list.element) };
}

/** @param {QueueFigures[]} queues */
function summaryOf(queues) {
  /** @param {(queue: QueueFigures) => number} figure */
  const sum = (figure) => queues.reduce((total, queue) => total + figure(queue), 0);
  return [
    plural(queues.length, 'queue'),
    `${count(sum((queue) => queue.waiting))} waiting`,
    `${count(sum((queue) => queue.in_flight))} in flight`,
    plural(sum((queue) => queue.dead_letters), 'dead letter'),
  ].join(' · ');
}

/** @param {string} mode */
export function modeBadge(mode) {
  return badge(mode, mode === 'NORMAL' ? '' : 'accent');
}

/**
 * @param {Session} session
 * @param {() => void} changed
 * @param {() => void} create
 */
function queueTable(session, changed, create) {
  /**
   * @param {string} title
   * @param {(queue: QueueFigures) => number | null} by
   * @param {(queue: QueueFigures) => import('../kit/dom.js').Content} cell
   */
  const amount = (title, by, cell) => ({ title, by, cell, kind: /** @type {const} */ ('amount') });
  const remove = (/** @type {QueueFigures} */ queue) => button('Delete', () => confirmDelete(session, queue, changed), {
    kind: 'quiet danger', label: `Delete queue ${queue.name}`,
  });
  const mayCreate = session.may('member');
  return table({
    title: 'Queues of this project',
    sorted: 'Name',
    key: (/** @type {QueueFigures} */ queue) => queue.id,
    words: (queue) => `${queue.name} ${queue.mode} ${queue.id}`,
    empty: () => emptiness('No queues yet', 'A queue takes messages and keeps them for its consumer groups.',
      mayCreate && button('Create the first queue', create, { kind: 'primary' })),
    columns: [
      {
        title: 'Name', kind: 'name', by: (queue) => queue.name,
        cell: (queue) => h('a', { href: path`#/queues/${queue.id}` }, queue.name),
      },
      { title: 'Mode', kind: 'short', by: (queue) => queue.mode, cell: (queue) => modeBadge(queue.mode) },
      amount('Waiting', (queue) => queue.waiting, (queue) => [
        count(queue.waiting), queue.delayed > 0 && h('div', { class: 'hint' }, `+ ${count(queue.delayed)} delayed`)]),
      amount('In flight', (queue) => queue.in_flight, (queue) => count(queue.in_flight)),
      amount('In', (queue) => queue.sent_per_s, (queue) => rate(queue.sent_per_s)),
      amount('Out', (queue) => queue.consumed_per_s, (queue) => rate(queue.consumed_per_s)),
      amount('Size', (queue) => queue.bytes, (queue) => size(queue.bytes)),
      amount('Groups', (queue) => queue.groups, (queue) => count(queue.groups)),
      amount('Dead letters', (queue) => queue.dead_letters, (queue) => (
        queue.dead_letters > 0 ? badge(count(queue.dead_letters), 'bad') : '0')),
      amount('Oldest', (queue) => queue.oldest_age_s, (queue) => duration(queue.oldest_age_s)),
      ...(mayCreate ? [{ title: 'Actions', kind: /** @type {const} */ ('row-actions'), cell: remove }] : []),
    ],
  });
}

/**
 * Asks for a new queue, with the rules that the server has.
 * @param {Session} session
 * @param {() => void} created
 */
function askForQueue(session, created) {
  const name = field({ label: 'Name', check: queueName, hint: '1 to 64 letters, digits, hyphens and underscores' });
  const mode = field({ label: 'Mode', type: 'select', options: MODES });
  const about = field({ label: 'Description', check: description });
  const dead = field({ label: 'Keep dead letters', type: 'check', hint: 'What could not be worked on is set aside.' });
  const attempts = field({
    label: 'Failures before that', type: 'number', value: '3',
    check: (text) => (dead.checked() ? wholeNumber(1, 100)(text) : null), hint: '1 to 100',
  });
  const hours = field({
    label: 'Hours to keep messages', type: 'number', value: '72', hint: '1 to 72',
    check: (text) => (isKafka() ? wholeNumber(1, 72)(text) : null),
  });
  const isKafka = () => mode.value().startsWith('KAFKA');
  const settle = () => {
    dead.element.hidden = isKafka();
    attempts.element.hidden = isKafka() || !dead.checked();
    hours.element.hidden = !isKafka();
  };
  mode.input.addEventListener('change', settle);
  dead.input.addEventListener('change', settle);
  settle();
  const act = async () => {
    const redrive = dead.checked() && !isKafka();
    await createQueue(session, {
      name: name.value(),
      queue_mode: mode.value(),
      description: about.value() || undefined,
      redrive_policy: redrive ? 'enable' : undefined,
      max_consume_count: redrive ? Number(attempts.value()) : undefined,
      retention_hours: isKafka() ? Number(hours.value()) : undefined,
    });
    toast(`Queue ${name.value()} is there.`);
    created();
  };
  askFor({ title: 'Create a queue', fields: [name, mode, about, dead, attempts, hours], submit: 'Create queue', act });
}

/**
 * @param {Session} session
 * @param {{id: string, name: string}} queue
 * @param {() => void} deleted
 */
export function confirmDelete(session, queue, deleted) {
  confirmFirst({
    title: `Delete queue ${queue.name}?`,
    text: 'All its messages, groups and dead letters are lost. This cannot be undone.',
    submit: 'Delete queue',
    typed: queue.name,
    act: async () => {
      await deleteQueue(session, queue.id);
      toast(`Queue ${queue.name} is gone.`);
      deleted();
    },
  });
}
