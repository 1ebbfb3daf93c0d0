// Who is logged in, for which project, and what they may do there.
//
// The token lives in this module's memory and nowhere else: not in a cookie, which other sites could ride on, and not
// in the browser's storage, where it would outlive the page. So a reload asks for the password again.

import { ask, path, Refusal } from './api.js';

/** @typedef {import('./api.js').Request} Request */
/** @typedef {{id: string, name: string}} Named */
/** @typedef {'reader' | 'member' | 'admin'} Role */
/** @typedef {'local' | 'keystone' | 'none'} Mode */

/** @type {Role[]} */
const ROLES = ['reader', 'member', 'admin'];

/** The id of a queue that nobody has. */
const NO_QUEUE = '00000000-0000-0000-0000-000000000000';

/**
 * @typedef {object} Issued
 * @property {string} token
 * @property {Named} user
 * @property {Named | null} project
 * @property {Role | null} role
 */

/**
 * Logs in as to any Keystone.
 * @param {object} identity
 * @param {object | string} scope
 * @returns {Promise<Issued>}
 */
async function issue(identity, scope) {
  const body = { auth: { identity, scope } };
  const { json, headers } = await ask('/v3/auth/tokens?nocatalog', { method: 'POST', body });
  const { user, project, roles = [] } = json.token;
  const held = ROLES.filter((role) => roles.some((/** @type {Named} */ one) => one.name === role));
  return { token: headers.get('X-Subject-Token') ?? '', user, project: project ?? null, role: held.at(-1) ?? null };
}

/** @param {string} token */
const byToken = (token) => ({ methods: ['token'], token: { id: token } });

/** A user who has logged in. */
export class Session {
  /** @type {string | null} for no project: only to ask which there are, and to get tokens for them */
  #unscoped = null;

  /** @type {string | null} */
  #token = null;

  /** @type {() => void} called when the server does not accept the token any more */
  onlost = () => {};

  /** @param {Mode} mode */
  constructor(mode) {
    this.mode = mode;
    /** @type {Named | null} */
    this.user = null;
    /** @type {Named[]} */
    this.projects = [];
    /** @type {Named | null} */
    this.project = null;
    /** @type {Role | null} */
    this.role = null;
    this.isAdministrator = false;
  }

  /**
   * Logs in as a user of this server, and lists their projects. None is chosen yet.
   * @param {string} name
   * @param {string} password
   */
  static async ofUser(name, password) {
    const session = new Session('local');
    const user = { name, password, domain: { id: 'default' } };
    const issued = await issue({ methods: ['password'], password: { user } }, 'unscoped');
    session.#unscoped = issued.token;
    session.user = issued.user;
    const { json } = await ask('/v3/auth/projects', { token: issued.token });
    session.projects = json.projects.filter((/** @type {{enabled: boolean}} */ project) => project.enabled);
    return session;
  }

  /**
   * Enters a project without a password: with a token of another Keystone, or with nothing where nobody is asked.
   * @param {Mode} mode
   * @param {string} projectId
   * @param {string | null} token
   */
  static async ofToken(mode, projectId, token) {
    const session = new Session(mode);
    session.#token = token;
    session.project = { id: projectId, name: projectId };
    session.projects = [session.project];
    await session.ask(path`/v1.0/${projectId}/quotas/dms`);
    session.role = await session.#tryRole(projectId);
    session.isAdministrator = session.role === 'admin';
    return session;
  }

  /**
   * The role in the project, which only who issued the token could tell: tries what takes each of them.
   * @param {string} projectId
   * @returns {Promise<Role>}
   */
  async #tryRole(projectId) {
    if (await this.#may('/ext/v1/server')) {
      return 'admin';
    }
    return await this.#may(path`/ext/v1/${projectId}/queues/${NO_QUEUE}/messages`) ? 'member' : 'reader';
  }

  /**
   * Whether the user may ask this. The server decides that before it looks for what is asked about.
   * @param {string} where
   */
  async #may(where) {
    try {
      await this.ask(where);
      return true;
    } catch (error) {
      if (error instanceof Refusal && [403, 404].includes(error.status)) {
        return error.status === 404;
      }
      throw error;
    }
  }

  /**
   * Works in this project from now on.
   * @param {string} projectId
   */
  async enter(projectId) {
    const issued = await issue(byToken(this.#unscoped ?? ''), { project: { id: projectId } });
    this.#token = issued.token;
    this.project = issued.project;
    this.role = issued.role;
    this.isAdministrator = issued.role === 'admin';
  }

  /** Works in no project, as somebody who administers them all. Fails for others. */
  async enterDomain() {
    const issued = await issue(byToken(this.#unscoped ?? ''), { domain: { id: 'default' } });
    this.#token = issued.token;
    this.isAdministrator = issued.role === 'admin';
  }

  /** Whether this server keeps the users itself. */
  get hasUsers() {
    return this.mode === 'local';
  }

  /**
   * Whether the user has at least this role in the project. The server decides; this is for not offering in vain.
   * @param {Role} role
   */
  may(role) {
    return this.role !== null && ROLES.indexOf(this.role) >= ROLES.indexOf(role);
  }

  /**
   * Asks the server as this user.
   * @param {string} where
   * @param {Request} [request]
   * @returns {Promise<any>} the answer's JSON
   */
  async ask(where, request = {}) {
    try {
      const { json } = await ask(where, { token: this.#token ?? undefined, ...request });
      return json;
    } catch (error) {
      if (error instanceof Refusal && error.status === 401 && error.code !== 'DMS.10240104') {
        this.onlost();
      }
      throw error;
    }
  }

  /**
   * Asks about another project of the user's, in which they must have a role.
   * @param {string} projectId
   * @param {string} where
   */
  async askIn(projectId, where) {
    if (this.mode !== 'local' || projectId === this.project?.id) {
      return this.ask(where);
    }
    const issued = await issue(byToken(this.#unscoped ?? ''), { project: { id: projectId } });
    const { json } = await ask(where, { token: issued.token });
    return json;
  }

  /** Makes the tokens void. What the server says to it does not matter: they are forgotten here in any case. */
  async leave() {
    const tokens = [this.#token, this.#unscoped].filter((token) => token !== null);
    [this.#token, this.#unscoped] = [null, null];
    if (this.mode === 'local') {
      const revoke = (/** @type {string} */ token) => ask('/v3/auth/tokens', {
        method: 'DELETE', token, headers: { 'X-Subject-Token': token },
      });
      await Promise.allSettled(tokens.map(revoke));
    }
  }
}

/** @returns {Promise<Mode>} how one logs in at this server */
export async function modeOfServer() {
  const { json } = await ask('/ext/v1/auth');
  return json.mode;
}
