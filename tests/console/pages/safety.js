// What others wrote stays text.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PASSWORD } from '../server.js';
import { browseAs, dialog, press, row, server } from '../world.js';

const HOSTILE = '<img src=x onerror="document.title=\'taken\'"><script>document.title="taken"</script>';

/** @param {import('playwright-core').Page} page */
async function assertUnharmed(page) {
  assert.notEqual(await page.title(), 'taken');
  assert.equal(await page.locator('main img, main script, dialog img, dialog script').count(), 0);
}

test('hostile messages stay text', async () => {
  const queue = await server.queue({ name: 'hostile' }, 'g');
  await server.send(queue, { body: HOSTILE, attributes: { [HOSTILE]: HOSTILE } });
  await browseAs('mia', `#/queues/${queue.id}/messages`, async (page) => {
    await press(page, HOSTILE);
    await dialog(page).locator('pre', { hasText: HOSTILE }).waitFor();
    await dialog(page).locator('dt', { hasText: HOSTILE }).waitFor();
    await assertUnharmed(page);
  });
  await browseAs('mia', `#/queues/${queue.id}/try`, async (page) => {
    await press(page, 'Ask once');
    await press(page, HOSTILE);
    await assertUnharmed(page);
  });
  await server.ask('DELETE', queue.path);
});

test('hostile names stay text', async () => {
  const { user } = await server.ask('POST', '/v3/users', { user: { name: HOSTILE, password: PASSWORD, description: HOSTILE } });
  const { project } = await server.ask('POST', '/v3/projects', { project: { name: '<img src=x onerror=alert(1)>' } });
  await browseAs('ada', '#/users', async (page) => {
    await row(page, HOSTILE).getByRole('link').click();
    await page.getByRole('heading', { name: HOSTILE }).waitFor();
    await assertUnharmed(page);
    await page.getByRole('link', { name: 'Projects' }).click();
    await row(page, '<img').getByRole('link').click();
    await page.getByRole('heading', { name: '<img' }).waitFor();
    await assertUnharmed(page);
  });
  await browseAs('ada', `#/audit?user=ada&trace=createUser`, async (page) => {
    await row(page, HOSTILE).getByRole('button', { name: 'createUser' }).click();
    await dialog(page).getByText(HOSTILE).waitFor();
    await assertUnharmed(page);
  });
  await server.ask('DELETE', `/v3/users/${user.id}`);
  await server.ask('DELETE', `/v3/projects/${project.id}`);
});

test('the browser itself refuses script within the page and markup made of texts', () => browseAs('mia', '#/queues', async (page) => {
  const found = await page.evaluate(async () => {
    const refused = new Promise((resolve) => {
      document.addEventListener('securitypolicyviolation', (event) => resolve(event.violatedDirective), { once: true });
      setTimeout(resolve, 2_000, 'nothing was refused');
    });
    const script = document.createElement('script');
    try {
      script.textContent = 'document.title = "taken"';
      document.body.append(script);
    } catch {
      // This, too, is refused.
    }
    return { directive: await refused, title: document.title };
  });
  assert.match(String(found.directive), /require-trusted-types-for|script-src/);
  assert.notEqual(found.title, 'taken');
}, { mayBeRefused: true }));
