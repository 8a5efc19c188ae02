// A program as an integrator writes one, with openid-client and nothing of ours: it is given the address of the API, its
// id and its secret, finds everything else (RFC 8414), and prints its token's scope and the courses that it sees.
import * as oauth from 'openid-client';

const server = new URL(process.argv[2]);
const { CLIENT_ID, CLIENT_SECRET } = process.env;
const config = await oauth.discovery(server, CLIENT_ID, CLIENT_SECRET, oauth.ClientSecretBasic(CLIENT_SECRET), {
  algorithm: 'oauth2',
  execute: [oauth.allowInsecureRequests],
});
try {
  const token = await oauth.clientCredentialsGrant(config, { scope: 'training.view' });
  const courses = new URL('/api/v1/training/courses', server);
  const answer = await oauth.fetchProtectedResource(config, token.access_token, courses, 'GET');
  console.log(JSON.stringify({ scope: token.scope, courses: (await answer.json()).data }));
} catch (error) {
  console.log(JSON.stringify({ error: error.error ?? error.code }));
}
