import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Test } from 'tap';

export interface CameraProxyOptions {
  port: number;
  /** Sees, and may change, each RTCP packet at this age of the proxy in milliseconds; what it returns false for is left out. */
  report?: (packet: Buffer, age: number) => boolean;
  /** For how long the media of a connection, counted from 0, is held up at its beginning, to come all at once then, in milliseconds. */
  holdUp?: (connection: number) => number;
}

/** Stands between an RTSP camera and who takes it in over TCP. @returns the port. */
export async function cameraProxy(
  t: Test,
  { port, report = () => true, holdUp = () => 0 }: CameraProxyOptions,
): Promise<number> {
  const sockets = new Set<Socket>();
  const begin = performance.now();
  let connections = 0;
  const server = createServer((viewer) => {
    const connection = connections++;
    const camera = connect(port, '127.0.0.1');
    for (const [socket, other] of [
      [viewer, camera],
      [camera, viewer],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => other.destroy());
    }
    viewer.on('data', (bytes) => camera.write(bytes));
    let held: Buffer[] | undefined;
    let begun = false;
    const pass = (bytes: Buffer): void => {
      if (held === undefined) viewer.write(bytes);
      else held.push(bytes);
    };
    const media = (frame: Buffer): void => {
      if (!begun && holdUp(connection) > 0) {
        held = [];
        setTimeout(() => {
          const all = held ?? [];
          held = undefined;
          for (const bytes of all) viewer.write(bytes);
        }, holdUp(connection));
      }
      begun = true;
      const channel = frame[1] as number;
      if (channel % 2 === 0 || report(frame.subarray(4), performance.now() - begin)) pass(frame);
    };
    let rest = Buffer.alloc(0);
    camera.on('data', (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      for (let length = messageLength(rest); length <= rest.length; length = messageLength(rest)) {
        const message = rest.subarray(0, length);
        rest = rest.subarray(length);
        if (message[0] === 0x24) media(message);
        else pass(message);
      }
    });
  });
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Of what begins here: an interleaved packet, or an answer with its body. Infinity while that is not to be told. */
function messageLength(bytes: Buffer): number {
  if (bytes.length < 4) return Infinity;
  if (bytes[0] === 0x24) return 4 + bytes.readUInt16BE(2);
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return Infinity;
  const body = /^content-length: *(\d+)/im.exec(bytes.toString('latin1', 0, end))?.[1] ?? 0;
  return end + 4 + Number(body);
}
