#!/usr/bin/env node
import fs from 'node:fs';
// Run a command inside a lab VM through the QEMU guest agent (virtio-serial).
// The channel does not use the guest's network, so it still works while a test
// cuts or shapes that network.
//
//   vm-exec.mjs NAME -- 'shell command'      stdout, stderr and exit code come through
//   vm-exec.mjs NAME --timeout 60 -- '...'   exit 124 when it takes longer
//   vm-exec.mjs NAME < script.sh             the script runs in the guest's bash
//   vm-exec.mjs --wait 300 NAME              wait until the agent answers
//   vm-exec.mjs --monitor 'savevm x' NAME        a line for QEMU's monitor
//   vm-exec.mjs --shutdown NAME              clean power-off
//
// Output is delivered when the command ends (the agent keeps up to 16 MiB). For
// live output let the command write to /mnt/out and read the file on the host.
import net from 'node:net';

const RUN = process.env.VMLAB_RUN || `${process.env.TMPDIR || '/tmp'}/vmlab-run`;

// One request per connection: QEMU serves one client of the socket at a time,
// so concurrent vm-exec processes simply queue for a few milliseconds.
function ask(sock, request, timeoutMs) {
  return new Promise((resolve, reject) => {
    const id = Math.floor(Math.random() * 2 ** 31);
    const c = net.createConnection(sock);
    let buf = Buffer.alloc(0),
      synced = false;
    const end = (fn, v) => {
      clearTimeout(t);
      c.destroy();
      fn(v);
    };
    const t = setTimeout(() => end(reject, new Error('agent timeout')), timeoutMs);
    c.on('error', (e) => end(reject, e));
    c.on('close', () => end(reject, new Error('agent connection closed')));
    c.on('connect', () => {
      // 0xff resets the agent's parser; guest-sync-delimited answers with 0xff + id,
      // which drops whatever an earlier, aborted client left in the pipe.
      c.write(
        Buffer.concat([
          Buffer.from([0xff]),
          Buffer.from(`${JSON.stringify({ execute: 'guest-sync-delimited', arguments: { id } })}\n`),
        ]),
      );
    });
    c.on('data', (d) => {
      buf = Buffer.concat([buf, d]);
      for (;;) {
        const nl = buf.indexOf(10);
        if (nl < 0) return;
        let line = buf.subarray(0, nl);
        buf = buf.subarray(nl + 1);
        const ff = line.lastIndexOf(0xff);
        if (ff >= 0) line = line.subarray(ff + 1);
        let msg;
        try {
          msg = JSON.parse(line.toString('utf8'));
        } catch {
          continue;
        }
        if (!synced) {
          if (msg.return === id) {
            synced = true;
            c.write(`${JSON.stringify(request)}\n`);
            if (request.execute === 'guest-shutdown') setTimeout(() => end(resolve, {}), 300);
          }
          continue;
        }
        if (msg.error) return end(reject, new Error(msg.error.desc || msg.error.class));
        return end(resolve, msg.return);
      }
    });
  });
}

// One line to QEMU's own monitor (human form), over QMP.
function monitor(sock, line, timeoutMs = 120000) {
  return new Promise((resolve, reject) => {
    const c = net.createConnection(sock);
    let buf = '';
    const t = setTimeout(() => {
      c.destroy();
      reject(new Error('monitor timeout'));
    }, timeoutMs);
    c.on('error', reject);
    c.on('data', (d) => {
      buf += d;
      for (let nl; (nl = buf.indexOf('\n')) >= 0; buf = buf.slice(nl + 1)) {
        const m = JSON.parse(buf.slice(0, nl));
        if (m.QMP) c.write(`${JSON.stringify({ execute: 'qmp_capabilities', id: 0 })}\n`);
        else if (m.id === 0)
          c.write(
            `${JSON.stringify({ execute: 'human-monitor-command', id: 1, arguments: { 'command-line': line } })}\n`,
          );
        else if (m.id === 1) {
          clearTimeout(t);
          c.destroy();
          if (m.error) reject(new Error(m.error.desc));
          else resolve(m.return);
        }
      }
    });
  });
}

const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

async function waitAgent(sock, seconds) {
  const until = Date.now() + seconds * 1000;
  for (;;) {
    try {
      await ask(sock, { execute: 'guest-ping' }, 2000);
      return true;
    } catch {
      /* not yet */
    }
    if (Date.now() > until) return false;
    await sleep(150);
  }
}

export async function vmExec(name, command, { timeout = 600, input } = {}) {
  const sock = `${RUN}/${name}/qga.sock`;
  const args = {
    path: '/bin/bash',
    'capture-output': true,
    env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LC_ALL=C.UTF-8'],
    arg: ['-c', command],
  };
  if (input !== undefined) args['input-data'] = Buffer.from(input).toString('base64');
  const { pid } = await ask(sock, { execute: 'guest-exec', arguments: args }, 15000);
  const until = Date.now() + timeout * 1000;
  for (let pause = 30; ; pause = Math.min(pause * 1.5, 400)) {
    const s = await ask(sock, { execute: 'guest-exec-status', arguments: { pid } }, 15000);
    if (s.exited)
      return {
        code: s.signal ? 128 + s.signal : (s.exitcode ?? 0),
        stdout: Buffer.from(s['out-data'] || '', 'base64'),
        stderr: Buffer.from(s['err-data'] || '', 'base64'),
        truncated: Boolean(s['out-truncated'] || s['err-truncated']),
      };
    if (Date.now() > until) {
      await ask(
        sock,
        { execute: 'guest-exec', arguments: { path: '/bin/kill', arg: ['-KILL', String(pid)] } },
        15000,
      ).catch(() => {});
      return {
        code: 124,
        stdout: Buffer.alloc(0),
        stderr: Buffer.from(`vm-exec: timed out after ${timeout}s\n`),
        truncated: false,
      };
    }
    await sleep(pause);
  }
}

async function main(argv) {
  let timeout = 600,
    wait = 0,
    shutdown = false,
    hmp,
    name,
    command;
  for (let i = 0; i < argv.length; i++) {
    if (argv[i] === '--timeout') timeout = Number(argv[++i]);
    else if (argv[i] === '--wait') wait = Number(argv[++i]);
    else if (argv[i] === '--monitor') hmp = argv[++i];
    else if (argv[i] === '--shutdown') shutdown = true;
    else if (argv[i] === '--') {
      command = argv.slice(i + 1).join(' ');
      break;
    } else name = argv[i];
  }
  if (!name) {
    console.error('usage: vm-exec.mjs NAME -- command');
    return 2;
  }
  const sock = `${RUN}/${name}/qga.sock`;
  if (hmp) {
    const r = await monitor(`${RUN}/${name}/qmp.sock`, hmp);
    process.stdout.write(r);
    return r.trim() && /error/i.test(r) ? 1 : 0;
  }
  if (wait) return (await waitAgent(sock, wait)) ? 0 : 1;
  if (shutdown) {
    await ask(sock, { execute: 'guest-shutdown', arguments: { mode: 'powerdown' } }, 5000).catch(() => {});
    return 0;
  }
  if (command === undefined) command = fs.readFileSync(0, 'utf8');
  const r = await vmExec(name, command, { timeout });
  process.stdout.write(r.stdout);
  process.stderr.write(r.stderr);
  if (r.truncated) process.stderr.write('vm-exec: output truncated by the guest agent\n');
  return r.code;
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fs.realpathSync(new URL(import.meta.url).pathname)) {
  main(process.argv.slice(2)).then(
    (c) => {
      process.exitCode = c;
    },
    (e) => {
      console.error(`vm-exec: ${e.message}`);
      process.exitCode = 125;
    },
  );
}
