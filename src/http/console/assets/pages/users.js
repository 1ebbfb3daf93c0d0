// Everybody who may log in, for administrators.

import { createUser, deleteUser, listUsers } from '../calls/people.js';
import { h } from '../kit/dom.js';
import { askFor, confirmFirst } from '../kit/dialog.js';
import { field } from '../kit/form.js';
import { plural } from '../kit/format.js';
import { badge, button, emptiness, pageHead } from '../kit/parts.js';
import { personName, required } from '../kit/rules.js';
import { table } from '../kit/table.js';
import { toast } from '../kit/toast.js';
import { path } from '../api.js';

/** @typedef {import('../calls/people.js').User} User */
/** @typedef {import('../session.js').Session} Session */

/** @type {import('../router.js').MakePage} */
export async function usersPage({ session }) {
  const summary = h('span', {});
  const refresh = async () => {
    const users = await listUsers(session);
    list.update(users);
    summary.textContent = plural(users.length, 'user');
  };
  const list = table({
    title: 'Users',
    sorted: 'Name',
    key: (/** @type {User} */ user) => user.id,
    words: (user) => `${user.name} ${user.description} ${user.id}`,
    empty: () => emptiness('No users'),
    columns: [
      {
        title: 'Name', kind: 'name', by: (user) => user.name,
        cell: (user) => h('a', { href: path`#/users/${user.id}` }, user.name),
      },
      { title: 'State', by: (user) => Number(user.enabled), cell: (user) => stateBadge(user.enabled) },
      { title: 'Description', kind: 'wide wrap', by: (user) => user.description, cell: (user) => user.description || '–' },
      { title: 'Id', kind: 'wide wrap', cell: (user) => h('code', {}, user.id) },
      {
        title: 'Actions', kind: 'row-actions',
        cell: (user) => user.id !== session.user?.id && button('Delete', () => confirmDeleteUser(session, user, refresh), {
          kind: 'quiet danger', label: `Delete user ${user.name}`,
        }),
      },
    ],
  });
  await refresh();
  const search = h('input', {
    type: 'search', placeholder: 'Search', 'aria-label': 'Search users',
    oninput: (/** @type {Event} */ event) => list.search(/** @type {HTMLInputElement} */ (event.target).value),
  });
  const create = button('Create user', () => askForUser(session, refresh), { kind: 'primary' });
  const head = pageHead({ title: 'Users', text: summary, actions: [search, create] });
  return { title: 'Users', element: h('div', { class: 'page' }, head, list.element) };
}

/** @param {boolean} isEnabled */
export function stateBadge(isEnabled) {
  return isEnabled ? badge('active', 'good') : badge('disabled', 'warn');
}

/**
 * @param {Session} session
 * @param {() => Promise<void>} created
 */
function askForUser(session, created) {
  const name = field({ label: 'Name', check: personName(255) });
  const password = field({ label: 'Password', type: 'password', check: required, more: { autocomplete: 'new-password' } });
  const description = field({ label: 'Description' });
  askFor({
    title: 'Create a user',
    text: 'Give them a role in a project afterwards, on their page.',
    fields: [name, password, description],
    submit: 'Create user',
    act: async () => {
      const fields = { name: name.value(), password: password.value(), description: description.value() };
      const user = await createUser(session, fields);
      toast(`User ${user.name} is there.`);
      location.hash = path`#/users/${user.id}`;
      await created();
    },
  });
}

/**
 * @param {Session} session
 * @param {User} user
 * @param {() => Promise<void> | void} deleted
 */
export function confirmDeleteUser(session, user, deleted) {
  confirmFirst({
    title: `Delete user ${user.name}?`,
    text: 'Their tokens and access keys stop working at once. This cannot be undone.',
    submit: 'Delete user',
    act: async () => {
      await deleteUser(session, user.id);
      toast(`User ${user.name} is gone.`);
      await deleted();
    },
  });
}
