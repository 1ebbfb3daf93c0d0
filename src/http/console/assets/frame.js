// The frame around every page: head, navigation, and the place of the page.

import { fill, h } from './kit/dom.js';
import { button, errorText } from './kit/parts.js';
import { toast } from './kit/toast.js';
import { chooseTheme, theme } from './theme.js';

/** @typedef {import('./session.js').Session} Session */

/**
 * @typedef {object} Frame
 * @property {HTMLElement} element
 * @property {(path: string) => void} mark shows where in the navigation a path is
 * @property {(page: HTMLElement) => void} show
 */

/**
 * The parts of the navigation: a title, and links with the paths below which they are current.
 * @param {Session} session
 * @returns {[string, [string, string][]][]}
 */
function navigation(session) {
  /** @type {[string, [string, string][]][]} */
  const parts = [];
  if (session.project) {
    parts.push(['Messages', [['Queues', '/queues']]]);
  }
  if (session.hasUsers) {
    parts.push(['You', [['Account and keys', '/account']]]);
  }
  if (session.isAdministrator) {
    /** @type {[string, string][]} */
    const links = session.hasUsers ? [['Users', '/users'], ['Projects', '/projects']] : [['Quota', '/quota']];
    parts.push(['Administration', [...links, ['Audit', '/audit'], ['Server', '/server']]]);
  }
  return parts;
}

/**
 * @param {Session} session
 * @param {{onleave: () => void, onproject: () => void}} on
 * @returns {Frame}
 */
export function frame(session, on) {
  const parts = navigation(session);
  const links = parts.flatMap(([, links]) => links).map(([text, path]) => ({
    path,
    element: h('a', { href: `#${path}` }, text),
  }));
  const list = (/** @type {[string, string][]} */ wanted) => h('ul', {},
    wanted.map(([, path]) => h('li', {}, links.find((link) => link.path === path)?.element)));
  const main = h('main', { class: 'main', id: 'main', tabindex: -1 });
  const skip = (/** @type {Event} */ event) => {
    event.preventDefault();
    main.focus();
  };
  const nav = h('nav', { class: 'side', 'aria-label': 'Pages' }, parts.map(([title, links]) => [h('h2', {}, title), list(links)]));
  const element = h('div', { class: 'frame' },
    h('a', { class: 'skip', href: '#main', onclick: skip }, 'To the page'),
    h('header', { class: 'head' },
      h('a', { class: 'brand', href: session.project ? '#/queues' : '#/users', 'aria-label': 'Rohrpost' },
        h('img', { src: '/console/icon.svg', alt: '' }), h('span', {}, 'Rohrpost')),
      h('div', { class: 'head-tools' }, projectSwitch(session, on.onproject), themeSwitch(), leaving(session, on.onleave))),
    nav,
    main);
  return {
    element,
    mark(path) {
      for (const link of links) {
        const isHere = path === link.path || path.startsWith(`${link.path}/`);
        if (isHere) {
          link.element.setAttribute('aria-current', 'page');
          nav.scrollLeft = link.element.offsetLeft - (nav.clientWidth - link.element.offsetWidth) / 2;
        } else {
          link.element.removeAttribute('aria-current');
        }
      }
    },
    show(page) {
      fill(main, page);
      window.scrollTo(0, 0);
      page.querySelector('h1')?.focus({ preventScroll: true });
    },
  };
}

/**
 * @param {Session} session
 * @param {() => void} onproject
 */
function projectSwitch(session, onproject) {
  if (!session.project) {
    return null;
  }
  if (session.projects.length < 2) {
    return h('span', { class: 'project' }, h('span', { class: 'unseen' }, 'Project '), session.project.name);
  }
  const options = session.projects.map(({ id, name }) => h('option', { value: id }, name));
  const choose = async (/** @type {Event} */ event) => {
    const select = /** @type {HTMLSelectElement} */ (event.target);
    try {
      await session.enter(select.value);
      onproject();
    } catch (error) {
      select.value = session.project?.id ?? '';
      toast(errorText(error), 'bad');
    }
  };
  return h('select', { 'aria-label': 'Project', value: session.project.id, onchange: choose }, options);
}

function themeSwitch() {
  const choose = (/** @type {Event} */ event) => {
    const { value } = /** @type {HTMLSelectElement} */ (event.target);
    chooseTheme(/** @type {import('./theme.js').Theme} */ (value));
  };
  const options = [['system', 'System theme'], ['light', 'Light theme'], ['dark', 'Dark theme']];
  return h('select', { 'aria-label': 'Theme', value: theme(), onchange: choose },
    options.map(([value, text]) => h('option', { value }, text)));
}

/**
 * @param {Session} session
 * @param {() => void} onleave
 */
function leaving(session, onleave) {
  const word = session.mode === 'none' ? 'Other project' : 'Log out';
  return [session.user && h('span', { class: 'who' }, session.user.name), button(word, onleave)];
}
