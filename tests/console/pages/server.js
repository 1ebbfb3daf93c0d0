// The server's page.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PASSWORD } from '../server.js';
import { browseAs, row, server } from '../world.js';

test('an administrator sees the server and its settings, without secrets', () => browseAs('ada', '#/server', async (page) => {
  const { version } = await server.ask('GET', '/ext/v1/server');
  await page.getByText(version, { exact: true }).waitFor();
  await page.getByText('serves', { exact: true }).waitFor();
  await page.getByLabel('Used part of the disk').waitFor();
  await page.getByLabel('Search settings').fill('auth.');
  await row(page, 'auth.users').waitFor();
  await row(page, 'http.listen').waitFor({ state: 'detached' });
  assert.equal(await page.getByText(PASSWORD).count(), 0);
}));

test('who is no administrator is refused in words', () => browseAs('mia', '#/server', async (page) => {
  await page.getByRole('alert').filter({ hasText: 'DMS.10240311' }).waitFor();
}));
