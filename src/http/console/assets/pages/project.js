// One project, for administrators: what it is called, what it may use and who has a role in it.

import { changeProject, listAssignments, showProject } from '../calls/people.js';
import { h } from '../kit/dom.js';
import { askFor } from '../kit/dialog.js';
import { field } from '../kit/form.js';
import { button, card, emptiness, facts, linkButton, pageHead } from '../kit/parts.js';
import { personName } from '../kit/rules.js';
import { table } from '../kit/table.js';
import { path } from '../api.js';
import { confirmDeleteProject } from './projects.js';
import { quotaCard } from './quota.js';
import { stateBadge } from './users.js';

/** @typedef {import('../calls/people.js').Project} Project */
/** @typedef {import('../calls/people.js').Assignment} Assignment */
/** @typedef {import('../session.js').Session} Session */

/** @type {import('../router.js').MakePage} */
export async function projectPage({ session, at }) {
  const project = await showProject(session, at.project);
  const again = () => window.dispatchEvent(new HashChangeEvent('hashchange'));
  const back = () => {
    location.hash = '#/projects';
  };
  const actions = [
    linkButton('Audit', `#/audit?project=${encodeURIComponent(project.id)}`),
    button('Change', () => askForChange(session, project, again)),
    project.id !== session.project?.id
      && button('Delete project', () => confirmDeleteProject(session, project, back), { kind: 'danger' }),
  ];
  const head = pageHead({ title: project.name, crumb: ['Projects', '#/projects'], badges: stateBadge(project.enabled), actions });
  const known = facts([['Id', h('code', {}, project.id)], ['Description', project.description || '–']]);
  const columns = h('div', { class: 'columns' }, await quotaCard(session, project.id), await peopleCard(session, project));
  return { title: project.name, element: h('div', { class: 'page' }, head, card('Project', null, known), columns) };
}

/**
 * @param {Session} session
 * @param {Project} project
 */
async function peopleCard(session, project) {
  const list = table({
    title: 'Who has a role here',
    sorted: 'User',
    key: (/** @type {Assignment} */ one) => `${one.user.id} ${one.role.id}`,
    empty: () => emptiness('Nobody yet', 'Give somebody a role here, on the page of the user.'),
    columns: [
      {
        title: 'User', kind: 'name', by: (one) => one.user.name,
        cell: (one) => h('a', { href: path`#/users/${one.user.id}` }, one.user.name),
      },
      { title: 'Role', by: (one) => one.role.name, cell: (one) => one.role.name },
    ],
  });
  list.update(await listAssignments(session, { project: project.id }));
  return card('Who has a role here', null, list.element);
}

/**
 * @param {Session} session
 * @param {Project} project
 * @param {() => void} changed
 */
function askForChange(session, project, changed) {
  const name = field({ label: 'Name', value: project.name, check: personName(64) });
  const description = field({ label: 'Description', value: project.description });
  const enabled = field({ label: 'May be used', type: 'check', checked: project.enabled });
  askFor({
    title: `Change ${project.name}`,
    fields: [name, description, enabled],
    submit: 'Save',
    act: async () => {
      const fields = { name: name.value(), description: description.value(), enabled: enabled.checked() };
      await changeProject(session, project.id, fields);
      changed();
    },
  });
}
