/**
 * `Link` header values that tell a viewer which STUN and TURN servers to use (RFC 9725, 4.6).
 * @param servers `stun:host:port`, `turn:user:password@host:port?transport=udp` and the like; what cannot be read is left out.
 */
export function iceServerLinks(servers: readonly string[]): string[] {
  return servers.flatMap((server) => {
    const match = /^(stuns?|turns?):(?:([^:@]+):([^@]+)@)?([^@\s<>"]+)$/.exec(server);
    if (match === null) return [];
    const [, scheme, username, credential, host] = match;
    const link = `<${scheme}:${host}>; rel="ice-server"`;
    if (username === undefined || credential === undefined) return [link];
    return [`${link}; username=${quoted(username)}; credential=${quoted(credential)}; credential-type="password"`];
  });
}

/** A quoted-string (RFC 9110, 5.6.4). */
function quoted(text: string): string {
  return `"${decodeURIComponent(text).replace(/[\\"]/g, '\\$&')}"`;
}
