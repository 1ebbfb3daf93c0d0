// What all tests share: a server, a browser, and people who use the console with it.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { after } from 'node:test';
import { chromium } from 'playwright-core';

import { PASSWORD, Server } from './server.js';

/** @typedef {import('playwright-core').Page} Page */

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

const here = fileURLToPath(new URL('.', import.meta.url));
export const SCREENSHOTS = `${here}screenshots`;
export const README_IMAGES = fileURLToPath(new URL('../../docs/images', import.meta.url));

export const SIZES = { wide: { width: 1920, height: 1080 }, usual: { width: 1280, height: 800 }, narrow: { width: 375, height: 812 } };

await mkdir(SCREENSHOTS, { recursive: true });
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const [started, browser, axe] = await Promise.all([
  Server.start(),
  chromium.launch({ executablePath, args: FLAGS }),
  readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'),
]);

/** The server that all tests use. */
export const server = started;

after(async () => {
  await browser.close();
  await server.stop();
});

/** What a page must never say. A refusal is not among it: that is what some tests are about. */
const IS_REFUSAL = /^Failed to load resource: the server responded with a status of 4\d\d/;

/**
 * @typedef {object} Wish
 * @property {string} [origin]
 * @property {keyof typeof SIZES} [size]
 * @property {'light' | 'dark'} [scheme]
 * @property {boolean} [mayBeRefused] whether the browser may refuse something, as that is what the test is about
 */

/**
 * Opens the console, does something there, and checks that nothing went wrong unseen.
 * @param {(page: Page) => Promise<void>} act
 * @param {Wish} [wish]
 */
export async function browse(act, { origin = server.origin, size = 'usual', scheme = 'light', mayBeRefused = false } = {}) {
  const context = await browser.newContext({
    viewport: SIZES[size], colorScheme: scheme, reducedMotion: 'reduce', timezoneId: 'UTC', locale: 'en-GB',
  });
  context.setDefaultTimeout(10_000);
  /** @type {string[]} */
  const wrongs = [];
  const page = await context.newPage();
  page.on('pageerror', (error) => wrongs.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !IS_REFUSAL.test(message.text())) {
      wrongs.push(`${message.type()}: ${message.text()}`);
    }
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(origin)) {
      wrongs.push(`asked elsewhere: ${request.url()}`);
    }
  });
  try {
    await page.goto(`${origin}/console`);
    await act(page);
  } catch (error) {
    await page.screenshot({ path: `${SCREENSHOTS}/failed.png` });
    throw error;
  } finally {
    await context.close();
  }
  if (!mayBeRefused) {
    assert.deepEqual(wrongs, []);
  }
}

/**
 * Logs in through the door.
 * @param {Page} page
 * @param {string} user
 * @param {string} [password]
 */
export async function logIn(page, user, password = PASSWORD) {
  await page.getByLabel('User').fill(user);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
}

/**
 * The same as [`browse`], logged in and on a page.
 * @param {string} user
 * @param {string} place
 * @param {(page: Page) => Promise<void>} act
 * @param {Wish} [wish]
 */
export function browseAs(user, place, act, wish) {
  return browse(async (page) => {
    await page.evaluate((place) => {
      location.hash = place;
    }, place);
    await logIn(page, user);
    await page.locator('.page').waitFor();
    await act(page);
  }, wish);
}

/**
 * Presses a button with this name.
 * @param {Page | import('playwright-core').Locator} within
 * @param {string} name
 */
export function press(within, name) {
  return within.getByRole('button', { name, exact: true }).click();
}

/**
 * The dialog that is open.
 * @param {Page} page
 */
export function dialog(page) {
  return page.getByRole('dialog');
}

/**
 * Waits until a toast says this.
 * @param {Page} page
 * @param {string} text
 */
export function toast(page, text) {
  return page.locator('.toast', { hasText: text }).last().waitFor();
}

/**
 * The row of a table that has this text.
 * @param {Page | import('playwright-core').Locator} within
 * @param {string} text
 */
export function row(within, text) {
  return within.locator('tbody tr', { hasText: text });
}

/**
 * Checks that nothing on the page keeps people from using it: no serious or critical finding of axe.
 * @param {Page} page
 * @param {string} where
 */
async function assertAccessible(page, where) {
  await page.evaluate(axe);
  const findings = await page.evaluate(async () => {
    // @ts-expect-error axe has just been loaded into the page
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'] });
    return violations.map((/** @type {any} */ one) => ({
      id: one.id, impact: one.impact, targets: one.nodes.map((/** @type {any} */ node) => node.target.join(' ')),
    }));
  });
  const serious = findings.filter((/** @type {any} */ one) => ['serious', 'critical'].includes(one.impact));
  assert.deepEqual(serious, [], where);
}

/**
 * Checks that the page does not scroll sideways.
 * @param {Page} page
 * @param {string} where
 */
async function assertFits(page, where) {
  const [wanted, given] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  assert.ok(wanted <= given, `${where} is ${wanted} wide in a window of ${given}`);
}

/**
 * Checks that the navigation shows where one is, even where there is no room for all of it.
 * @param {Page} page
 * @param {string} where
 */
async function assertPlaceIsShown(page, where) {
  const isCutOff = await page.locator('.side [aria-current]').evaluateAll((links) => links.some((link) => {
    const { left, right } = link.getBoundingClientRect();
    return left < 0 || right > window.innerWidth;
  }));
  assert.ok(!isCutOff, `${where}: the navigation does not show the current page`);
}

/** @typedef {{size: keyof typeof SIZES, scheme: 'light' | 'dark'}} Look */

/**
 * Looks at what is shown now, and leaves a picture of it.
 * @param {Page} page
 * @param {string} name
 * @param {Look} look
 */
export async function look(page, name, { size, scheme }) {
  const where = `${name}-${size}-${scheme}`;
  // A dialog stays where it is in the window, however long the page below it is.
  const fullPage = await dialog(page).count() === 0;
  await page.screenshot({ path: `${SCREENSHOTS}/${where}.png`, fullPage });
  await assertFits(page, where);
  await assertPlaceIsShown(page, where);
  await assertAccessible(page, where);
}
