// A queue at a glance: its figures, what happened in the last hour or day, and its groups.

import { history, listGroups, overview, purge } from '../calls/queues.js';
import { fill, h } from '../kit/dom.js';
import { chart } from '../kit/chart.js';
import { confirmFirst } from '../kit/dialog.js';
import { count, duration, rate, shortCount, size } from '../kit/format.js';
import { repeat, troubleLine } from '../kit/live.js';
import { button, card, choice, emptiness, figures } from '../kit/parts.js';
import { toast } from '../kit/toast.js';
import { groupsCard } from './groups.js';
import { queuePage } from './queue.js';

/** @typedef {import('../calls/queues.js').QueueFigures} QueueFigures */
/** @typedef {import('../calls/queues.js').History} History */
/** @typedef {import('../calls/queues.js').Queue} Queue */
/** @typedef {import('../session.js').Session} Session */

const REFRESH_MS = 3_000;
const PERIOD_MS = { hour: 3_600_000, day: 86_400_000 };

export const overviewPage = queuePage('Overview', async ({ session, signal }, queue) => {
  const trouble = troubleLine(signal);
  const numbers = h('div', {});
  const charts = chartsCard();
  const groups = groupsCard(session, queue, () => refresh());
  /** @type {'hour' | 'day'} */
  let period = 'hour';
  const refresh = () => trouble.attempt(async () => {
    const [all, past, groupsNow] = await Promise.all([
      overview(session, signal),
      history(session, queue.id, period, signal),
      listGroups(session, queue.id, signal),
    ]);
    const now = all.find((one) => one.id === queue.id);
    fill(numbers, now ? figuresOf(now) : emptiness('This queue is gone'));
    charts.update(past, now ?? null);
    groups.update(groupsNow);
  });
  charts.onperiod = (chosen) => {
    period = chosen;
    refresh();
  };
  signal.addEventListener('abort', () => charts.stop());
  await refresh();
  repeat(REFRESH_MS, signal, refresh);
  return {
    actions: session.may('member') && button('Purge', () => confirmPurge(session, queue, refresh), { kind: 'danger' }),
    content: [trouble.element, numbers, charts.element, groups.element],
  };
});

/** @param {QueueFigures} now */
function figuresOf(now) {
  return figures([
    ['Waiting', count(now.waiting)],
    ['In flight', count(now.in_flight)],
    ['Delayed', count(now.delayed)],
    ['Dead letters', count(now.dead_letters), now.dead_letters > 0 ? 'bad' : ''],
    ['Sent', rate(now.sent_per_s)],
    ['Consumed', rate(now.consumed_per_s)],
    ['Size', size(now.bytes)],
    ['Oldest waiting', duration(now.oldest_age_s)],
  ]);
}

/** The two charts with the choice of what they cover. */
function chartsCard() {
  const rates = chart('Messages per second', (value) => rate(value), 0.1);
  const backlog = chart('Messages', (value) => (value < 10_000 ? count(value) : shortCount(value)), 1);
  const charts = {
    /** @type {(period: 'hour' | 'day') => void} */
    onperiod: () => {},
    /** @type {HTMLElement} */
    element: h('div', {}),
    /**
     * @param {History} past
     * @param {QueueFigures | null} now
     */
    update({ samples, step_s: stepS, period }, now) {
      const to = Date.now();
      const from = to - PERIOD_MS[period];
      const known = samples.filter(({ at }) => at >= from && at < to);
      const at = [...known.map((sample) => sample.at), to];
      /** @type {(what: 'sent' | 'consumed' | 'acknowledged', atPresent: number) => number[]} */
      const perSecond = (what, atPresent) => [...known.map((sample) => sample[what] / stepS), atPresent];
      /** @type {(what: 'waiting' | 'in_flight' | 'dead_letters') => number[]} */
      const present = (what) => [...known.map((sample) => sample[what]), now?.[what] ?? 0];
      rates.update({
        from, to, at,
        series: [
          { title: 'Sent', hue: 1, values: perSecond('sent', now?.sent_per_s ?? 0) },
          { title: 'Consumed', hue: 2, values: perSecond('consumed', now?.consumed_per_s ?? 0) },
          { title: 'Acknowledged', hue: 3, values: perSecond('acknowledged', now?.acknowledged_per_s ?? 0) },
        ],
      });
      backlog.update({
        from, to, at,
        series: [
          { title: 'Waiting', hue: 1, values: present('waiting') },
          { title: 'In flight', hue: 2, values: present('in_flight') },
          { title: 'Dead letters', hue: 4, values: present('dead_letters') },
        ],
      });
    },
    stop() {
      rates.stop();
      backlog.stop();
    },
  };
  const periods = choice('Period', [['hour', 'Last hour'], ['day', 'Last day']], 'hour', (one) => charts.onperiod(one));
  charts.element = card('History', periods, h('div', { class: 'columns' },
    h('div', { class: 'stack' }, h('h3', {}, 'Rates'), rates.element),
    h('div', { class: 'stack' }, h('h3', {}, 'Backlog'), backlog.element)));
  return charts;
}

/**
 * @param {Session} session
 * @param {Queue} queue
 * @param {() => void} purged
 */
export function confirmPurge(session, queue, purged) {
  confirmFirst({
    title: `Purge queue ${queue.name}?`,
    text: 'All its messages are removed, for every group, consumed or not. Dead letters stay. This cannot be undone.',
    submit: 'Purge',
    typed: queue.name,
    act: async () => {
      const removed = await purge(session, queue.id);
      toast(`${count(removed)} messages were removed.`);
      purged();
    },
  });
}
