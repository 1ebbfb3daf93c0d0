// Access keys of a user.

import { changeKey, createKey, deleteKey, listKeys } from '../calls/people.js';
import { h } from '../kit/dom.js';
import { askFor, confirmFirst, showDialog } from '../kit/dialog.js';
import { field } from '../kit/form.js';
import { moment } from '../kit/format.js';
import { badge, button, card, emptiness, errorText, facts, notice } from '../kit/parts.js';
import { table } from '../kit/table.js';
import { toast } from '../kit/toast.js';

/** @typedef {import('../calls/people.js').Key} Key */
/** @typedef {import('../session.js').Session} Session */

/**
 * @param {Session} session
 * @param {string} user
 */
export async function keysCard(session, user) {
  const refresh = async () => list.update(await listKeys(session, user));
  const turn = (/** @type {Key} */ key) => changeKey(session, key.access, key.status === 'active' ? 'inactive' : 'active')
    .then(refresh).catch((error) => toast(errorText(error), 'bad'));
  const list = table({
    title: 'Access keys',
    sorted: 'Created',
    key: (/** @type {Key} */ key) => key.access,
    empty: () => emptiness('No access keys', 'Programs sign their requests with a key, in place of a password.'),
    columns: [
      { title: 'Key', kind: 'name', by: (key) => key.access, cell: (key) => h('code', {}, key.access) },
      { title: 'State', kind: 'short', by: (key) => key.status, cell: (key) => badge(key.status, key.status === 'active' ? 'good' : 'warn') },
      { title: 'Created', by: (key) => key.create_time, cell: (key) => moment(key.create_time) },
      { title: 'Description', kind: 'wide wrap', cell: (key) => key.description || '–' },
      {
        title: 'Actions', kind: 'row-actions',
        cell: (key) => [
          button(key.status === 'active' ? 'Disable' : 'Enable', () => turn(key), {
            kind: 'quiet', label: `${key.status === 'active' ? 'Disable' : 'Enable'} key ${key.access}`,
          }),
          button('Delete', () => confirmDelete(session, key, refresh), { kind: 'quiet danger', label: `Delete key ${key.access}` }),
        ],
      },
    ],
  });
  await refresh();
  return card('Access keys', button('Create key', () => askForKey(session, user, refresh)), list.element);
}

/**
 * @param {Session} session
 * @param {string} user
 * @param {() => Promise<void>} created
 */
function askForKey(session, user, created) {
  const description = field({ label: 'Description', hint: 'What uses it' });
  askFor({
    title: 'Create an access key',
    fields: [description],
    submit: 'Create key',
    act: async () => {
      const key = await createKey(session, user, description.value());
      await created();
      showSecret(key);
    },
  });
}

/** @param {Key} key */
function showSecret(key) {
  showDialog('The new access key', (close) => [
    notice('warn', 'The secret is shown only now. Keep it where nobody else can read it.'),
    facts([
      ['Access key (AK)', h('code', {}, key.access)],
      ['Secret key (SK)', h('code', {}, key.secret ?? '')],
    ]),
    h('div', { class: 'actions' }, button('Done', close, { kind: 'primary' })),
  ]);
}

/**
 * @param {Session} session
 * @param {Key} key
 * @param {() => Promise<void>} deleted
 */
function confirmDelete(session, key, deleted) {
  confirmFirst({
    title: `Delete key ${key.access}?`,
    text: 'Programs that use it are refused at once. This cannot be undone.',
    submit: 'Delete key',
    act: async () => {
      await deleteKey(session, key.access);
      toast(`Key ${key.access} is gone.`);
      await deleted();
    },
  });
}
