// Users, projects, roles, keys and quotas.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DEMO, PASSWORD } from '../server.js';
import { browse, browseAs, dialog, logIn, press, row, server, toast } from '../world.js';

test('an administrator makes a user, gives them a role, and they log in', async () => {
  await browseAs('ada', '#/users', async (page) => {
    await row(page, 'rita').waitFor();
    await press(page, 'Create user');
    await press(dialog(page), 'Create user');
    await dialog(page).getByText('This is needed.').waitFor();
    await dialog(page).getByLabel('Name').fill('nora');
    await dialog(page).getByLabel('Password').fill(PASSWORD);
    await press(dialog(page), 'Create user');
    await page.getByRole('heading', { name: 'nora' }).waitFor();
    await page.getByText('No roles').waitFor();
    await press(page, 'Give role');
    await dialog(page).getByLabel('Where').selectOption({ label: 'Project demo' });
    await dialog(page).getByLabel('Role').selectOption({ label: 'member' });
    await press(dialog(page), 'Give role');
    await row(page, 'demo').getByText('member').waitFor();
  });
  await browse(async (page) => {
    await logIn(page, 'nora');
    await page.getByRole('button', { name: 'Create queue' }).first().waitFor();
    assert.equal(await page.getByRole('link', { name: 'Users' }).count(), 0, 'only administrators see that');
  });
  await browseAs('ada', '#/users', async (page) => {
    await page.getByLabel('Search users').fill('nor');
    await page.getByRole('link', { name: 'nora' }).click();
    await press(page, 'Change');
    await dialog(page).getByLabel('Description').fill('Left in autumn');
    await dialog(page).getByLabel('May log in').uncheck();
    await press(dialog(page), 'Save');
    await page.getByText('Left in autumn').waitFor();
    await page.getByText('disabled').first().waitFor();
    await press(page, 'Set password');
    await dialog(page).getByLabel('New password').fill('something else');
    await press(dialog(page), 'Set password');
    await toast(page, 'The password of nora is set.');
    await press(page, 'Take away member in demo');
    await page.getByText('No roles').waitFor();
    await press(page, 'Delete user');
    await press(dialog(page), 'Delete user');
    await page.getByRole('heading', { name: 'Users' }).waitFor();
    await row(page, 'nora').waitFor({ state: 'detached' });
  });
});

test('a key is created with its secret shown once, turned off and deleted', () => browseAs('mia', '#/account', async (page) => {
  await press(page, 'Create key');
  await dialog(page).getByLabel('Description').fill('nightly job');
  await press(dialog(page), 'Create key');
  await page.getByText('The secret is shown only now.').waitFor();
  const [, secret] = await dialog(page).locator('code').allTextContents();
  assert.ok(secret.length > 20);
  await press(dialog(page), 'Done');
  const made = row(page, 'nightly job');
  await made.getByText('active', { exact: true }).waitFor();
  await page.getByText(secret, { exact: true }).waitFor({ state: 'detached' });
  await made.getByRole('button', { name: /^Disable/ }).click();
  await made.getByText('inactive').waitFor();
  await made.getByRole('button', { name: /^Enable/ }).click();
  await made.getByText('active', { exact: true }).waitFor();
  await made.getByRole('button', { name: /^Delete/ }).click();
  await press(dialog(page), 'Delete key');
  await page.getByText('No access keys').waitFor();
}));

test('everybody changes their own password', async () => {
  const { user } = await server.ask('POST', '/v3/users', { user: { name: 'paul', password: PASSWORD } });
  const { roles } = await server.ask('GET', '/v3/roles?name=reader');
  await server.ask('PUT', `/v3/projects/${DEMO}/users/${user.id}/roles/${roles[0].id}`);
  await browseAs('paul', '#/account', async (page) => {
    await page.getByLabel('Present password').fill(PASSWORD);
    await page.getByLabel('New password', { exact: true }).fill('a longer one');
    await page.getByLabel('New password again').fill('a longer two');
    await press(page, 'Change password');
    await page.getByText('The two are not the same.').waitFor();
    await page.getByLabel('New password again').fill('a longer one');
    await press(page, 'Change password');
    await toast(page, 'The password is changed.');
    await logIn(page, 'paul', 'a longer one');
    await page.getByRole('heading', { name: 'Account and keys' }).waitFor();
  });
  await server.ask('DELETE', `/v3/users/${user.id}`);
});

test('an administrator makes a project, sets its quota and deletes it', () => browseAs('ada', '#/projects', async (page) => {
  await row(page, 'shop').waitFor();
  await press(page, 'Create project');
  await dialog(page).getByLabel('Name').fill('winter');
  await press(dialog(page), 'Create project');
  await row(page, 'winter').getByRole('link').click();
  await page.getByText('What it may use now is shown only').waitFor();
  await page.getByText('Nobody yet').waitFor();
  await press(page, 'Change');
  await dialog(page).getByLabel('Description').fill('Cold');
  await press(dialog(page), 'Save');
  await page.getByText('Cold').waitFor();
  await page.getByLabel('Queues').fill('many');
  await press(page, 'Set quota');
  await page.getByText('This must be a whole number').waitFor();
  await page.getByLabel('Queues').fill('5');
  const set = page.waitForRequest((request) => request.method() === 'PUT' && request.url().endsWith('/quota'));
  await press(page, 'Set quota');
  await toast(page, 'The quota holds from now on.');
  const kept = { groups_per_queue: null, stored_bytes: null, requests_per_s: null, request_burst: null };
  assert.deepEqual((await set).postDataJSON(), { queues: 5, ...kept });
  await press(page, 'Delete project');
  await press(dialog(page), 'Delete project');
  await row(page, 'winter').waitFor({ state: 'detached' });
}));

test('a project’s own quota is shown with what is used of it', () => browseAs('ada', `#/projects/${DEMO}`, async (page) => {
  await page.getByText(/In effect: 30; used: \d+/).waitFor();
  await page.getByLabel('Requests per second').fill('5000');
  await press(page, 'Set quota');
  await toast(page, 'The quota holds from now on.');
  const { quota } = await server.ask('GET', `/ext/v1/${DEMO}/quota`);
  assert.equal(quota.requests_per_s.set, 5_000);
  assert.equal(quota.queues.set, null);
  await page.getByLabel('Requests per second').fill('');
  await press(page, 'Set quota');
  await row(page, 'mia').getByText('member').waitFor();
}));
