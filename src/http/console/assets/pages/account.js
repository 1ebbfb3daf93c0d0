// What everybody may see and change of themselves.

import { changeOwnPassword } from '../calls/people.js';
import { h } from '../kit/dom.js';
import { field, form } from '../kit/form.js';
import { card, facts, pageHead } from '../kit/parts.js';
import { required } from '../kit/rules.js';
import { toast } from '../kit/toast.js';
import { keysCard } from './keys.js';

/** @typedef {import('../session.js').Session} Session */

/** @type {import('../router.js').MakePage} */
export async function accountPage({ session }) {
  const user = session.user;
  const known = facts([
    ['User', user?.name],
    ['User id', h('code', {}, user?.id)],
    ['Project', session.project?.name ?? 'none'],
    ['Project id', h('code', {}, session.project?.id ?? '–')],
    ['Role here', session.role ?? 'administrator of the server'],
  ]);
  const element = h('div', { class: 'page' }, pageHead({ title: 'Account and keys' }),
    h('div', { class: 'columns' }, card('You', null, known), passwordCard(session)),
    await keysCard(session, user?.id ?? ''));
  return { title: 'Account and keys', element };
}

/** @param {Session} session */
function passwordCard(session) {
  const present = field({
    label: 'Present password', type: 'password', check: required, more: { autocomplete: 'current-password' },
  });
  const next = field({ label: 'New password', type: 'password', check: required, more: { autocomplete: 'new-password' } });
  const repeated = field({
    label: 'New password again', type: 'password', more: { autocomplete: 'new-password' },
    check: (text) => (text === next.value() ? null : 'The two are not the same.'),
  });
  const act = async () => {
    await changeOwnPassword(session, present.value(), next.value());
    toast('The password is changed. Log in with it.');
    session.onlost();
  };
  return card('Password', null, form({ fields: [present, next, repeated], submit: 'Change password', act }));
}
