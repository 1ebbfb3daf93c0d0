// Consuming by hand: asks for messages now and then, and lets each be acknowledged or failed.

import { acknowledge, consume } from '../calls/queues.js';
import { fill, h } from '../kit/dom.js';
import { areSound, field } from '../kit/form.js';
import { json, plural } from '../kit/format.js';
import { pause, troubleLine } from '../kit/live.js';
import { badge, button, card, emptiness, errorText } from '../kit/parts.js';
import { labels, listed, wholeNumber } from '../kit/rules.js';
import { toast } from '../kit/toast.js';
import { showMessage } from './message.js';

/** @typedef {import('../calls/queues.js').Queue} Queue */
/** @typedef {import('../calls/queues.js').Group} Group */
/** @typedef {import('../calls/queues.js').Delivery} Delivery */
/** @typedef {import('../calls/queues.js').Source} Source */
/** @typedef {import('../session.js').Session} Session */

/** How long one request waits for messages; shorter than the shortest period. */
const WAIT_S = 1;

/** @typedef {Delivery & {until: number, group: string, source: Source}} Held */

/**
 * What to consume.
 * @param {Queue} queue
 * @param {Group[]} groups
 */
function makeFields(queue, groups) {
  const group = field({ label: 'Group', type: 'select', options: groups.map(({ id, name }) => [id, name]) });
  /** @type {[string, string][]} */
  const sources = [['messages', 'Messages'], ['deadletters', 'Dead letters']];
  const source = field({
    label: 'What', type: 'select', options: queue.queue_mode.startsWith('KAFKA') ? sources.slice(0, 1) : sources,
  });
  const many = field({ label: 'At a time', type: 'select', options: [['5', '5'], ['10', '10']] });
  const every = field({
    label: 'Ask every', type: 'select', options: ['3', '5', '10', '30'].map((one) => [one, `${one} s`]),
  });
  const ackWait = field({ label: 'Hold for (s)', type: 'number', value: '60', check: wholeNumber(15, 300), hint: '15 to 300' });
  const tags = field({ label: 'Only labels', check: labels, hint: 'Up to 3, any of them' });
  const settle = () => {
    tags.element.hidden = source.value() === 'deadletters';
  };
  source.input.addEventListener('change', settle);
  return { group, source, many, every, ackWait, tags };
}

/**
 * @param {Session} session
 * @param {Queue} queue
 * @param {Group[]} groups
 * @param {AbortSignal} signal
 */
export function consumeCard(session, queue, groups, signal) {
  if (groups.length === 0) {
    const way = h('a', { class: 'button', href: `#/queues/${queue.id}` }, 'To the groups');
    return card('Consume', null, emptiness('There is no group to consume for', 'Create one on the overview.', way));
  }
  const fields = makeFields(queue, groups);
  const trouble = troubleLine(signal);
  const held = heldList(session, queue, signal);
  const state = h('p', { class: 'muted', role: 'status' }, 'Not asking.');
  /** @type {AbortController | null} */
  let asking = null;

  const once = async () => {
    const [group, source] = [fields.group.value(), /** @type {Source} */ (fields.source.value())];
    const seconds = Number(fields.ackWait.value());
    const query = {
      max_msgs: fields.many.value(), time_wait: WAIT_S, ack_wait: seconds,
      tag: source === 'messages' ? listed(fields.tags.value()) : [],
    };
    const until = Date.now() + seconds * 1_000;
    const deliveries = await consume(session, queue.id, group, source, query, signal);
    held.add(deliveries.map((delivery) => ({ ...delivery, until, group, source })));
    return deliveries.length;
  };
  const stop = () => {
    asking?.abort();
    asking = null;
    start.textContent = 'Start';
    state.textContent = 'Not asking.';
  };
  const go = async () => {
    if (asking) {
      stop();
      return;
    }
    if (!areSound(Object.values(fields))) {
      return;
    }
    const mine = new AbortController();
    asking = mine;
    start.textContent = 'Stop';
    signal.addEventListener('abort', () => mine.abort());
    while (!mine.signal.aborted) {
      const seconds = Number(fields.every.value());
      await trouble.attempt(async () => {
        const got = await once();
        state.textContent = `Asking every ${seconds} s. The last time there ${got === 1 ? 'was' : 'were'} ${plural(got, 'message')}.`;
      });
      await pause(seconds * 1_000, mine.signal);
    }
  };
  const start = button('Start', go, { kind: 'primary' });
  const onceButton = button('Ask once', () => areSound(Object.values(fields)) && trouble.attempt(async () => {
    const got = await once();
    state.textContent = got === 0 ? 'There was nothing to consume.' : `There ${got === 1 ? 'was' : 'were'} ${plural(got, 'message')}.`;
  }));
  return card('Consume', null,
    h('div', { class: 'fields wide' }, Object.values(fields).map((one) => one.element)),
    h('div', { class: 'actions' }, onceButton, start), state, trouble.element, held.element);
}

/**
 * The messages that were consumed and not settled yet.
 * @param {Session} session
 * @param {Queue} queue
 * @param {AbortSignal} signal
 */
function heldList(session, queue, signal) {
  /** @type {Held[]} */
  let held = [];
  const element = h('div', { class: 'stack' });

  /**
   * @param {Held[]} which of one group and source
   * @param {'success' | 'fail'} status
   */
  const settle = async (which, status) => {
    const [{ group, source }] = which;
    // The server stops at the first failure of a request, so each goes alone.
    const requests = status === 'fail' ? which.map((one) => [one]) : [which];
    try {
      for (const request of requests) {
        const entries = request.map(({ handler }) => ({ handler, status }));
        await acknowledge(session, queue.id, group, source, entries);
      }
      toast(`${plural(which.length, 'message')} ${status === 'success' ? 'acknowledged' : 'failed'}.`);
    } catch (error) {
      toast(errorText(error), 'bad');
    }
    held = held.filter((one) => !which.includes(one));
    show();
  };

  /** @param {Held} one */
  const line = (one) => {
    const left = Math.round((one.until - Date.now()) / 1_000);
    const text = json(one.message.body);
    return h('li', { class: 'held' },
      h('button', { type: 'button', class: 'preview link', onclick: () => showMessage('Message', one.message) }, text || '(empty)'),
      h('div', { class: 'actions' },
        (one.message.tags ?? []).map((tag) => badge(tag)),
        h('span', { class: 'muted small number', 'data-until': one.until }, leftText(left)),
        h('span', { class: 'actions end' },
          button('Acknowledge', () => settle([one], 'success'), { kind: 'quiet', label: `Acknowledge ${text.slice(0, 40)}` }),
          button('Fail', () => settle([one], 'fail'), { kind: 'quiet danger', label: `Fail ${text.slice(0, 40)}` }))));
  };

  const show = () => {
    if (held.length === 0) {
      fill(element, emptiness('Nothing is held', 'Messages that you consume appear here, to be acknowledged or failed.'));
      return;
    }
    const [{ group, source }] = held;
    const same = held.filter((one) => one.group === group && one.source === source);
    fill(element,
      h('div', { class: 'card-head' }, h('h3', {}, `${plural(held.length, 'message')} held`),
        h('div', { class: 'actions' },
          button('Acknowledge all', () => settle(same, 'success'), { kind: 'quiet' }),
          button('Fail all', () => settle(same, 'fail'), { kind: 'quiet danger' }))),
      h('ul', { class: 'held-list' }, held.map(line)));
  };

  const tick = () => {
    for (const one of element.querySelectorAll('[data-until]')) {
      const left = Math.round((Number(one.getAttribute('data-until')) - Date.now()) / 1_000);
      one.textContent = leftText(left);
    }
  };
  const timer = setInterval(tick, 1_000);
  signal.addEventListener('abort', () => clearInterval(timer));
  show();
  return {
    element,
    /** @param {Held[]} more */
    add(more) {
      if (more.length > 0) {
        // One that was delivered again is held under its new handler.
        const again = new Set(more.map((one) => JSON.stringify(one.message)));
        held = held.filter((one) => one.until > Date.now() || !again.has(JSON.stringify(one.message))).concat(more);
        show();
      }
    },
  };
}

/** @param {number} seconds */
function leftText(seconds) {
  return seconds > 0 ? `held for ${seconds} s` : 'no longer held';
}
