// What the console asks about users, projects, roles, keys, quotas and the server.

import { path } from '../api.js';

/** @typedef {import('../session.js').Session} Session */
/** @typedef {{id: string, name: string, enabled: boolean, description: string, email?: string}} User */
/** @typedef {{id: string, name: string, enabled: boolean, description: string}} Project */
/** @typedef {{id: string, name: string}} Role */
/** @typedef {{role: {id: string, name: string}, scope: {project?: {id: string, name: string}, domain?: object}, user: {id: string, name: string}}} Assignment */
/** @typedef {{access: string, secret?: string, user_id: string, status: string, description: string, create_time: string}} Key */
/** @typedef {{quota: number, set: number | null, used?: number}} Kind */
/** @typedef {Record<string, Kind>} Quota */

/**
 * @typedef {object} ServerFacts
 * @property {string} version
 * @property {string} condition
 * @property {number} started
 * @property {number} uptime_s
 * @property {{resident_bytes: number, peak_bytes: number} | null} memory
 * @property {{total_bytes: number, free_bytes: number, reserve_bytes: number} | null} disk
 * @property {{key: string, value: string, origin: string}[]} settings
 */

const KEYS = '/v3.0/OS-CREDENTIAL/credentials';

/**
 * @param {Session} session
 * @returns {Promise<User[]>}
 */
export async function listUsers(session) {
  return (await session.ask('/v3/users')).users;
}

/**
 * @param {Session} session
 * @param {string} user
 * @returns {Promise<User>}
 */
export async function showUser(session, user) {
  return (await session.ask(path`/v3/users/${user}`)).user;
}

/**
 * @param {Session} session
 * @param {object} fields
 * @returns {Promise<User>}
 */
export async function createUser(session, fields) {
  return (await session.ask('/v3/users', { method: 'POST', body: { user: fields } })).user;
}

/**
 * @param {Session} session
 * @param {string} user
 * @param {object} fields
 */
export function changeUser(session, user, fields) {
  return session.ask(path`/v3/users/${user}`, { method: 'PATCH', body: { user: fields } });
}

/**
 * @param {Session} session
 * @param {string} user
 */
export function deleteUser(session, user) {
  return session.ask(path`/v3/users/${user}`, { method: 'DELETE' });
}

/**
 * @param {Session} session
 * @param {string} present
 * @param {string} next
 */
export function changeOwnPassword(session, present, next) {
  const body = { user: { original_password: present, password: next } };
  return session.ask(path`/v3/users/${session.user?.id ?? ''}/password`, { method: 'POST', body });
}

/**
 * @param {Session} session
 * @returns {Promise<Project[]>}
 */
export async function listProjects(session) {
  return (await session.ask('/v3/projects')).projects;
}

/**
 * @param {Session} session
 * @param {string} project
 * @returns {Promise<Project>}
 */
export async function showProject(session, project) {
  return (await session.ask(path`/v3/projects/${project}`)).project;
}

/**
 * @param {Session} session
 * @param {object} fields
 * @returns {Promise<Project>}
 */
export async function createProject(session, fields) {
  return (await session.ask('/v3/projects', { method: 'POST', body: { project: fields } })).project;
}

/**
 * @param {Session} session
 * @param {string} project
 * @param {object} fields
 */
export function changeProject(session, project, fields) {
  return session.ask(path`/v3/projects/${project}`, { method: 'PATCH', body: { project: fields } });
}

/**
 * @param {Session} session
 * @param {string} project
 */
export function deleteProject(session, project) {
  return session.ask(path`/v3/projects/${project}`, { method: 'DELETE' });
}

/**
 * @param {Session} session
 * @returns {Promise<Role[]>}
 */
export async function listRoles(session) {
  return (await session.ask('/v3/roles')).roles;
}

/**
 * Who has which role where, with names.
 * @param {Session} session
 * @param {{user?: string, project?: string}} of
 * @returns {Promise<Assignment[]>}
 */
export async function listAssignments(session, { user, project }) {
  const query = { include_names: true, 'user.id': user, 'scope.project.id': project };
  return (await session.ask('/v3/role_assignments', { query })).role_assignments;
}

/**
 * @param {Assignment['scope']} scope
 * @param {string} user
 * @param {string} role
 */
function givenAt(scope, user, role) {
  const place = scope.project ? path`/v3/projects/${scope.project.id}` : '/v3/domains/default';
  return place + path`/users/${user}/roles/${role}`;
}

/**
 * @param {Session} session
 * @param {string | null} project the whole domain, if nothing
 * @param {string} user
 * @param {string} role
 */
export function giveRole(session, project, user, role) {
  const scope = project === null ? {} : { project: { id: project, name: '' } };
  return session.ask(givenAt(scope, user, role), { method: 'PUT' });
}

/**
 * @param {Session} session
 * @param {Assignment} assignment
 */
export function takeRole(session, { scope, user, role }) {
  return session.ask(givenAt(scope, user.id, role.id), { method: 'DELETE' });
}

/**
 * @param {Session} session
 * @param {string} user
 * @returns {Promise<Key[]>}
 */
export async function listKeys(session, user) {
  return (await session.ask(KEYS, { query: { user_id: user } })).credentials;
}

/**
 * @param {Session} session
 * @param {string} user
 * @param {string} description
 * @returns {Promise<Key>} the only time with its secret
 */
export async function createKey(session, user, description) {
  const body = { credential: { user_id: user, description } };
  return (await session.ask(KEYS, { method: 'POST', body })).credential;
}

/**
 * @param {Session} session
 * @param {string} key
 * @param {'active' | 'inactive'} status
 */
export function changeKey(session, key, status) {
  return session.ask(KEYS + path`/${key}`, { method: 'PUT', body: { credential: { status } } });
}

/**
 * @param {Session} session
 * @param {string} key
 */
export function deleteKey(session, key) {
  return session.ask(KEYS + path`/${key}`, { method: 'DELETE' });
}

/**
 * @param {Session} session
 * @param {string} project
 * @returns {Promise<Quota>}
 */
export async function showQuota(session, project) {
  return (await session.askIn(project, path`/ext/v1/${project}/quota`)).quota;
}

/**
 * @param {Session} session
 * @param {string} project
 * @param {Record<string, number | null>} quota
 */
export function setQuota(session, project, quota) {
  return session.ask(path`/ext/v1/${project}/quota`, { method: 'PUT', body: quota });
}

/**
 * @param {Session} session
 * @returns {Promise<ServerFacts>}
 */
export function showServer(session) {
  return session.ask('/ext/v1/server');
}
