// The server itself, for administrators.

import { showServer } from '../calls/people.js';
import { fill, h } from '../kit/dom.js';
import { duration, moment, size } from '../kit/format.js';
import { repeat, troubleLine } from '../kit/live.js';
import { badge, card, emptiness, facts, figures, notice, pageHead } from '../kit/parts.js';
import { table } from '../kit/table.js';

/** @typedef {import('../calls/people.js').ServerFacts} ServerFacts */

const REFRESH_MS = 10_000;

/** @type {Record<string, [string, 'good' | 'warn' | 'bad']>} */
const CONDITIONS = {
  serves: ['serves', 'good'],
  full: ['disk full: sends are refused', 'warn'],
  stopping: ['stopping', 'warn'],
  failed: ['the store has failed', 'bad'],
};

/** @type {import('../router.js').MakePage} */
export async function serverPage({ session, signal }) {
  const trouble = troubleLine(signal);
  const now = h('div', { class: 'stack' });
  const settings = settingsTable();
  const refresh = () => trouble.attempt(async () => {
    const server = await showServer(session);
    fill(now, numbersOf(server), h('div', { class: 'columns' }, processCard(server), diskCard(server)));
    settings.update(server.settings);
  });
  await refresh();
  repeat(REFRESH_MS, signal, refresh);
  const search = h('input', {
    type: 'search', placeholder: 'Search', 'aria-label': 'Search settings',
    oninput: (/** @type {Event} */ event) => settings.search(/** @type {HTMLInputElement} */ (event.target).value),
  });
  const element = h('div', { class: 'page' }, pageHead({ title: 'Server' }), trouble.element, now,
    card('Settings', search, h('p', { class: 'muted small' }, 'What is in effect, and where it came from. Secrets are masked.'),
      settings.element));
  return { title: 'Server', element };
}

/** @param {ServerFacts} server */
function numbersOf({ version, uptime_s: uptime, memory, disk }) {
  return figures([
    ['Version', version],
    ['Up for', duration(uptime)],
    ['Memory', size(memory?.resident_bytes)],
    ['Disk free', size(disk?.free_bytes)],
  ]);
}

/** @param {ServerFacts} server */
function processCard({ condition, started, memory }) {
  const [text, kind] = CONDITIONS[condition] ?? [condition, 'warn'];
  return card('Process', null, facts([
    ['State', badge(text, kind)],
    ['Started', moment(started)],
    ['Memory now', size(memory?.resident_bytes)],
    ['Memory at most', size(memory?.peak_bytes)],
  ]));
}

/** @param {ServerFacts} server */
function diskCard({ disk }) {
  if (!disk) {
    return card('Disk', null, notice('', 'Nothing is known of the disk.'));
  }
  const used = disk.total_bytes - disk.free_bytes;
  const bar = h('meter', {
    class: 'meter', min: 0, max: disk.total_bytes, high: disk.total_bytes - disk.reserve_bytes, value: used,
    'aria-label': 'Used part of the disk',
  });
  return card('Disk of the data folder', null, bar, facts([
    ['Used', `${size(used)} of ${size(disk.total_bytes)}`],
    ['Free', size(disk.free_bytes)],
    ['Kept free', `${size(disk.reserve_bytes)}, below which sends are refused`],
  ]));
}

function settingsTable() {
  return table({
    title: 'Settings',
    sorted: 'Setting',
    key: (/** @type {ServerFacts['settings'][number]} */ one) => one.key,
    words: (one) => `${one.key} ${one.value} ${one.origin}`,
    empty: () => emptiness('No settings are known'),
    columns: [
      { title: 'Setting', kind: 'name', by: (one) => one.key, cell: (one) => h('code', {}, one.key) },
      { title: 'Value', kind: 'wide wrap', cell: (one) => h('code', {}, one.value) },
      { title: 'Origin', kind: 'wide wrap', by: (one) => one.origin, cell: (one) => one.origin },
    ],
  });
}
