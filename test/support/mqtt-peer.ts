import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Test } from 'tap';

/** Talks to every client in the same way; its address. */
export async function mqttPeer(t: Test, talk: (socket: Socket, hello: Buffer) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', (hello) => talk(socket, hello));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Lets only MQTT 3.1.1 through to a real broker: `refuse` says what an old broker does with others. */
export async function oldBroker(t: Test, port: number, refuse: (socket: Socket) => void): Promise<string> {
  return mqttPeer(t, (socket, hello) => {
    // CONNECT: fixed header of two bytes, then the name `MQTT` with its length, then the protocol level.
    if (hello[hello.indexOf('MQTT') + 4] !== 4) {
      refuse(socket);
      return;
    }
    const onward = connect(port, '127.0.0.1');
    onward.on('error', () => socket.destroy());
    onward.write(hello);
    socket.pipe(onward).pipe(socket);
  });
}
