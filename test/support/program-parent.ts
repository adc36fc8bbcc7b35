/** Starts a program as the daemon does, prints its process id, and waits to be killed. */
import { Child } from '../../daemon/lib/child.ts';
import { silentLog } from '../../daemon/lib/log.ts';

const child = new Child({ run: { program: 'sleep', args: ['600'] }, name: 'sleep', log: silentLog });
process.stdout.write(String(child.pid));
