// All projects, for administrators.

import { createProject, deleteProject, listProjects } from '../calls/people.js';
import { h } from '../kit/dom.js';
import { askFor, confirmFirst } from '../kit/dialog.js';
import { field } from '../kit/form.js';
import { plural } from '../kit/format.js';
import { button, emptiness, pageHead } from '../kit/parts.js';
import { personName } from '../kit/rules.js';
import { table } from '../kit/table.js';
import { toast } from '../kit/toast.js';
import { path } from '../api.js';
import { stateBadge } from './users.js';

/** @typedef {import('../calls/people.js').Project} Project */
/** @typedef {import('../session.js').Session} Session */

/** @type {import('../router.js').MakePage} */
export async function projectsPage({ session }) {
  const summary = h('span', {});
  const refresh = async () => {
    const projects = await listProjects(session);
    list.update(projects);
    summary.textContent = plural(projects.length, 'project');
  };
  const list = table({
    title: 'Projects',
    sorted: 'Name',
    key: (/** @type {Project} */ project) => project.id,
    words: (project) => `${project.name} ${project.description} ${project.id}`,
    empty: () => emptiness('No projects', 'Queues belong to projects. Create one first.'),
    columns: [
      {
        title: 'Name', kind: 'name', by: (project) => project.name,
        cell: (project) => h('a', { href: path`#/projects/${project.id}` }, project.name),
      },
      { title: 'State', by: (project) => Number(project.enabled), cell: (project) => stateBadge(project.enabled) },
      { title: 'Description', kind: 'wide wrap', by: (project) => project.description, cell: (project) => project.description || '–' },
      { title: 'Id', kind: 'wide wrap', cell: (project) => h('code', {}, project.id) },
      {
        title: 'Actions', kind: 'row-actions',
        cell: (project) => project.id !== session.project?.id && button('Delete', () => confirmDeleteProject(session, project, refresh), {
          kind: 'quiet danger', label: `Delete project ${project.name}`,
        }),
      },
    ],
  });
  await refresh();
  const search = h('input', {
    type: 'search', placeholder: 'Search', 'aria-label': 'Search projects',
    oninput: (/** @type {Event} */ event) => list.search(/** @type {HTMLInputElement} */ (event.target).value),
  });
  const create = button('Create project', () => askForProject(session, refresh), { kind: 'primary' });
  const head = pageHead({ title: 'Projects', text: summary, actions: [search, create] });
  return { title: 'Projects', element: h('div', { class: 'page' }, head, list.element) };
}

/**
 * @param {Session} session
 * @param {() => Promise<void>} created
 */
function askForProject(session, created) {
  const name = field({ label: 'Name', check: personName(64) });
  const description = field({ label: 'Description' });
  askFor({
    title: 'Create a project',
    text: 'Nobody has a role in it yet, you neither.',
    fields: [name, description],
    submit: 'Create project',
    act: async () => {
      await createProject(session, { name: name.value(), description: description.value() });
      toast(`Project ${name.value()} is there.`);
      await created();
    },
  });
}

/**
 * @param {Session} session
 * @param {Project} project
 * @param {() => Promise<void> | void} deleted
 */
export function confirmDeleteProject(session, project, deleted) {
  confirmFirst({
    title: `Delete project ${project.name}?`,
    text: 'Only a project without queues can be deleted. All roles in it are gone with it.',
    submit: 'Delete project',
    act: async () => {
      await deleteProject(session, project.id);
      toast(`Project ${project.name} is gone.`);
      await deleted();
    },
  });
}
