// Logging in and out, and choosing a project.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Keystone } from '../keystone.js';
import { DEMO, OPEN, PASSWORD, Server, SHOP } from '../server.js';
import { browse, browseAs, dialog, logIn, look, press, row, server, toast } from '../world.js';

/** @param {import('playwright-core').Page} page */
const title = (page) => page.getByRole('heading', { level: 1 });

test('a user logs in with the keyboard and out again', () => browse(async (page) => {
  await page.getByLabel('User').waitFor();
  await page.keyboard.type('ada');
  await page.keyboard.press('Tab');
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press('Enter');
  await title(page).filter({ hasText: 'Queues' }).waitFor();
  assert.equal(await page.title(), 'Queues · Rohrpost');
  await press(page, 'Log out');
  await page.getByLabel('Password').waitFor();
}));

test('a wrong password is refused in words', () => browse(async (page) => {
  await logIn(page, 'ada', 'wrong');
  await page.getByRole('alert').filter({ hasText: 'The user or the password is wrong.' }).waitFor();
}));

test('what is missing is said before anything is sent', () => browse(async (page) => {
  await press(page, 'Log in');
  assert.equal(await page.getByText('This is needed.').count(), 2);
}));

test('the token stays out of the browser’s storage, and a reload forgets it', () => browseAs('ada', '#/queues', async (page) => {
  const kept = await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie]);
  assert.deepEqual(kept, [0, 0, '']);
  await page.reload();
  await page.getByLabel('Password').waitFor();
}));

test('logging out makes the token void', () => browse(async (page) => {
  const used = page.waitForRequest((request) => 'x-auth-token' in request.headers() && request.url().includes('/overview'));
  await logIn(page, 'mia');
  const token = (await used).headers()['x-auth-token'];
  const ask = () => fetch(`${server.origin}/v1.0/${DEMO}/queues`, { headers: { 'X-Auth-Token': token } });
  assert.equal((await ask()).status, 200);
  await press(page, 'Log out');
  await page.getByLabel('Password').waitFor();
  assert.equal((await ask()).status, 401);
}));

test('a session that has ended asks to log in again', () => browseAs('mia', '#/account', async (page) => {
  const users = await server.ask('GET', '/v3/users?name=mia');
  const change = (/** @type {string} */ password) => server.ask('PATCH', `/v3/users/${users.users[0].id}`, { user: { password } });
  await change('another');
  try {
    await page.getByRole('link', { name: 'Queues' }).click();
    await toast(page, 'The session has ended.');
    await page.getByLabel('Password').waitFor();
  } finally {
    await change(PASSWORD);
  }
}));

test('who has several projects chooses one, and may change it', async () => {
  const { users } = await server.ask('GET', '/v3/users?name=mia');
  const { roles } = await server.ask('GET', '/v3/roles?name=reader');
  const role = `/v3/projects/${SHOP}/users/${users[0].id}/roles/${roles[0].id}`;
  await server.ask('PUT', role);
  try {
    await browse(async (page) => {
      await logIn(page, 'mia');
      await page.getByLabel('Project').selectOption({ label: 'shop' });
      await press(page, 'Continue');
      await title(page).filter({ hasText: 'Queues' }).waitFor();
      assert.equal(await page.getByRole('button', { name: 'Create queue' }).count(), 0, 'a reader creates none');
      await page.getByLabel('Project').selectOption({ label: 'demo' });
      await page.getByRole('button', { name: 'Create queue' }).waitFor();
    });
  } finally {
    await server.ask('DELETE', role);
  }
});

test('where nobody is asked, a project is named', async () => {
  const open = await Server.start(OPEN);
  try {
    await browse(async (page) => {
      await page.getByText('Nobody has to log in at this server').waitFor();
      await look(page, 'door-open', { size: 'usual', scheme: 'light' });
      await page.getByLabel('Project id').fill('not an id');
      await press(page, 'Continue');
      await page.getByText('This must be 32 hexadecimal digits.').waitFor();
      await page.getByLabel('Project id').fill(DEMO);
      await press(page, 'Continue');
      await page.getByText('No queues yet').waitFor();
      await press(page, 'Create the first queue');
      await dialog(page).getByLabel('Name').fill('anybodys');
      await press(dialog(page), 'Create queue');
      await row(page, 'anybodys').waitFor();
      await page.getByRole('link', { name: 'Quota' }).click();
      await title(page).filter({ hasText: 'Quota' }).waitFor();
      await page.getByRole('link', { name: 'Audit' }).click();
      await row(page, 'anybodys').getByRole('cell', { name: '–' }).first().waitFor();
      await page.getByRole('link', { name: 'Server' }).click();
      await title(page).filter({ hasText: 'Server' }).waitFor();
      await press(page, 'Other project');
      await page.getByLabel('Project id').waitFor();
    }, { origin: open.origin });
  } finally {
    await open.stop();
  }
});

/**
 * A server whose users are those of this Keystone, and a browser before it.
 * @param {Record<string, string>} roles of the tokens that the Keystone knows
 * @param {(page: import('playwright-core').Page, keystone: Keystone) => Promise<void>} act
 * @param {import('../world.js').Wish} [wish]
 */
async function withKeystone(roles, act, wish = {}) {
  const keystone = await Keystone.start(DEMO, roles);
  try {
    const guarded = await Server.start(keystone.settings);
    try {
      await browse((page) => act(page, keystone), { origin: guarded.origin, ...wish });
    } finally {
      await guarded.stop();
    }
  } finally {
    await keystone.stop();
  }
}

/**
 * @param {import('playwright-core').Page} page
 * @param {string} token
 * @param {string} [project]
 */
async function showToken(page, token, project = DEMO) {
  await page.getByLabel('Token', { exact: true }).fill(token);
  await page.getByLabel('Project id').fill(project);
  await press(page, 'Log in');
}

test('where another Keystone keeps the users, its token lets in with the role it has there', () => withKeystone(
  { 'of-an-admin': 'admin', 'of-a-member': 'member', 'of-a-reader': 'reader' },
  async (page) => {
    await page.getByText('The users of this server are kept by another Keystone.').waitFor();
    await look(page, 'door-keystone', { size: 'usual', scheme: 'light' });
    await showToken(page, 'of-an-admin');
    await press(page, 'Create the first queue');
    await dialog(page).getByLabel('Name').fill('shared');
    await press(dialog(page), 'Create queue');
    await page.getByRole('link', { name: 'Quota' }).click();
    await page.getByText(/In effect: 30; used: 1/).waitFor();
    await page.getByRole('link', { name: 'Audit' }).click();
    await row(page, 'createQueue').getByRole('cell', { name: 'alice' }).waitFor();
    assert.equal(await page.getByRole('link', { name: 'Users' }).count(), 0, 'they are not kept here');
    await press(page, 'Log out');

    await showToken(page, 'of-a-member');
    await page.getByRole('button', { name: 'Create queue' }).waitFor();
    assert.equal(await page.evaluate(() => location.hash), '#/queues', 'not where the one before was');
    assert.equal(await page.getByRole('link', { name: 'Server' }).count(), 0);
    await page.getByRole('link', { name: 'shared' }).click();
    await page.getByRole('link', { name: 'Messages' }).click();
    await page.getByText('No messages here').waitFor();
    await press(page, 'Log out');

    await showToken(page, 'of-a-reader');
    await page.getByRole('link', { name: 'shared' }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Create queue' }).count(), 0, 'a reader creates none');
  }));

test('a token that another Keystone does not know, or knows for another project, is refused in words', () => withKeystone(
  { good: 'member' },
  async (page, keystone) => {
    const says = (/** @type {string} */ text) => page.getByRole('alert').filter({ hasText: text }).waitFor();
    await press(page, 'Log in');
    await page.getByText('This is needed.').waitFor();
    await showToken(page, 'made-up');
    await says('The Keystone does not know this token, or it has expired.');
    await showToken(page, 'good', SHOP);
    await says('The token or key is not for this project');
    await keystone.stop();
    await showToken(page, 'another');
    await says('DMS.10250005');
    assert.equal(await page.getByRole('link', { name: 'Queues' }).count(), 0);
  }, { mayBeRefused: true }));

test('the chosen colours are kept', () => browseAs('ada', '#/queues', async (page) => {
  const ground = () => page.evaluate(() => getComputedStyle(document.body.parentElement ?? document.body).backgroundColor);
  const light = await ground();
  await page.getByLabel('Theme').selectOption('dark');
  assert.notEqual(await ground(), light);
  await page.reload();
  await page.getByLabel('User').waitFor();
  assert.notEqual(await ground(), light);
}));

test('an address that names no page says so', () => browseAs('ada', '#/nowhere', async (page) => {
  await page.getByText('The address names no page of the console.').waitFor();
  await page.getByRole('main').getByRole('link', { name: 'Queues' }).click();
  await title(page).filter({ hasText: 'Queues' }).waitFor();
}));
