// Sending: one message, or several in one go.

import { send } from '../calls/queues.js';
import { fill, h } from '../kit/dom.js';
import { field, form } from '../kit/form.js';
import { plural } from '../kit/format.js';
import { button, card } from '../kit/parts.js';
import { jsonObject, labels, listed, optional, wholeNumber } from '../kit/rules.js';
import { toast } from '../kit/toast.js';

/** @typedef {import('../calls/queues.js').Queue} Queue */
/** @typedef {import('../session.js').Session} Session */
/** @typedef {import('../kit/form.js').Field} Field */

const BATCH_MAX = 10;
const DELAY_MAX_S = 604_800;

/** @typedef {{element: HTMLElement, fields: Field[], message: () => object}} Draft */

/**
 * The fields of one message.
 * @param {(draft: Draft) => void} remove
 * @returns {Draft}
 */
function makeDraft(remove) {
  const kind = field({
    label: 'Body is', type: 'select', options: [['text', 'Text'], ['json', 'JSON']],
  });
  const body = field({
    label: 'Body', type: 'area', more: { rows: 4 },
    check: (text) => (kind.value() === 'json' ? anyJson(text) : null),
  });
  const attributes = field({
    label: 'Attributes', value: '', more: { placeholder: '{"name": "value"}', class: 'mono' }, check: optional(jsonObject),
    hint: 'A JSON object',
  });
  const tags = field({ label: 'Labels', check: labels, hint: 'Up to 3, with commas in between' });
  const delay = field({
    label: 'Delay (s)', type: 'number', check: optional(wholeNumber(0, DELAY_MAX_S)), hint: 'Up to 7 days',
  });
  /** @type {Draft} */
  const draft = {
    fields: [kind, body, attributes, tags, delay],
    element: h('fieldset', { class: 'field stack draft' },
      h('legend', {}, 'Message'),
      body.element,
      h('div', { class: 'fields wide' }, kind.element, tags.element, attributes.element, delay.element),
      button('Remove this message', () => remove(draft), { kind: 'quiet danger remove' })),
    message: () => ({
      body: kind.value() === 'json' ? JSON.parse(body.value()) : body.value(),
      attributes: attributes.value().trim() === '' ? undefined : JSON.parse(attributes.value()),
      tags: listed(tags.value()),
      delayTime: delay.value() === '' ? undefined : Number(delay.value()) * 1_000,
    }),
  };
  return draft;
}

/** @param {string} text */
function anyJson(text) {
  try {
    return JSON.parse(text) === null ? 'A body cannot be null.' : null;
  } catch (error) {
    return `This is not JSON: ${error instanceof Error ? error.message : error}`;
  }
}

/**
 * @param {Session} session
 * @param {Queue} queue
 */
export function sendCard(session, queue) {
  /** @type {Draft[]} */
  const drafts = [];
  /** @type {Field[]} the fields of all drafts; the form looks at it when it is sent */
  const fields = [];
  const place = h('div', { class: 'stack' });
  const more = button('Add a message', () => add());
  const show = () => {
    fields.splice(0, fields.length, ...drafts.flatMap((draft) => draft.fields));
    drafts.forEach((draft, at) => {
      const legend = draft.element.querySelector('legend');
      const remove = draft.element.querySelector('.remove');
      if (legend && remove instanceof HTMLElement) {
        legend.textContent = drafts.length === 1 ? 'Message' : `Message ${at + 1} of ${drafts.length}`;
        remove.hidden = drafts.length === 1;
      }
    });
    fill(place, drafts.map((draft) => draft.element));
    more.disabled = drafts.length === BATCH_MAX;
  };
  const add = () => {
    const draft = makeDraft((gone) => {
      drafts.splice(drafts.indexOf(gone), 1);
      show();
    });
    drafts.push(draft);
    show();
    draft.element.querySelector('textarea')?.focus();
  };
  const act = async () => {
    await send(session, queue.id, drafts.map((draft) => draft.message()));
    toast(`${plural(drafts.length, 'message')} sent to ${queue.name}.`);
  };
  add();
  return card('Send', null, form({ fields, content: place, submit: 'Send', beside: more, act }));
}
