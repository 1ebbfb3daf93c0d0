// Logging in and out, and choosing a project.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DEMO, PASSWORD, Server, SHOP } from '../server.js';
import { browse, browseAs, logIn, press, server, toast } from '../world.js';

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
  await page.getByRole('link', { name: 'Queues' }).click();
  await toast(page, 'The session has ended.');
  await page.getByLabel('Password').waitFor();
  await change(PASSWORD);
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
  const open = await Server.start({ asksNobody: true });
  try {
    await browse(async (page) => {
      await page.getByLabel('Project id').fill('not an id');
      await press(page, 'Continue');
      await page.getByText('This must be 32 hexadecimal digits.').waitFor();
      await page.getByLabel('Project id').fill(DEMO);
      await press(page, 'Continue');
      await page.getByText('No queues yet').waitFor();
      await page.getByRole('link', { name: 'Quota' }).click();
      await title(page).filter({ hasText: 'Quota' }).waitFor();
      await page.getByRole('link', { name: 'Server' }).click();
      await title(page).filter({ hasText: 'Server' }).waitFor();
      await press(page, 'Other project');
      await page.getByLabel('Project id').waitFor();
    }, { origin: open.origin });
  } finally {
    await open.stop();
  }
});

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
