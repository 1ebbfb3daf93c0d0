// One user, for administrators: who they are, their roles and their keys.

import { changeUser, giveRole, listAssignments, listProjects, listRoles, showUser, takeRole } from '../calls/people.js';
import { h } from '../kit/dom.js';
import { askFor } from '../kit/dialog.js';
import { field } from '../kit/form.js';
import { button, card, emptiness, errorText, facts, linkButton, pageHead } from '../kit/parts.js';
import { personName, required } from '../kit/rules.js';
import { table } from '../kit/table.js';
import { toast } from '../kit/toast.js';
import { keysCard } from './keys.js';
import { confirmDeleteUser, stateBadge } from './users.js';

/** @typedef {import('../calls/people.js').User} User */
/** @typedef {import('../calls/people.js').Assignment} Assignment */
/** @typedef {import('../session.js').Session} Session */

/** @type {import('../router.js').MakePage} */
export async function userPage({ session, at }) {
  const user = await showUser(session, at.user);
  const isSelf = user.id === session.user?.id;
  const again = () => window.dispatchEvent(new HashChangeEvent('hashchange'));
  const back = () => {
    location.hash = '#/users';
  };
  const actions = [
    linkButton('Audit', `#/audit?user=${encodeURIComponent(user.id)}`),
    button('Change', () => askForChange(session, user, again)),
    button('Set password', () => askForPassword(session, user)),
    !isSelf && button('Delete user', () => confirmDeleteUser(session, user, back), { kind: 'danger' }),
  ];
  const head = pageHead({ title: user.name, crumb: ['Users', '#/users'], badges: stateBadge(user.enabled), actions });
  const known = facts([
    ['Id', h('code', {}, user.id)], ['Description', user.description || '–'], ['E-mail', user.email || '–'],
  ]);
  const columns = h('div', { class: 'columns' }, await rolesCard(session, user), await keysCard(session, user.id));
  return { title: user.name, element: h('div', { class: 'page' }, head, card('User', null, known), columns) };
}

/**
 * @param {Session} session
 * @param {User} user
 */
async function rolesCard(session, user) {
  const refresh = async () => list.update(await listAssignments(session, { user: user.id }));
  const take = (/** @type {Assignment} */ one) => takeRole(session, one).then(refresh)
    .then(() => toast('The role is taken away, from now on.'), (error) => toast(errorText(error), 'bad'));
  const list = table({
    title: 'Roles',
    sorted: 'Where',
    key: (/** @type {Assignment} */ one) => `${one.scope.project?.id ?? 'domain'} ${one.role.id}`,
    empty: () => emptiness('No roles', 'Without a role in a project a user can log in and do nothing.'),
    columns: [
      { title: 'Where', kind: 'name', by: placeName, cell: placeName },
      { title: 'Role', by: (one) => one.role.name, cell: (one) => one.role.name },
      {
        title: 'Actions', kind: 'row-actions',
        cell: (one) => button('Take away', () => take(one), {
          kind: 'quiet danger', label: `Take away ${one.role.name} in ${placeName(one)}`,
        }),
      },
    ],
  });
  await refresh();
  return card('Roles', button('Give role', () => askForRole(session, user, refresh)), list.element);
}

/** @param {Assignment} one */
function placeName(one) {
  return one.scope.project?.name ?? 'Whole server';
}

/**
 * @param {Session} session
 * @param {User} user
 * @param {() => Promise<void>} given
 */
async function askForRole(session, user, given) {
  const [projects, roles] = await Promise.all([listProjects(session), listRoles(session)]);
  const where = field({
    label: 'Where', type: 'select',
    options: [
      ...projects.map(({ id, name }) => /** @type {[string, string]} */ ([id, `Project ${name}`])),
      ['', 'Whole server (administration only)'],
    ],
  });
  const names = [...roles].reverse().map(({ id, name }) => /** @type {[string, string]} */ ([id, name]));
  const role = field({
    label: 'Role', type: 'select', options: names,
    hint: 'A reader looks; a member also sends, consumes, creates and deletes; an admin also administers.',
  });
  askFor({
    title: `Give ${user.name} a role`,
    fields: [where, role],
    submit: 'Give role',
    act: async () => {
      await giveRole(session, where.value() || null, user.id, role.value());
      await given();
    },
  });
}

/**
 * @param {Session} session
 * @param {User} user
 * @param {() => void} changed
 */
function askForChange(session, user, changed) {
  const name = field({ label: 'Name', value: user.name, check: personName(255) });
  const description = field({ label: 'Description', value: user.description });
  const email = field({ label: 'E-mail', value: user.email ?? '' });
  const enabled = field({ label: 'May log in', type: 'check', checked: user.enabled });
  askFor({
    title: `Change ${user.name}`,
    fields: [name, description, email, enabled],
    submit: 'Save',
    act: async () => {
      await changeUser(session, user.id, {
        name: name.value(), description: description.value(), email: email.value() || null, enabled: enabled.checked(),
      });
      changed();
    },
  });
}

/**
 * @param {Session} session
 * @param {User} user
 */
function askForPassword(session, user) {
  const password = field({ label: 'New password', type: 'password', check: required, more: { autocomplete: 'new-password' } });
  askFor({
    title: `Set the password of ${user.name}`,
    text: 'Everybody who is logged in as this user has to log in again.',
    fields: [password],
    submit: 'Set password',
    act: async () => {
      await changeUser(session, user.id, { password: password.value() });
      toast(`The password of ${user.name} is set.`);
    },
  });
}
