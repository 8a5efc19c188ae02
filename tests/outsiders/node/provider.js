// An identity provider that issues access tokens to programs (RFC 6749, section 4.4), signed in either of two ways:
// the path of the resource that a program asks for is the algorithm. Its one argument is the file of its settings,
// {"port": …, "jwks": {"keys": […]}, "audience": "…", "clients": [{"client_id": …, "client_secret": …, "claims": {…}}]}.
import { readFileSync } from 'node:fs';
import Provider from 'oidc-provider';

const ALGORITHMS = ['RS256', 'ES256'];
const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const claims = new Map(settings.clients.map((client) => [client.client_id, client.claims]));

function resourceServer(_context, resource) {
  const alg = new URL(resource).pathname.slice(1);
  if (!ALGORITHMS.includes(alg)) throw new Error(`no such resource: ${resource}`);
  return {
    scope: '',
    audience: settings.audience,
    accessTokenFormat: 'jwt',
    accessTokenTTL: 600,
    jwt: { sign: { alg } },
  };
}

const provider = new Provider(`http://127.0.0.1:${settings.port}`, {
  jwks: settings.jwks,
  clients: settings.clients.map(({ client_id, client_secret }) => ({
    client_id,
    client_secret,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  })),
  cookies: { keys: ['no browser comes here'] },
  extraTokenClaims: (_context, token) => claims.get(token.clientId),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: resourceServer,
    },
  },
});

provider.on('server_error', (_context, error) => console.error(error));
provider.listen(settings.port, '127.0.0.1', () => console.log('listening'));
