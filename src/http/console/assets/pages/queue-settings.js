// A queue's settings: what it was made with, its tags, its policy, and its end.

import { deleteTag, listTags, setTag, showPolicy } from '../calls/queues.js';
import { fill, h } from '../kit/dom.js';
import { askFor } from '../kit/dialog.js';
import { field } from '../kit/form.js';
import { count, duration, moment, plural, size } from '../kit/format.js';
import { button, card, emptiness, errorText, facts } from '../kit/parts.js';
import { tagKey, tagValue } from '../kit/rules.js';
import { table } from '../kit/table.js';
import { toast } from '../kit/toast.js';
import { policyCard } from './policy.js';
import { queuePage } from './queue.js';
import { confirmDelete } from './queues.js';

/** @typedef {import('../calls/queues.js').Queue} Queue */
/** @typedef {import('../api.js').Tag} Tag */
/** @typedef {import('../session.js').Session} Session */

const TAGS_MAX = 10;

export const settingsPage = queuePage('Settings', async ({ session }, queue) => {
  const [tags, statements] = await Promise.all([listTags(session, queue.id), showPolicy(session, queue.id)]);
  const end = () => confirmDelete(session, queue, () => {
    location.hash = '#/queues';
  });
  return {
    actions: session.may('member') && button('Delete queue', end, { kind: 'danger' }),
    content: h('div', { class: 'columns' },
      card('Configuration', null, configuration(queue)),
      tagsCard(session, queue, tags),
      policyCard(session, queue, statements)),
  };
});

/** @param {Queue} queue */
function configuration(queue) {
  /** @type {[string, import('../kit/dom.js').Content][]} */
  const known = [
    ['Id', h('code', {}, queue.id)],
    ['Mode', queue.queue_mode],
    ['Description', queue.description || '–'],
    ['Created', moment(queue.created)],
    ['Keeps messages for', duration(queue.reservation * 60)],
    ['Largest message', size(queue.max_msg_size_byte)],
    ['Messages so far', count(queue.produced_messages)],
  ];
  if (queue.redrive_policy) {
    const isOn = queue.redrive_policy === 'enable';
    known.push(['Dead letters', isOn ? `after ${plural(queue.max_consume_count ?? 0, 'failure')}` : 'are not kept']);
  }
  if (queue.kafka_topic) {
    known.push(['Kafka topic', h('code', {}, queue.kafka_topic)]);
  }
  return facts(known);
}

/**
 * @param {Session} session
 * @param {Queue} queue
 * @param {Tag[]} tags
 */
function tagsCard(session, queue, tags) {
  const mayChange = session.may('member');
  const element = h('div', {});
  const refresh = async () => {
    list.update(await listTags(session, queue.id));
  };
  const remove = (/** @type {Tag} */ tag) => deleteTag(session, queue.id, tag.key).then(refresh)
    .catch((error) => toast(errorText(error), 'bad'));
  const list = table({
    title: 'Tags',
    sorted: 'Key',
    key: (/** @type {Tag} */ tag) => tag.key,
    empty: () => emptiness('No tags', 'Tags help to find queues among many.'),
    columns: [
      { title: 'Key', kind: 'name', by: (tag) => tag.key, cell: (tag) => tag.key },
      { title: 'Value', kind: 'wide wrap', by: (tag) => tag.value, cell: (tag) => tag.value || '–' },
      ...(mayChange ? [{
        title: 'Actions', kind: /** @type {const} */ ('row-actions'),
        cell: (/** @type {Tag} */ tag) => button('Remove', () => remove(tag), { kind: 'quiet danger', label: `Remove tag ${tag.key}` }),
      }] : []),
    ],
  });
  const add = () => {
    const key = field({ label: 'Key', check: tagKey });
    const value = field({ label: 'Value', check: tagValue });
    askFor({
      title: 'Set a tag', text: `A queue may have ${TAGS_MAX}. A key that is there already gets the new value.`,
      fields: [key, value], submit: 'Set tag',
      act: async () => {
        await setTag(session, queue.id, { key: key.value(), value: value.value() });
        await refresh();
      },
    });
  };
  list.update(tags);
  fill(element, card('Tags', mayChange && button('Set tag', add), list.element));
  return element;
}
