import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DgramSocket } from 'node-unix-socket';
import type { Test } from 'tap';

/** The socket that systemd would have bound, and what came. */
export function notifySocket(t: Test): { path: string; received: string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'vedette-notify-'));
  const path = join(folder, 'notify');
  const socket = new DgramSocket();
  const received: string[] = [];
  socket.bind(path);
  socket.on('data', (data: Buffer) => received.push(data.toString()));
  t.teardown(() => {
    socket.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { path, received };
}
