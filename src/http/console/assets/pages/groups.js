// A queue's consumer groups: making them, moving them, their dead letters.

import { createGroup, deleteGroup, redrive, resetGroup } from '../calls/queues.js';
import { h } from '../kit/dom.js';
import { askFor, confirmFirst } from '../kit/dialog.js';
import { field } from '../kit/form.js';
import { count, plural } from '../kit/format.js';
import { badge, button, card, emptiness } from '../kit/parts.js';
import { groupName, wholeNumber } from '../kit/rules.js';
import { table } from '../kit/table.js';
import { toast } from '../kit/toast.js';
import { path } from '../api.js';

/** @typedef {import('../calls/queues.js').Group} Group */
/** @typedef {import('../calls/queues.js').Queue} Queue */
/** @typedef {import('../session.js').Session} Session */

/**
 * @param {Session} session
 * @param {Queue} queue
 * @param {() => void} changed
 */
export function groupsCard(session, queue, changed) {
  const create = () => askForGroup(session, queue, changed);
  const mayChange = session.may('member');
  const list = groupTable(session, queue, changed, mayChange && button('Create the first group', create));
  const element = card('Consumer groups', mayChange && button('Create group', create), list.element);
  return { element, update: list.update };
}

/**
 * @param {Session} session
 * @param {Queue} queue
 * @param {() => void} changed
 * @param {import('../kit/dom.js').Content} create
 */
function groupTable(session, queue, changed, create) {
  const hasDeadLetters = !queue.queue_mode.startsWith('KAFKA');
  const actions = (/** @type {Group} */ group) => [
    (group.available_deadletters ?? 0) > 0 && button('Redrive', () => askForRedrive(session, queue, group, changed), {
      kind: 'quiet', label: `Redrive dead letters of ${group.name}`,
    }),
    button('Move', () => askForReset(session, queue, group, changed), { kind: 'quiet', label: `Move ${group.name}` }),
    button('Delete', () => confirmDelete(session, queue, group, changed), {
      kind: 'quiet danger', label: `Delete group ${group.name}`,
    }),
  ];
  const deadLetters = (/** @type {Group} */ group) => {
    const number = group.available_deadletters ?? 0;
    const where = path`#/queues/${queue.id}/messages` + `?group=${encodeURIComponent(group.id)}`;
    return number > 0 ? h('a', { href: where }, badge(count(number), 'bad')) : '0';
  };
  /** @type {import('../kit/table.js').Column<Group>[]} */
  const columns = [
    { title: 'Name', kind: 'name', by: (group) => group.name, cell: (group) => group.name },
    { title: 'To consume', kind: 'amount', by: (group) => group.available_messages, cell: (group) => count(group.available_messages) },
    { title: 'Consumed', kind: 'amount', by: (group) => group.consumed_messages, cell: (group) => count(group.consumed_messages) },
    { title: 'Id', kind: 'wide wrap', cell: (group) => h('code', {}, group.id) },
  ];
  if (hasDeadLetters) {
    columns.splice(3, 0, { title: 'Dead letters', kind: 'amount', by: (group) => group.available_deadletters ?? 0, cell: deadLetters });
  }
  if (session.may('member')) {
    columns.push({ title: 'Actions', kind: 'row-actions', cell: actions });
  }
  return table({
    title: 'Consumer groups',
    sorted: 'Name',
    key: (group) => group.id,
    columns,
    empty: () => emptiness('No groups yet', 'Messages are consumed by groups; each gets all of them.', create),
  });
}

/**
 * @param {Session} session
 * @param {Queue} queue
 * @param {() => void} created
 */
export function askForGroup(session, queue, created) {
  const name = field({ label: 'Name', check: groupName, hint: '1 to 32 letters, digits, hyphens and underscores' });
  const act = async () => {
    await createGroup(session, queue.id, name.value());
    toast(`Group ${name.value()} is there.`);
    created();
  };
  askFor({ title: 'Create a consumer group', fields: [name], submit: 'Create group', act });
}

/**
 * @param {Session} session
 * @param {Queue} queue
 * @param {Group} group
 * @param {() => void} deleted
 */
function confirmDelete(session, queue, group, deleted) {
  confirmFirst({
    title: `Delete group ${group.name}?`,
    text: 'Where it stands in the queue is forgotten, and its dead letters are lost. The messages stay.',
    submit: 'Delete group',
    act: async () => {
      await deleteGroup(session, queue.id, group.id);
      toast(`Group ${group.name} is gone.`);
      deleted();
    },
  });
}

/**
 * @param {Session} session
 * @param {Queue} queue
 * @param {Group} group
 * @param {() => void} changed
 */
export function askForRedrive(session, queue, group, changed) {
  const number = group.available_deadletters ?? 0;
  const how = field({
    label: 'How many', type: 'select',
    options: [['all', `All ${count(number)}`], ['one', 'The oldest'], ['some', 'Some of the oldest']],
  });
  const some = field({
    label: 'Number', type: 'number', value: String(Math.min(number, 10)),
    check: (text) => (how.value() === 'some' ? wholeNumber(1, 1_000_000)(text) : null),
  });
  const settle = () => {
    some.element.hidden = how.value() !== 'some';
  };
  how.input.addEventListener('change', settle);
  settle();
  const wanted = () => {
    switch (how.value()) {
      case 'one': return 1;
      case 'some': return Number(some.value());
      default: return null;
    }
  };
  const act = async () => {
    const sent = await redrive(session, queue.id, group.id, wanted());
    toast(`${plural(sent, 'dead letter')} went back to the queue.`);
    changed();
  };
  askFor({
    title: `Redrive dead letters of ${group.name}`,
    text: 'They are appended to the queue again, for this group alone, and leave its dead letters.',
    fields: [how, some],
    submit: 'Redrive',
    act,
  });
}

/**
 * @param {Session} session
 * @param {Queue} queue
 * @param {Group} group
 * @param {() => void} changed
 */
function askForReset(session, queue, group, changed) {
  const where = field({
    label: 'Continue at', type: 'select',
    options: [
      ['earliest', 'The oldest message'], ['latest', 'What comes from now on'], ['time', 'A time'], ['offset', 'An offset'],
    ],
  });
  const time = field({
    label: 'Time', type: 'datetime-local', more: { step: 1 },
    check: (text) => (where.value() === 'time' && Number.isNaN(Date.parse(text)) ? 'This must be a date and a time.' : null),
  });
  const whole = wholeNumber(0, Number.MAX_SAFE_INTEGER);
  const ifOffset = (/** @type {string} */ text) => (where.value() === 'offset' ? whole(text) : null);
  const partition = field({ label: 'Partition', type: 'number', value: '0', check: ifOffset });
  const offset = field({ label: 'Offset', type: 'number', value: '0', check: ifOffset });
  const settle = () => {
    time.element.hidden = where.value() !== 'time';
    partition.element.hidden = where.value() !== 'offset';
    offset.element.hidden = where.value() !== 'offset';
  };
  where.input.addEventListener('change', settle);
  settle();
  const to = () => {
    switch (where.value()) {
      case 'time': return { time: Date.parse(time.value()) };
      case 'offset': return { offset: Number(offset.value()), partition: Number(partition.value()) };
      default: return { to: where.value() };
    }
  };
  const act = async () => {
    await resetGroup(session, queue.id, group.id, to());
    toast(`Group ${group.name} continues there.`);
    changed();
  };
  askFor({
    title: `Move group ${group.name}`,
    text: 'It gets messages from there on, also those that it has consumed before. What it holds now is given up.',
    fields: [where, time, partition, offset],
    submit: 'Move group',
    act,
  });
}
