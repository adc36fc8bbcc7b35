import { CaptureError } from './capture-error.ts';
import { checkControl } from './control-check.ts';
import type { DeviceControl } from './device.ts';
import { runTool } from './run-tool.ts';
import { parseControls } from './v4l2.ts';

/** A wedged USB camera can block an ioctl for good. */
const TIMEOUT_MS = 3000;

/**
 * The controls of a camera as they are now. They can be read and set while another process captures.
 * @param path Its device node, from the device table.
 * @throws CaptureError (as a rejection) `not-live` when it does not answer, `timeout`, `not-installed`.
 */
export async function readControls(path: string, run = runTool): Promise<DeviceControl[]> {
  const output = await v4l2Ctl(run, path, ['--list-ctrls-menus'], 'not-live');
  return parseControls(output.split('\n'));
}

/**
 * Sets controls of a camera to raw values (0 and 1 for booleans; a button takes 1), one after the other: modes first,
 * for an exposure time can only be set once the exposure is manual, then the rest in the order given.
 * @param values Control name to value.
 * @returns Every control as the device has it now: it may round what it was given.
 * @throws CaptureError (as a rejection) `invalid-value` naming the control, the value and what is allowed; `failed` with
 *   the driver's reason; those of {@link readControls}. What was set before is put back.
 */
export async function setControls(
  path: string,
  values: Readonly<Record<string, number>>,
  run = runTool,
): Promise<DeviceControl[]> {
  const before = new Map((await readControls(path, run)).map((control) => [control.name, control]));
  const wishes = Object.entries(values).map(([name, value]) => ({ control: checkControl(before, name, value), value }));
  const [modes, others] = [wishes.filter(isMode), wishes.filter((wish) => !isMode(wish))];
  const set = (name: string, value: number): Promise<string> =>
    v4l2Ctl(run, path, [`--set-ctrl=${name}=${value}`], 'failed', `${name} ${value}: `);
  const done: DeviceControl[] = [];
  try {
    for (const { control, value } of modes) {
      await set(control.name, value);
      done.push(control);
    }
    await refuseInactive(others, () => readControls(path, run));
    for (const { control, value } of others) {
      await set(control.name, value);
      done.push(control);
    }
    return await readControls(path, run);
  } catch (error) {
    // The first failure is what the caller has to know; a control that cannot be put back shows in the next reading.
    for (const { name, type, value } of done.reverse())
      if (type !== 'button' && value !== undefined) await set(name, value).catch(() => undefined);
    throw error;
  }
}

interface Wish {
  readonly control: DeviceControl;
  readonly value: number;
}

/** Booleans and menus switch between automatic and manual; numbers are what they switch. */
function isMode({ control }: Wish): boolean {
  return control.type === 'boolean' || control.type === 'menu';
}

async function refuseInactive(wishes: readonly Wish[], read: () => Promise<DeviceControl[]>): Promise<void> {
  if (!wishes.some(({ control }) => control.inactive)) return;
  const inactive = new Set((await read()).filter((control) => control.inactive).map(({ name }) => name));
  for (const { control, value } of wishes)
    if (inactive.has(control.name))
      throw new CaptureError(
        'invalid-value',
        `${control.name} ${value}: it is inactive, the device decides it by itself; set the mode that decides it to manual too`,
        control.name,
      );
}

/** Runs the tool on a node. @throws CaptureError with this code where the tool, or the driver, refuses. */
async function v4l2Ctl(
  run: typeof runTool,
  path: string,
  args: readonly string[],
  refused: 'not-live' | 'failed',
  what = '',
): Promise<string> {
  const { ok, missing, late, stdout, stderr } = await run('v4l2-ctl', ['-d', path, ...args], { timeout: TIMEOUT_MS });
  if (ok) return stdout;
  if (missing) throw new CaptureError('not-installed', 'v4l2-ctl is not installed (package v4l-utils)');
  if (late) throw new CaptureError('timeout', `${what}${path} does not answer`);
  throw new CaptureError(refused, `${what}${stderr.trim().split('\n').at(-1) || `${path} refuses`}`);
}
