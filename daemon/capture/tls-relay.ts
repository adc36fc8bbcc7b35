import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { pipeline } from 'node:stream';
import type { Log } from '../lib/log.ts';
import { connectTls, type TlsPeer } from './tls-peer.ts';

/**
 * Listens on the loopback and carries what comes there over TLS to a peer: GStreamer's own TLS cannot be told by which
 * certificate a camera is known.
 * @returns the port.
 */
export async function openTlsRelay(peer: TlsPeer, log: Log): Promise<number> {
  const server = createServer({ noDelay: true, pauseOnConnect: true }, (near) => {
    const failed = (error: Error | null | undefined): void => {
      if (error) log.debug({ err: error }, `TLS to ${peer.host}: ${error.message}`);
      near.destroy();
    };
    near.on('error', failed);
    connectTls(peer).then((far) => {
      far.setNoDelay(true);
      pipeline(far, near, failed);
      pipeline(near, far, failed);
    }, failed);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
