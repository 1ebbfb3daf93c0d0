// Where the console begins: finds out how one logs in here, and shows the door or the page that the address names.

import { fill, h } from './kit/dom.js';
import { emptiness, errorText, linkButton, notice, pageHead } from './kit/parts.js';
import { prepareToasts, toast } from './kit/toast.js';
import { applyTheme } from './theme.js';
import { door } from './door.js';
import { frame } from './frame.js';
import { findRoute, place } from './router.js';
import { routes } from './routes.js';
import { modeOfServer } from './session.js';

/** @typedef {import('./session.js').Session} Session */
/** @typedef {import('./session.js').Mode} Mode */

const root = h('div', {});
let current = new AbortController();

/** @param {Mode} mode */
function showDoor(mode) {
  current.abort();
  document.title = 'Log in · Rohrpost';
  const opened = door(mode, (session) => {
    session.onlost = () => {
      session.onlost = () => {};
      toast('The session has ended. Log in again.', 'bad');
      showDoor(mode);
    };
    enter(session);
  });
  fill(root, opened.element);
  opened.focus();
}

/** @param {Session} session */
function enter(session) {
  const shown = frame(session, {
    onleave: async () => {
      window.onhashchange = null;
      await session.leave();
      // Whoever comes next may not be let in to the place where this user was.
      history.replaceState(null, '', '#/');
      showDoor(session.mode);
    },
    onproject: () => {
      history.replaceState(null, '', '#/queues');
      enter(session);
    },
  });
  const visit = () => showPage(session, shown);
  window.onhashchange = visit;
  fill(root, shown.element);
  if (place().path === '/') {
    history.replaceState(null, '', session.project ? '#/queues' : '#/users');
  }
  visit();
}

/**
 * @param {Session} session
 * @param {import('./frame.js').Frame} shown
 */
async function showPage(session, shown) {
  current.abort();
  const mine = new AbortController();
  current = mine;
  shown.mark(place().path);
  const page = await makePage(session, mine.signal).catch((error) => troublePage(error));
  if (mine.signal.aborted) {
    return;
  }
  document.title = `${page.title} · Rohrpost`;
  shown.show(page.element);
}

/**
 * @param {Session} session
 * @param {AbortSignal} signal
 */
async function makePage(session, signal) {
  const found = findRoute(routes);
  if (!found) {
    return nowhere();
  }
  return found.route.page({ session, signal, at: found.at, query: found.query });
}

function nowhere() {
  const text = 'The address names no page of the console.';
  const way = linkButton('Queues', '#/queues', 'primary');
  return {
    title: 'Nothing here',
    element: h('div', { class: 'page' }, pageHead({ title: 'Nothing here' }), emptiness('No such page', text, way)),
  };
}

/** @param {unknown} error */
function troublePage(error) {
  const title = 'This page cannot be shown';
  const retry = h('button', { type: 'button', class: 'button', onclick: () => window.onhashchange?.call(window, new HashChangeEvent('hashchange')) }, 'Try again');
  return {
    title,
    element: h('div', { class: 'page' }, pageHead({ title }), notice('bad', errorText(error)), h('div', {}, retry)),
  };
}

async function begin() {
  applyTheme();
  document.body.append(root);
  prepareToasts();
  try {
    showDoor(await modeOfServer());
  } catch (error) {
    fill(root, h('main', { class: 'door' }, h('div', { class: 'card' }, h('h1', {}, 'Rohrpost'), notice('bad', errorText(error)))));
  }
}

begin();
