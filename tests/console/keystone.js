// A Keystone that knows a few tokens, on a loopback port of its own: as much of one as a server asks about tokens.

import { once } from 'node:events';
import { createServer } from 'node:http';

const PASSWORD = 'the service user’s';
const SERVICE_TOKEN = 'of-the-service-user';
const HOUR_MS = 3_600_000;

/** One that runs. */
export class Keystone {
  /**
   * @param {import('node:http').Server} listening
   * @param {number} port
   */
  constructor(listening, port) {
    this.listening = listening;
    this.settings = `
[auth]
mode = "keystone"
[auth.keystone]
url = "http://127.0.0.1:${port}/v3"
username = "rohrpost"
password = "${PASSWORD}"
timeout_s = 1
`;
  }

  /**
   * @param {string} project that its tokens are for
   * @param {Record<string, string>} roles by token
   */
  static async start(project, roles) {
    const listening = createServer((request, response) => {
      const shown = String(request.headers['x-subject-token']);
      if (request.method === 'POST') {
        response.writeHead(201, { 'X-Subject-Token': SERVICE_TOKEN }).end('{"token": {}}');
      } else if (request.headers['x-auth-token'] !== SERVICE_TOKEN) {
        response.writeHead(401).end();
      } else if (!(shown in roles)) {
        response.writeHead(404).end();
      } else {
        response.writeHead(200, { 'X-Subject-Token': shown }).end(JSON.stringify(tokenOf(project, roles[shown])));
      }
    });
    listening.listen(0, '127.0.0.1');
    await once(listening, 'listening');
    const address = /** @type {import('node:net').AddressInfo} */ (listening.address());
    return new Keystone(listening, address.port);
  }

  /** Does not answer any more. */
  async stop() {
    if (this.listening.listening) {
      const closed = once(this.listening, 'close');
      this.listening.close();
      this.listening.closeAllConnections();
      await closed;
    }
  }
}

/**
 * What Keystone says of a token.
 * @param {string} project
 * @param {string} role
 */
function tokenOf(project, role) {
  const domain = { id: 'default', name: 'Default' };
  return {
    token: {
      methods: ['password'],
      user: { id: 'u-1', name: 'alice', domain },
      project: { id: project, name: 'demo', domain },
      roles: [{ id: 'r-1', name: role }],
      issued_at: new Date().toISOString(),
      expires_at: new Date(Date.now() + HOUR_MS).toISOString(),
    },
  };
}
