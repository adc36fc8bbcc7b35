import { createSocket } from 'node:dgram';
import { type AddressInfo, createServer } from 'node:net';

/** How far past a default port we look for a free one. */
const ATTEMPTS = 50;

/** A port that the configuration names is taken: nothing else may be used in its place. */
export class PortTakenError extends Error {
  readonly port: number;

  constructor(what: string, port: number, options: ErrorOptions) {
    super(`${what}: port ${port} is in use by another program; free it or configure another port`, options);
    this.name = 'PortTakenError';
    this.port = port;
  }
}

/**
 * Calls `listen` with the port; where that is only a default and taken, with the next ones.
 * @param what names the listener in the error.
 * @returns the port that was free.
 * @throws PortTakenError for a configured port, or when {@link ATTEMPTS} ports are taken; any other error as it is.
 */
export async function listenOn(
  what: string,
  port: number,
  configured: boolean,
  listen: (port: number) => Promise<unknown>,
): Promise<number> {
  const last = configured || port === 0 ? port : Math.min(65_535, port + ATTEMPTS - 1);
  for (let candidate = port; ; candidate++) {
    try {
      await listen(candidate);
      return candidate;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      if (candidate >= last) throw new PortTakenError(what, port, { cause: error });
    }
  }
}

/** Binds a UDP port and lets go of it; with port 0, any free one. @returns the port. @throws EADDRINUSE and the like. */
export function probeUdp(address: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ port, address, exclusive: true }, () => {
      const found = socket.address().port;
      socket.close(() => resolve(found));
    });
  });
}

/** The same with a TCP port. */
export function probeTcp(address: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host: address, exclusive: true }, () => {
      const found = (server.address() as AddressInfo).port;
      server.close(() => resolve(found));
    });
  });
}
