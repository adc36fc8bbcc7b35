import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';

/** Somebody whom we connect to over TLS, and by what he is believed. */
export interface TlsPeer {
  readonly host: string;
  readonly port: number;
  /** Certificates (PEM) that vouch for his; undefined: those that come with Node. */
  readonly authorities?: string | undefined;
  /** SHA-256 of the only certificate that he may have, as OpenSSL writes it; empty: any that somebody vouches for. */
  readonly fingerprint: string;
  /** Any certificate is believed. */
  readonly insecure: boolean;
}

/**
 * Connects; resolves once his certificate is found good. Nothing was sent before.
 * @throws Error, for people, where it is not; of the system where he cannot be reached.
 */
export function connectTls(peer: TlsPeer): Promise<TLSSocket> {
  const { host, port, authorities } = peer;
  const socket = connect({
    host,
    port,
    ...(isIP(host) === 0 && { servername: host }),
    ...(authorities !== undefined && { ca: authorities }),
    // Judged below, where there is more to say.
    rejectUnauthorized: false,
  });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      socket.off('error', reject);
      const objection = objectionTo(socket, peer);
      if (objection === undefined) resolve(socket);
      else {
        socket.destroy();
        reject(new Error(objection));
      }
    });
  });
}

function objectionTo(socket: TLSSocket, { fingerprint, insecure }: TlsPeer): string | undefined {
  if (insecure) return undefined;
  const found = socket.getPeerCertificate().fingerprint256;
  if (fingerprint !== '')
    return found === fingerprint.toUpperCase()
      ? undefined
      : `has a certificate with the fingerprint ${found}, not the one that is configured`;
  if (socket.authorized) return undefined;
  const { code = String(socket.authorizationError) } = socket.authorizationError as unknown as { code?: string };
  return `has a certificate that nobody vouches for (${code}); its fingerprint is ${found}`;
}
