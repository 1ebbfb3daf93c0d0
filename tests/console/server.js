// The real server, on a folder and a port of its own, with users; and what a program asks of it.

import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const PASSWORD = 'correct horse';
export const DEMO = '0123456789abcdef0123456789abcdef';
export const SHOP = 'fedcba9876543210fedcba9876543210';

/** Each with a role in the project demo. */
export const USERS = { ada: 'admin', mia: 'member', rita: 'reader' };

/** A server that keeps these users itself. */
const DECLARED = `
[auth]
mode = "local"
${Object.entries({ demo: DEMO, shop: SHOP }).map(([name, id]) => `[[auth.projects]]\nname = "${name}"\nid = "${id}"`).join('\n')}
${Object.entries(USERS).map(([name, role]) => (
  `[[auth.users]]\nname = "${name}"\npassword = "${PASSWORD}"\nproject = "demo"\nrole = "${role}"`)).join('\n')}
`;

/** One that asks nobody. */
export const OPEN = '[auth]\nmode = "none"\n';

/** A server that runs. */
export class Server {
  /**
   * @param {import('node:child_process').ChildProcess} child
   * @param {string} folder
   * @param {string} origin
   */
  constructor(child, folder, origin) {
    this.child = child;
    this.folder = folder;
    this.origin = origin;
    /** @type {Map<string, string>} tokens by user and project */
    this.tokens = new Map();
  }

  /** @param {string} settings what its file of settings says */
  static async start(settings = DECLARED) {
    const folder = await mkdtemp(join(tmpdir(), 'rohrpost-console-'));
    const config = join(folder, 'config.toml');
    await writeFile(config, settings);
    const flags = ['--config', config, '--listen', '127.0.0.1:0', '--data', join(folder, 'data')];
    const program = process.env.ROHRPOST_BIN ?? 'rohrpost';
    const child = spawn(program, flags, { stdio: ['ignore', process.stderr, 'pipe'] });
    for await (const line of createInterface({ input: child.stderr })) {
      const origin = line.match(/https?:\/\/[^ ]+/)?.[0];
      if (origin) {
        child.stderr.resume();
        return new Server(child, folder, origin);
      }
    }
    throw new Error('the server did not say where it serves');
  }

  async stop() {
    const ended = new Promise((resolve) => {
      this.child.once('exit', resolve);
    });
    this.child.kill('SIGTERM');
    await ended;
    await rm(this.folder, { recursive: true });
  }

  /**
   * @param {string} user
   * @param {string} project
   */
  async token(user, project = DEMO) {
    const key = `${user} ${project}`;
    const kept = this.tokens.get(key);
    if (kept) {
      return kept;
    }
    const password = { user: { name: user, domain: { id: 'default' }, password: PASSWORD } };
    const auth = { identity: { methods: ['password'], password }, scope: { project: { id: project } } };
    const response = await fetch(`${this.origin}/v3/auth/tokens`, { method: 'POST', body: JSON.stringify({ auth }) });
    const token = response.headers.get('X-Subject-Token');
    if (!token) {
      throw new Error(`${user} cannot log in: ${await response.text()}`);
    }
    this.tokens.set(key, token);
    return token;
  }

  /**
   * Asks as this user; what is refused is an error.
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @param {string} [user]
   * @returns {Promise<any>}
   */
  async ask(method, path, body, user = 'ada') {
    const response = await fetch(this.origin + path, {
      method,
      headers: { 'X-Auth-Token': await this.token(user) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) {
      throw new Error(`${method} ${path}: ${response.status} ${text}`);
    }
    return text === '' ? null : JSON.parse(text);
  }

  /**
   * Makes a queue with groups; gives the ids.
   * @param {object} fields
   * @param {...string} groups
   */
  async queue(fields, ...groups) {
    const { id } = await this.ask('POST', `/v1.0/${DEMO}/queues`, fields);
    /** @type {Record<string, string>} */
    const ids = {};
    for (const name of groups) {
      const made = await this.ask('POST', `/v1.0/${DEMO}/queues/${id}/groups`, { groups: [{ name }] });
      ids[name] = made.groups[0].id;
    }
    return { id, groups: ids, path: `/v1.0/${DEMO}/queues/${id}` };
  }

  /**
   * @param {{path: string}} queue
   * @param {...object} messages
   */
  async send({ path }, ...messages) {
    for (let at = 0; at < messages.length; at += 10) {
      await this.ask('POST', `${path}/messages`, { messages: messages.slice(at, at + 10) });
    }
  }

  /**
   * Consumes some messages and says how they went.
   * @param {{path: string}} queue
   * @param {string} group
   * @param {'success' | 'fail'} status
   * @param {number} [number]
   */
  async settle({ path }, group, status, number = 10) {
    const messages = await this.ask('GET', `${path}/groups/${group}/messages?max_msgs=${number}&time_wait=1`);
    if (messages.length > 0) {
      const message = messages.map((/** @type {{handler: string}} */ { handler }) => ({ handler, status }));
      await this.ask('POST', `${path}/groups/${group}/ack`, { message });
    }
    return messages.length;
  }
}
