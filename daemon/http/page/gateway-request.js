const KEY = 'authorization';

/** Who is signed in, for as long as this tab is open: `Authorization` of every request. */
let authorization = sessionStorage.getItem(KEY);

export const isSignedIn = () => authorization !== null;

/** @param name empty: the secret is a token. */
export function signIn(name, secret) {
  const basic = () => `Basic ${btoa(String.fromCodePoint(...new TextEncoder().encode(`${name}:${secret}`)))}`;
  authorization = name === '' ? `Bearer ${secret}` : basic();
  sessionStorage.setItem(KEY, authorization);
}

export function signOut() {
  authorization = null;
  sessionStorage.removeItem(KEY);
}

/** fetch() to the gateway. With this header a 401 does not bring up the browser's own dialog, which would outlast every timeout. */
export function request(url, { headers = {}, ...options } = {}) {
  const own = { 'X-Requested-With': 'viewer', ...(authorization !== null && { Authorization: authorization }) };
  return fetch(url, { ...options, headers: { ...headers, ...own } });
}

/** The error that a refusing answer tells of (RFC 9457). */
export async function refusal(response) {
  const problem = await response.json().catch(() => ({}));
  const error = new Error(problem.detail ?? `The gateway answered ${response.status}.`);
  const wait = Number(response.headers.get('Retry-After'));
  error.status = response.status;
  error.retryAfter = Number.isFinite(wait) && wait > 0 ? wait : undefined;
  return error;
}
