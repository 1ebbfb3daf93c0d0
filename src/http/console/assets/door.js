// The door: logging in as a user of this server, showing a token of another Keystone, or just naming a project.

import { fill, h } from './kit/dom.js';
import { field, form } from './kit/form.js';
import { projectId, required } from './kit/rules.js';
import { Session } from './session.js';
import { Refusal } from './api.js';

/** @typedef {import('./session.js').Mode} Mode */
/** @typedef {(session: Session) => void} Opened */

/** What the server calls a token that is none, and one that has expired. */
const IS_NO_TOKEN = new Set(['DMS.10240101', 'DMS.10240102']);

/** The project that was worked in last, where no log-in says it. It is no secret: nobody is asked there. */
const LAST_PROJECT = 'rohrpost.project';

/**
 * @param {Mode} mode
 * @param {Opened} opened
 */
export function door(mode, opened) {
  const inside = h('div', { class: 'card' });
  const element = h('main', { class: 'door' },
    h('div', { class: 'brand' }, h('img', { src: '/console/icon.svg', alt: '' }), h('span', {}, 'Rohrpost')),
    inside);
  const focus = () => inside.querySelector('input')?.focus();
  /** @param {HTMLElement[]} content */
  const show = (...content) => {
    fill(inside, content);
    focus();
  };
  if (mode === 'local') {
    showPassword(show, opened);
  } else if (mode === 'keystone') {
    showToken(show, opened);
  } else {
    showProject(show, opened);
  }
  return { element, focus };
}

/** @typedef {(...content: HTMLElement[]) => void} Show */

/**
 * @param {Show} show
 * @param {Opened} opened
 */
function showPassword(show, opened) {
  const name = field({ label: 'User', check: required, more: { autocomplete: 'username', autocapitalize: 'none' } });
  const password = field({
    label: 'Password', type: 'password', check: required, more: { autocomplete: 'current-password' },
  });
  const act = async () => {
    const session = await Session.ofUser(name.value(), password.value()).catch((error) => {
      throw error instanceof Refusal && error.status === 401 ? new Error('The user or the password is wrong.') : error;
    });
    await enterFirst(session, show, opened);
  };
  show(h('h1', {}, 'Log in'), form({ fields: [name, password], submit: 'Log in', act }));
}

/**
 * Enters the only project there is, or asks which.
 * @param {Session} session
 * @param {Show} show
 * @param {Opened} opened
 */
async function enterFirst(session, show, opened) {
  if (session.projects.length > 1) {
    showProjects(session, show, opened);
    return;
  }
  if (session.projects.length === 1) {
    await session.enter(session.projects[0].id);
  } else {
    await session.enterDomain().catch(() => {
      throw new Error('The user has no role in any project. An administrator can give one.');
    });
  }
  opened(session);
}

/**
 * @param {Session} session
 * @param {Show} show
 * @param {Opened} opened
 */
function showProjects(session, show, opened) {
  const project = field({
    label: 'Project', type: 'select', options: session.projects.map(({ id, name }) => [id, name]),
  });
  const act = async () => {
    await session.enter(project.value());
    opened(session);
  };
  show(h('h1', {}, `Welcome, ${session.user?.name}`), form({ fields: [project], submit: 'Continue', act }));
  project.input.focus();
}

/**
 * @param {Show} show
 * @param {Opened} opened
 */
function showToken(show, opened) {
  const token = field({
    label: 'Token', type: 'password', check: required, hint: 'Logging out forgets it here; at the Keystone it stays valid.',
  });
  const project = field({ label: 'Project id', check: projectId, hint: 'The project that the token is for.' });
  const act = async () => {
    const session = await Session.ofToken('keystone', project.value().trim(), token.value().trim()).catch((error) => {
      throw IS_NO_TOKEN.has(error.code) ? new Error('The Keystone does not know this token, or it has expired.') : error;
    });
    opened(session);
  };
  show(h('h1', {}, 'Log in'),
    h('p', {}, 'The users of this server are kept by another Keystone. Get a token there, for the project that you want to work in:'),
    h('pre', { class: 'notice' }, 'openstack token issue -c id -c project_id'),
    form({ fields: [token, project], submit: 'Log in', act }));
}

/**
 * @param {Show} show
 * @param {Opened} opened
 */
function showProject(show, opened) {
  const project = field({
    label: 'Project id', value: localStorage.getItem(LAST_PROJECT) ?? '0123456789abcdef0123456789abcdef', check: projectId,
    hint: '32 hexadecimal digits, of your choice. Nobody has to log in at this server (auth.mode is none).',
  });
  const act = async () => {
    const id = project.value().trim();
    const session = await Session.ofToken('none', id, null);
    localStorage.setItem(LAST_PROJECT, id);
    opened(session);
  };
  show(h('h1', {}, 'Choose a project'), form({ fields: [project], submit: 'Continue', act }));
}
