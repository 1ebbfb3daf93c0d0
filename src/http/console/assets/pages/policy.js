// Editing a queue's policy: who else may use it, and who may not.

import { setPolicy } from '../calls/queues.js';
import { fill, h } from '../kit/dom.js';
import { askFor } from '../kit/dialog.js';
import { field } from '../kit/form.js';
import { badge, button, card, emptiness, errorText } from '../kit/parts.js';
import { listed } from '../kit/rules.js';
import { toast } from '../kit/toast.js';

/** @typedef {import('../calls/queues.js').Queue} Queue */
/** @typedef {import('../calls/queues.js').Statement} Statement */
/** @typedef {import('../session.js').Session} Session */

/** What a statement may be about, with what it means. */
const ACTIONS = [
  ['DMS:GetQueue', 'See the queue'],
  ['DMS:DeleteQueue', 'Delete it'],
  ['DMS:GetGroups', 'List groups'],
  ['DMS:CreateGroup', 'Create groups'],
  ['DMS:DeleteGroup', 'Delete groups'],
  ['DMS:ProduceMessages', 'Send'],
  ['DMS:ConsumeMessages', 'Consume and acknowledge'],
  ['DMS:PeekMessages', 'Look at messages'],
  ['DMS:PurgeMessages', 'Purge'],
  ['DMS:RedriveMessages', 'Redrive dead letters'],
  ['DMS:ResetGroup', 'Move groups'],
  ['DMS:GetTags', 'See tags'],
  ['DMS:SetTags', 'Set tags'],
];

/**
 * @param {Session} session
 * @param {Queue} queue
 * @param {Statement[]} statements
 */
export function policyCard(session, queue, statements) {
  const mayChange = session.may('admin');
  const place = h('div', { class: 'stack' });

  /** @param {Statement[]} now */
  const save = async (now) => {
    await setPolicy(session, queue.id, now);
    statements = now;
    toast(now.length === 0 ? 'The queue has no policy any more.' : 'The policy holds from now on.');
    show();
  };
  const replaced = (/** @type {number} */ at, /** @type {Statement[]} */ ...by) => statements.toSpliced(at, 1, ...by);
  const remove = (/** @type {number} */ at) => save(replaced(at)).catch((error) => toast(errorText(error), 'bad'));
  const add = () => askForStatement('Add a statement', null, (one) => save([...statements, one]));
  const edit = (/** @type {number} */ at) => (
    askForStatement('Change the statement', statements[at], (one) => save(replaced(at, one))));

  /** @type {(statement: Statement, at: number) => HTMLElement} */
  const line = (statement, at) => h('li', { class: 'statement' },
    h('div', { class: 'card-head' },
      badge(statement.effect, statement.effect === 'Allow' ? 'good' : 'bad'),
      h('span', {}, statement.users.map((user) => (user === '*' ? 'everybody' : user)).join(', ')),
      mayChange && h('div', { class: 'actions' },
        button('Change', () => edit(at), { kind: 'quiet', label: `Change statement ${at + 1}` }),
        button('Remove', () => remove(at), { kind: 'quiet danger', label: `Remove statement ${at + 1}` }))),
    h('p', { class: 'muted small' }, statement.actions.map(meaning).join(' · ')));

  const show = () => fill(place, statements.length === 0
    ? emptiness('No policy', 'Who has a role in the project may do with this queue what the role allows, and nobody else.')
    : h('ol', { class: 'statements' }, statements.map(line)));
  show();
  return card('Policy', mayChange && button('Add statement', add), h('p', { class: 'muted small' },
    'Deny comes before Allow, and that before the role. Allow also lets in users of other projects.'), place);
}

/** @param {string} action */
function meaning(action) {
  return ACTIONS.find(([name]) => name === action)?.[1] ?? action;
}

/**
 * @param {string} title
 * @param {Statement | null} before
 * @param {(statement: Statement) => Promise<void>} act
 */
function askForStatement(title, before, act) {
  const effect = field({
    label: 'Effect', type: 'select', value: before?.effect ?? 'Allow', options: [['Allow', 'Allow'], ['Deny', 'Deny']],
  });
  const users = field({
    label: 'Users', value: before?.users.join(', ') ?? '', hint: 'Names or ids of users, ids of projects, or * for everybody; commas in between',
    check: (text) => (listed(text).length === 0 ? 'Somebody must be named.' : null),
  });
  const boxes = ACTIONS.map(([value, text]) => ({
    value,
    text,
    input: h('input', { type: 'checkbox', checked: before?.actions.includes(value) ?? false }),
  }));
  const actions = h('fieldset', { class: 'field' }, h('legend', {}, 'Actions'),
    h('div', { class: 'checks' }, boxes.map(({ text, input }) => h('label', {}, input, text))));
  askFor({
    title,
    fields: [effect, users],
    content: h('div', { class: 'fields' }, effect.element, users.element, actions),
    submit: 'Save',
    act: async () => {
      const chosen = boxes.filter(({ input }) => input.checked).map(({ value }) => value);
      if (chosen.length === 0) {
        throw new Error('At least one action must be chosen.');
      }
      await act({ effect: effect.value(), users: listed(users.value()), actions: chosen });
    },
  });
}
